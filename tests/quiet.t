#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is wrong all the time is said a few times, and how often it was not said, so that damage or a full device
# does not fill the log.
. "$(dirname "$0")/lib.sh"
need mkfs.ext4 e2fsck debugfs
need_fuse
cd "$T" || exit 2
mkdir mnt

# bounded LOG REGEX TIMES NAME: few lines of it, at least one, and the number of the others adds up to TIMES or more.
bounded()
{
	local said left
	said=$(grep -Ec "$2" "$1")
	left=$(sed -n 's/.*: \([0-9]*\) more messages from .* were left out$/\1/p' "$1" | awk '{ s += $1 } END { print s + 0 }')
	is "$((said >= 1 && said <= 40))" 1 "$4: said a few times" || diag "$said lines"
	is "$((said + left >= $3))" 1 "$4: and how often it was left out" || diag "$said said, $left left out"
}

make_image a.img 16M
mount_image a.img mnt
mkdir mnt/damaged && touch mnt/damaged/file
umount mnt 2>/dev/null || fusermount3 -u mnt
wait_free a.img
debugfs -w -R "zap_block -f /damaged -p 0x55 0" a.img 2>/dev/null
mount_image a.img mnt errors=continue,logfile=log
for i in $(seq 3000); do echo "mnt/damaged/f$i"; done | xargs stat >/dev/null 2>&1
umount mnt 2>/dev/null || fusermount3 -u mnt
wait_free a.img
bounded log "damage in" 3000 "a damaged folder, looked at 3000 times"

if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=8m none small; then
	truncate -s 64M small/b.img
	mkfs.ext4 -q -F -b 1024 small/b.img
	mount_image small/b.img mnt errors=continue,logfile=log2
	for i in $(seq 400); do
		dd if=/dev/urandom of=mnt/f$i bs=64k count=1 conv=fsync status=none 2>/dev/null
	done
	umount mnt
	wait_free small/b.img
	bounded log2 "failed in .*No space left on device" 100 "a device that is full"
	umount small
else
	skip "no tmpfs" "a device that is full"
fi
done_testing
