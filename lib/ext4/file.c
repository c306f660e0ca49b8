/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and writing the data of files.  Data goes between the caller's
 * memory and the device directly; only journaled data takes the way of
 * metadata.
 */
#include <stdlib.h>
#include "ext4/data_i.h"

/* ---- runs of blocks ---- */

/* With a replayed but unwritten log the cache may know better than the device. */
static bool copy_from_cache(struct ext4_fs *fs, blk64_t blk, uint32_t skip, size_t len, char *to)
{
	struct iocache_buf *buf;

	if (!fs->replayed_ro || iocache_get(fs->cache, blk, IOCACHE_GET_PEEK, &buf) || !buf)
		return false;
	memcpy(to, buf->b_data + skip, len);
	iocache_put(buf);
	return true;
}

static int read_part_of_block(struct ext4_fs *fs, blk64_t blk, uint32_t skip, size_t len, char *to)
{
	char *bounce;
	errcode_t err;

	if (copy_from_cache(fs, blk, skip, len, to))
		return 0;
	err = io_channel_alloc_buf(fs->dev, 1, &bounce);
	if (err)
		return -ENOMEM;
	err = io_channel_read_blk64(fs->dev, blk, 1, bounce);
	if (!err)
		memcpy(to, bounce + skip, len);
	free(bounce);
	return err ? ext4_io_error(fs, err, 0, blk, "reading file data") : 0;
}

static int read_whole_blocks(struct ext4_fs *fs, blk64_t blk, uint32_t count, char *to)
{
	errcode_t err = 0;
	uint32_t i;

	if (!fs->replayed_ro) {
		err = io_channel_read_blk64(fs->dev, blk, count, to);
		return err ? ext4_io_error(fs, err, 0, blk, "reading file data") : 0;
	}
	for (i = 0; i < count && !err; i++)
		err = read_part_of_block(fs, blk + i, 0, fs->block_size, to + (size_t)i * fs->block_size);
	return (int)err;
}

/* @len bytes from @skip bytes into the run that begins at block @blk. */
int ext4_read_run(struct ext4_fs *fs, blk64_t blk, uint64_t skip, size_t len, char *to)
{
	uint32_t part, off;
	int err;

	blk += skip >> fs->block_bits;
	off = skip & (fs->block_size - 1);
	if (off || len < fs->block_size) {
		part = fs->block_size - off < len ? fs->block_size - off : len;
		err = read_part_of_block(fs, blk, off, part, to);
		if (err)
			return err;
		blk++;
		to += part;
		len -= part;
	}
	part = len >> fs->block_bits;
	if (part) {
		err = read_whole_blocks(fs, blk, part, to);
		if (err)
			return err;
		blk += part;
		to += (size_t)part << fs->block_bits;
		len -= (size_t)part << fs->block_bits;
	}
	return len ? read_part_of_block(fs, blk, 0, len, to) : 0;
}

/*
 * Part of one block.  @fresh: the block holds nothing yet, the rest becomes
 * zeroes; else the rest is kept.
 */
static int write_part_of_block(struct ext4_fs *fs, blk64_t blk, uint32_t skip, size_t len, const char *from,
			       bool fresh)
{
	char *bounce;
	errcode_t err;

	if (io_channel_alloc_buf(fs->dev, 1, &bounce))
		return -ENOMEM;
	if (fresh) {
		memset(bounce, 0, fs->block_size);
		err = 0;
	} else {
		err = io_channel_read_blk64(fs->dev, blk, 1, bounce);
	}
	if (!err) {
		if (from)
			memcpy(bounce + skip, from, len);
		else
			memset(bounce + skip, 0, len);
		err = io_channel_write_blk64(fs->dev, blk, 1, bounce);
	}
	free(bounce);
	return err ? ext4_io_error(fs, err, 0, blk, "writing file data") : 0;
}

int ext4_write_run(struct ext4_fs *fs, blk64_t blk, uint64_t skip, size_t len, const char *from, bool fresh)
{
	uint32_t part, off;
	errcode_t io;
	int err;

	blk += skip >> fs->block_bits;
	off = skip & (fs->block_size - 1);
	if (off || len < fs->block_size) {
		part = fs->block_size - off < len ? fs->block_size - off : len;
		err = write_part_of_block(fs, blk, off, part, from, fresh);
		if (err)
			return err;
		blk++;
		from += part;
		len -= part;
	}
	part = len >> fs->block_bits;
	if (part) {
		io = io_channel_write_blk64(fs->dev, blk, part, from);
		if (io)
			return ext4_io_error(fs, io, 0, blk, "writing file data");
		blk += part;
		from += (size_t)part << fs->block_bits;
		len -= (size_t)part << fs->block_bits;
	}
	return len ? write_part_of_block(fs, blk, 0, len, from, fresh) : 0;
}

int ext4_zero_partial(struct ext4_inode *inode, uint64_t from, uint64_t to)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext4_map map = { .lblk = from >> fs->block_bits, .len = 1 };
	int err;

	if (from >= to || from >> fs->block_bits >= EXT_MAX_BLOCK)
		return 0;
	if (ext4_journals_data(inode))
		return ext4_zero_journaled(inode, from, to);
	err = ext4_map_blocks(inode, &map);
	if (err || !map.pblk || map.unwritten)
		return err;
	return write_part_of_block(fs, map.pblk, from & (fs->block_size - 1), to - from, NULL, false);
}

/* ---- reading ---- */

