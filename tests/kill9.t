#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The server is killed under load at random moments; afterwards we, the kernel
# and e2fsck each find a consistent file system with everything in it that was
# said to be durable.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

ROUNDS=${ROUNDS:-20}
SEED=${SEED:-$RANDOM}
load=$PROGS/crash-load
cd "$T" || exit 2
mkdir mnt kernel
chmod 711 .	# the load acts as many users
diag "SEED=$SEED"
RANDOM=$SEED

# judge DIR NAME
judge()
{
	local out
	out=$("$load" check "$1" log)
	ok $? "$2 ($(tail -n 1 <<<"$out"))" || { diag "$out"; KEEP=1; }
}

by_us()
{
	cp --sparse=always crashed.img us.img
	mount_image us.img mnt || { ok 1 "$1: we mount it"; return; }
	judge mnt "$1: we find all of it"
	unmount mnt us.img
	fsck_clean us.img "$1: after our replay it is clean"
}

by_the_kernel()
{
	cp --sparse=always crashed.img kernel.img
	mount -o loop kernel.img kernel || { ok 1 "$1: the kernel mounts it"; return; }
	judge kernel "$1: the kernel finds all of it"
	umount kernel
	fsck_clean kernel.img "$1: after the kernel's replay it is clean"
}

# What e2fsck says although nothing is wrong: orphans are finished after a crash by
# whoever comes first, the superblock's counts are not in the journal, and trees get optimised.
harmless='^$|^e2fsck |^Pass |^fsck.img: |recovering journal|FILE SYSTEM WAS MODIFIED|orphaned inode'
harmless+='|^Free (inodes|blocks) count wrong|could be shorter.  Optimize|orphan file is clean|^Orphan file .* is not clean|^(Fix|Clear)[?] yes'

by_e2fsck()
{
	local out status
	cp --sparse=always crashed.img fsck.img
	out=$(e2fsck -fy fsck.img 2>&1)
	status=$?
	is "$status $(grep -v -E "$harmless" <<<"$out")" "$((status & 1)) " "$1: e2fsck has nothing to repair"
	fsck_clean fsck.img "$1: after its replay it is clean"
	mount_image fsck.img mnt ro || { ok 1 "$1: we mount it after e2fsck"; return; }
	judge mnt "$1: e2fsck finds all of it"
	unmount mnt fsck.img
}

features=("" "-b 1024 -J size=1" "-O ^metadata_csum,^64bit -J size=4" "-O ^extent,^64bit,^flex_bg -b 1024 -J size=4"
	"-O inline_data -I 512" "-O orphan_file" "-b 2048 -J size=2 -O metadata_csum_seed" "-O ^dir_index,uninit_bg,^metadata_csum")
round=0
while [ $round -lt "$ROUNDS" ]; do
	round=$((round + 1))
	set -- ${features[$((round % ${#features[@]}))]}
	make_image disk.img 192M "$@"
	mount_image disk.img mnt allow_other || { ok 1 "round $round: mount"; break; }
	coproc LOAD { exec "$load" load mnt log $((SEED * 100 + round)); }
	pid=$LOAD_PID
	read -r -u "${LOAD[0]}" _
	sleep $((RANDOM % 2)).$((100 + RANDOM % 900))
	kill_server disk.img mnt
	wait $pid
	ok $? "round $round ($*): the load ran until the end" || KEEP=1
	mv disk.img crashed.img
	by_us "round $round"
	by_the_kernel "round $round"
	by_e2fsck "round $round"
	if [ -n "${KEEP:-}" ] && [ -n "${KEEP_IN:-}" ]; then
		mkdir -p "$KEEP_IN/$round"
		cp --sparse=always crashed.img log.* "$KEEP_IN/$round"
	fi
	KEEP=
done
done_testing
