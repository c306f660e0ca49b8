#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The server is killed while eight threads do everything; whoever replays the
# journal, the file system is consistent, and all see the same tree.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

ROUNDS=${ROUNDS:-6}
SEED=${SEED:-$RANDOM}
RANDOM=$SEED
cd "$T" || exit 2
mkdir mnt kernel
diag "SEED=$SEED"

# Without times: the kernel sets those of a file whose truncation it finishes.
list()
{
	"$PROGS/tree-list" "$1" 2>&1 | sed 's/ m [-0-9.]* c [-0-9.]*//'
}

# same FILE FILE NAME
same()
{
	local out
	out=$(diff "$1" "$2")
	ok $? "$3" || diag "$(head -n 10 <<<"$out")"
}

features=("-b 4096" "-b 1024 -O inline_data -I 512 -J size=1" "-b 1024 -O ^extent,^64bit -J size=2"
	"-b 4096 -O ea_inode,orphan_file" "-b 2048 -O ^metadata_csum,uninit_bg" "-b 1024 -O ^flex_bg,metadata_csum_seed")
for round in $(seq "$ROUNDS"); do
	set -- ${features[$((round % ${#features[@]}))]}
	name="round $round ($*)"
	failures=$test_failures
	make_image disk.img 96M "$@"
	mount_image disk.img mnt logfile=log
	"$PROGS/stress" mnt 60 8 $RANDOM >/dev/null 2>&1 &
	pid=$!
	sleep $((1 + RANDOM % 3)).$((100 + RANDOM % 900))
	kill_server disk.img mnt
	wait $pid
	is "$(grep -c damage log)" 0 "$name: nothing is damaged" || diag "$(grep -m 5 damage log)"
	cp --sparse=always disk.img us.img
	cp --sparse=always disk.img kernel.img
	mount_image us.img mnt
	list mnt >by-us
	unmount mnt us.img
	fsck_clean us.img "$name: after our replay it is clean"
	mount -o loop kernel.img kernel
	list kernel >by-kernel
	umount kernel
	fsck_clean kernel.img "$name: after the kernel's replay it is clean"
	same by-kernel by-us "$name: we see the same as the kernel"
	if [ "$test_failures" -gt "$failures" ] && [ -n "${KEEP_IN:-}" ]; then
		cp --sparse=always disk.img "$KEEP_IN/$round.img"
	fi
done
done_testing
