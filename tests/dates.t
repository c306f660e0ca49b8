#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Times before 1970, after 2038 and past 2446: what the kernel makes of them, we make of them.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck
have_kernel_ext4 || skip_all "no ext4 in the kernel"

cd "$T" || exit 2
mkdir mnt kernel
times="-99999999999 -2147483649 -2147483648 -2147483647 -1 0 1 1700000000 2147483647 2147483648 4294967295 4294967296
	6442450944 10737418240 15032385535 15032385536 99999999999"

put()
{
	local t
	for t in $times; do
		: >"$1/$t" && touch -d "@$t.123456789" "$1/$t" 2>/dev/null
	done
	mkdir "$1/dir" && touch -d @4000000000.5 "$1/dir"
}

list()
{
	(cd "$1" && stat -c '%n %.9X %.9Y' -- * | grep -v lost+found)
}

both()
{
	local name=$1
	shift
	make_image by-kernel.img 16M "$@"
	make_image by-us.img 16M "$@"
	mount -o loop by-kernel.img kernel
	put kernel
	umount kernel
	mount_image by-us.img mnt
	put mnt
	unmount mnt by-us.img
	fsck_clean by-us.img "$name: the image is clean"
	mount -o loop by-us.img kernel
	list kernel >kernel-reads
	umount kernel
	mount_image by-kernel.img mnt ro
	list mnt >we-read
	unmount mnt by-kernel.img
	mount_image by-us.img mnt ro
	list mnt >we-read-ours
	unmount mnt by-us.img
	mount -o loop,ro by-kernel.img kernel
	list kernel >kernel-later
	umount kernel
	is "$(cat kernel-reads)" "$(cat we-read-ours)" "$name: the kernel reads in our image what we read"
	is "$(cat we-read)" "$(cat kernel-later)" "$name: we read in its image what it reads"
	is "$(cat we-read-ours)" "$(cat kernel-later)" "$name: the same is on both disks"
}

both "inodes of 256 bytes" -I 256
both "inodes of 128 bytes" -I 128
done_testing
