"""Downloads, seeds, verifies or creates with libtorrent: python3 libtorrent-session.py JOB, a JSON object.

Common: mode, torrent (path), dir (where the data is, or is to be); host and port to listen on; utp: uTP alone, instead of TCP alone;
        encrypted: RC4 alone, instead of no encryption.
get:    peers ([host, port] each); mark: a file to make when all is complete, to stay then; else the process ends.
seed:   uploadLimit (bytes a second). Prints "ready" when it listens and has announced itself; for a line of input, "uploaded N", payload bytes.
verify: ends with 0 when all is there.
create: path, output, pieceLength.

Nothing here waits by polling: libtorrent's alerts say when.
"""

import json
import os
import sys

import libtorrent as lt

job = json.loads(sys.argv[1])


def end(code):
    """Ends at once: tearing a session down takes time that no user waits for."""
    sys.stdout.flush()
    os._exit(code)


def settings():
    """The library's own settings for high speed, and what else was found to be faster on loopback."""
    return {
        **lt.high_performance_seed(),
        "listen_interfaces": f"{job.get('host', '127.0.0.1')}:{job.get('port', 0)}",
        "outgoing_interfaces": job.get("host", ""),
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": job.get("utp", False),
        "enable_outgoing_utp": job.get("utp", False),
        "enable_outgoing_tcp": not job.get("utp", False),
        # 0: required, 2: none; of the two methods, 2 is RC4.
        "in_enc_policy": 0 if job.get("encrypted") else 2,
        "out_enc_policy": 0 if job.get("encrypted") else 2,
        "allowed_enc_level": 2,
        "allow_multiple_connections_per_ip": True,
        "ssrf_mitigation": False,
        "upload_rate_limit": job.get("uploadLimit", 0),
        "rate_limit_ip_overhead": False,
        # Waiting peers are looked after once a tick: the default of 500 ms is most of a small download.
        "tick_interval": 50,
        "hashing_threads": 2,
        "aio_threads": 2,
        "max_out_request_queue": 2000,
        "max_allowed_in_request_queue": 4000,
        "max_queued_disk_bytes": 64 * 1024 * 1024,
        "request_queue_time": 10,
        # By uTP (u1, u8) nothing else matters as much: by default Linux keeps 90 datagrams for who does something else just then.
        "recv_socket_buffer_size": 4 * 1024 * 1024,
        "alert_mask": lt.alert.category_t.status_notification
        | lt.alert.category_t.storage_notification
        | lt.alert.category_t.tracker_notification
        | lt.alert.category_t.error_notification,
    }


def open_session():
    session = lt.session(settings())
    if job.get("uploadLimit"):
        # Limits leave local peers out unless they are in the global class alone.
        everybody = lt.ip_filter()
        everybody.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
        session.set_peer_class_filter(everybody)
    return session


def add(session, extra_flags=0):
    info = lt.torrent_info(job["torrent"], {"max_pieces": 0x7FFFFF, "max_buffer_size": 500_000_000})
    flags = lt.torrent_flags.default_flags & ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
    return session.add_torrent({"ti": info, "save_path": job["dir"], "flags": flags | extra_flags})


def wait_for(session, kind):
    """The next alert of that kind; an error on the way ends us."""
    while True:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, kind):
                return alert
            if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert, lt.listen_failed_alert)):
                print(alert.message())
                end(1)


def get():
    session = open_session()
    handle = add(session)
    for host, port in job["peers"]:
        handle.connect_peer((host, port))
    wait_for(session, lt.torrent_finished_alert)
    # All is verified then, but the last writes may be under way.
    handle.flush_cache()
    wait_for(session, lt.cache_flushed_alert)
    if job.get("mark") is None:
        end(0)
    open(job["mark"], "w").close()
    sys.stdin.read()
    while True:
        session.wait_for_alert(60_000)
        session.pop_alerts()


def seed():
    session = open_session()
    handle = add(session, lt.torrent_flags.seed_mode)
    if handle.trackers():
        wait_for(session, lt.tracker_reply_alert)
    else:
        wait_for(session, lt.listen_succeeded_alert)
    print("ready", flush=True)
    for _ in sys.stdin:
        print("uploaded", handle.status().total_payload_upload, flush=True)


def verify():
    session = open_session()
    handle = add(session)
    wait_for(session, lt.torrent_checked_alert)
    end(0 if handle.status().is_seeding else 1)


def create():
    files = lt.file_storage()
    lt.add_files(files, job["path"])
    torrent = lt.create_torrent(files, job["pieceLength"], lt.create_torrent.v1_only)
    lt.set_piece_hashes(torrent, os.path.dirname(job["path"]))
    with open(job["output"], "wb") as output:
        output.write(lt.bencode(torrent.generate()))
    end(0)


{"get": get, "seed": seed, "verify": verify, "create": create}[job["mode"]]()
