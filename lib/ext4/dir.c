/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names in one directory: finding, adding and removing, in whichever of the
 * three forms it has: inline, a list of blocks, or indexed (htree.c).
 */
#include <stdlib.h>
#include "ext4/dir_i.h"

#define LIST_READAHEAD	16	/* blocks */

bool ext4_is_indexed(const struct ext4_inode *dir)
{
	return ext2fs_has_feature_dir_index(dir->i_fs->sb) && (dir->i_flags & EXT2_INDEX_FL);
}

uint32_t ext4_dir_blocks(const struct ext4_inode *dir)
{
	return ext4_isize(dir) >> dir->i_fs->block_bits;
}

/* ---- leaf blocks ---- */

struct ext4_area ext4_leaf_area(struct ext4_inode *dir, struct iocache_buf *buf)
{
	struct ext4_fs *fs = dir->i_fs;

	return (struct ext4_area){ dir, buf->b_data, fs->block_size - ext2fs_dir_tail_size(&fs->super->csum),
				   buf->b_blocknr };
}

int ext4_read_leaf(struct ext4_inode *dir, uint32_t lblk, struct iocache_buf **ret)
{
	struct ext4_fs *fs = dir->i_fs;
	int err = ext4_bread_inode(NULL, dir, lblk, NULL, ret);

	if (err)
		return err;
	if (!*ret)
		return ext4_corrupt(fs, dir->i_ino, 0, "block %u of the directory is a hole", lblk);
	if (iocache_test(*ret, IOCACHE_BUF_VERIFIED))
		return 0;
	if (!ext2fs_dir_block_csum_verify(&fs->super->csum, dir->i_csum_seed, (*ret)->b_data)) {
		err = ext4_bad_csum(fs, dir->i_ino, (*ret)->b_blocknr, "a directory block");
		iocache_put(*ret);
		*ret = NULL;
		return err;
	}
	iocache_set(*ret, IOCACHE_BUF_VERIFIED);
	return 0;
}

int ext4_dirty_leaf(handle_t *handle, struct ext4_inode *dir, struct iocache_buf *buf)
{
	ext2fs_dir_block_csum_set(&dir->i_fs->super->csum, dir->i_csum_seed, buf->b_data);
	return ext4_dirty(handle, buf);
}

void ext4_init_leaf(struct ext4_inode *dir, struct iocache_buf *buf)
{
	struct ext4_area area = ext4_leaf_area(dir, buf);

	ext4_area_clear(&area);
	if (dir->i_fs->metadata_csum)
		ext2fs_dir_block_init_tail(&dir->i_fs->super->csum, buf->b_data);
	iocache_set(buf, IOCACHE_BUF_VERIFIED);
}

int ext4_append_block(handle_t *handle, struct ext4_inode *dir, uint32_t *lblk, struct iocache_buf **ret)
{
	bool created;
	int err;

	*lblk = ext4_dir_blocks(dir);
	if (*lblk > EXT2_DX_BLOCK_MASK)
		return -ENOSPC;
	err = ext4_bread_inode(handle, dir, *lblk, &created, ret);
	if (err)
		return err;
	if (!created) {
		iocache_put(*ret);
		*ret = NULL;
		return ext4_corrupt(dir->i_fs, dir->i_ino, 0, "the directory has a block past its end");
	}
	ext4_isize_set(dir, ext4_isize(dir) + dir->i_fs->block_size);
	/* The size goes with the block, whatever becomes of the rest of the operation. */
	err = ext4_mark_inode_dirty(handle, dir);
	if (err) {
		iocache_put(*ret);
		*ret = NULL;
	}
	return err;
}

/* ---- directories that are a list of blocks ---- */

static void list_readahead(struct ext4_inode *dir, uint32_t lblk)
{
	uint32_t n = ext4_dir_blocks(dir), i = 0;
	blk64_t blks[LIST_READAHEAD];
	struct ext4_map map;

	if (lblk % LIST_READAHEAD || n == 1)
		return;
	while (i < LIST_READAHEAD && lblk + i < n) {
		map = (struct ext4_map){ .lblk = lblk + i, .len = 1 };
		if (ext4_map_blocks(dir, &map) || !map.pblk)
			break;
		blks[i++] = map.pblk;
	}
	iocache_readahead(dir->i_fs->cache, blks, i);
}

