/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The block and inode bitmaps of groups on disk: read, checked once, made up
 * where the group is uninitialised, and opened for a change together with
 * their descriptor.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

/* Mark [blk, blk + count) used in @map as far as it lies in @group. */
static void mark_range(struct ext4_fs *fs, uint32_t group, void *map, blk64_t blk, uint32_t count)
{
	blk64_t first = ext4_group_first_block(fs, group);
	blk64_t end = first + ext4_group_blocks(fs, group);
	blk64_t to = blk + count;

	if (blk < first)
		blk = first;
	if (to > end)
		to = end;
	if (blk < to)
		ext4_set_bits(map, blk - first, to - blk);
}

/* Bits past the end of the last group, and of inode bitmaps shorter than a block, are ones. */
static void pad_map(void *map, uint32_t used, uint32_t size)
{
	if (used < size)
		ext4_set_bits(map, used, size - used);
}

static void make_up_block_bitmap(struct ext4_fs *fs, uint32_t group, struct ext4_group_desc *gd, void *map)
{
	memset(map, 0, fs->block_size);
	mark_range(fs, group, map, ext4_group_first_block(fs, group),
		   ext2fs_group_overhead(fs->super, group));
	mark_range(fs, group, map, ext2fs_bg_block_bitmap_loc(gd, fs->desc_size), 1);
	mark_range(fs, group, map, ext2fs_bg_inode_bitmap_loc(gd, fs->desc_size), 1);
	mark_range(fs, group, map, ext2fs_bg_inode_table_loc(gd, fs->desc_size), fs->itable_blocks);
	pad_map(map, ext4_group_blocks(fs, group), fs->block_size * 8);
}

static bool uninit(const struct ext4_fs *fs, const struct ext4_group_desc *gd, uint16_t flag)
{
	return (fs->gdt_csum || fs->metadata_csum) && (le16_to_cpu(gd->bg_flags) & flag);
}

/* Does the bitmap say that its own group's bitmaps and table, where they lie in the group, are used? */
static bool covers_metadata(struct ext4_fs *fs, uint32_t group, struct ext4_group_desc *gd, const void *map)
{
	blk64_t first = ext4_group_first_block(fs, group), at;
	uint32_t size = ext4_group_blocks(fs, group), off;

	at = ext2fs_bg_block_bitmap_loc(gd, fs->desc_size);
	if (at >= first && at - first < size && !ext4_test_bit(map, at - first))
		return false;
	at = ext2fs_bg_inode_bitmap_loc(gd, fs->desc_size);
	if (at >= first && at - first < size && !ext4_test_bit(map, at - first))
		return false;
	at = ext2fs_bg_inode_table_loc(gd, fs->desc_size);
	if (at < first || at - first >= size)
		return true;
	off = at - first;
	if (off + fs->itable_blocks > size)
		return fs->flex_bg;
	return ext4_next_zero(map, off + fs->itable_blocks, off) == off + fs->itable_blocks;
}

/* gi->lock held: bitmap and descriptor cannot change between each other. */
static int check_block_bitmap(struct ext4_fs *fs, uint32_t group, struct ext4_group_desc *gd,
			      struct iocache_buf *buf)
{
	uint32_t free;

	if (!ext2fs_block_bitmap_csum_verify(&fs->super->csum, gd, buf->b_data))
		return ext4_bad_csum(fs, 0, buf->b_blocknr, "a block bitmap");
	if (!covers_metadata(fs, group, gd, buf->b_data))
		return ext4_corrupt(fs, 0, buf->b_blocknr, "the block bitmap of group %u gives metadata away", group);
	free = ext4_count_zero(buf->b_data, ext4_group_blocks(fs, group));
	if (free != ext2fs_bg_free_blocks_count(gd, fs->desc_size))
		return ext4_corrupt(fs, 0, buf->b_blocknr,
				    "the block bitmap of group %u has %u free blocks, its descriptor says %u",
				    group, free, ext2fs_bg_free_blocks_count(gd, fs->desc_size));
	iocache_set(buf, IOCACHE_BUF_VERIFIED);
	return 0;
}

