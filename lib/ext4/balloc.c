/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocks taken and freed on disk: bitmaps and descriptors changed within a
 * handle.  A freed block stays busy in memory until the transaction that
 * freed it is durable, so that a crash never brings back a file whose blocks
 * hold somebody else's data.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

/* The part of [start, start + len) that lies in the group of @start. */
static uint32_t part_in_group(struct ext4_fs *fs, blk64_t start, uint64_t len, uint32_t *group,
			      uint32_t *bit)
{
	uint32_t room;

	*group = ext4_group_of(fs, start);
	*bit = start - ext4_group_first_block(fs, *group);
	room = ext4_group_blocks(fs, *group) - *bit;
	return len < room ? len : room;
}

static int commit_part(handle_t *handle, struct ext4_fs *fs, uint32_t group, uint32_t bit, uint32_t n)
{
	struct ext4_group_change c;
	bool clash;
	int err, err2;

	err = ext4_change_blocks_begin(handle, fs, group, &c);
	if (err)
		return err;
	clash = ext4_next_set(c.bitmap_buf->b_data, bit + n, bit) < bit + n;
	if (!clash) {
		ext4_set_bits(c.bitmap_buf->b_data, bit, n);
		ext2fs_bg_free_blocks_count_set(c.gd, fs->desc_size, ext2fs_bg_free_blocks_count(c.gd, fs->desc_size) - n);
		c.gi->held -= n;
	}
	err2 = ext4_change_blocks_end(handle, fs, &c);
	if (clash)
		return ext4_corrupt(fs, 0, ext4_group_first_block(fs, group) + bit,
				    "a free block of group %u is in use on disk", group);
	__atomic_sub_fetch(&fs->free_blocks, n, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&fs->held_blocks, n, __ATOMIC_RELAXED);
	return err2;
}

int ext4_resv_commit(handle_t *handle, struct ext4_fs *fs, blk64_t start, uint32_t len)
{
	uint32_t group, bit, n;
	int err;

	while (len) {
		n = part_in_group(fs, start, len, &group, &bit);
		err = commit_part(handle, fs, group, bit, n);
		if (err) {
			ext4_resv_release(fs, start, len);
			return err;
		}
		start += n;
		len -= n;
	}
	return 0;
}

/* Not among file data, where it would cut a run in two: the first group of the flex group. */
static blk64_t meta_goal(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	uint32_t group = (inode->i_ino - 1) / fs->inodes_per_group;

	return ext4_group_first_block(fs, group & ~((1U << fs->log_groups_per_flex) - 1));
}

static int new_meta_block(handle_t *handle, struct ext4_inode *inode, blk64_t goal, unsigned int flags, blk64_t *ret)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext4_resv resv;
	int err;

	/* The mapping of a reserved write must not fail for want of one block: metadata may use the reserve. */
	flags |= EXT4_ALLOC_METADATA | EXT4_ALLOC_PRIVILEGED | ext4_inode_alloc_flags(inode);
	if (!goal)
		flags |= EXT4_ALLOC_PACK;
	err = ext4_resv_get(fs, goal ? goal : meta_goal(inode), 1, flags, &resv);
	if (!err)
		err = ext4_resv_commit(handle, fs, resv.start, 1);
	if (!err)
		*ret = resv.start;
	return err;
}

/* Metadata that somebody has read from there, may be reading this moment, and that nobody has freed. */
static bool holds_live_metadata(struct ext4_fs *fs, blk64_t blk)
{
	struct iocache_buf *buf;
	bool live;

	if (iocache_get(fs->cache, blk, IOCACHE_GET_PEEK, &buf) || !buf)
		return false;
	live = iocache_test(buf, IOCACHE_BUF_VERIFIED);
	iocache_put(buf);
	return live;
}

int ext4_new_meta_buf(handle_t *handle, struct ext4_inode *inode, blk64_t goal, unsigned int flags,
		      struct iocache_buf **ret)
{
	struct ext4_fs *fs = inode->i_fs;
	blk64_t blk;
	int err;

