"""Seeds or downloads with Deluge's daemon: python3 deluge.py JOB, a JSON object.

The daemon's core runs in this process, without the server for its user interfaces. Prints "seeding" when it has all and stored it.
"""

import base64
import json
import os
import sys

# The script has the module's name, and its folder is the first to be searched.
sys.path.pop(0)
import deluge.component as component
import deluge.configmanager
from deluge.core.daemon import Daemon
from twisted.internet import reactor, task

job = json.loads(sys.argv[1])
ENCRYPTION = {"required": 0, "allowed": 1, "off": 2}[job["encryption"]]
SETTINGS = {
    "listen_ports": [job["port"], job["port"]],
    "random_port": False,
    "listen_interface": job["host"],
    "outgoing_interface": job["host"],
    "dht": job["dht"] is not None,
    "lsd": job["lsd"],
    "utpex": job["pex"],
    "upnp": False,
    "natpmp": False,
    "enc_in_policy": ENCRYPTION,
    "enc_out_policy": ENCRYPTION,
    "new_release_check": False,
    "plugins_location": job["config"],
}
deluge.configmanager.set_config_dir(job["config"])
with open(os.path.join(job["config"], "core.conf"), "w") as file:
    # Its files begin with an object that names their format.
    file.write(json.dumps({"file": 1, "format": 1}) + json.dumps(SETTINGS))

daemon = Daemon(standalone=True)
daemon.start()
core = daemon.core
# It looks for a count that libtorrent 2.0 does not have.
core._update_session_cache_hit_ratio = lambda: None
if job["dht"]:
    # Its own ones are added.
    core.session.apply_settings({"dht_bootstrap_nodes": job["dht"]})
component.start()


def fail(error):
    print("error", error, flush=True)
    os._exit(1)


def look(torrent_id):
    state = core.get_torrent_status(torrent_id, ["state", "message"])
    if state["state"] == "Seeding":
        timer.stop()
        # What was received is on its way to the disk still.
        component.get("AlertManager").register_handler("cache_flushed_alert", lambda _: print("seeding", flush=True))
        core.torrentmanager[torrent_id].handle.flush_cache()
    elif state["state"] == "Error":
        fail(state["message"])


def add():
    global timer
    options = {"download_location": job["dir"], "add_paused": False}
    if job["torrent"].startswith("magnet:"):
        torrent_id = core.add_torrent_magnet(job["torrent"], options)
    else:
        with open(job["torrent"], "rb") as file:
            torrent_id = core.add_torrent_file("job.torrent", base64.b64encode(file.read()), options)
    for host, port in job["peers"]:
        core.connect_peer(torrent_id, host, port)
    print("added", flush=True)
    timer = task.LoopingCall(look, torrent_id)
    timer.start(0.05).addErrback(fail)
    if job["dht"]:
        # By itself libtorrent looks again after a quarter of an hour, also when it knew no node yet.
        task.LoopingCall(core.torrentmanager[torrent_id].handle.force_dht_announce).start(5, now=False).addErrback(fail)


def start():
    try:
        add()
    except Exception as error:
        fail(repr(error))


reactor.callLater(0, start)
reactor.run()
