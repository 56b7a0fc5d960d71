#!/usr/bin/env python3
"""What a hostile container does to its network, and who hears of it.

    hostile-network.py send SOURCE PORT TARGET PORT TEXT    # one datagram whose header has SOURCE, by a raw socket
    hostile-network.py hear ADDRESS PORT SECONDS            # prints the first datagram that comes, or `none`
    hostile-network.py claim INTERFACE ADDRESS              # answers of ARP that nobody has asked for: ADDRESS is here
    hostile-network.py flood ADDRESS PORT COUNT             # holds so many connections until its input ends
    hostile-network.py babble ADDRESS COUNT                 # so many messages that are no questions of DNS, and some that nearly are
"""
import random
import select
import socket
import struct
import sys


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF


def send(source, source_port, target, port, text):
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    own, other = socket.inet_pton(family, source), socket.inet_pton(family, target)
    size = 8 + len(text)
    datagram = struct.pack("!HHHH", int(source_port), int(port), size, 0) + text.encode()
    datagram = datagram[:6] + struct.pack("!H", checksum(own + other + struct.pack("!II", size, 17) + datagram)) + datagram[8:]
    if family == socket.AF_INET:
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + size, 1, 0, 64, 17, 0, own, other)
    else:
        header = struct.pack("!IHBB16s16s", 6 << 28, size, 17, 64, own, other)
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + datagram, (target, 0))


def hear(address, port, seconds):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind((address, int(port)))
        ready, _, _ = select.select([heard], [], [], float(seconds))
        print(heard.recv(99).decode() if ready else "none")


def claim(interface, address):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0x0806))
        own = raw.getsockname()[4]
        for kind in (1, 2):
            body = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, kind, own, socket.inet_aton(address), b"\xff" * 6, socket.inet_aton(address))
            raw.send(b"\xff" * 6 + own + b"\x08\x06" + body)


def flood(address, port, count):
    held = []
    for _ in range(int(count)):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((address, int(port)))
        held.append(one)
    print("flooded", flush=True)
    sys.stdin.read()


def babble(address, count):
    dice = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as said:
        said.connect((address, 53))
        for number in range(int(count)):
            question = struct.pack("!HHHHHH", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + b"\x03web\0\0\1\0\1"
            if number % 3 == 0:
                text = dice.randbytes(dice.randrange(1, 600))
            elif number % 3 == 1:
                text = bytes(dice.randrange(256) if dice.random() < 0.1 else byte for byte in question)
            else:
                # A name of pointers to itself, more questions than there are, and a message that is cut off.
                text = (question[:12] + b"\xc0\x0c\0\1\0\1", question[:4] + b"\xff\xff" + question[6:], question[:13 + number % 8])[number // 3 % 3]
            try:
                said.send(text)
            except ConnectionRefusedError:
                pass


if __name__ == "__main__":
    {"send": send, "hear": hear, "claim": claim, "flood": flood, "babble": babble}[sys.argv[1]](*sys.argv[2:])
