/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data inside the inode: the first 60 bytes in i_block, more in the attribute
 * "system.data" behind the extra fields.  The attribute exists, if only empty,
 * for as long as the data is inline.
 */
#include <stdlib.h>
#include "ext4/data_i.h"
#include "ext4/dir_i.h"
#include "ext4/xattr_i.h"

#define IN_BLOCK	EXT4_MIN_INLINE_DATA_SIZE

/* ---- the attribute ---- */

static int set_data(handle_t *handle, struct ext4_inode *inode, const void *value, size_t size)
{
	return ext4_xattr_set(handle, inode, EXT2_EXT_ATTR_INDEX_SYSTEM, EXT4_EXT_ATTR_SYSTEM_DATA, value, size, 0);
}

/* Into @buf of @size bytes; what is missing becomes zeroes. */
static int get_data(struct ext4_inode *inode, void *buf, size_t size)
{
	struct ext4_xattr_item *item;
	struct ext4_xattr_list list;
	int err = ext4_xattr_body_load(inode, &list);

	if (err)
		return err;
	memset(buf, 0, size);
	item = ext4_xattr_find(&list, EXT2_EXT_ATTR_INDEX_SYSTEM, EXT4_EXT_ATTR_SYSTEM_DATA);
	if (!item || item->inum)
		err = ext4_corrupt(inode->i_fs, inode->i_ino, 0, "inline data without its attribute");
	else
		memcpy(buf, item->value, item->size < size ? item->size : size);
	ext4_xattr_list_free(&list);
	return err;
}

static int data_size(struct ext4_inode *inode)
{
	struct ext4_xattr_item *item;
	struct ext4_xattr_list list;
	int size = ext4_xattr_body_load(inode, &list);

	if (size)
		return size;
	item = ext4_xattr_find(&list, EXT2_EXT_ATTR_INDEX_SYSTEM, EXT4_EXT_ATTR_SYSTEM_DATA);
	size = item ? (int)item->size : -EUCLEAN;
	ext4_xattr_list_free(&list);
	return size == -EUCLEAN ? ext4_corrupt(inode->i_fs, inode->i_ino, 0, "inline data without its attribute") :
	       size;
}

/* The room that other attributes leave for this one. */
int ext4_inline_max(struct ext4_inode *inode, uint32_t *max)
{
	size_t have = ext4_xattr_body_size(inode), used;
	struct ext4_xattr_item *item;
	struct ext4_xattr_list list;
	int err = ext4_xattr_body_load(inode, &list);

	*max = IN_BLOCK;
	if (err)
		return err;
	item = ext4_xattr_find(&list, EXT2_EXT_ATTR_INDEX_SYSTEM, EXT4_EXT_ATTR_SYSTEM_DATA);
	if (item)
		ext4_xattr_list_remove(&list, item);
	used = ext4_xattr_list_size(&list) + EXT2_EXT_ATTR_LEN(strlen(EXT4_EXT_ATTR_SYSTEM_DATA));
	ext4_xattr_list_free(&list);
	if (have > used)
		*max += (have - used) & ~(size_t)EXT2_EXT_ATTR_ROUND;
	return 0;
}

/* ---- reading ---- */

int ext4_inline_read(struct ext4_inode *inode, void *buf, size_t len, uint64_t off)
{
	uint64_t size = ext4_isize(inode);
	char *all;
	int err = 0;

	if (off >= size || size > IN_BLOCK + inode->i_fs->inode_size)
		return ext4_corrupt(inode->i_fs, inode->i_ino, 0, "inline data of %llu bytes cannot be",
				    (unsigned long long)size);
	all = calloc(1, IN_BLOCK + size);
	if (!all)
		return -ENOMEM;
	memcpy(all, inode->i_block, IN_BLOCK);
	if (size > IN_BLOCK)
		err = get_data(inode, all + IN_BLOCK, size - IN_BLOCK);
	if (!err)
		memcpy(buf, all + off, len < size - off ? len : size - off);
	free(all);
	return err;
}

/* ---- beginning ---- */

static int begin(handle_t *handle, struct ext4_inode *inode)
{
	static const char empty;
	int err;

	err = set_data(handle, inode, &empty, 0);
	if (err)
		return err;
	inode->i_flags &= ~EXT4_EXTENTS_FL;
	inode->i_flags |= EXT4_INLINE_DATA_FL;
	memset(inode->i_block, 0, sizeof(inode->i_block));
	ext4_es_drop(inode);
	return 0;
}

static bool has_room(const struct ext4_inode *inode)
{
	return ext2fs_has_feature_inline_data(inode->i_fs->sb) && ext4_xattr_body_size(inode) > 0;
}

bool ext4_inline_may_begin(const struct ext4_inode *inode)
{
	return has_room(inode) && S_ISREG(inode->i_type) && !ext4_isize(inode) &&
	       inode->i_blocks == (inode->i_file_acl ? inode->i_fs->block_size >> 9 : 0) &&
	       !(inode->i_flags & EXT4_EA_INODE_FL);
}

