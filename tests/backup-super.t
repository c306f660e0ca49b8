#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# sb=: the first superblock, or all that lies at the start, is destroyed; a copy shows the files, in the kernel's units,
# and nothing is written.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4 e2fsck

cd "$T" || exit 2
mkdir mnt

# try NAME SB DESTROYED-BYTES SIZE MKFS-ARGUMENT...
try()
{
	local name=$1 sb=$2 bytes=$3 size=$4 before out
	shift 4
	make_image a.img "$size" "$@"
	mount_image a.img mnt
	mkdir mnt/dir
	head -c 300K /dev/urandom >data
	cp data mnt/dir/data
	unmount mnt a.img
	# With the boot block, up to there.
	head -c "$bytes" /dev/zero | dd of=a.img conv=notrunc bs=64K 2>/dev/null
	out=$(mount_image a.img mnt 2>&1)
	isnt $? 0 "$name: without sb= it is refused"
	before=$(sum_of a.img)
	out=$(mount_image a.img mnt "sb=$sb" 2>&1)
	ok $? "$name: sb=$sb" || diag "$out"
	cmp -s data mnt/dir/data
	ok $? "$name: a file can be read"
	like "$(grep " $T/mnt " /proc/self/mounts)" " ro," "$name: it is read-only"
	touch mnt/new 2>/dev/null
	isnt $? 0 "$name: in fact"
	unmount mnt a.img
	is "$(sum_of a.img)" "$before" "$name: nothing was written"
	if have_kernel_ext4; then
		attach a.img -r
		mount -o "ro,sb=$sb" "$LOOP" mnt
		ok $? "$name: the kernel takes the same number"
		umount mnt
		detach "$LOOP"
	fi
}

try "4 KiB blocks" 131072 4096 300M -b 4096
try "4 KiB blocks, descriptors too" 131072 65536 300M -b 4096 -G 1
try "1 KiB blocks" 8193 3072 32M -b 1024
try "2 KiB blocks" 32768 2048 64M -b 2048 -O ^has_journal

make_image a.img 32M -b 1024
mount_image a.img mnt sb=1
ok $? "sb=1 is the first one"
touch mnt/new
ok $? "which can be written"
unmount mnt a.img
out=$(mount_image a.img mnt sb=8193,rw 2>&1)
isnt $? 0 "sb= and rw"
like "$out" "exclude each other" "that is said"
for wrong in 0 x 99 4096; do
	out=$(mount_image a.img mnt "sb=$wrong" 2>&1)
	isnt $? 0 "sb=$wrong is refused"
done
fsck_clean a.img "clean"

done_testing