static int list_find(struct ext4_inode *dir, const struct ext4_name *name, struct iocache_buf **buf,
		     struct ext2_dir_entry_2 **de, struct ext2_dir_entry_2 **prev)
{
	uint32_t lblk, n = ext4_dir_blocks(dir);
	struct ext4_area area;
	int err;

	for (lblk = 0; lblk < n; lblk++) {
		list_readahead(dir, lblk);
		err = ext4_read_leaf(dir, lblk, buf);
		if (err)
			return err;
		area = ext4_leaf_area(dir, *buf);
		err = ext4_area_find(&area, name, de, prev);
		if (err != -ENOENT) {
			if (err)
				iocache_put(*buf);
			return err;
		}
		iocache_put(*buf);
	}
	return -ENOENT;
}

int ext4_insert_in_leaf(handle_t *handle, struct ext4_inode *dir, struct iocache_buf *buf,
			const struct ext4_name *name, uint32_t ino, uint8_t ftype)
{
	struct ext4_area area = ext4_leaf_area(dir, buf);
	int err = ext4_area_has_room(&area, name->len);

	if (err <= 0)
		return err ? err : -ENOSPC;
	err = ext4_write_access(handle, buf);
	if (!err)
		err = ext4_area_insert(&area, name, ino, ftype);
	return err ? err : ext4_dirty_leaf(handle, dir, buf);
}

static int list_append(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t ino,
		       uint8_t ftype)
{
	struct iocache_buf *buf;
	struct ext4_area area;
	uint32_t lblk;
	int err;

	err = ext4_append_block(handle, dir, &lblk, &buf);
	if (err)
		return err;
	ext4_init_leaf(dir, buf);
	area = ext4_leaf_area(dir, buf);
	err = ext4_area_insert(&area, name, ino, ftype);
	if (!err)
		err = ext4_dirty_leaf(handle, dir, buf);
	iocache_put(buf);
	return err;
}

static int list_insert(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t ino,
		       uint8_t ftype)
{
	uint32_t lblk, n = ext4_dir_blocks(dir);
	struct iocache_buf *buf;
	int err;

	/* An index that is not kept up to date must not be believed later. */
	dir->i_flags &= ~EXT2_INDEX_FL;
	for (lblk = 0; lblk < n; lblk++) {
		list_readahead(dir, lblk);
		err = ext4_read_leaf(dir, lblk, &buf);
		if (err)
			return err;
		err = ext4_insert_in_leaf(handle, dir, buf, name, ino, ftype);
		iocache_put(buf);
		if (err != -ENOSPC)
			return err;
	}
	if (n != 1 || !ext2fs_has_feature_dir_index(dir->i_fs->sb))
		return list_append(handle, dir, name, ino, ftype);
	err = ext4_dx_make(handle, dir);
	return err ? err : ext4_dx_insert(handle, dir, name, ino, ftype);
}

/* ---- inline directories: two areas, copied out and back ---- */

struct inline_dir {
	char			*buf;
	uint32_t		max;		/* how much the inode can hold */
	struct ext4_area	area[2];
};

static int inline_open(struct ext4_inode *dir, struct inline_dir *in)
{
	int len = ext4_inline_max(dir, &in->max);
	size_t split;

	if (len)
		return len;
	in->buf = calloc(1, in->max + EXT4_MIN_INLINE_DATA_SIZE);
	if (!in->buf)
		return -ENOMEM;
	len = ext4_inline_dir_load(dir, in->buf, in->max, &split);
	if (len < 0) {
		free(in->buf);
		return len;
	}
	in->area[0] = (struct ext4_area){ dir, in->buf, split, 0 };
	in->area[1] = (struct ext4_area){ dir, in->buf + split, len - split, 0 };
	return 0;
}

static int inline_find(struct ext4_inode *dir, const struct ext4_name *name, struct inline_dir *in, int *which,
		       struct ext2_dir_entry_2 **de, struct ext2_dir_entry_2 **prev)
{
	int err = inline_open(dir, in);

