#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Space that is freed is not used again before the deletion is durable: after
# a kill, every deleted name that is back has its own data.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

files=$PROGS/named-files
cd "$T" || exit 2
mkdir mnt kernel

# judge DIR NAME
judge()
{
	local out
	out=$("$files" check "$1" kept 100 2>&1)
	ok $? "$2 (${out##*$'\n'} files)" || diag "$(tail -n 5 <<<"$out")"
}

# round NAME MKFS-ARGUMENT...
round()
{
	local name=$1 load
	shift
	# Little more room than the old files leave: the new ones would like to have theirs.
	make_image disk.img 192M -N 32768 "$@"
	mount_image disk.img mnt
	"$files" make mnt kept 100 sync && "$files" make mnt old 4000 sync
	ok $? "$name: 4000 synced files"
	"$files" remove mnt old 4000
	"$files" make mnt new 16000 2>err &
	load=$!
	sleep 0.$((RANDOM % 10))
	[ "$name" != "all written" ] || wait $load
	kill_server disk.img mnt
	wait $load
	cp --sparse=always disk.img kernel.img
	mount_image disk.img mnt
	judge mnt "$name: every file has its own data"
	unmount mnt disk.img
	fsck_clean disk.img "$name: it is clean"
	mount -o loop kernel.img kernel
	judge kernel "$name: also for the kernel"
	umount kernel
	fsck_clean kernel.img "$name: and clean after its replay"
}

# In a large log nothing is committed early: the old names come back.
round "killed early" -J size=64
round "all written" -b 1024 -J size=4
done_testing
