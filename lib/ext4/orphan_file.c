/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The orphan file: a hidden file full of slots for inode numbers, so that
 * deletions in different threads do not all write the superblock.
 */
#include <stdlib.h>
#include "ext4/orphan_i.h"

#define ORPHAN_FILE_BLOCKS_MAX 512	/* as the kernel and mke2fs limit it */

struct ext4_orphan_file {
	struct ext4_inode	*inode;
	uint32_t		blocks;
	uint32_t		slots;		/* per block */
	struct iocache_buf	**buf;
	uint32_t		*free;		/* per block */
	uint32_t		next;		/* block to try first */
	uint64_t		used;
};

static __le32 *slot_array(struct iocache_buf *buf)
{
	return (__le32 *)buf->b_data;
}

/* ---- at mount ---- */

static int check_block(struct ext4_fs *fs, struct ext4_orphan_file *of, struct iocache_buf *buf)
{
	struct ext4_orphan_block_tail *tail;

	tail = (struct ext4_orphan_block_tail *)(buf->b_data + fs->block_size - sizeof(*tail));
	if (le32_to_cpu(tail->ob_magic) != EXT4_ORPHAN_BLOCK_MAGIC)
		return ext4_corrupt(fs, of->inode->i_ino, buf->b_blocknr, "wrong magic number in the orphan file");
	if (!ext2fs_orphan_block_csum_verify(&fs->super->csum, of->inode->i_csum_seed, buf->b_blocknr, buf->b_data))
		return ext4_bad_csum(fs, of->inode->i_ino, buf->b_blocknr, "the orphan file");
	return 0;
}

static int load_block(struct ext4_fs *fs, struct ext4_orphan_file *of, uint32_t i)
{
	uint32_t slot;
	int err;

	err = ext4_bread_inode(NULL, of->inode, i, NULL, &of->buf[i]);
	if (!err && !of->buf[i])
		err = ext4_corrupt(fs, of->inode->i_ino, 0, "the orphan file has a hole");
	if (!err)
		err = check_block(fs, of, of->buf[i]);
	if (err)
		return err;
	for (slot = 0; slot < of->slots; slot++) {
		if (slot_array(of->buf[i])[slot])
			of->used++;
		else
			of->free[i]++;
	}
	return 0;
}

void ext4_orphan_destroy(struct ext4_fs *fs)
{
	struct ext4_orphan_file *of = fs->orphan_file;
	uint32_t i;

	if (!of)
		return;
	for (i = 0; of->buf && i < of->blocks; i++)
		iocache_put(of->buf[i]);
	free(of->buf);
	free(of->free);
	ext4_iput(of->inode);
	free(of);
	fs->orphan_file = NULL;
}

static int open_orphan_file(struct ext4_fs *fs, struct ext4_orphan_file *of)
{
	uint64_t size;
	uint32_t i;
	int err;

	err = ext4_iget_flags(fs, le32_to_cpu(fs->sb->s_orphan_file_inum), EXT4_IGET_SPECIAL, &of->inode);
	if (err)
		return err;
	size = ext4_isize(of->inode);
	if (!S_ISREG(of->inode->i_type) || !size || size % fs->block_size ||
	    size / fs->block_size > ORPHAN_FILE_BLOCKS_MAX)
		return ext4_corrupt(fs, of->inode->i_ino, 0, "the orphan file has an impossible size or type");
	of->blocks = size / fs->block_size;
	of->slots = ext2fs_inodes_per_orphan_block(fs->block_size);
	of->buf = calloc(of->blocks, sizeof(*of->buf));
	of->free = calloc(of->blocks, sizeof(*of->free));
	if (!of->buf || !of->free)
		return -ENOMEM;
	for (i = 0; i < of->blocks; i++) {
		err = load_block(fs, of, i);
		if (err)
			return err;
	}
	return 0;
}

int ext4_orphan_init(struct ext4_fs *fs)
{
	int err;

	if (!ext2fs_has_feature_orphan_file(fs->sb))
		return 0;
	fs->orphan_file = calloc(1, sizeof(*fs->orphan_file));
	if (!fs->orphan_file)
		return -ENOMEM;
	err = open_orphan_file(fs, fs->orphan_file);
	if (err)
		ext4_orphan_destroy(fs);
	return err;
}

bool ext4_orphan_file_used(struct ext4_fs *fs)
{
	return fs->orphan_file && fs->orphan_file->used;
}

int ext4_orphan_file_finish(struct ext4_fs *fs, ext4_orphan_finish_fn finish, unsigned int *deleted,
			    unsigned int *truncated)
{
	struct ext4_orphan_file *of = fs->orphan_file;
	struct ext4_inode *inode;
	uint32_t i, slot, ino;
	int err;

	if (!of)
		return 0;
	for (i = 0; i < of->blocks; i++) {
		for (slot = 0; slot < of->slots; slot++) {
			ino = le32_to_cpu(slot_array(of->buf[i])[slot]);
			if (!ino)
				continue;
			err = ext4_orphan_adopt(fs, ino, &inode);
			if (err)
				return err;
			inode->i_orphan_in_file = true;
			inode->i_orphan_slot = i * of->slots + slot;
			err = finish(inode, deleted, truncated);
			if (err)
				return err;
		}
	}
	return 0;
}

/* ---- at run time; fs->orphan_lock held ---- */

static int set_slot(handle_t *handle, struct ext4_fs *fs, uint32_t index, uint32_t ino)
{
	struct ext4_orphan_file *of = fs->orphan_file;
	struct iocache_buf *buf = of->buf[index / of->slots];
	int err = ext4_write_access(handle, buf);

	if (err)
		return err;
	slot_array(buf)[index % of->slots] = cpu_to_le32(ino);
	ext2fs_orphan_block_csum_set(&fs->super->csum, of->inode->i_csum_seed, buf->b_blocknr, buf->b_data);
	return ext4_dirty(handle, buf);
}

int ext4_orphan_file_add(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_orphan_file *of = inode->i_fs->orphan_file;
	uint32_t n, i, slot = 0;
	int err;

	if (!of)
		return -ENOSPC;
	for (n = 0; n < of->blocks; n++) {
		i = (of->next + n) % of->blocks;
		if (of->free[i])
			break;
	}
	if (n == of->blocks)
		return -ENOSPC;
	while (slot_array(of->buf[i])[slot])
		slot++;
	err = set_slot(handle, inode->i_fs, i * of->slots + slot, inode->i_ino);
	if (err)
		return err;
	of->next = i;
	of->free[i]--;
	of->used++;
	inode->i_orphan_in_file = true;
	inode->i_orphan_slot = i * of->slots + slot;
	return 0;
}

int ext4_orphan_file_del(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_orphan_file *of = inode->i_fs->orphan_file;
	int err = set_slot(handle, inode->i_fs, inode->i_orphan_slot, 0);

	if (err)
		return err;
	of->free[inode->i_orphan_slot / of->slots]++;
	of->used--;
	inode->i_orphan_in_file = false;
	return 0;
}