	if (err)
		return err;
	*which = 0;
	err = ext4_area_find(&in->area[0], name, de, prev);
	if (err == -ENOENT) {
		*which = 1;
		err = ext4_area_find(&in->area[1], name, de, prev);
	}
	if (err)
		free(in->buf);
	return err;
}

static int inline_store(handle_t *handle, struct ext4_inode *dir, struct inline_dir *in)
{
	return ext4_inline_dir_store(handle, dir, in->buf, in->area[0].size + in->area[1].size);
}

/* The second part grows to all that the inode can hold: the new room becomes a free entry at its end. */
static bool inline_grow(struct ext4_inode *dir, struct inline_dir *in)
{
	unsigned int max = in->max - EXT4_INLINE_DATA_DOTDOT_SIZE;
	unsigned int old = in->area[1].size, room;
	struct ext4_area added;

	if (max <= in->area[0].size + old)
		return false;
	room = (max - in->area[0].size - old) & ~(EXT2_DIR_PAD - 1);
	if (room < EXT2_DIR_REC_LEN(1))
		return false;
	added = (struct ext4_area){ dir, in->area[1].base + old, room, 0 };
	ext4_area_clear(&added);
	in->area[1].size = old + room;
	return true;
}

/* -ENOSPC: it must become a block. */
static int inline_insert(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t ino,
			 uint8_t ftype)
{
	struct inline_dir in;
	int err = inline_open(dir, &in);

	if (err)
		return err;
	err = ext4_area_insert(&in.area[0], name, ino, ftype);
	if (err == -ENOSPC)
		err = ext4_area_insert(&in.area[1], name, ino, ftype);
	if (err == -ENOSPC && inline_grow(dir, &in))
		err = ext4_area_insert(&in.area[1], name, ino, ftype);
	if (!err)
		err = inline_store(handle, dir, &in);
	free(in.buf);
	return err;
}

/* ---- all forms ---- */

static int block_find(struct ext4_inode *dir, const struct ext4_name *name, struct iocache_buf **buf,
		      struct ext2_dir_entry_2 **de, struct ext2_dir_entry_2 **prev)
{
	if (ext4_is_indexed(dir))
		return ext4_dx_find(dir, name, buf, de, prev);
	return list_find(dir, name, buf, de, prev);
}

int ext4_find_entry(struct ext4_inode *dir, const char *name, size_t len, uint32_t *ino, uint8_t *ftype)
{
	struct ext4_name n = { name, len };
	struct ext2_dir_entry_2 *de, *prev;
	struct iocache_buf *buf;
	struct inline_dir in;
	int err, which;

	if (ext4_has_inline_data(dir))
		err = inline_find(dir, &n, &in, &which, &de, &prev);
	else
		err = block_find(dir, &n, &buf, &de, &prev);
	if (err)
		return err;
	*ino = le32_to_cpu(de->inode);
	*ftype = de->file_type;
	if (ext4_has_inline_data(dir))
		free(in.buf);
	else
		iocache_put(buf);
	return 0;
}

static int touch_dir(handle_t *handle, struct ext4_inode *dir)
{
	ext4_inode_touch(dir, true);
	return ext4_mark_inode_dirty(handle, dir);
}

int ext4_add_entry(handle_t *handle, struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint16_t mode)
{
	uint8_t ftype = ext4_ftype(dir->i_fs, mode);
	struct ext4_name n = { name, len };
	int err;

	if (ext4_has_inline_data(dir)) {
		err = inline_insert(handle, dir, &n, ino, ftype);
		if (err != -ENOSPC)
			return err ? err : touch_dir(handle, dir);
		err = ext4_inline_convert(handle, dir);
		if (err)
			return err;
	}
	if (ext4_is_indexed(dir))
		err = ext4_dx_insert(handle, dir, &n, ino, ftype);
	else
		err = list_insert(handle, dir, &n, ino, ftype);
	return err ? err : touch_dir(handle, dir);
}

/* Change one entry in place; @change gets it with what it lies in. */
typedef void (*change_fn)(const struct ext4_area *area, struct ext2_dir_entry_2 *de, struct ext2_dir_entry_2 *prev,
			  void *data);

