#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What was unlinked but open when the server or the kernel died is gone after
# the next mount, whoever does it, and its space is free; with the list and with the orphan file.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

cd "$T" || exit 2
mkdir mnt kernel

free_now()
{
	sync -f "$1"
	stat -f -c '%f %d' "$1"
}

# Opens and unlinks in DIR: 30 files, one that was cut, a nameless one.  Closed by `let_go'.
hold()
{
	coproc HOLD { exec python3 -c '
import os, sys
os.chdir(sys.argv[1])
files = []
for i in range(30):
    f = os.open("f%d" % i, os.O_RDWR | os.O_CREAT)
    os.write(f, b"x" * (i * 7000))
    os.setxattr(f, "user.a", b"v" * 600)
    files.append(f)
for i in range(30):
    os.unlink("f%d" % i)
os.mkdir("gone")
d = os.open("gone", os.O_RDONLY)
os.rmdir("gone")
os.ftruncate(files[29], 5000)
files.append(os.open(".", os.O_RDWR | os.O_TMPFILE))
os.write(files[-1], b"y" * 50000)
d = os.open(".", os.O_RDONLY)
for f in files + [d]:
    os.fsync(f)
os.chdir("/")
print("ready", flush=True)
sys.stdin.read()
' "$1"; }
	HPID=$HOLD_PID
	read -r -u "${HOLD[0]}" _
}

let_go()
{
	kill $HPID
	wait $HPID 2>/dev/null
}

# finished NAME: crashed.img has orphans; those who mount it finish them.
finished()
{
	local name=$1 before
	cp --sparse=always crashed.img a.img
	before=$(sum_of a.img)
	mount_image a.img mnt ro
	is "$(ls mnt/dir)" "" "$name: read-only, they are not seen"
	isnt "$(stat -f -c '%f %d' mnt)" "$FREE" "$name: read-only, their space is taken"
	unmount mnt a.img
	is "$(sum_of a.img)" "$before" "$name: read-only, they stay"
	mount_image a.img mnt
	is "$(free_now mnt)" "$FREE" "$name: once mounted, their space is free"
	is "$(cat mnt/kept)" kept "$name: other files are there"
	unmount mnt a.img
	fsck_clean a.img "$name: it is clean"
	like "$(dumpe2fs -h a.img 2>/dev/null)" "Filesystem state: *clean" "$name: it says so"
	unlike_orphans a.img "$name"
}

unlike_orphans()
{
	local out
	out=$(dumpe2fs -h "$1" 2>/dev/null | grep -E "First orphan inode|orphan_present")
	is "$out" "" "$2: no orphan is left"
}

# feature NAME MKFS-ARGUMENT...
feature()
{
	local name=$1
	shift
	make_image disk.img 64M "$@"
	mount_image disk.img mnt
	mkdir mnt/dir
	echo kept >mnt/kept
	FREE=$(free_now mnt)
	hold mnt/dir
	kill_server disk.img mnt
	let_go
	cp --sparse=always disk.img crashed.img
	finished "$name, the server was killed"
	cp --sparse=always crashed.img a.img
	mount -o loop a.img kernel
	is "$(free_now kernel)" "$FREE" "$name, the server was killed: the kernel finishes them"
	umount kernel
	fsck_clean a.img "$name, the server was killed: clean after the kernel"

	make_image disk.img 64M "$@"
	mount -o loop disk.img kernel
	mkdir kernel/dir
	echo kept >kernel/kept
	FREE=$(free_now kernel)
	hold kernel/dir
	cp --sparse=always disk.img crashed.img
	let_go
	umount kernel
	finished "$name, the kernel had it"

	make_image disk.img 64M "$@"
	mount_image disk.img mnt
	mkdir mnt/dir
	FREE=$(free_now mnt)
	hold mnt/dir
	umount -l mnt
	let_go
	wait_free disk.img
	fsck_clean disk.img "$name: unmounted while they were open, it is clean"
	unlike_orphans disk.img "$name: unmounted while they were open"
	mount_image disk.img mnt
	is "$(free_now mnt)" "$FREE" "$name: and their space is free"
	unmount mnt disk.img
}

feature "list" -b 4096
feature "list, no extents" -b 1024 -O ^extent,^64bit
feature "orphan file" -b 1024 -O orphan_file
done_testing
