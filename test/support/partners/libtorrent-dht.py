"""Nodes of libtorrent's that are the DHT in a test: python3 libtorrent-dht.py [--through=HOST:PORT] HOST:PORT..., a node each.

Prints "entry HOST:PORT" when they know each other (or, when there is a DHT to enter, more nodes than themselves), then each second
how many announces they heard, and runs until it is killed.
"""

import sys
import time

# The folder of the script has a libtorrent.py, and is the first to be searched.
sys.path.pop(0)
import libtorrent as lt

CATEGORY = lt.alert.category_t
THROUGH = "--through="
entries = [argument.removeprefix(THROUGH) for argument in sys.argv[1:] if argument.startswith(THROUGH)]
places = [argument for argument in sys.argv[1:] if not argument.startswith(THROUGH)]


def endpoint(place):
    host, port = place.rsplit(":", 1)
    return host, int(port)


sessions = []
for place in places:
    settings = {
        "listen_interfaces": place,
        "outgoing_interfaces": endpoint(place)[0],
        "enable_dht": True,
        "dht_bootstrap_nodes": "",
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_mask": CATEGORY.dht_notification | CATEGORY.stats_notification,
    }
    session = lt.session(settings)
    # Those to begin with, by its settings, get no place in its table.
    for earlier in entries + places[: len(sessions)]:
        session.add_dht_node(endpoint(earlier))
    sessions.append(session)

nodes = {}
announces = 0
enough = len(places) if entries else min(5, len(places) - 1)
ready = False
while True:
    for session in sessions:
        session.post_session_stats()
    time.sleep(1)
    for session in sessions:
        for alert in session.pop_alerts():
            if isinstance(alert, lt.session_stats_alert):
                nodes[id(session)] = alert.values["dht.dht_nodes"]
            elif isinstance(alert, lt.dht_announce_alert):
                announces += 1
    if not ready and len(nodes) == len(places) and min(nodes.values()) >= enough:
        ready = True
        print("entry", places[0], flush=True)
    print("stored", announces, flush=True)
