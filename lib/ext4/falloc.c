/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fallocate(2) and lseek(2) for data and holes.
 */
#include <fcntl.h>
#include <unistd.h>
#include <linux/falloc.h>
#include "ext4/data_i.h"

#define STEP_BLOCKS	EXT_UNINIT_MAX_LEN

static uint64_t round_down(const struct ext4_fs *fs, uint64_t v)
{
	return v & ~(uint64_t)(fs->block_size - 1);
}

static uint64_t round_up(const struct ext4_fs *fs, uint64_t v)
{
	return round_down(fs, v + fs->block_size - 1);
}

/* Fill one hole, or a part of it, with unwritten blocks: *done blocks. */
static int fill_hole(struct ext4_inode *inode, uint32_t lblk, uint32_t want, unsigned int alloc_flags,
		     uint64_t new_size, uint32_t *done)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext4_map before = { .lblk = lblk - 1, .len = 1 };
	struct ext4_resv resv;
	blk64_t goal = 0;
	handle_t *handle;
	uint64_t end;
	int err;

	if (lblk && !ext4_map_blocks(inode, &before) && before.pblk)
		goal = before.pblk + 1;
	err = ext4_resv_get(fs, goal ? goal : ext4_inode_goal(inode), want < STEP_BLOCKS ? want : STEP_BLOCKS,
			    alloc_flags | (goal ? EXT4_ALLOC_APPEND : EXT4_ALLOC_PACK), &resv);
	if (err)
		return err;
	err = ext4_journal_start(fs, 2 * 8 + EXT4_CREDITS_MAP + EXT4_CREDITS_INODE, &handle);
	if (err) {
		ext4_resv_release(fs, resv.start, resv.len);
		return err;
	}
	err = ext4_resv_commit(handle, fs, resv.start, resv.len);
	if (!err) {
		err = ext4_map_insert(handle, inode, lblk, resv.start, resv.len, true);
		if (err)
			ext4_free_blocks(handle, fs, inode->i_ino, resv.start, resv.len, 0);
	}
	if (!err) {
		/* The size grows with the blocks: a crash must not leave written-off blocks past the end. */
		end = ((uint64_t)lblk + resv.len) << fs->block_bits;
		if (end > new_size)
			end = new_size;
		if (end > ext4_isize(inode))
			ext4_isize_set(inode, end);
		ext4_inode_touch(inode, false);
		err = ext4_mark_inode_dirty(handle, inode);
		*done = resv.len;
	}
	ext4_update_sync_tid(handle, inode, true);
	return ext4_journal_stop(handle, err);
}

/* @new_size 0: the size stays. */
static int allocate(struct ext4_inode *inode, uint64_t off, uint64_t end, unsigned int alloc_flags,
		    uint64_t new_size)
{
	struct ext4_fs *fs = inode->i_fs;
	uint64_t lblk = off >> fs->block_bits, last = round_up(fs, end) >> fs->block_bits;
	struct ext4_map map;
	uint32_t done;
	int err, tries = 0;

	while (lblk < last) {
		map = (struct ext4_map){ .lblk = lblk, .len = last - lblk };
		err = ext4_map_blocks(inode, &map);
		if (err)
			return err;
		done = map.len;
		if (!map.pblk)
			err = fill_hole(inode, lblk, map.len, alloc_flags, new_size, &done);
		if (err == -ENOSPC && ext4_should_retry_alloc(fs, &tries))
			continue;
		if (err)
			return err;
		lblk += done;
	}
	return 0;
}

/* Zero what [off, end) has of its first and last block when those are not whole. */
static int zero_edges(struct ext4_inode *inode, uint64_t off, uint64_t end)
{
	struct ext4_fs *fs = inode->i_fs;
	uint64_t first_end = round_up(fs, off), last_start = round_down(fs, end);
	int err = 0;

	if (off != first_end)
		err = ext4_zero_partial(inode, off, end < first_end ? end : first_end);
	if (!err && end != last_start && last_start >= first_end)
		err = ext4_zero_partial(inode, last_start, end);
	return err;
}

static int remove_range_once(struct ext4_inode *inode, uint64_t off, uint64_t end)
{
	struct ext4_fs *fs = inode->i_fs;
	uint64_t first = round_up(fs, off), last = round_down(fs, end);
	handle_t *handle;
	int err;

	err = ext4_journal_start_revoke(fs, EXT4_CREDITS_MAP + EXT4_CREDITS_INODE, 8, &handle);
	if (err)
		return err;
	if (first < last)
		err = ext4_map_remove(handle, inode, first >> fs->block_bits, last >> fs->block_bits);
	ext4_inode_touch(inode, true);
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	ext4_update_sync_tid(handle, inode, true);
	return ext4_journal_stop(handle, err);
}

/* What is freed, here or by others, may be what the tree needs to grow, once the commit gives it back. */
static int remove_range(struct ext4_inode *inode, uint64_t off, uint64_t end)
{
	int err, tries = 0;

	do {
		err = remove_range_once(inode, off, end);
	} while (err == -ENOSPC && ext4_should_retry_alloc(inode->i_fs, &tries));
	return err;
}