static int fill_busy(struct ext4_fs *fs, uint32_t group, struct ext4_group *gi, struct ext4_group_desc *gd,
		     struct iocache_buf *buf)
{
	uint32_t size = ext4_group_blocks(fs, group);
	int err = 0;
	uint64_t *busy;

	if (gi->block_bitmap_bad)
		return -EUCLEAN;
	busy = malloc(fs->block_size);
	if (!busy)
		return -ENOMEM;
	if (uninit(fs, gd, EXT2_BG_BLOCK_UNINIT))
		make_up_block_bitmap(fs, group, gd, busy);
	else if (iocache_test(buf, IOCACHE_BUF_VERIFIED) || !(err = check_block_bitmap(fs, group, gd, buf)))
		memcpy(busy, buf->b_data, fs->block_size);
	if (err) {
		gi->block_bitmap_bad = true;
		free(busy);
		return err;
	}
	gi->busy_free = ext4_count_zero(busy, size);
	gi->largest = gi->busy_free;
	gi->busy = busy;
	__atomic_add_fetch(&fs->group_maps, 1, __ATOMIC_RELAXED);
	return 0;
}

static int read_map(struct ext4_fs *fs, uint32_t group, struct ext4_group *gi)
{
	struct iocache_buf *gd_buf, *buf = NULL;
	struct ext4_group_desc *gd;
	int err;

	err = ext4_group_desc(fs, group, &gd_buf, &gd);
	if (err)
		return err;
	/* The flag can only go from set to clear, and then the buffer is in the cache. */
	err = ext4_bread(fs, ext2fs_bg_block_bitmap_loc(gd, fs->desc_size), &buf);
	if (!err) {
		pthread_mutex_lock(&gi->lock);
		if (!gi->busy)
			err = fill_busy(fs, group, gi, gd, buf);
		pthread_mutex_unlock(&gi->lock);
		iocache_put(buf);
	}
	iocache_put(gd_buf);
	return err;
}

int ext4_lock_loaded_group(struct ext4_fs *fs, uint32_t group, struct ext4_group **ret)
{
	struct ext4_group *gi = ext4_group(fs, group);
	int err = 0;

	*ret = gi;
	if (!gi)
		return -ENOMEM;
	/* Who is short of memory may drop it before it can be used. */
	for (;;) {
		pthread_mutex_lock(&gi->lock);
		if (gi->busy)
			return 0;
		pthread_mutex_unlock(&gi->lock);
		ext4_groups_trim(fs);
		err = read_map(fs, group, gi);
		if (err)
			return err;
	}
}

int ext4_load_group(struct ext4_fs *fs, uint32_t group, struct ext4_group **ret)
{
	int err = ext4_lock_loaded_group(fs, group, ret);

	if (!err)
		pthread_mutex_unlock(&(*ret)->lock);
	return err;
}

static void release_change(struct ext4_group_change *c)
{
	iocache_put(c->bitmap_buf);
	iocache_put(c->gd_buf);
}

static int open_change(handle_t *handle, struct ext4_fs *fs, struct ext4_group_change *c, blk64_t bitmap)
{
	int err = ext4_bread(fs, bitmap, &c->bitmap_buf);

	if (!err)
		err = ext4_write_access(handle, c->gd_buf);
	if (!err)
		err = ext4_write_access(handle, c->bitmap_buf);
	if (err)
		release_change(c);
	return err;
}

int ext4_change_blocks_begin(handle_t *handle, struct ext4_fs *fs, uint32_t group,
			     struct ext4_group_change *c)
{
	int err;

	memset(c, 0, sizeof(*c));
	c->group = group;
	err = ext4_load_group(fs, group, &c->gi);
	if (!err)
		err = ext4_group_desc(fs, group, &c->gd_buf, &c->gd);
	if (!err)
		err = open_change(handle, fs, c, ext2fs_bg_block_bitmap_loc(c->gd, fs->desc_size));
	if (err)
		return err;
	ext4_lockdep_enter(EXT4_LOCK_GROUP, 0);
	pthread_mutex_lock(&c->gi->lock);
	if (!c->gi->busy)
		err = fill_busy(fs, group, c->gi, c->gd, c->bitmap_buf);
	if (err) {
		pthread_mutex_unlock(&c->gi->lock);
		ext4_lockdep_leave(EXT4_LOCK_GROUP);
		release_change(c);
		return err;
	}
	if (uninit(fs, c->gd, EXT2_BG_BLOCK_UNINIT)) {
		make_up_block_bitmap(fs, group, c->gd, c->bitmap_buf->b_data);
		c->gd->bg_flags &= ~cpu_to_le16(EXT2_BG_BLOCK_UNINIT);
		iocache_set(c->bitmap_buf, IOCACHE_BUF_VERIFIED);
	}
	return 0;
}

