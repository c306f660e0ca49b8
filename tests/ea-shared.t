#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files that share a block of attributes whose large values are in inodes of their own, as the kernel
# makes them: whoever changes, leaves or joins such a block, the users are counted right.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 setfattr getfattr debugfs
cd "$T" || exit 2
mkdir mnt
big=$(printf 'v%.0s' {1..5000})

# shared_image FILES: all of them have the same attributes.
shared_image()
{
	local i
	make_image disk.img 16M -O ea_inode -I 256 "$@"
	mount -o loop disk.img mnt || return
	for i in {1..40}; do
		: >mnt/f$i
		# The inode's own room is used up first.
		setfattr -n user.fill -v "$(printf 'f%.0s' {1..64})" mnt/f$i
		[ -z "${TWIN:-}" ] || setfattr -n user.twin -v "$big" mnt/f$i
		setfattr -n user.big -v "$big" mnt/f$i && setfattr -n user.small -v "$(printf 's%.0s' {1..300})" mnt/f$i
	done
	umount mnt
	[ "$(debugfs -R 'stat f1' disk.img 2>/dev/null | grep -o 'File ACL: [0-9]*')" = \
		"$(debugfs -R 'stat f2' disk.img 2>/dev/null | grep -o 'File ACL: [0-9]*')" ]
}

# with NAME COMMAND: run it in a mount of such an image
with()
{
	shared_image
	ok $? "$1: the kernel makes files that share a block"
	mount_image disk.img mnt
	(cd mnt && eval "$2") 2>"$T/err"
	ok $? "$1" || diag "$(cat "$T/err")"
	(cd mnt && getfattr -d -m - f* 2>/dev/null) | sort >ours
	unmount mnt disk.img
	fsck_clean disk.img "$1: clean"
	mount -o loop,ro disk.img mnt
	(cd mnt && getfattr -d -m - f* 2>/dev/null) | sort >kernels
	umount mnt
	cmp -s ours kernels
	ok $? "$1: the kernel reads the same"
}

# From the kernel.
getfattr_of_f1()
{
	mount -o loop,ro disk.img mnt
	getfattr --only-values -n user.twin mnt/f1 2>/dev/null
	umount mnt
}

with "leaving for a block of its own" 'setfattr -n user.more -v 1 f1'
with "leaving for one block together" 'setfattr -n user.more -v 1 f1 && setfattr -n user.more -v 1 f2 && setfattr -n user.more -v 1 f3'
with "the large value goes" 'setfattr -x user.big f1 && setfattr -x user.big f2'
with "the large value changes" 'setfattr -n user.big -v x f1 && setfattr -n user.big -v "$big$big" f2 && setfattr -n user.big -v "$big$big" f3'
with "all attributes go" 'for i in {1..40}; do setfattr -x user.big f$i && setfattr -x user.small f$i || exit; done'
TWIN=1
with "one of two equal values goes" 'setfattr -x user.big f1 && rm f2 f3'
with "one of two equal values goes, and the other files" 'setfattr -x user.big f1 && rm f[2-9] f??'
is "$(getfattr_of_f1)" "$big" "the other one is there"
TWIN=
with "files go" 'rm f1 f2 f3'
with "all files go" 'rm f*'
with "all of them at once" '
	pids=
	for i in {1..40}; do
		case $((i % 4)) in
		0) rm f$i ;;
		1) setfattr -n user.more -v 1 f$i ;;
		2) setfattr -x user.big f$i ;;
		3) setfattr -n user.big -v "$i" f$i ;;
		esac & pids="$pids $!"
	done
	for p in $pids; do wait $p || exit; done'
done_testing
