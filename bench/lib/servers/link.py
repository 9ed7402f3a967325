"""A link between two tun devices: python3 link.py NEAR FAR BITS_PER_SECOND DELAY_SECONDS

Each direction sends whole IP packets one after another at the rate, keeps each for the delay, and drops what does not
fit into a queue of twice the rate times the delay (one round trip's worth). Prints "ready" when both devices are there.
"""

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
LONGEST_PACKET = 65536


def open_tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN_NO_PI))
    return device


class Direction:
    def __init__(self, source, target, rate, delay):
        self.source, self.target = source, target
        self.second_per_byte, self.delay = 8 / rate, delay
        self.longest_queue = 2 * delay
        self.sent_until = 0.0
        self.on_the_way = deque()

    def take(self):
        """Reads what waits at the source."""
        while True:
            try:
                packet = os.read(self.source, LONGEST_PACKET)
            except BlockingIOError:
                return
            now = time.monotonic()
            start = max(now, self.sent_until)
            if start - now > self.longest_queue:
                continue
            self.sent_until = start + len(packet) * self.second_per_byte
            self.on_the_way.append((self.sent_until + self.delay, packet))

    def deliver(self, now):
        """Writes what has arrived; when the next does, or None."""
        while self.on_the_way:
            arrival, packet = self.on_the_way[0]
            if arrival > now:
                return arrival
            self.on_the_way.popleft()
            try:
                os.write(self.target, packet)
            except OSError:
                # The device is down, or its queue is full: a link loses packets.
                pass
        return None


near, far = open_tun(sys.argv[1]), open_tun(sys.argv[2])
rate, delay = float(sys.argv[3]), float(sys.argv[4])
directions = [Direction(near, far, rate, delay), Direction(far, near, rate, delay)]
print("ready", flush=True)
while True:
    now = time.monotonic()
    arrivals = [arrival for arrival in (each.deliver(now) for each in directions) if arrival is not None]
    select.select([near, far], [], [], max(0.0, min(arrivals) - time.monotonic()) if arrivals else None)
    for direction in directions:
        direction.take()
