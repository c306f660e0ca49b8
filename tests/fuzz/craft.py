# SPDX-License-Identifier: GPL-2.0-or-later
"""craft.py FASTCOMMIT-IMAGE ORPHANFILE-IMAGE: add what debugfs cannot write.

A fast-commit area behind the log whose checksums are all 0, and used slots in
the orphan file.  Both images have blocks of 1 KiB and no metadata_csum.
"""
import re
import struct
import subprocess
import sys

BS = 1024


def blocks_of(image, inode):
    out = subprocess.run(["debugfs", "-R", f"blocks <{inode}>", image], capture_output=True, text=True).stdout
    return [int(b) for b in out.split()]


def raw_inode(image, inode):
    out = subprocess.run(["debugfs", "-R", f"imap <{inode}>", image], capture_output=True, text=True).stdout
    block, offset = re.search(r"located at block (\d+), offset (0x[0-9a-f]+)", out).groups()
    with open(image, "rb") as f:
        f.seek(int(block) * BS + int(offset, 16))
        return f.read(256)


def tlv(tag, value):
    return struct.pack("<HH", tag, len(value)) + value


def name(tag, parent, ino, text):
    return tlv(tag, struct.pack("<II", parent, ino) + text)


def fast_commits(image):
    log = blocks_of(image, 8)
    with open(image, "r+b") as f:
        f.seek(log[0] * BS)
        sb = bytearray(f.read(BS))
        struct.pack_into(">I", sb, 0x28, struct.unpack_from(">I", sb, 0x28)[0] | 0x20)
        (count,) = struct.unpack_from(">I", sb, 0x54)
        if not count:
            count = 64
            struct.pack_into(">I", sb, 0x54, count)
        # One transaction is in the log already; fast commits carry the number of the next.
        tid = struct.unpack_from(">I", sb, 0x18)[0] + 1
        f.seek(log[0] * BS)
        f.write(sb)
        extent = struct.pack("<IHHI", 3, 2, 0, 2900)
        area = tlv(9, struct.pack("<II", 0, tid))
        area += tlv(6, struct.pack("<I", 12) + raw_inode(image, 12))
        area += tlv(1, struct.pack("<I", 12) + extent)
        area += tlv(2, struct.pack("<III", 14, 5, 2))
        area += name(5, 2, 13, b"empty")
        area += tlv(8, struct.pack("<II", tid, 0))
        second = tlv(9, struct.pack("<II", 0, tid))
        second += tlv(6, struct.pack("<I", 40) + raw_inode(image, 12))
        second += name(3, 2, 40, b"made") + name(4, 15, 12, b"linked")
        second += tlv(8, struct.pack("<II", tid, 0))
        for i, block in enumerate((area, second)):
            # The first block of the area is not used.
            f.seek(log[len(log) - count + 1 + i] * BS)
            f.write(block + tlv(7, bytes(BS - len(block) - 4)))
        f.seek(1024 + 0x60)
        incompat = struct.unpack("<I", f.read(4))[0] | 4
        f.seek(1024 + 0x60)
        f.write(struct.pack("<I", incompat))


def orphan_file(image):
    with open(image, "r+b") as f:
        f.seek(1024 + 0x280)
        (ino,) = struct.unpack("<I", f.read(4))
        block = blocks_of(image, ino)[0]
        f.seek(block * BS)
        f.write(struct.pack("<III", 25, 0, 26))


fast_commits(sys.argv[1])
orphan_file(sys.argv[2])