int ext4_inline_init(handle_t *handle, struct ext4_inode *inode)
{
	int err = has_room(inode) ? begin(handle, inode) : 0;

	return err == -ENOSPC ? 0 : err;
}

/* ---- writing ---- */

/* @all: the whole content, at least IN_BLOCK bytes, of @size. */
static int store(handle_t *handle, struct ext4_inode *inode, const char *all, uint64_t size)
{
	int err = set_data(handle, inode, all + IN_BLOCK, size > IN_BLOCK ? size - IN_BLOCK : 0);

	if (err)
		return err;
	memcpy(inode->i_block, all, IN_BLOCK);
	ext4_isize_set(inode, size);
	return ext4_mark_inode_dirty(handle, inode);
}

static int load_all(struct ext4_inode *inode, char *all, size_t room)
{
	uint64_t size = ext4_isize(inode);

	if (size > room)
		return ext4_corrupt(inode->i_fs, inode->i_ino, 0, "inline data is larger than its room");
	return size ? ext4_inline_read(inode, all, size, 0) : 0;
}

int ext4_inline_write(handle_t *handle, struct ext4_inode *inode, const void *buf, size_t len, uint64_t off)
{
	uint64_t size = ext4_isize(inode), end = off + len;
	uint32_t room;
	char *all;
	int err = ext4_inline_max(inode, &room);

	if (err || end > room)
		return err;
	if (!ext4_has_inline_data(inode)) {
		err = begin(handle, inode);
		if (err)
			return err == -ENOSPC ? 0 : err;
	}
	all = calloc(1, room + IN_BLOCK);
	if (!all)
		return -ENOMEM;
	err = load_all(inode, all, room);
	if (!err) {
		memcpy(all + off, buf, len);
		err = store(handle, inode, all, end > size ? end : size);
	}
	free(all);
	return err ? err : 1;
}

int ext4_inline_truncate(handle_t *handle, struct ext4_inode *inode, uint64_t size)
{
	uint64_t old = ext4_isize(inode);
	uint32_t room;
	char *all;
	int err = ext4_inline_max(inode, &room);

	if (err || size > room)
		return err ? err : -EFBIG;
	all = calloc(1, room + IN_BLOCK);
	if (!all)
		return -ENOMEM;
	err = load_all(inode, all, room);
	if (!err) {
		if (size < old)
			memset(all + size, 0, old - size);
		err = store(handle, inode, all, size);
	}
	free(all);
	return err;
}

/* ---- moving out ---- */

int ext4_inline_end(handle_t *handle, struct ext4_inode *inode)
{
	int err = set_data(handle, inode, NULL, 0);

	if (err && err != -ENODATA)
		return err;
	inode->i_flags &= ~EXT4_INLINE_DATA_FL;
	memset(inode->i_block, 0, sizeof(inode->i_block));
	if (inode->i_fs->extents) {
		inode->i_flags |= EXT4_EXTENTS_FL;
		ext4_ext_init(inode);
	}
	return 0;
}