static int close_change(handle_t *handle, struct ext4_fs *fs, struct ext4_group_change *c)
{
	int err, err2;

	ext4_bg_set_csum(fs, c->group, c->gd);
	pthread_mutex_unlock(&c->gi->lock);
	ext4_lockdep_leave(EXT4_LOCK_GROUP);
	err = ext4_dirty(handle, c->bitmap_buf);
	err2 = ext4_dirty(handle, c->gd_buf);
	release_change(c);
	return err ? err : err2;
}

int ext4_change_blocks_end(handle_t *handle, struct ext4_fs *fs, struct ext4_group_change *c)
{
	ext2fs_block_bitmap_csum_set(&fs->super->csum, c->gd, c->bitmap_buf->b_data);
	return close_change(handle, fs, c);
}

static int check_inode_bitmap(struct ext4_fs *fs, struct ext4_group_change *c)
{
	struct iocache_buf *buf = c->bitmap_buf;
	uint32_t free;

	if (iocache_test(buf, IOCACHE_BUF_VERIFIED))
		return 0;
	if (!ext2fs_inode_bitmap_csum_verify(&fs->super->csum, c->gd, buf->b_data))
		return ext4_bad_csum(fs, 0, buf->b_blocknr, "an inode bitmap");
	free = ext4_count_zero(buf->b_data, fs->inodes_per_group);
	if (free != ext2fs_bg_free_inodes_count(c->gd, fs->desc_size))
		return ext4_corrupt(fs, 0, buf->b_blocknr,
				    "the inode bitmap of group %u has %u free inodes, its descriptor says %u",
				    c->group, free, ext2fs_bg_free_inodes_count(c->gd, fs->desc_size));
	iocache_set(buf, IOCACHE_BUF_VERIFIED);
	return 0;
}

int ext4_change_inodes_begin(handle_t *handle, struct ext4_fs *fs, uint32_t group,
			     struct ext4_group_change *c)
{
	int err;

	memset(c, 0, sizeof(*c));
	c->group = group;
	c->gi = ext4_group(fs, group);
	if (!c->gi)
		return -ENOMEM;
	err = ext4_group_desc(fs, group, &c->gd_buf, &c->gd);
	if (!err)
		err = open_change(handle, fs, c, ext2fs_bg_inode_bitmap_loc(c->gd, fs->desc_size));
	if (err)
		return err;
	ext4_lockdep_enter(EXT4_LOCK_GROUP, 0);
	pthread_mutex_lock(&c->gi->lock);
	if (uninit(fs, c->gd, EXT2_BG_INODE_UNINIT)) {
		memset(c->bitmap_buf->b_data, 0, fs->block_size);
		pad_map(c->bitmap_buf->b_data, fs->inodes_per_group, fs->block_size * 8);
		ext2fs_bg_itable_unused_set(c->gd, fs->desc_size, fs->inodes_per_group);
		c->gd->bg_flags &= ~cpu_to_le16(EXT2_BG_INODE_UNINIT);
		iocache_set(c->bitmap_buf, IOCACHE_BUF_VERIFIED);
	} else if (c->gi->inode_bitmap_bad || (err = check_inode_bitmap(fs, c))) {
		c->gi->inode_bitmap_bad = true;
		pthread_mutex_unlock(&c->gi->lock);
		ext4_lockdep_leave(EXT4_LOCK_GROUP);
		release_change(c);
		return err ? err : -EUCLEAN;
	}
	return 0;
}

int ext4_change_inodes_end(handle_t *handle, struct ext4_fs *fs, struct ext4_group_change *c)
{
	ext2fs_inode_bitmap_csum_set(&fs->super->csum, c->gd, c->bitmap_buf->b_data);
	return close_change(handle, fs, c);
}
