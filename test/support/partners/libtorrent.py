"""Seeds, shares or downloads with libtorrent: python3 libtorrent.py JOB, a JSON object.

Prints "ready" when it listens, "checked" when it knows what is there, "complete" when all is. Only a download ends then.
Of each peer it prints whether it wants nothing, "upload_only HOST 1", and how many pieces it has, "has HOST 12", when that changes.
"""

import json
import os
import sys
import time

# The script has the module's name, and its folder is the first to be searched.
sys.path.pop(0)
import libtorrent as lt

job = json.loads(sys.argv[1])
encryption = {"required": 0, "allowed": 1, "off": 2}[job["encryption"]]
session = lt.session(
    {
        "listen_interfaces": f"{job['host']}:{job['port']}",
        "outgoing_interfaces": job["host"].strip("[]"),
        "enable_dht": job["dht"] is not None,
        "dht_bootstrap_nodes": f"{job['dht'][0]}:{job['dht'][1]}" if job["dht"] else "",
        # All nodes of a test share an address.
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "enable_lsd": job["lsd"],
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": job["utp"],
        "enable_outgoing_utp": job["utp"],
        "allow_multiple_connections_per_ip": True,
        "ssrf_mitigation": False,
        "in_enc_policy": encryption,
        "out_enc_policy": encryption,
        "min_reconnect_time": 1,
        "download_rate_limit": job["downloadRate"],
        "alert_mask": lt.alert.category_t.error_notification | lt.alert.category_t.storage_notification,
    }
)
flags = lt.torrent_flags.default_flags & ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
if job["mode"] == "seed":
    flags |= lt.torrent_flags.seed_mode
if job["idle"]:
    flags |= lt.torrent_flags.upload_mode
if job["torrent"].startswith("magnet:"):
    params = lt.parse_magnet_uri(job["torrent"])
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(job["torrent"], {"max_pieces": 0x7FFFFF, "max_buffer_size": 500_000_000})
params.save_path = job["dir"]
params.flags = flags
handle = session.add_torrent(params)
handle.replace_trackers([{"url": job["tracker"], "tier": 0}] if job["tracker"] else [])
while not session.is_listening():
    time.sleep(0.01)
print("ready", session.listen_port(), flush=True)
for host, port in job["peers"]:
    handle.connect_peer((host.strip("[]"), port))


def wait_for(kind, action):
    action()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        session.wait_for_alert(100)
        if any(isinstance(alert, kind) for alert in session.pop_alerts()):
            return


upload_only = {}
has = {}
checked = False
complete = False
looked = time.monotonic()
CHECKING = (lt.torrent_status.checking_files, lt.torrent_status.checking_resume_data)
while True:
    status = handle.status()
    if not checked and status.state not in CHECKING:
        checked = True
        print("checked", flush=True)
    if status.is_seeding and not complete:
        complete = True
        print("complete", flush=True)
        if job["mode"] == "download":
            # What was received is on its way to the disk still.
            wait_for(lt.cache_flushed_alert, handle.flush_cache)
            session.pause()
            # A torrent's files are closed when it is removed: what another process reads then is all there.
            wait_for(lt.torrent_removed_alert, lambda: session.remove_torrent(handle))
            os._exit(0)
    # By itself it looks again after a quarter of an hour, also when it knew no node yet.
    if job["dht"] is not None and not complete and time.monotonic() - looked > 2:
        looked = time.monotonic()
        handle.force_dht_announce()
    for peer in handle.get_peer_info():
        said = int(bool(peer.flags & lt.peer_info.upload_only))
        if upload_only.get(peer.ip) != said:
            upload_only[peer.ip] = said
            print("upload_only", peer.ip[0], said, flush=True)
        pieces = sum(peer.pieces)
        if has.get(peer.ip) != pieces:
            has[peer.ip] = pieces
            print("has", peer.ip[0], pieces, flush=True)
    if status.errc.value() != 0:
        print("error", status.errc.message(), flush=True)
        os._exit(1)
    for alert in session.pop_alerts():
        if alert.category() & lt.alert.category_t.error_notification:
            print(alert.message(), flush=True)
    time.sleep(0.02)
