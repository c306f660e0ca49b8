#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mount -o remount by our helper: what the mount says and what the server does are the same.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck losetup

HELPER=$BUILD/misc/mount.fuse.ext4
cd "$T" || exit 2
mkdir mnt
make_image disk.img 64M
attach disk.img

listed()
{
	awk -v m="$T/mnt" '$2 == m { print $4 }' /proc/self/mounts | tail -n 1
}

for source in "$LOOP" disk2.img; do
	[ "$source" = "$LOOP" ] || make_image disk2.img 64M
	mount_image "$source" mnt
	"$HELPER" "$source" "$T/mnt" -t fuse.ext4 -o remount,ro
	is $? 0 "$source: to read-only"
	like "$(listed)" "^ro,nosuid,nodev" "$source: and nothing else"
	touch mnt/file 2>/dev/null
	isnt $? 0 "$source: nothing can be changed"
	"$HELPER" "$source" "$T/mnt" -t fuseblk.ext4 -o remount,rw,noexec
	is $? 0 "$source: writable again"
	like "$(listed)" "^rw,nosuid,nodev,noexec" "$source: with what was asked for besides"
	touch mnt/file
	is $? 0 "$source: and it can be changed"
	umount -i mnt && wait_free "$source"
	mount_image "$source" mnt ro
	out=$("$HELPER" "$source" "$T/mnt" -t fuse.ext4 -o remount,rw 2>&1)
	is $? 32 "$source: mounted read-only it does not become writable"
	like "$out" "unmount it and mount it again" "$source: and it is said what to do"
	like "$(listed)" "^ro," "$source: and listed as it is"
	umount -i mnt && wait_free "$source"
	fsck_clean "$source" "$source: clean"
done
done_testing
