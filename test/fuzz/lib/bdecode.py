# Reads bencode as libtorrent does. Input and output are inputs with their lengths before them (4 bytes, big-endian).
# For each: what it is when libtorrent writes it anew, with "+" before it; or "-" and why it is refused.
import struct
import sys

import libtorrent as lt

stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
while True:
    head = stdin.read(4)
    if len(head) < 4:
        break
    data = stdin.read(struct.unpack(">I", head)[0])
    try:
        value = lt.bdecode(data)
        answer = b"-nothing" if value is None else b"+" + lt.bencode(value)
    except Exception as error:
        answer = b"-" + str(error).encode()
    stdout.write(struct.pack(">I", len(answer)) + answer)
