#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A service's server gets an external journal by the helper: one that was typed, and one that it found, which is a
# block device that holds a journal and nothing else.
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
have_kernel_ext4 || skip_all "no loop devices"
cd "$T" || exit 2
mkdir mnt
listen ext4 -u 64123 -- "$T/bin/fuse4fs" -o kernel

truncate -s 32M a.img
truncate -s 8M journal.img
attach journal.img
journal=$LOOP
mke2fs -q -F -O journal_dev -b 4096 "$journal"
mke2fs -q -F -t ext4 -b 4096 -J device="$journal" a.img

# cycle NAME [OPTIONS]
cycle()
{
	local out
	out=$("$HELPER" "$T/a.img" "$T/mnt" -t ext4 ${2:+-o "$2"} 2>&1)
	is $? 0 "$1: mounts" || diag "$out"
	echo "$1" >mnt/file
	sync mnt/file
	is "$(entry mnt | wc -l)" 1 "$1: is mounted"
	umount mnt
	wait_free a.img
}

cycle "found by its number"
cycle "typed" journal_path="$journal"
ln -s "$journal" link
cycle "typed, a link" journal_path="$T/link"

# Its number leads to something else now.
cp a.img b.img
attach b.img
other=$LOOP
out=$("$HELPER" "$T/a.img" "$T/mnt" -t ext4 -o journal_dev=$((0x700 + ${other#/dev/loop})) 2>&1)
isnt $? 0 "a device that is no journal: refused"
like "$out" "wanted to open $other" "a device that is no journal: the user is told"
detach "$other"

detach "$journal"
cycle "typed, a file" journal_path="$T/journal.img"
is "$(debugfs -R 'cat file' a.img 2>/dev/null)" "typed, a file" "what was written is there"
done_testing
