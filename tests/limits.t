#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# When blocks, inodes or file sizes run out: the error is the right one,
# nothing is lost, and what is freed can be used again.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

cd "$T" || exit 2
mkdir mnt kernel

free_now()
{
	sync -f mnt
	stat -f -c '%f %d' mnt
}

# Data that was accepted is there; the rest is refused with ENOSPC.
full()
{
	local name=$1 before i
	shift
	make_image disk.img 24M "$@"
	mount_image disk.img mnt
	echo kept >mnt/kept
	mkdir mnt/dir
	before=$(free_now)
	for i in $(seq 40); do
		dd if=/dev/urandom of=mnt/dir/f$i bs=64k count=$((i * 2)) conv=fsync 2>err || break
	done
	like "$(cat err)" "No space left on device" "$name: writing says that it is full"
	i=$((i - 1))
	sha256sum mnt/dir/f$i >sum
	for n in $(seq 2000); do
		mkdir "mnt/dir/directory $n" 2>err || break
	done
	like "$(cat err)" "No space left on device" "$name: so does making directories"
	is "$(stat -f -c %a mnt)" 0 "$name: nothing is available"
	echo more >mnt/more 2>err && sync mnt/more 2>>err
	like "$(cat err)" "^$|No space left" "$name: a small file is written or refused"
	unmount mnt disk.img
	fsck_clean disk.img "$name: full, it is clean"
	mount_image disk.img mnt
	sha256sum -c --quiet sum
	is "$? $(cat mnt/kept)" "0 kept" "$name: what was written before is there"
	rm -r mnt/dir mnt/more
	ok $? "$name: deleting works"
	mkdir mnt/dir
	is "$(free_now)" "$before" "$name: all of it is free again"
	dd if=/dev/zero of=mnt/dir/again bs=1M count=8 conv=fsync 2>err
	ok $? "$name: and can be used"
	unmount mnt disk.img
	fsck_clean disk.img "$name: emptied, it is clean"
}

full "full"
full "full, small blocks" -b 1024 -J size=1
full "full, no extents, no journal" -b 1024 -O ^extent,^64bit,^has_journal

make_image disk.img 16M -N 128
mount_image disk.img mnt
before=$(free_now)
mkdir mnt/many
for i in $(seq 200); do
	touch mnt/many/f$i 2>err || break
done
like "$(cat err)" "No space left on device" "out of inodes: said"
is "$(stat -f -c %d mnt)" 0 "out of inodes: none is free"
mkdir mnt/dir 2>err
like "$(cat err)" "No space left on device" "out of inodes: no directory either"
ln mnt/many/f1 mnt/link
ok $? "out of inodes: a link is no inode"
rm mnt/many/f2
touch mnt/g && mv mnt/g mnt/many/f2
ok $? "out of inodes: a freed one can be used"
rm -r mnt/many mnt/link
is "$(free_now)" "$before" "out of inodes: all are free again"
unmount mnt disk.img
fsck_clean disk.img "out of inodes: it is clean"

# sizes NAME MKFS-ARGUMENT...: what the kernel's largest file is, is ours.
sizes()
{
	local name=$1 low=0 high=$((1 << 62)) middle
	shift
	make_image disk.img 64M "$@"
	mount -o loop disk.img kernel
	touch kernel/file
	while [ $((low + 1)) -lt $high ]; do
		middle=$(((low + high) / 2))
		if truncate -s $middle kernel/file 2>/dev/null; then low=$middle; else high=$middle; fi
	done
	truncate -s 0 kernel/file
	umount kernel
	mount_image disk.img mnt
	truncate -s $low mnt/file
	ok $? "$name: a file of $low bytes"
	like "$(truncate -s $((low + 1)) mnt/file 2>&1)" "File too large" "$name: not one of a byte more"
	truncate -s 0 mnt/file
	printf x | dd of=mnt/file bs=1 seek=$((low - 1)) conv=notrunc,fsync 2>err
	ok $? "$name: the last byte can be written" || diag "$(cat err)"
	is "$(stat -c %s mnt/file) $(tail -c 1 mnt/file)" "$low x" "$name: and read"
	unmount mnt disk.img
	fsck_clean disk.img "$name: it is clean"
	mount_image disk.img mnt
	printf xy | dd of=mnt/file bs=2 oflag=seek_bytes seek=$((low - 1)) conv=notrunc,fsync 2>err
	isnt $? 0 "$name: but not the one after"
	unmount mnt disk.img
	fsck_clean disk.img "$name: clean all the same"
}

sizes "extents, 4 KiB" -b 4096
sizes "extents, 1 KiB" -b 1024
sizes "indirect, 4 KiB" -b 4096 -O ^extent,^64bit
sizes "indirect, 1 KiB" -b 1024 -O ^extent,^64bit
done_testing
