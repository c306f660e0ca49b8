#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A block map has 32 bits for a block's number: files with one get no block behind 2^32, wherever their
# inode lies, and their neighbours with extents may.  The image is sparse: 5 TiB with blocks of 1 KiB.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4 debugfs

cd "$T" || exit 2
[ "$(df --output=avail -k . | tail -n 1)" -gt 2000000 ] || skip_all "needs 2 GB of disk"
truncate -s 5T big.img || skip_all "no sparse files of 5 TiB here"
mkfs.ext4 -q -F -b 1024 -O 64bit,sparse_super2,^resize_inode,^metadata_csum,uninit_bg -G 1024 -N 1300000 -J size=4 \
	-E num_backup_sb=0,lazy_itable_init=1,nodiscard big.img || skip_all "mkfs cannot make it"
ipg=$(dumpe2fs -h big.img 2>/dev/null | sed -n 's/^Inodes per group: *//p')
limit=$(((1 << 32) / 8192))
mkdir mnt

# Directories are spread: one of them comes to lie behind the limit.
mount_image big.img mnt noinit_itable
far=
for i in $(seq 200); do
	mkdir mnt/$i
	[ $((($(stat -c %i mnt/$i) - 1) / ipg)) -ge $((limit + 1024)) ] && far=$i && break
done
isnt "$far" "" "a directory behind block 2^32"
: >mnt/$far/map
: >mnt/$far/tree
unmount mnt big.img
debugfs -w -R "sif /$far/map flags 0" big.img 2>/dev/null
for i in 0 1 2 3; do
	debugfs -w -R "sif /$far/map block[$i] 0" big.img 2>/dev/null
done

# 300 blocks have two levels of tables.
mount_image big.img mnt noinit_itable
head -c 300K /dev/urandom >data
cp data mnt/$far/map
cp data mnt/$far/tree
unmount mnt big.img
blocks()
{
	debugfs -R "blocks /$far/$1" big.img 2>/dev/null | tr -s ' ' '\n' | grep .
}
is "$(blocks map | wc -l)" 303 "the file with a block map has its blocks and tables"
is "$(blocks map | awk '$1 >= 4294967296' | wc -l)" 0 "none of them behind 2^32"
isnt "$(blocks tree | awk '$1 >= 4294967296' | wc -l)" 0 "one with extents may lie there"
debugfs -R "dump /$far/map copy" big.img 2>/dev/null
cmp -s data copy
ok $? "and they hold its content"

done_testing
