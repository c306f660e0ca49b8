/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries within one stretch of a directory.  Each step checks what it reads:
 * two directories of a damaged file system may share a block, so that a
 * check when it was read is no promise.
 */
#include "ext4/dir_i.h"

static unsigned int rec_len(const struct ext4_area *area, const struct ext2_dir_entry_2 *de)
{
	return ext2fs_rec_len_from_disk(de->rec_len, area->dir->i_fs->block_size);
}

static void set_rec_len(const struct ext4_area *area, struct ext2_dir_entry_2 *de, unsigned int len)
{
	de->rec_len = ext2fs_rec_len_to_disk(len, area->dir->i_fs->block_size);
}

int ext4_area_entry(const struct ext4_area *area, unsigned int off, struct ext2_dir_entry_2 **ret,
		    unsigned int *next)
{
	struct ext2_dir_entry_2 *de = (struct ext2_dir_entry_2 *)(area->base + off);
	struct ext4_inode *dir = area->dir;
	unsigned int len;

	if (area->size - off < EXT2_DIR_ENTRY_HEADER_LEN)
		return ext4_corrupt(dir->i_fs, dir->i_ino, area->blk, "an entry at %u is cut off", off);
	len = rec_len(area, de);
	if (len % EXT2_DIR_PAD || len < EXT2_DIR_REC_LEN(de->inode ? de->name_len : 0) || len > area->size - off)
		return ext4_corrupt(dir->i_fs, dir->i_ino, area->blk, "the entry at %u has length %u", off, len);
	if (de->inode && (!de->name_len || le32_to_cpu(de->inode) > dir->i_fs->inodes_count))
		return ext4_corrupt(dir->i_fs, dir->i_ino, area->blk, "the entry at %u has no name or inode %u", off,
				    le32_to_cpu(de->inode));
	*ret = de;
	*next = off + len;
	return 0;
}

int ext4_area_find(const struct ext4_area *area, const struct ext4_name *name, struct ext2_dir_entry_2 **ret,
		   struct ext2_dir_entry_2 **prev)
{
	struct ext2_dir_entry_2 *de, *last = NULL;
	unsigned int off, next;
	int err;

	for (off = 0; off < area->size; off = next) {
		err = ext4_area_entry(area, off, &de, &next);
		if (err)
			return err;
		if (de->inode && de->name_len == name->len && !memcmp(de->name, name->name, name->len)) {
			*ret = de;
			*prev = last;
			return 0;
		}
		last = de;
	}
	return -ENOENT;
}

/* Bytes that an entry really needs. */
static unsigned int used_len(const struct ext2_dir_entry_2 *de)
{
	return de->inode ? EXT2_DIR_REC_LEN(de->name_len) : 0;
}

/* 1 with the entry whose slack takes @need bytes, 0, or an error. */
static int find_room(const struct ext4_area *area, unsigned int need, struct ext2_dir_entry_2 **ret)
{
	unsigned int off, next;
	int err;

	for (off = 0; off < area->size; off = next) {
		err = ext4_area_entry(area, off, ret, &next);
		if (err)
			return err;
		if (next - off - used_len(*ret) >= need)
			return 1;
	}
	return 0;
}

int ext4_area_has_room(const struct ext4_area *area, size_t len)
{
	struct ext2_dir_entry_2 *de;

	return find_room(area, EXT2_DIR_REC_LEN(len), &de);
}

int ext4_area_insert(const struct ext4_area *area, const struct ext4_name *name, uint32_t ino, uint8_t ftype)
{
	unsigned int need = EXT2_DIR_REC_LEN(name->len), used, len;
	struct ext2_dir_entry_2 *de;
	int found = find_room(area, need, &de);

	if (found <= 0)
		return found ? found : -ENOSPC;
	used = used_len(de);
	len = rec_len(area, de);
	if (used) {
		set_rec_len(area, de, used);
		de = (struct ext2_dir_entry_2 *)((char *)de + used);
	}
	set_rec_len(area, de, len - used);
	de->inode = cpu_to_le32(ino);
	de->name_len = name->len;
	de->file_type = ftype;
	memcpy(de->name, name->name, name->len);
	return 0;
}

void ext4_area_delete(const struct ext4_area *area, struct ext2_dir_entry_2 *de, struct ext2_dir_entry_2 *prev)
{
	if (prev)
		set_rec_len(area, prev, rec_len(area, prev) + rec_len(area, de));
	/* The name of a deleted file does not stay readable on the device. */
	memset(de->name, 0, de->name_len);
	de->inode = 0;
	de->name_len = 0;
	de->file_type = 0;
}

void ext4_area_clear(const struct ext4_area *area)
{
	struct ext2_dir_entry_2 *de = (struct ext2_dir_entry_2 *)area->base;

	memset(area->base, 0, area->size);
	set_rec_len(area, de, area->size);
}

uint8_t ext4_ftype(const struct ext4_fs *fs, uint16_t mode)
{
	if (!ext2fs_has_feature_filetype(fs->sb))
		return EXT2_FT_UNKNOWN;
	switch (mode & S_IFMT) {
	case S_IFREG:
		return EXT2_FT_REG_FILE;
	case S_IFDIR:
		return EXT2_FT_DIR;
	case S_IFLNK:
		return EXT2_FT_SYMLINK;
	case S_IFCHR:
		return EXT2_FT_CHRDEV;
	case S_IFBLK:
		return EXT2_FT_BLKDEV;
	case S_IFIFO:
		return EXT2_FT_FIFO;
	case S_IFSOCK:
		return EXT2_FT_SOCK;
	default:
		return EXT2_FT_UNKNOWN;
	}
}
