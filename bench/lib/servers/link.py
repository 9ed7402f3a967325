"""A link between two tun devices: python3 link.py NEAR FAR BITS_PER_SECOND DELAY_SECONDS [LOSS]

Each direction sends whole IP packets one after another at the rate, keeps each for the delay, and drops what does not
fit into a queue of twice the rate times the delay (one round trip's worth, 20 ms at least), and LOSS of all (0 to 1).
Prints "ready" when both devices are there. Each line of standard input is another rate; at 0 nothing passes.
"""

import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
LONGEST_PACKET = 65536
SHORTEST_QUEUE = 0.02


def open_tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN_NO_PI))
    return device


class Direction:
    def __init__(self, source, target, rate, delay, loss):
        self.source, self.target = source, target
        self.rate, self.delay, self.loss = rate, delay, loss
        self.longest_queue = max(2 * delay, SHORTEST_QUEUE)
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
            if self.rate == 0 or start - now > self.longest_queue or random.random() < self.loss:
                continue
            self.sent_until = start + len(packet) * 8 / self.rate
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
rate, delay, loss = (float(argument) for argument in (*sys.argv[3:], "0")[:3])
directions = [Direction(near, far, rate, delay, loss), Direction(far, near, rate, delay, loss)]
print("ready", flush=True)
while True:
    now = time.monotonic()
    arrivals = [arrival for arrival in (each.deliver(now) for each in directions) if arrival is not None]
    timeout = max(0.0, min(arrivals) - time.monotonic()) if arrivals else None
    if sys.stdin in select.select([near, far, sys.stdin], [], [], timeout)[0]:
        line = sys.stdin.readline()
        if line == "":
            sys.exit()
        for direction in directions:
            direction.rate = float(line)
    for direction in directions:
        direction.take()