static int change_inline(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t expect,
			 change_fn change, void *data)
{
	struct ext2_dir_entry_2 *de, *prev;
	struct inline_dir in;
	int err, which;

	err = inline_find(dir, name, &in, &which, &de, &prev);
	if (err)
		return err;
	if (expect && le32_to_cpu(de->inode) != expect) {
		err = -ENOENT;
	} else {
		change(&in.area[which], de, prev, data);
		err = inline_store(handle, dir, &in);
	}
	free(in.buf);
	return err;
}

static int change_block(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t expect,
			change_fn change, void *data)
{
	struct ext2_dir_entry_2 *de, *prev;
	struct iocache_buf *buf;
	struct ext4_area area;
	int err;

	err = block_find(dir, name, &buf, &de, &prev);
	if (err)
		return err;
	area = ext4_leaf_area(dir, buf);
	err = expect && le32_to_cpu(de->inode) != expect ? -ENOENT : ext4_write_access(handle, buf);
	if (!err) {
		change(&area, de, prev, data);
		err = ext4_dirty_leaf(handle, dir, buf);
	}
	iocache_put(buf);
	return err;
}

static int change_entry(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t expect,
			change_fn change, void *data)
{
	int err;

	if (ext4_has_inline_data(dir))
		err = change_inline(handle, dir, name, expect, change, data);
	else
		err = change_block(handle, dir, name, expect, change, data);
	return err ? err : touch_dir(handle, dir);
}

static void remove_entry(const struct ext4_area *area, struct ext2_dir_entry_2 *de, struct ext2_dir_entry_2 *prev,
			 void *data __attribute__((unused)))
{
	ext4_area_delete(area, de, prev);
}

int ext4_delete_entry(handle_t *handle, struct ext4_inode *dir, const char *name, size_t len, uint32_t ino)
{
	return change_entry(handle, dir, &(struct ext4_name){ name, len }, ino, remove_entry, NULL);
}

struct target {
	uint32_t	ino;
	uint8_t		ftype;
};

static void retarget(const struct ext4_area *area __attribute__((unused)), struct ext2_dir_entry_2 *de,
		     struct ext2_dir_entry_2 *prev __attribute__((unused)), void *data)
{
	const struct target *t = data;

	de->inode = cpu_to_le32(t->ino);
	de->file_type = t->ftype;
}

int ext4_set_entry(handle_t *handle, struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint16_t mode)
{
	struct target t = { ino, ext4_ftype(dir->i_fs, mode) };

	return change_entry(handle, dir, &(struct ext4_name){ name, len }, 0, retarget, &t);
}

/* ---- "." and "..", and emptiness ---- */

int ext4_init_dir(handle_t *handle, struct ext4_inode *dir, uint32_t parent)
{
	struct ext4_fs *fs = dir->i_fs;
	struct iocache_buf *buf;
	struct ext4_area area;
	uint32_t lblk;
	int err;

	if (ext4_has_inline_data(dir)) {
		dir->i_block[0] = cpu_to_le32(parent);
		area = (struct ext4_area){ dir, (char *)&dir->i_block[1],
					   sizeof(dir->i_block) - EXT4_INLINE_DATA_DOTDOT_SIZE, 0 };
		ext4_area_clear(&area);
		ext4_isize_set(dir, sizeof(dir->i_block));
		return ext4_mark_inode_dirty(handle, dir);
	}
	err = ext4_append_block(handle, dir, &lblk, &buf);
	if (err)
		return err;
	ext4_init_leaf(dir, buf);
	area = ext4_leaf_area(dir, buf);
	ext4_area_insert(&area, &(struct ext4_name){ ".", 1 }, dir->i_ino, ext4_ftype(fs, S_IFDIR));
	ext4_area_insert(&area, &(struct ext4_name){ "..", 2 }, parent, ext4_ftype(fs, S_IFDIR));
	err = ext4_dirty_leaf(handle, dir, buf);
	iocache_put(buf);
	return err ? err : ext4_mark_inode_dirty(handle, dir);
}

