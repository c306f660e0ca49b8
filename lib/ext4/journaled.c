/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File data under data=journal, or of files with the journal-data flag: block
 * by block through buffers and handles, like metadata.
 */
#include "ext4/data_i.h"

int ext4_read_journaled(struct ext4_inode *inode, char *to, size_t len, uint64_t off)
{
	struct ext4_fs *fs = inode->i_fs;
	struct iocache_buf *buf;
	uint32_t skip;
	size_t part;
	int err;

	while (len) {
		skip = off & (fs->block_size - 1);
		part = fs->block_size - skip < len ? fs->block_size - skip : len;
		err = ext4_bread_inode(NULL, inode, off >> fs->block_bits, NULL, &buf);
		if (err)
			return err;
		if (buf)
			memcpy(to, buf->b_data + skip, part);
		else
			memset(to, 0, part);
		iocache_put(buf);
		to += part;
		off += part;
		len -= part;
	}
	return 0;
}

/* Unwritten blocks would read as zeroes behind the buffers' back: they become written ones full of zeroes. */
static int settle_unwritten(handle_t *handle, struct ext4_inode *inode, uint32_t lblk)
{
	struct ext4_map map = { .lblk = lblk, .len = 1 };
	struct iocache_buf *buf;
	int err = ext4_map_blocks(inode, &map);

	if (err || !map.pblk || !map.unwritten)
		return err;
	err = ext4_getblk_new(handle, inode->i_fs, map.pblk, &buf);
	if (err)
		return err;
	err = ext4_dirty(handle, buf);
	iocache_put(buf);
	return err ? err : ext4_map_convert(handle, inode, lblk, 1, false);
}

/* @from NULL: zeroes, and only where something is mapped. */
static int write_block(handle_t *handle, struct ext4_inode *inode, const char *from, size_t len, uint64_t off)
{
	struct ext4_fs *fs = inode->i_fs;
	uint32_t lblk = off >> fs->block_bits, skip = off & (fs->block_size - 1);
	struct iocache_buf *buf;
	bool created;
	int err;

	err = settle_unwritten(handle, inode, lblk);
	if (!err)
		err = ext4_bread_inode(from ? handle : NULL, inode, lblk, &created, &buf);
	if (err || !buf)
		return err;
	err = ext4_write_access(handle, buf);
	if (!err) {
		if (from)
			memcpy(buf->b_data + skip, from, len);
		else
			memset(buf->b_data + skip, 0, len);
		err = ext4_dirty(handle, buf);
	}
	iocache_put(buf);
	if (!err && from && off + len > ext4_isize(inode))
		ext4_isize_set(inode, off + len);
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

int ext4_write_journaled(struct ext4_inode *inode, const char *from, size_t len, uint64_t off, size_t *done)
{
	struct ext4_fs *fs = inode->i_fs;
	int credits = EXT4_CREDITS_MAP + EXT4_CREDITS_INODE + 2, err;
	handle_t *handle;
	size_t part;

	*done = 0;
	err = ext4_journal_start(fs, credits, &handle);
	if (err)
		return err;
	while (len && !err) {
		part = fs->block_size - (off & (fs->block_size - 1));
		if (part > len)
			part = len;
		err = ext4_journal_ensure(handle, credits, 0);
		if (err >= 0)
			err = write_block(handle, inode, from, part, off);
		if (!err) {
			from += part;
			off += part;
			len -= part;
			*done += part;
		}
	}
	ext4_update_sync_tid(handle, inode, true);
	return ext4_journal_stop(handle, err);
}

int ext4_zero_journaled(struct ext4_inode *inode, uint64_t from, uint64_t to)
{
	struct ext4_map map = { .lblk = from >> inode->i_fs->block_bits, .len = 1 };
	handle_t *handle;
	int err = ext4_map_blocks(inode, &map);

	/* Unwritten blocks are zeroes; behind the end of the file they also have to stay unwritten. */
	if (err || !map.pblk || map.unwritten)
		return err;
	err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_MAP + EXT4_CREDITS_INODE + 2, &handle);
	if (err)
		return err;
	return ext4_journal_stop(handle, write_block(handle, inode, NULL, to - from, from));
}