	*ret = NULL;
	err = new_meta_block(handle, inode, goal, flags, &blk);
	if (err)
		return err;
	/* It stays marked as used, which it is. */
	if (holds_live_metadata(fs, blk))
		return ext4_corrupt(fs, inode->i_ino, blk, "a block in use was free in the bitmap");
	err = ext4_getblk_new(handle, fs, blk, ret);
	if (err)
		ext4_free_blocks(handle, fs, inode->i_ino, blk, 1, 0);
	return err;
}

/* ---- freeing ---- */

struct pending_free {
	struct jbd2_commit_cb	cb;
	struct ext4_fs		*fs;
	blk64_t			start;
	uint32_t		len;
};

static void free_is_durable(struct jbd2_commit_cb *cb, int err)
{
	struct pending_free *pf = container_of(cb, struct pending_free, cb);
	struct ext4_fs *fs = pf->fs;

	/* Without the commit the blocks still belong to the file that is on disk. */
	if (!err) {
		if (fs->opts.discard)
			io_channel_discard(fs->dev, pf->start, pf->len);
		ext4_resv_release(fs, pf->start, pf->len);
	}
	free(pf);
}

static int free_part(handle_t *handle, struct ext4_fs *fs, uint32_t ino, uint32_t group, uint32_t bit,
		     uint32_t n)
{
	struct pending_free *pf = malloc(sizeof(*pf));
	struct ext4_group_change c;
	bool clash;
	int err;

	if (!pf)
		return -ENOMEM;
	err = ext4_change_blocks_begin(handle, fs, group, &c);
	if (err) {
		free(pf);
		return err;
	}
	clash = ext4_next_zero(c.bitmap_buf->b_data, bit + n, bit) < bit + n;
	if (!clash) {
		ext4_clear_bits(c.bitmap_buf->b_data, bit, n);
		ext2fs_bg_free_blocks_count_set(c.gd, fs->desc_size, ext2fs_bg_free_blocks_count(c.gd, fs->desc_size) + n);
		c.gi->held += n;
	}
	err = ext4_change_blocks_end(handle, fs, &c);
	if (clash) {
		free(pf);
		return ext4_corrupt(fs, ino, ext4_group_first_block(fs, group) + bit,
				    "a block to free is free already");
	}
	__atomic_add_fetch(&fs->free_blocks, n, __ATOMIC_RELAXED);
	__atomic_add_fetch(&fs->held_blocks, n, __ATOMIC_RELAXED);
	*pf = (struct pending_free){ .cb.func = free_is_durable, .fs = fs,
				     .start = ext4_group_first_block(fs, group) + bit, .len = n };
	jbd2_handle_on_commit(handle, &pf->cb);
	return err;
}

int ext4_free_blocks(handle_t *handle, struct ext4_fs *fs, uint32_t ino, blk64_t start, uint64_t count,
		     unsigned int flags)
{
	uint32_t group, bit, n;
	uint64_t i;
	int err;

	err = ext4_check_blocks(fs, ino, start, count);
	if (err == -EUCLEAN)
		return ext4_corrupt(fs, ino, start, "%llu blocks to free are not a file's",
				    (unsigned long long)count);
	if (err)
		return err;
	if (flags & EXT4_FREE_METADATA) {
		for (i = 0; i < count; i++) {
			err = jbd2_journal_forget(handle, start + i, NULL);
			if (err)
				return err;
		}
	}
	while (count) {
		n = part_in_group(fs, start, count, &group, &bit);
		err = free_part(handle, fs, ino, group, bit, n);
		if (err)
			return err;
		start += n;
		count -= n;
	}
	return 0;
}

/*
 * Near the inode.  With big flex groups, as the kernel: the first group of
 * the flex group is for directories and other metadata.
 */
blk64_t ext4_inode_goal(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	uint32_t group = (inode->i_ino - 1) / fs->inodes_per_group;

	if (fs->log_groups_per_flex >= 2) {
		group &= ~((1U << fs->log_groups_per_flex) - 1);
		if (S_ISREG(inode->i_type) && group + 1 < fs->group_count)
			group++;
	}
	return ext4_group_first_block(fs, group);
}