/* Block 0, be it a leaf or an index root, and its entry "..". */
static int find_dotdot(struct ext4_inode *dir, struct iocache_buf **buf, struct ext2_dir_entry_2 **de)
{
	struct ext4_area area;
	unsigned int next;
	int err;

	err = ext4_bread_inode(NULL, dir, 0, NULL, buf);
	if (!err && !*buf)
		err = ext4_corrupt(dir->i_fs, dir->i_ino, 0, "the directory has no first block");
	if (err)
		return err;
	area = (struct ext4_area){ dir, (*buf)->b_data, dir->i_fs->block_size, (*buf)->b_blocknr };
	err = ext4_area_entry(&area, 0, de, &next);
	if (!err && next < area.size)
		err = ext4_area_entry(&area, next, de, &next);
	if (!err && ((*de)->name_len != 2 || memcmp((*de)->name, "..", 2) || !(*de)->inode))
		err = ext4_corrupt(dir->i_fs, dir->i_ino, area.blk, "the directory has no \"..\"");
	if (err)
		iocache_put(*buf);
	return err;
}

int ext4_parent_ino(struct ext4_inode *dir, uint32_t *parent)
{
	struct ext2_dir_entry_2 *de;
	struct iocache_buf *buf;
	int err;

	if (ext4_has_inline_data(dir)) {
		*parent = le32_to_cpu(dir->i_block[0]);
		return 0;
	}
	err = find_dotdot(dir, &buf, &de);
	if (err)
		return err;
	*parent = le32_to_cpu(de->inode);
	iocache_put(buf);
	return 0;
}

int ext4_set_parent(handle_t *handle, struct ext4_inode *dir, uint32_t parent)
{
	struct ext2_dir_entry_2 *de;
	struct iocache_buf *buf;
	int err;

	if (ext4_has_inline_data(dir)) {
		dir->i_block[0] = cpu_to_le32(parent);
		return ext4_mark_inode_dirty(handle, dir);
	}
	err = find_dotdot(dir, &buf, &de);
	if (err)
		return err;
	err = ext4_write_access(handle, buf);
	if (!err) {
		de->inode = cpu_to_le32(parent);
		de->file_type = ext4_ftype(dir->i_fs, S_IFDIR);
		err = ext4_is_indexed(dir) ? ext4_dx_dirty_root(handle, dir, buf) : ext4_dirty_leaf(handle, dir, buf);
	}
	iocache_put(buf);
	return err;
}

/* 1 when @area holds no names but "." and "..". */
static int area_empty(const struct ext4_area *area)
{
	struct ext2_dir_entry_2 *de;
	unsigned int off, next;
	int err;

	for (off = 0; off < area->size; off = next) {
		err = ext4_area_entry(area, off, &de, &next);
		if (err)
			return err;
		if (de->inode && !ext4_is_dot(de))
			return 0;
	}
	return 1;
}

static int inline_empty(struct ext4_inode *dir)
{
	struct inline_dir in;
	int err = inline_open(dir, &in);

	if (err)
		return err;
	err = area_empty(&in.area[0]);
	if (err == 1)
		err = area_empty(&in.area[1]);
	free(in.buf);
	return err;
}

/* Index blocks look like leaves with one free entry, so one walk serves both; their checksums are not leaves'. */
int ext4_dir_empty(struct ext4_inode *dir)
{
	uint32_t lblk, n = ext4_dir_blocks(dir);
	struct iocache_buf *buf;
	struct ext4_area area;
	int err;

	if (ext4_has_inline_data(dir))
		return inline_empty(dir);
	for (lblk = 0; lblk < n; lblk++) {
		err = ext4_bread_inode(NULL, dir, lblk, NULL, &buf);
		if (!err && !buf)
			err = ext4_corrupt(dir->i_fs, dir->i_ino, 0, "block %u of the directory is a hole", lblk);
		if (err)
			return err;
		area = (struct ext4_area){ dir, buf->b_data, dir->i_fs->block_size, buf->b_blocknr };
		err = area_empty(&area);
		iocache_put(buf);
		if (err != 1)
			return err;
	}
	return 1;
}
