/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From logical blocks of a file to blocks of the device, whichever way the
 * inode maps them; and blocks of directories and the like as buffers.
 */
#include "ext4/ext4_i.h"

static bool uses_extents(const struct ext4_inode *inode)
{
	return (inode->i_flags & EXT4_EXTENTS_FL) != 0;
}

bool ext4_maps_metadata(const struct ext4_inode *inode)
{
	return !S_ISREG(inode->i_type) || (inode->i_flags & EXT4_EA_INODE_FL) || ext4_journals_data(inode);
}

int ext4_map_blocks(struct ext4_inode *inode, struct ext4_map *map)
{
	return uses_extents(inode) ? ext4_ext_map(inode, map) : ext4_ind_map(inode, map);
}

int ext4_map_insert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len,
		    bool unwritten)
{
	if (uses_extents(inode))
		return ext4_ext_insert(handle, inode, lblk, pblk, len, unwritten);
	return ext4_ind_insert(handle, inode, lblk, pblk, len);
}

int ext4_map_convert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint32_t len, bool to_unwritten)
{
	return ext4_ext_convert(handle, inode, lblk, len, to_unwritten);
}

int ext4_map_remove(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint64_t end)
{
	if (uses_extents(inode))
		return ext4_ext_remove(handle, inode, lblk, end);
	return ext4_ind_remove(handle, inode, lblk, end);
}

int ext4_precache(struct ext4_inode *inode)
{
	struct ext4_map map;
	uint64_t at = 0;
	int err = 0;

	if (!uses_extents(inode))
		return 0;
	ext4_lock_shared(inode);
	while (!err && at < EXT_MAX_BLOCK && !ext4_has_inline_data(inode)) {
		map = (struct ext4_map){ .lblk = (uint32_t)at, .len = EXT_MAX_BLOCK - (uint32_t)at };
		err = ext4_map_blocks(inode, &map);
		at += map.len;
	}
	ext4_unlock(inode);
	return err;
}

int ext4_map_next(struct ext4_inode *inode, uint32_t lblk, struct ext4_map *map, bool *found)
{
	uint64_t at = lblk;
	int err;

	*found = false;
	while (at < EXT_MAX_BLOCK) {
		*map = (struct ext4_map){ .lblk = (uint32_t)at, .len = EXT_MAX_BLOCK - (uint32_t)at };
		err = ext4_map_blocks(inode, map);
		if (err)
			return err;
		if (map->pblk && !map->unwritten) {
			*found = true;
			return 0;
		}
		at += map->len;
	}
	return 0;
}

int ext4_hole_start(struct ext4_inode *inode, uint32_t lblk, uint32_t *start, blk64_t *goal)
{
	struct ext4_map before = { .lblk = lblk - 1, .len = 1 };
	int err = 0;

	if (uses_extents(inode))
		return ext4_ext_hole_start(inode, lblk, start, goal);
	/* A block map is not searched backwards: only the block before counts. */
	*start = lblk;
	*goal = 0;
	if (lblk)
		err = ext4_ind_map(inode, &before);
	if (!err && lblk && before.pblk)
		*goal = before.pblk + 1;
	return err;
}

uint64_t ext4_max_size(const struct ext4_inode *inode)
{
	unsigned int bits = inode->i_fs->block_bits;
	uint64_t per = inode->i_fs->block_size / 4, blocks, cap;

	if (uses_extents(inode))
		return (uint64_t)EXT_MAX_BLOCK << bits;
	blocks = EXT2_NDIR_BLOCKS + per + per * per + per * per * per;
	/* i_blocks counts in 32 bits of sectors without huge_file. */
	cap = ext2fs_has_feature_huge_file(inode->i_fs->sb) ? UINT32_MAX : UINT32_MAX >> (bits - 9);
	if (blocks > cap)
		blocks = cap;
	return blocks << bits;
}

/* Where the next block of a directory would like to be: after the one before it. */
static blk64_t goal_after(struct ext4_inode *inode, uint32_t lblk)
{
	struct ext4_map map = { .lblk = lblk - 1, .len = 1 };

	if (!lblk || ext4_map_blocks(inode, &map) || !map.pblk)
		return ext4_inode_goal(inode);
	return map.pblk + 1;
}

static int add_block(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, struct iocache_buf **ret)
{
	blk64_t blk;
	int err;

	err = ext4_new_meta_buf(handle, inode, goal_after(inode, lblk), 0, ret);
	if (err)
		return err;
	blk = (*ret)->b_blocknr;
	err = ext4_map_insert(handle, inode, lblk, blk, 1, false);
	if (err) {
		iocache_put(*ret);
		*ret = NULL;
		ext4_free_blocks(handle, inode->i_fs, inode->i_ino, blk, 1, EXT4_FREE_METADATA);
	}
	return err;
}

int ext4_bread_inode(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, bool *created,
		     struct iocache_buf **ret)
{
	struct ext4_map map = { .lblk = lblk, .len = 1 };
	int err;

	*ret = NULL;
	if (created)
		*created = false;
	err = ext4_map_blocks(inode, &map);
	if (err)
		return err;
	if (map.pblk && !map.unwritten)
		return ext4_bread(inode->i_fs, map.pblk, ret);
	if (!handle || map.unwritten)
		return 0;
	err = add_block(handle, inode, lblk, ret);
	if (!err && created)
		*created = true;
	return err;
}