static int read_mapped(struct ext4_inode *inode, char *to, size_t len, uint64_t off)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext4_map map;
	uint64_t skip, part;
	int err;

	while (len) {
		skip = off & (fs->block_size - 1);
		map = (struct ext4_map){ .lblk = off >> fs->block_bits,
					 .len = (skip + len + fs->block_size - 1) >> fs->block_bits };
		err = ext4_map_blocks(inode, &map);
		if (err)
			return err;
		part = ((uint64_t)map.len << fs->block_bits) - skip;
		if (part > len)
			part = len;
		if (!map.pblk || map.unwritten)
			memset(to, 0, part);
		else
			err = ext4_read_run(fs, map.pblk, skip, part, to);
		if (err)
			return err;
		to += part;
		off += part;
		len -= part;
	}
	return 0;
}

static bool atime_is_due(struct ext4_inode *inode, const struct timespec *now)
{
	const struct timespec *a = &inode->i_atime;

	if (inode->i_fs->opts.atime == EXT4_ATIME_STRICT)
		return a->tv_sec != now->tv_sec || a->tv_nsec != now->tv_nsec;
	if (now->tv_sec - a->tv_sec >= 24 * 60 * 60)
		return true;
	return a->tv_sec < inode->i_mtime.tv_sec || a->tv_sec < inode->i_ctime.tv_sec ||
	       (a->tv_sec == inode->i_mtime.tv_sec && a->tv_nsec <= inode->i_mtime.tv_nsec) ||
	       (a->tv_sec == inode->i_ctime.tv_sec && a->tv_nsec <= inode->i_ctime.tv_nsec);
}

bool ext4_atime_is_due(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	struct timespec now;
	bool due;

	if (fs->opts.atime == EXT4_ATIME_NONE || ext4_check_rw(fs) || (ext4_inode_flags(inode) & EXT2_NOATIME_FL))
		return false;
	now = ext4_now(inode);
	pthread_mutex_lock(&inode->i_lock);
	due = atime_is_due(inode, &now);
	pthread_mutex_unlock(&inode->i_lock);
	return due;
}

void ext4_touch_atime(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	struct timespec now;
	handle_t *handle;
	bool due;

	if (fs->opts.atime == EXT4_ATIME_NONE || (inode->i_flags & EXT2_NOATIME_FL) ||
	    (fs->opts.nodiratime && S_ISDIR(inode->i_type)) || ext4_check_rw(fs))
		return;
	now = ext4_now(inode);
	pthread_mutex_lock(&inode->i_lock);
	due = atime_is_due(inode, &now);
	if (due) {
		inode->i_atime = now;
		if (fs->opts.lazytime)
			ext4_state_set(inode, EXT4_STATE_DIRTY_TIME);
	}
	pthread_mutex_unlock(&inode->i_lock);
	if (!due || fs->opts.lazytime || ext4_journal_start(fs, EXT4_CREDITS_INODE, &handle))
		return;
	ext4_journal_stop(handle, ext4_mark_inode_dirty(handle, inode));
}

ssize_t ext4_read(struct ext4_inode *inode, void *buf, size_t len, off_t off)
{
	uint64_t size;
	int err;

	if (off < 0)
		return -EINVAL;
	if (S_ISDIR(inode->i_type))
		return -EISDIR;
	if (__atomic_load_n(&inode->i_fs->shutdown, __ATOMIC_ACQUIRE))
		return -EIO;
	ext4_lock_shared(inode);
	size = ext4_isize(inode);
	if ((uint64_t)off >= size)
		len = 0;
	else if (len > size - off)
		len = size - off;
	if (!len)
		err = 0;
	else if (ext4_has_inline_data(inode))
		err = ext4_inline_read(inode, buf, len, off);
	else if (ext4_journals_data(inode))
		err = ext4_read_journaled(inode, buf, len, off);
	else
		err = read_mapped(inode, buf, len, off);
	if (!err && len)
		ext4_touch_atime(inode);
	ext4_unlock(inode);
	return err ? err : (ssize_t)len;
}

int ext4_bmap(struct ext4_inode *inode, uint64_t block, uint64_t *found)
{
	struct ext4_map map = { .lblk = block, .len = 1 };
	int err = 0;

	*found = 0;
	if (!S_ISREG(inode->i_type))
		return -EINVAL;
	ext4_lock_shared(inode);
	if (ext4_has_inline_data(inode) || ext4_journals_data(inode) || inode->i_fs->replayed_ro)
		err = -EINVAL;
	else if (block < EXT_MAX_BLOCK)
		err = ext4_map_blocks(inode, &map);
	if (!err)
		*found = map.pblk;
	ext4_unlock(inode);
	return err;
}

int ext4_map_runs(struct ext4_inode *inode, off_t off, size_t len, struct ext4_run *runs, int max)
{
	struct ext4_fs *fs = inode->i_fs;
	uint64_t size, skip, part, at = off;
	struct ext4_map map;
	int n = 0, err = 0;

	if (off < 0 || ext4_has_inline_data(inode) || ext4_journals_data(inode) || fs->replayed_ro)
		return 0;
	ext4_lock_shared(inode);
	size = ext4_isize(inode);
	len = at >= size ? 0 : len < size - at ? len : size - at;
	while (len && n < max) {
		skip = at & (fs->block_size - 1);
		map = (struct ext4_map){ .lblk = at >> fs->block_bits,
					 .len = (skip + len + fs->block_size - 1) >> fs->block_bits };
		err = ext4_map_blocks(inode, &map);
		if (err)
			break;
		part = ((uint64_t)map.len << fs->block_bits) - skip;
		if (part > len)
			part = len;
		runs[n].len = part;
		runs[n++].device_off = map.pblk && !map.unwritten ?
				       (off_t)((map.pblk << fs->block_bits) + skip) : -1;
		at += part;
		len -= part;
	}
	if (!err && n)
		ext4_touch_atime(inode);
	ext4_unlock(inode);
	return err ? err : n;
}
