/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block groups: their descriptors on disk (read, checked, changed) and the
 * arithmetic between groups and blocks.  Who takes blocks from a group is in
 * balloc.c and mballoc.c.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

/*
 * Groups are made on first use: the array of pointers for 16 TiB is 1 MiB of
 * untouched zero pages.
 */
struct ext4_group *ext4_group(struct ext4_fs *fs, uint32_t group)
{
	struct ext4_group *gi = __atomic_load_n(&fs->groups[group], __ATOMIC_ACQUIRE);

	if (gi)
		return gi;
	pthread_mutex_lock(&fs->groups_lock);
	gi = fs->groups[group];
	if (!gi) {
		gi = calloc(1, sizeof(*gi));
		if (gi) {
			pthread_mutex_init(&gi->lock, NULL);
			gi->largest = ext4_group_blocks(fs, group);
			__atomic_store_n(&fs->groups[group], gi, __ATOMIC_RELEASE);
		}
	}
	pthread_mutex_unlock(&fs->groups_lock);
	return gi;
}

blk64_t ext4_group_first_block(const struct ext4_fs *fs, uint32_t group)
{
	return fs->first_data_block + (blk64_t)group * fs->blocks_per_group;
}

uint32_t ext4_group_blocks(const struct ext4_fs *fs, uint32_t group)
{
	if (group == fs->group_count - 1)
		return fs->blocks_count - ext4_group_first_block(fs, group);
	return fs->blocks_per_group;
}

uint32_t ext4_group_of(const struct ext4_fs *fs, blk64_t blk)
{
	return (blk - fs->first_data_block) / fs->blocks_per_group;
}

void ext4_bg_set_csum(const struct ext4_fs *fs, uint32_t group, struct ext4_group_desc *gd)
{
	ext2fs_group_desc_csum_set(&fs->super->csum, group, gd);
}

/* ---- reading and checking ---- */

static bool in_device(const struct ext4_fs *fs, blk64_t blk, uint64_t count)
{
	return blk > fs->first_data_block && blk < fs->blocks_count &&
	       count <= fs->blocks_count - blk;
}

/*
 * Without flex_bg a group's bitmaps and inode table lie in the group itself;
 * with it anywhere.  Overlap with other metadata shows when bitmaps are read.
 */
static int check_desc(struct ext4_fs *fs, uint32_t group, struct ext4_group_desc *gd, blk64_t blk)
{
	blk64_t first = ext4_group_first_block(fs, group);
	blk64_t last = first + ext4_group_blocks(fs, group) - 1;
	blk64_t at[3] = { ext2fs_bg_block_bitmap_loc(gd, fs->desc_size), ext2fs_bg_inode_bitmap_loc(gd, fs->desc_size),
			  ext2fs_bg_inode_table_loc(gd, fs->desc_size) };
	uint32_t count[3] = { 1, 1, fs->itable_blocks };
	int i;

	if (!ext2fs_group_desc_csum_verify(&fs->super->csum, group, gd))
		return ext4_bad_csum(fs, 0, blk, "a group descriptor");
	for (i = 0; i < 3; i++) {
		if (!in_device(fs, at[i], count[i]) ||
		    (!fs->flex_bg && (at[i] < first || at[i] + count[i] - 1 > last)))
			return ext4_corrupt(fs, 0, blk,
					    "group %u keeps its bitmaps or inode table outside", group);
	}
	if (ext2fs_bg_free_blocks_count(gd, fs->desc_size) > ext4_group_blocks(fs, group) ||
	    ext2fs_bg_free_inodes_count(gd, fs->desc_size) > fs->inodes_per_group ||
	    ext2fs_bg_itable_unused(gd, fs->desc_size) > fs->inodes_per_group)
		return ext4_corrupt(fs, 0, blk, "group %u counts more free than it has", group);
	return 0;
}

/* Enough to read a group's inodes. */
static bool has_table(const struct ext4_fs *fs, const struct ext4_group_desc *gd)
{
	return in_device(fs, ext2fs_bg_inode_table_loc(gd, fs->desc_size), fs->itable_blocks);
}

/*
 * Who only reads needs to know where inodes are: a wrong checksum, wrong counts and lost bitmaps are told, and no more. Each group
 * stands for itself.
 */
static void warn_of_desc(struct ext4_fs *fs, uint32_t group, struct ext4_group_desc *gd)
{
	if (!ext2fs_group_desc_csum_verify(&fs->super->csum, group, gd))
		ext4_log(fs, EXT4_LOG_WARN, "%s: the checksum of group descriptor %u is wrong; run e2fsck", fs->device_name,
			 group);
	if (!has_table(fs, gd))
		ext4_log(fs, EXT4_LOG_WARN, "%s: group %u has no inode table: its files cannot be read; run e2fsck",
			 fs->device_name, group);
}

static int check_desc_block(struct ext4_fs *fs, struct iocache_buf *buf, uint32_t first_group)
{
	struct ext4_group_desc *gd;
	uint32_t i, group;
	int err;

	for (i = 0; i < fs->descs_per_block; i++) {
		group = first_group + i;
		if (group >= fs->group_count)
			break;
		gd = (struct ext4_group_desc *)(buf->b_data + i * fs->desc_size);
		if (fs->opts.read_only) {
			warn_of_desc(fs, group, gd);
			continue;
		}
		err = check_desc(fs, group, gd, buf->b_blocknr);
		if (err)
			return err;
	}
	return 0;
}

int ext4_group_desc(struct ext4_fs *fs, uint32_t group, struct iocache_buf **buf,
		    struct ext4_group_desc **desc)
{
	uint32_t block = group / fs->descs_per_block;
	int err;

	err = ext4_bread(fs, ext2fs_descriptor_block_loc(fs->super, block), buf);
	if (err)
		return err;
	/*
	 * Checksums of live descriptors change under their group's lock, so
	 * the check must happen before the first of them is handed out.
	 */
	if (!iocache_test(*buf, IOCACHE_BUF_VERIFIED)) {
		iocache_lock(*buf);
		if (!iocache_test(*buf, IOCACHE_BUF_VERIFIED)) {
			err = check_desc_block(fs, *buf, block * fs->descs_per_block);
			if (!err)
				iocache_set(*buf, IOCACHE_BUF_VERIFIED);
		}
		iocache_unlock(*buf);
		if (err) {
			iocache_put(*buf);
			*buf = NULL;
			return err;
		}
	}
	*desc = (struct ext4_group_desc *)((*buf)->b_data +
					   group % fs->descs_per_block * fs->desc_size);
	if (fs->opts.read_only && !has_table(fs, *desc)) {
		iocache_put(*buf);
		*buf = NULL;
		return -EUCLEAN;
	}
	return 0;
}
