/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing the size of files, and freeing what lies past it.  A file that shrinks is
 * on the orphan list meanwhile: a crash leaves the rest to the next mount.
 */
#include <unistd.h>
#include "ext4/ext4_i.h"

static uint32_t blocks_of(const struct ext4_inode *inode, uint64_t size)
{
	return (size + inode->i_fs->block_size - 1) >> inode->i_fs->block_bits;
}

/* The handle may restart many times; the inode is dirtied with every step. */
static int free_past_size(struct ext4_inode *inode, bool orphan)
{
	struct ext4_fs *fs = inode->i_fs;
	handle_t *handle;
	int err;

	err = ext4_journal_start_revoke(fs, EXT4_CREDITS_MAP + EXT4_CREDITS_INODE + EXT4_CREDITS_ORPHAN, 8, &handle);
	if (err)
		return err;
	err = ext4_map_remove(handle, inode, blocks_of(inode, ext4_isize(inode)), (uint64_t)EXT_MAX_BLOCK);
	if (!err && orphan) {
		err = ext4_journal_ensure(handle, EXT4_CREDITS_ORPHAN + EXT4_CREDITS_INODE, 0);
		if (err >= 0)
			err = ext4_orphan_del(handle, inode);
	}
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	ext4_update_sync_tid(handle, inode, true);
	return ext4_journal_stop(handle, err);
}

int ext4_truncate_blocks(struct ext4_inode *inode)
{
	ext4_drop_prealloc(inode);
	if (ext4_has_inline_data(inode))
		return 0;
	return free_past_size(inode, false);
}

/*
 * A size that stays is no change that shows in the times.  Who wants it to be one sets the times
 * as well, as a kernel that caches them does.
 */
static void put_size(struct ext4_inode *inode, uint64_t size)
{
	if (size == ext4_isize(inode))
		return;
	ext4_isize_set(inode, size);
	ext4_inode_touch(inode, true);
}

static int set_size(struct ext4_inode *inode, uint64_t size, bool orphan)
{
	handle_t *handle;
	int err;

	err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_INODE + EXT4_CREDITS_ORPHAN, &handle);
	if (err)
		return err;
	if (orphan)
		err = ext4_orphan_add(handle, inode);
	if (!err) {
		put_size(inode, size);
		err = ext4_mark_inode_dirty(handle, inode);
	}
	ext4_update_sync_tid(handle, inode, true);
	return ext4_journal_stop(handle, err);
}

static int truncate_inline(struct ext4_inode *inode, uint64_t size)
{
	bool changes = size != ext4_isize(inode);
	handle_t *handle;
	uint32_t max;
	int err;

	err = ext4_inline_max(inode, &max);
	if (err)
		return err;
	err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_MAP + EXT4_CREDITS_XATTR + EXT4_CREDITS_INODE, &handle);
	if (err)
		return err;
	if (size <= max) {
		err = ext4_inline_truncate(handle, inode, size);
		if (!err) {
			if (changes)
				ext4_inode_touch(inode, true);
			err = ext4_mark_inode_dirty(handle, inode);
		}
		ext4_update_sync_tid(handle, inode, true);
		return ext4_journal_stop(handle, err);
	}
	err = ext4_journal_stop(handle, 0);
	if (!err)
		err = ext4_leave_inline(inode);
	return err ? err : ext4_truncate(inode, size);
}

static int grow(struct ext4_inode *inode, uint64_t size)
{
	uint64_t old = ext4_isize(inode), edge = (old | (inode->i_fs->block_size - 1)) + 1;
	int err = 0;

	if (old & (inode->i_fs->block_size - 1))
		err = ext4_zero_partial(inode, old, size < edge ? size : edge);
	return err ? err : set_size(inode, size, false);
}

/*
 * What lies past the size stays there, and the file stays in use: it must not be on
 * the list of orphans when it leaves memory.  The rest is for e2fsck; or, where nothing more is written, for
 * the next mount, as on the disk it is on that list.
 */
static void give_up(struct ext4_inode *inode, int err)
{
	handle_t *handle;

	if (ext4_check_rw(inode->i_fs))
		return ext4_orphan_forget(inode);
	if (err == -ENOMEM) {
		ext4_corrupt_at(inode->i_fs, __func__, __LINE__, err, inode->i_ino, 0,
				"memory ran out in the middle of a truncation");
		ext4_stop_writing(inode->i_fs, err);
		return ext4_orphan_forget(inode);
	}
	if (!ext4_journal_start(inode->i_fs, EXT4_CREDITS_ORPHAN + EXT4_CREDITS_INODE, &handle))
		ext4_journal_stop(handle, ext4_orphan_del(handle, inode));
	ext4_orphan_forget(inode);
}

#define MEMORY_TRIES	20
#define MEMORY_WAIT	5000	/* microseconds */

/* Half way there is nothing better than waiting for memory: the size is smaller already. */
static int free_after_shrinking(struct ext4_inode *inode)
{
	int err, tries;

	err = free_past_size(inode, inode->i_nlink > 0);
	/* Once a part was changed and lost, writing has ended. */
	for (tries = 0; err == -ENOMEM && !ext4_check_rw(inode->i_fs) && tries < MEMORY_TRIES; tries++) {
		usleep(MEMORY_WAIT);
		err = free_past_size(inode, inode->i_nlink > 0);
	}
	return err;
}

int ext4_truncate(struct ext4_inode *inode, uint64_t size)
{
	uint64_t old = ext4_isize(inode), edge = (size | (inode->i_fs->block_size - 1)) + 1;
	int err, zero_err = 0;

	if (size > ext4_max_size(inode))
		return -EFBIG;
	if (ext4_has_inline_data(inode))
		return truncate_inline(inode, size);
	if (size > old)
		return grow(inode, size);
	ext4_drop_prealloc(inode);
	if (size == old && !blocks_of(inode, old) && !inode->i_blocks)
		return set_size(inode, size, false);
	/*
	 * The size first: zeroes that reach the disk before it would damage a file that a crash leaves
	 * long.  A file without a name is an orphan already, and stays one.  Zeroes that fail are told,
	 * but the blocks go all the same, and growing zeroes again.
	 */
	err = set_size(inode, size, true);
	if (!err && (size & (inode->i_fs->block_size - 1)))
		zero_err = ext4_zero_partial(inode, size, edge);
	if (!err)
		err = free_after_shrinking(inode);
	if (err && inode->i_nlink)
		give_up(inode, err);
	return err ? err : zero_err;
}
