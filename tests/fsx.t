#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Random operations on files agree with a model in memory, through the page
# cache, past it, through mmap, and across remounts.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

SEED=${SEED:-$RANDOM}
COUNT=${COUNT:-200000}
cd "$T" || exit 2
mkdir mnt
diag "SEED=$SEED"

cat >remount <<X
. "$TESTS/lib.sh"
rm -rf "\$T"
T=\$1
trap - EXIT
cd "\$T"
unmount mnt disk.img && e2fsck -fn disk.img >fsck.out 2>&1 && mount_image disk.img mnt "\$2"
X

# run NAME COUNT BASE OPTIONS MKFS-ARGUMENT...
run()
{
	local name=$1 count=$2 base=$3 options=$4 out
	shift 4
	make_image disk.img 64M "$@" 2>/dev/null
	mount_image disk.img mnt "$options" || { ok 1 "$name: mount"; return; }
	out=$("$PROGS/fsx-like" -s "$SEED" -n "$count" -b "$base" -r $((count / 5)) \
		-h "bash $T/remount $T '$options'" mnt 2>&1)
	ok $? "$name: $count operations" || { diag "$out"; [ ! -s fsck.out ] || diag "$(tail fsck.out)"; }
	unmount mnt disk.img
	fsck_clean disk.img "$name: it is clean"
}

run "4 KiB blocks" "$COUNT" 0 "" -b 4096
run "1 KiB blocks" "$COUNT" 0 "" -b 1024
run "64 KiB blocks" $((COUNT / 20)) 0 "" -b 65536
run "indirect blocks" $((COUNT / 20)) 8192 "" -b 1024 -O ^extent,^64bit
run "far out" $((COUNT / 20)) $((0xffff0000 << 10)) "" -b 1024
run "inline data" $((COUNT / 20)) 0 "" -O inline_data -I 1024
run "journaled data" $((COUNT / 20)) 0 data=journal -b 4096
done_testing
