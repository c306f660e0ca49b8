#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every feature set: what we write is clean, is the same after a remount and for
# the kernel, and agrees with what the kernel does for the same operations; what the
# kernel then changes, we read; in the end all of it can be removed.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

ONLY=${ONLY:-}
cd "$T" || exit 2
mkdir mnt kernel
chmod 711 .

list()
{
	"$PROGS/tree-list" "$@"
}

# same FILE FILE NAME
same()
{
	local out
	out=$(diff "$1" "$2")
	ok $? "$3" || diag "$(head -n 20 <<<"$out")"
}

# What the kernel makes of the same operations; once for all features, and by inode size.
reference()
{
	[ -e reference ] && return
	make_image ref.img 256M -b 4096
	mount -o loop ref.img kernel
	"$PROGS/everything" kernel/ours >/dev/null
	list -p kernel/ours >reference
	umount kernel
	rm ref.img
}

by_us()
{
	local name=$1 out
	mount_image disk.img mnt "$OPTIONS" || { ok 1 "$name: mount"; return 1; }
	out=$("$PROGS/everything" mnt/ours 2>&1)
	ok $? "$name: everything can be made" || diag "$out"
	list mnt >made 2>&1
	list -p mnt/ours >portable
	unmount mnt disk.img
	fsck_clean disk.img "$name: it is clean"
	mount_image disk.img mnt "$OPTIONS"
	list mnt >read
	# Times that the inodes cannot hold are only in the kernel's cache.
	[ -z "${COARSE:-}" ] || mv read made
	[ -n "${COARSE:-}" ] || same made read "$name: a remount changes nothing"
	unmount mnt disk.img
}

by_the_kernel()
{
	local name=$1
	mount -o "loop$KERNEL_OPTIONS" disk.img kernel || { ok 1 "$name: the kernel mounts it"; return; }
	list kernel >read
	same made read "$name: the kernel reads the same"
	"$PROGS/everything" kernel/theirs >/dev/null
	rm -rf kernel/ours/big kernel/ours/x* kernel/ours/sparse/f* 2>&1 | head -n 3
	# Where blocks are not allocated yet, the kernel takes data of files without extents for holes.
	sync -f kernel
	list kernel >theirs 2>&1
	umount kernel
	mount_image disk.img mnt "$OPTIONS"
	list mnt >read
	same theirs read "$name: we read what the kernel wrote"
	unmount mnt disk.img
}

# feature NAME MKFS-ARGUMENT...
feature()
{
	local name=$1
	shift
	case $name in *$ONLY*) ;; *) return ;; esac
	make_image disk.img "${SIZE:-256M}" -b 4096 -E lazy_itable_init=1 "$@" 2>mkfs.err ||
		{ ok 1 "$name: mkfs"; diag "$(cat mkfs.err)"; return; }
	by_us "$name" || return
	[ -n "${DIFFERENT:-}" ] || same reference portable "$name: it is what the kernel would have made"
	[ -n "${NO_KERNEL:-}" ] || by_the_kernel "$name"
	mount_image disk.img mnt "$OPTIONS"
	rm -rf mnt/ours mnt/theirs 2>&1 | head -n 3
	is "$(ls mnt)" "lost+found" "$name: all of it can be removed"
	unmount mnt disk.img
	fsck_clean disk.img "$name: and that leaves it clean"
}

OPTIONS= KERNEL_OPTIONS=
reference
feature "ext4 defaults"
COARSE=1 DIFFERENT=1 feature "ext2" -t ext2 -I 128
DIFFERENT=1 feature "ext3" -t ext3
feature "no journal" -O ^has_journal
DIFFERENT=1 feature "1 KiB blocks" -b 1024
DIFFERENT=1 feature "2 KiB blocks" -b 2048
DIFFERENT=1 NO_KERNEL=1 SIZE=1G feature "64 KiB blocks" -b 65536
COARSE=1 DIFFERENT=1 feature "128 byte inodes" -I 128
DIFFERENT=1 feature "1024 byte inodes" -I 1024
feature "32 bit" -O ^64bit
feature "csum_seed" -O metadata_csum_seed
feature "uninit_bg" -O ^metadata_csum,uninit_bg
feature "no checksums" -O ^metadata_csum,^uninit_bg
feature "no flex_bg" -O ^flex_bg
DIFFERENT=1 feature "meta_bg" -O meta_bg,^resize_inode -b 1024 -g 1024
feature "sparse_super2" -O sparse_super2
feature "inline_data" -O inline_data
DIFFERENT=1 feature "inline_data in large inodes" -O inline_data -I 1024
DIFFERENT=1 feature "ea_inode" -O ea_inode
feature "large_dir" -O large_dir
DIFFERENT=1 feature "no dir_nlink, no dir_index" -O ^dir_nlink,^dir_index
feature "orphan_file" -O orphan_file
feature "no huge_file, no large_file" -O ^huge_file
feature "mmp" -O mmp
feature "fast_commit" -O fast_commit
DIFFERENT=1 feature "no filetype, no extra_isize" -O ^filetype,^extra_isize,^dir_index
DIFFERENT=1 feature "small blocks without extents" -b 1024 -O ^64bit,^extent

case external in *$ONLY*)
	truncate -s 16M journal.img
	mke2fs -q -F -O journal_dev -b 4096 journal.img
	attach journal.img
	OPTIONS=journal_path=$LOOP KERNEL_OPTIONS=,journal_path=$LOOP
	feature "external journal" -b 4096 -J device="$LOOP"
	detach "$LOOP"
esac
done_testing
