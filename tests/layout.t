#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How files lie on the device: few extents for big files written in order, one
# for nearly every small one, also when several threads write at once.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4 debugfs

cd "$T" || exit 2
mkdir mnt
make_image a.img 2G -b 4096
"$FUSE4FS" a.img mnt || exit 2

dd if=/dev/zero of=mnt/big bs=1M count=1024 status=none
mkdir mnt/many
for t in 1 2 3 4; do
	(
		for i in $(seq 250); do
			head -c 98304 /dev/zero >mnt/many/$t.$i
		done
	) &
done
wait
unmount mnt a.img
ok $? "umount"
fsck_clean a.img "the file system is clean"

# extents FILE: leaf extents that debugfs lists.
extents()
{
	debugfs -R "ex -l $1" a.img 2>/dev/null | awk 'NR > 1 && NF' | wc -l
}

n=$(extents /big)
[ "$n" -ge 8 ] && [ "$n" -le 12 ]
ok $? "1 GiB written in order has at most 12 extents ($n)"

for t in 1 2 3 4; do
	for i in $(seq 250); do
		echo "ex -l /many/$t.$i"
	done
done >cmds
total=$(debugfs -f cmds a.img 2>/dev/null | grep -cE '^ *0/')
[ "$total" -ge 1000 ] && [ "$total" -lt 1100 ]
ok $? "1000 files by 4 writers at once have under 1100 extents ($total)"
done_testing
