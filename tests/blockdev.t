#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A block device is mounted as one (fuseblk): sync(2), a remount to read-only and umount(2) leave on
# the device what the kernel's ext4 leaves there, and nobody else gets the device.
. "$(dirname "$0")/lib.sh"
# Later mount(8)s hand FUSE's own options to the kernel once more, which refuses them in a remount.
export LIBMOUNT_FORCE_MOUNT2=always
need_root
need_fuse
need mkfs.ext4 e2fsck dumpe2fs losetup lsblk
have_kernel_ext4 || skip_all "no loop devices, or no ext4 in the kernel"

# Nobody copies its mounts there: umount(2) waits for the last one.
own_namespace
cd "$T" || exit 2
mkdir mnt kernel

start()
{
	make_image disk.img 64M "$@" && attach disk.img
}

stop()
{
	detach "$LOOP"
}

# What the device holds at this moment, as somebody finds it who copies it.
copy_device()
{
	dd if="$LOOP" of=copy.img bs=1M status=none
}

# holds FILE NAME: the kernel finds /bin/bash under this name in the copy.
copy_holds()
{
	mount -o loop copy.img kernel && cmp kernel/"$1" /bin/bash
	ok $? "$2"
	umount kernel
}

crash()
{
	kill -9 "$(server_of "$LOOP")"
	umount -l mnt
	wait_free "$LOOP"
}

has_syncfs()
{
	local version
	version=$(uname -r)
	[ "$(printf '6.18\n%s\n' "${version%%-*}" | sort -V | head -n 1)" = 6.18 ]
}

start
mount_image "$LOOP" mnt
like "$(grep " $T/mnt " /proc/self/mounts)" "^$LOOP $T/mnt fuseblk.ext4 rw" "listed as fuseblk.ext4"
is "$(findmnt -n -o SOURCE -t fuseblk.ext4 --mountpoint "$T/mnt")" "$LOOP" "findmnt finds it by its type"
like "$(lsblk -n -o MOUNTPOINTS "$LOOP")" "$T/mnt" "lsblk shows where it is mounted"
out=$(mount -t ext4 "$LOOP" kernel 2>&1)
isnt $? 0 "the kernel's ext4 does not get it as well" || umount kernel
out=$("$FUSE4FS" "$LOOP" kernel 2>&1)
is $? 32 "a second server is refused"
like "$out" "mounted on $T/mnt" "and told where it is mounted"
out=$(mkfs.ext4 -q -F "$LOOP" 2>&1 </dev/null)
isnt $? 0 "mkfs does not get it"
cp /bin/bash mnt/
umount -i mnt
is $? 0 "umount without a helper"
copy_device
is "$(dumpe2fs -h copy.img 2>/dev/null | grep -c needs_recovery)" 0 "after umount(2): nothing is left in the journal"
fsck_clean copy.img "after umount(2): clean"
copy_holds bash "after umount(2): the file is there"
server_of "$LOOP" >/dev/null
isnt $? 0 "after umount(2): nobody has the device"
stop

for features in "-t ext4 -b 1024" "-t ext4 -b 4096 -O orphan_file" "-t ext2" "-O ^has_journal"; do
	# shellcheck disable=SC2086
	start $features
	mount_image "$LOOP" mnt commit=3600,flush_interval=3600
	if ! has_syncfs; then
		skip "Linux before 6.18 sends no SYNCFS" "$features: sync(2)"
	else
		cp /bin/bash mnt/first
		sync
		copy_device
		fsck_clean copy.img "$features: after sync(2): clean"
		copy_holds first "$features: after sync(2): the file is there"
		cp /bin/bash mnt/second
		sync -f mnt
		echo more >mnt/third
		crash
		e2fsck -fy "$LOOP" >/dev/null 2>&1
		mount_image "$LOOP" mnt commit=3600,flush_interval=3600
		cmp mnt/second /bin/bash
		ok $? "$features: after syncfs(2) and a crash: the file is there"
		cp /bin/bash mnt/fourth
		mount -i -o remount,ro mnt
		is $? 0 "$features: remount to read-only"
		copy_device
		fsck_clean copy.img "$features: read-only: clean"
		is "$(dumpe2fs -h copy.img 2>/dev/null | grep -c needs_recovery)" 0 "$features: read-only: nothing in the journal"
		is "$(dumpe2fs -h copy.img 2>/dev/null | sed -n 's/^Filesystem state: *//p')" clean "$features: read-only: marked clean"
		copy_holds fourth "$features: read-only: the file is there"
		touch mnt/fifth 2>/dev/null
		isnt $? 0 "$features: read-only: nothing can be changed"
		mount -i -o remount,rw mnt && cp /bin/bash mnt/fifth
		is $? 0 "$features: writable again"
		sync
		echo more >mnt/sixth && sync mnt/sixth
		crash
		mount "$LOOP" kernel 2>/dev/null && cmp -s kernel/fifth /bin/bash
		ok $? "$features: writing after a sync: a crash loses nothing that was synced"
		umount kernel
		mount_image "$LOOP" mnt
	fi
	umount -i mnt
	stop
done

start
mount_image "$LOOP" mnt noblkdev
like "$(grep " $T/mnt " /proc/self/mounts)" "^$LOOP $T/mnt fuse.ext4 rw" "noblkdev: an ordinary FUSE mount"
unmount mnt "$LOOP"
blockdev --setro "$LOOP"
mount_image "$LOOP" mnt
like "$(grep " $T/mnt " /proc/self/mounts)" "^$LOOP $T/mnt fuseblk.ext4 ro" "a read-only device"
out=$(mount -i -o remount,rw mnt 2>&1)
isnt $? 0 "a read-only device: does not become writable"
umount -i mnt
blockdev --setrw "$LOOP"
stop

# An image file by way of a loop device of the server's own.
make_image disk.img 64M
mount_image disk.img mnt loop
like "$(grep " $T/mnt " /proc/self/mounts)" "^/dev/loop[0-9]+ $T/mnt fuseblk.ext4 rw" "loop: an image is mounted as a block device"
loop=$(findmnt -n -o SOURCE --mountpoint "$T/mnt")
out=$("$FUSE4FS" disk.img kernel 2>&1)
is $? 32 "loop: nobody else gets the image"
cp /bin/bash mnt/
if has_syncfs; then
	sync
	cp disk.img copy.img
	fsck_clean copy.img "loop: after sync(2) the image is clean"
	copy_holds bash "loop: and the file is there"
fi
umount -i mnt
cp disk.img copy.img
fsck_clean copy.img "loop: after umount(2) the image is clean"
copy_holds bash "loop: and the file is there"
for i in $(seq 50); do
	losetup "$loop" 2>/dev/null | grep -q "$T/disk.img" || break
	sleep 0.1
done
is "$(losetup "$loop" 2>/dev/null | grep -c "$T/disk.img")" 0 "loop: the loop device is gone"

sum=$(sum_of disk.img)
out=$("$FUSE4FS" -o blkdev disk.img mnt 2>&1)
is $? 32 "blkdev: an image file is none"
like "$out" "block device" "blkdev: and it is said"
is "$(sum_of disk.img)" "$sum" "blkdev: the image is unchanged"
done_testing
