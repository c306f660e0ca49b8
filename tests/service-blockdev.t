#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A block device that the service serves is the kernel's while it is mounted, and keeps what a block device's mount
# promises: sync(2), remounting to read-only, umount(2).
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
have_kernel_ext4 || skip_all "no loop devices, or no ext4 in the kernel"
version=$(uname -r)
[ "$(printf '6.18\n%s\n' "${version%%-*}" | sort -V | head -n 1)" = 6.18 ] ||
	skip_all "before Linux 6.18 a mount does not wait for its server"

cd "$T" || exit 2
mkdir mnt kernel
listen ext4 -u 64123 -- "$T/bin/fuse4fs" -o kernel

# start [OPTIONS]
start()
{
	out=$("$HELPER" "$LOOP" "$T/mnt" -t fuse.ext4 ${1:+-o "$1"} 2>&1)
}

# holds IMAGE FILE NAME
holds()
{
	mount -o loop,ro "$1" kernel && cmp -s kernel/"$2" /bin/bash
	ok $? "$3"
	umount kernel
}

make_image disk.img 64M
attach disk.img
start commit=3600
is "$out" "" "it is mounted"
like "$(entry mnt)" "^$LOOP $T/mnt fuseblk.ext4 rw" "as a block device"
out=$(mount -t ext4 "$LOOP" kernel 2>&1)
isnt $? 0 "the kernel's ext4 does not get it" || umount kernel
cp /bin/bash mnt/first
sync
cp disk.img copy.img
fsck_clean copy.img "after sync(2) the device is clean"
holds copy.img first "and has what was written"
cp /bin/bash mnt/second
sync -f mnt
kill -9 "$(server_of "$LOOP")"
umount -l mnt
wait_free "$LOOP"

start commit=3600
cmp mnt/second /bin/bash
ok $? "after syncfs(2) and a crash it is there"
cp /bin/bash mnt/third
mount -i -o remount,ro mnt
is $? 0 "to read-only"
cp disk.img copy.img
fsck_clean copy.img "read-only: clean"
is "$(dumpe2fs -h copy.img 2>/dev/null | grep -c needs_recovery)" 0 "read-only: nothing in the journal"
holds copy.img third "read-only: what was written is there"
mount -i -o remount,rw mnt && cp /bin/bash mnt/fourth
is $? 0 "writable again"
umount -i mnt
cp disk.img copy.img
is "$(dumpe2fs -h copy.img 2>/dev/null | grep -c needs_recovery)" 0 "after umount(2) nothing is left in the journal"
fsck_clean copy.img "after umount(2) it is clean"
holds copy.img fourth "after umount(2) what was written is there"
wait_free "$LOOP"

# Found wrong when the kernel has the claim already: no mount, and the claim is given back.
dd if=/dev/zero of="$LOOP" bs=1024 count=1 seek=$(($(debugfs -R 'bmap <8> 0' "$LOOP" 2>/dev/null) + 0)) conv=notrunc status=none
start
isnt "$out" "" "a damaged journal: the user is told"
is "$(entry mnt)" "" "a damaged journal: nothing is mounted"
wait_free "$LOOP"
mount -t ext4 -o ro,noload "$LOOP" kernel
is $? 0 "a damaged journal: the device is free"
umount kernel
detach "$LOOP"
done_testing