static int punch(struct ext4_inode *inode, uint64_t off, uint64_t end)
{
	uint64_t size = ext4_isize(inode);
	int err;

	/* Blocks past the size go too; what is of the last block lies past it is zero already. */
	if (end >= size)
		end = round_up(inode->i_fs, end);
	err = zero_edges(inode, off, end);
	return err ? err : remove_range(inode, off, end);
}

static int make_unwritten_once(struct ext4_inode *inode, uint64_t first, uint64_t last)
{
	struct ext4_fs *fs = inode->i_fs;
	handle_t *handle;
	int err;

	if (first >= last)
		return 0;
	err = ext4_journal_start(fs, EXT4_CREDITS_MAP + EXT4_CREDITS_INODE, &handle);
	if (err)
		return err;
	err = ext4_map_convert(handle, inode, first >> fs->block_bits, (last - first) >> fs->block_bits, true);
	ext4_inode_touch(inode, true);
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	ext4_update_sync_tid(handle, inode, true);
	return ext4_journal_stop(handle, err);
}

static int make_unwritten(struct ext4_inode *inode, uint64_t first, uint64_t last)
{
	int err, tries = 0;

	do {
		err = make_unwritten_once(inode, first, last);
	} while (err == -ENOSPC && ext4_should_retry_alloc(inode->i_fs, &tries));
	return err;
}

static int zero_range(struct ext4_inode *inode, uint64_t off, uint64_t end, unsigned int alloc_flags,
		      uint64_t new_size)
{
	struct ext4_fs *fs = inode->i_fs;
	int err = zero_edges(inode, off, end);

	if (!err)
		err = make_unwritten(inode, round_up(fs, off), round_down(fs, end));
	return err ? err : allocate(inode, off, end, alloc_flags, new_size);
}

static int check_mode(struct ext4_inode *inode, int mode, off_t off, off_t len)
{
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (off < 0 || len <= 0 || ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE)))
		return -EINVAL;
	if ((uint64_t)off + (uint64_t)len > ext4_max_size(inode))
		return -EFBIG;
	if (!S_ISREG(inode->i_type))
		return -ENODEV;
	if (inode->i_flags & EXT2_IMMUTABLE_FL)
		return -EPERM;
	if ((inode->i_flags & EXT2_APPEND_FL) && (mode & ~FALLOC_FL_KEEP_SIZE))
		return -EPERM;
	if (!(mode & FALLOC_FL_PUNCH_HOLE) && !(inode->i_flags & (EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL)))
		return -EOPNOTSUPP;
	return 0;
}

static int extend_size(struct ext4_inode *inode, uint64_t size)
{
	return size > ext4_isize(inode) ? ext4_truncate(inode, size) : 0;
}

int ext4_fallocate(struct ext4_inode *inode, int mode, off_t off, off_t len, unsigned int flags,
		   const struct ext4_cred *cred)
{
	uint64_t end = (uint64_t)off + len, new_size = mode & FALLOC_FL_KEEP_SIZE ? 0 : end;
	unsigned int alloc_flags = ext4_alloc_flags(inode->i_fs, cred);
	int err;

	ext4_lock(inode);
	err = check_mode(inode, mode, off, len);
	if (!err)
		err = ext4_check_rw(inode->i_fs);
	if (!err)
		err = ext4_leave_inline(inode);
	if (!err)
		err = ext4_kill_privileges(inode, cred);
	if (err)
		goto out;
	if (flags & EXT4_WRITE_CACHED)
		ext4_state_set(inode, EXT4_STATE_KEEP_TIMES);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = punch(inode, off, end);
	else if (mode & FALLOC_FL_ZERO_RANGE)
		err = zero_range(inode, off, end, alloc_flags, new_size);
	else
		err = allocate(inode, off, end, alloc_flags, new_size);
	if (!err && new_size)
		err = extend_size(inode, new_size);
	ext4_state_clear(inode, EXT4_STATE_KEEP_TIMES);
out:
	ext4_unlock(inode);
	return ext4_finish_sync(inode, err);
}

static off_t seek_mapped(struct ext4_inode *inode, uint64_t off, uint64_t size, bool data)
{
	struct ext4_fs *fs = inode->i_fs;
	uint64_t start, mapped = 0;
	struct ext4_map map;
	int err;

	while (off < size) {
		start = off >> fs->block_bits;
		map = (struct ext4_map){ .lblk = start, .len = (round_up(fs, size) >> fs->block_bits) - start };
		err = ext4_map_blocks(inode, &map);
		if (err)
			return err;
		if ((map.pblk && !map.unwritten) == data)
			return off;
		/* A tree that shares its branches can be as good as endless. */
		mapped += map.pblk ? map.len : 0;
		if (mapped > fs->blocks_count)
			return ext4_corrupt(fs, inode->i_ino, 0, "the file has more blocks than there are");
		off = (start + map.len) << fs->block_bits;
	}
	return data ? -ENXIO : (off_t)size;
}

off_t ext4_seek(struct ext4_inode *inode, off_t off, int whence)
{
	uint64_t size;
	off_t ret;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	ext4_lock_shared(inode);
	size = ext4_isize(inode);
	if (off < 0 || (uint64_t)off >= size)
		ret = -ENXIO;
	else if (ext4_has_inline_data(inode))
		ret = whence == SEEK_DATA ? off : (off_t)size;
	else
		ret = seek_mapped(inode, off, size, whence == SEEK_DATA);
	ext4_unlock(inode);
	return ret;
}
