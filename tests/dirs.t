#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Directories: deleting while reading leaves nothing, 300,000 names, names with
# one and the same hash, names that are too long.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck tune2fs

cd "$T" || exit 2
mkdir mnt kernel

names()
{
	local out status
	out=$("$PROGS/names" "$@" 2>&1)
	status=$?
	[ -z "$out" ] || diag "$(head -n 5 <<<"$out")"
	return $status
}

again()
{
	unmount mnt disk.img
	mount_image disk.img mnt
}

by_the_kernel()
{
	unmount mnt disk.img
	fsck_clean disk.img "$1: it is clean"
	mount -o loop,ro disk.img kernel
	names check kernel/dir "$2"
	ok $? "$1: the kernel finds them"
	umount kernel
	mount_image disk.img mnt
}

# Reading and deleting at once.
for features in "-b 4096" "-b 1024 -O ^dir_index" "-O inline_data -I 1024"; do
	make_image disk.img 64M -N 8192 $features
	mount_image disk.img mnt
	mkdir mnt/dir
	names make mnt/dir 5000
	again
	names drain mnt/dir
	ok $? "$features: 5000 names are deleted while they are read"
	is "$(ls -A mnt/dir | wc -l)" 0 "$features: nothing is left"
	rmdir mnt/dir
	ok $? "$features: the directory can go"
	mkdir mnt/few && names make mnt/few 20 && names drain mnt/few && rmdir mnt/few
	ok $? "$features: the same with a few"
	unmount mnt disk.img
	fsck_clean disk.img "$features: it is clean"
done

# Very many; most are made and removed by the kernel, which is faster.
make_image disk.img 512M -N 310000 -b 1024
mount -o loop disk.img kernel
mkdir kernel/dir
names make kernel/dir 260000
umount kernel
mount_image disk.img mnt
names make mnt/dir 300000 260000
ok $? "a directory grows to 300,000 names"
again
names check mnt/dir 300000
ok $? "all are found, and read"
by_the_kernel "300,000 names" 300000
names remove mnt/dir 300000 270000
ok $? "30,000 of them are removed"
unmount mnt disk.img
fsck_clean disk.img "some of 300,000 names removed: it is clean"
mount -o loop disk.img kernel
names remove kernel/dir 260000
umount kernel
mount_image disk.img mnt
names remove mnt/dir 270000 260000
ok $? "the last 10,000 are removed"
is "$(ls -A mnt/dir | wc -l)" 0 "nothing is left"
rmdir mnt/dir
ok $? "the directory can go"
unmount mnt disk.img
fsck_clean disk.img "300,000 names removed: it is clean"

# Six or so fit a block.
"$PROGS/names" collide 40 >colliding
make_image disk.img 32M -b 1024
tune2fs -E hash_alg=legacy disk.img >/dev/null
mount_image disk.img mnt
mkdir mnt/dir
names make mnt/dir 50
names make mnt/dir colliding
ok $? "40 names with one hash are made"
names remove mnt/dir 50
again
names check mnt/dir colliding
ok $? "and found, and read"
by_the_kernel "40 names with one hash" colliding
names drain mnt/dir
ok $? "they are deleted while they are read"
is "$(ls -A mnt/dir | wc -l)" 0 "nothing is left"
names make mnt/dir colliding && names remove mnt/dir colliding
ok $? "they can be made again, and removed"
unmount mnt disk.img
fsck_clean disk.img "40 names with one hash removed: it is clean"

# The longest, and one more.
mount_image disk.img mnt
long=$(printf '%0255d' 7)
for command in "touch mnt/X" "mkdir mnt/X-" "ln -s target mnt/X" "mkfifo mnt/X" "ln mnt/file mnt/X" "mv mnt/file mnt/X"; do
	echo data >mnt/file
	rm -rf mnt/0*
	${command/X*/$long} 2>err
	ok $? "255 bytes: $command" || diag "$(cat err)"
	rm -rf mnt/0*
	echo data >mnt/file
	like "$(${command/X*/${long}1} 2>&1)" "File name too long" "256 bytes: $command"
done
unmount mnt disk.img
fsck_clean disk.img "long names: it is clean"
done_testing