static int convert_journaled(handle_t *handle, struct ext4_inode *inode, const char *all, uint64_t size)
{
	struct iocache_buf *buf;
	bool created;
	int err = ext4_inline_end(handle, inode);

	if (!err && size) {
		err = ext4_bread_inode(handle, inode, 0, &created, &buf);
		if (err)
			return err;
		memcpy(buf->b_data, all, size);
		err = ext4_dirty(handle, buf);
		iocache_put(buf);
	}
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

/* The block is got and written before anything changes, so that failure changes nothing. */
static int convert_file(handle_t *handle, struct ext4_inode *inode, const char *all, uint64_t size)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext4_resv resv;
	int err;

	if (ext4_journals_data(inode))
		return convert_journaled(handle, inode, all, size);
	if (!size) {
		err = ext4_inline_end(handle, inode);
		return err ? err : ext4_mark_inode_dirty(handle, inode);
	}
	err = ext4_resv_get(fs, ext4_inode_goal(inode), 1,
			    EXT4_ALLOC_PACK | EXT4_ALLOC_PRIVILEGED | (fs->extents ? 0 : EXT4_ALLOC_32BIT), &resv);
	if (err)
		return err;
	err = ext4_write_run(fs, resv.start, 0, size, all, true);
	if (err) {
		ext4_resv_release(fs, resv.start, resv.len);
		return err;
	}
	err = ext4_resv_commit(handle, fs, resv.start, resv.len);
	if (!err)
		err = ext4_inline_end(handle, inode);
	if (!err)
		err = ext4_map_insert(handle, inode, 0, resv.start, 1, false);
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

/* Copy the names of an inline directory into a leaf that has "." and ".." already. */
static int copy_names(struct ext4_inode *dir, struct ext4_area *from, struct ext4_area *to)
{
	struct ext2_dir_entry_2 *de;
	unsigned int off, next;
	int err;

	for (off = 0; off < from->size; off = next) {
		err = ext4_area_entry(from, off, &de, &next);
		if (!err && de->inode)
			err = ext4_area_insert(to, &(struct ext4_name){ de->name, de->name_len },
					       le32_to_cpu(de->inode), de->file_type);
		if (err == -ENOSPC)
			err = ext4_corrupt(dir->i_fs, dir->i_ino, 0, "an inline directory is larger than a block");
		if (err)
			return err;
	}
	return 0;
}

static int convert_dir(handle_t *handle, struct ext4_inode *dir, char *all, size_t split, size_t len)
{
	uint32_t parent = le32_to_cpu(dir->i_block[0]);
	struct ext4_area part[2] = { { dir, all, split, 0 }, { dir, all + split, len - split, 0 } }, leaf;
	struct iocache_buf *buf;
	int err;

	err = ext4_inline_end(handle, dir);
	if (err)
		return err;
	ext4_isize_set(dir, 0);
	err = ext4_init_dir(handle, dir, parent);
	if (!err)
		err = ext4_read_leaf(dir, 0, &buf);
	if (err)
		return err;
	leaf = ext4_leaf_area(dir, buf);
	err = copy_names(dir, &part[0], &leaf);
	if (!err)
		err = copy_names(dir, &part[1], &leaf);
	if (!err)
		err = ext4_dirty_leaf(handle, dir, buf);
	iocache_put(buf);
	return err ? err : ext4_mark_inode_dirty(handle, dir);
}

/* After a failure in the middle: all is as it was. */
static void go_back(handle_t *handle, struct ext4_inode *inode, const __le32 *i_block, uint32_t flags, uint64_t size,
		    const char *rest, size_t rest_len)
{
	inode->i_flags = flags;
	memcpy(inode->i_block, i_block, sizeof(inode->i_block));
	ext4_isize_set(inode, size);
	ext4_es_drop(inode);
	set_data(handle, inode, rest, rest_len);
	ext4_mark_inode_dirty(handle, inode);
}

int ext4_inline_convert(handle_t *handle, struct ext4_inode *inode)
{
	__le32 i_block[EXT2_N_BLOCKS];
	uint32_t flags = inode->i_flags;
	uint64_t size = ext4_isize(inode);
	int rest = data_size(inode), err;
	size_t split;
	char *all;

	if (rest < 0)
		return rest;
	memcpy(i_block, inode->i_block, sizeof(i_block));
	all = calloc(1, 2 * IN_BLOCK + rest + size);
	if (!all)
		return -ENOMEM;
	if (S_ISDIR(inode->i_type)) {
		err = ext4_inline_dir_load(inode, all, IN_BLOCK + rest, &split);
		if (err >= 0)
			err = convert_dir(handle, inode, all, split, err);
		split = IN_BLOCK - EXT4_INLINE_DATA_DOTDOT_SIZE;
	} else {
		err = load_all(inode, all, IN_BLOCK + rest);
		if (!err)
			err = convert_file(handle, inode, all, size);
		split = IN_BLOCK;
	}
	if (err)
		go_back(handle, inode, i_block, flags, size, all + split, rest);
	free(all);
	return err;
}

int ext4_leave_inline(struct ext4_inode *inode)
{
	handle_t *handle;
	int err;

	if (!ext4_has_inline_data(inode))
		return 0;
	err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_MAP + EXT4_CREDITS_XATTR + EXT4_CREDITS_INODE, &handle);
	return err ? err : ext4_journal_stop(handle, ext4_inline_convert(handle, inode));
}

/* ---- directories ---- */

int ext4_inline_dir_load(struct ext4_inode *dir, void *buf, size_t size, size_t *split)
{
	int rest = data_size(dir), err;

	if (rest < 0)
		return rest;
	*split = IN_BLOCK - EXT4_INLINE_DATA_DOTDOT_SIZE;
	if (*split + rest > size)
		return ext4_corrupt(dir->i_fs, dir->i_ino, 0, "an inline directory is larger than its room");
	memcpy(buf, &dir->i_block[1], *split);
	err = rest ? get_data(dir, (char *)buf + *split, rest) : 0;
	return err ? err : (int)*split + rest;
}

int ext4_inline_dir_store(handle_t *handle, struct ext4_inode *dir, const void *buf, size_t size)
{
	size_t split = IN_BLOCK - EXT4_INLINE_DATA_DOTDOT_SIZE;
	int err = set_data(handle, dir, (const char *)buf + split, size - split);

	if (err)
		return err;
	memcpy(&dir->i_block[1], buf, split);
	ext4_isize_set(dir, EXT4_INLINE_DATA_DOTDOT_SIZE + size);
	return ext4_mark_inode_dirty(handle, dir);
}
