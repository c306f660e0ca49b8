/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files about directories share.  An "area" is a stretch of entries
 * that chain by rec_len: a leaf block without its checksum tail, or one of the
 * two parts of an inline directory.
 */
#ifndef EXT4_DIR_I_H
#define EXT4_DIR_I_H

#include "ext4/ext4_i.h"

struct ext4_area {
	struct ext4_inode	*dir;
	char			*base;
	unsigned int		size;	/* bytes */
	blk64_t			blk;	/* for messages; 0 = inline */
};

struct ext4_name {
	const char	*name;
	size_t		len;
};

/* dir_area.c */
/* The entry at @off, checked to lie inside; -EUCLEAN.  *next is where the one after begins. */
int ext4_area_entry(const struct ext4_area *area, unsigned int off, struct ext2_dir_entry_2 **de, unsigned int *next);
/* Find @name: 0 with *de and the entry before it (*prev, NULL for the first), -ENOENT. */
int ext4_area_find(const struct ext4_area *area, const struct ext4_name *name, struct ext2_dir_entry_2 **de,
		   struct ext2_dir_entry_2 **prev);
/* Put an entry where there is room: 0, -ENOSPC when there is none. */
int ext4_area_insert(const struct ext4_area *area, const struct ext4_name *name, uint32_t ino, uint8_t ftype);
/* Is there room for a name of @len bytes? 1, 0 or an error. */
int ext4_area_has_room(const struct ext4_area *area, size_t len);
void ext4_area_delete(const struct ext4_area *area, struct ext2_dir_entry_2 *de, struct ext2_dir_entry_2 *prev);
/* One free entry that fills all. */
void ext4_area_clear(const struct ext4_area *area);
uint8_t ext4_ftype(const struct ext4_fs *fs, uint16_t mode);
static inline bool ext4_is_dot(const struct ext2_dir_entry_2 *de)
{
	return de->name_len <= 2 && de->name_len && de->name[0] == '.' &&
	       (de->name_len == 1 || de->name[1] == '.');
}

/* dir.c */
struct ext4_area ext4_leaf_area(struct ext4_inode *dir, struct iocache_buf *buf);
/* Leaf @lblk, checksum verified when new in the cache; a hole is -EUCLEAN. */
int ext4_read_leaf(struct ext4_inode *dir, uint32_t lblk, struct iocache_buf **ret);
/* -ENOSPC, with nothing changed, when the name does not fit. */
int ext4_insert_in_leaf(handle_t *handle, struct ext4_inode *dir, struct iocache_buf *buf, const struct ext4_name *name,
			uint32_t ino, uint8_t ftype);
int ext4_dirty_leaf(handle_t *handle, struct ext4_inode *dir, struct iocache_buf *buf);
/* One more block at the end of @dir: zeroed, with create access; i_size has grown. */
int ext4_append_block(handle_t *handle, struct ext4_inode *dir, uint32_t *lblk, struct iocache_buf **ret);
bool ext4_is_indexed(const struct ext4_inode *dir);
uint32_t ext4_dir_blocks(const struct ext4_inode *dir);
/* Make @buf (a new block) an empty leaf, with its tail. */
void ext4_init_leaf(struct ext4_inode *dir, struct iocache_buf *buf);

/* htree.c */
struct ext4_hash {
	uint32_t	major, minor;
};
int ext4_dx_hash(struct ext4_inode *dir, int version, const char *name, size_t len, struct ext4_hash *hash);
/* The index's own hash version, or the file system's default for a directory without index. */
int ext4_dx_version(struct ext4_inode *dir, int *version);
/* -ENOENT, or 0 with the leaf that holds @name and the entries as ext4_area_find(). */
int ext4_dx_find(struct ext4_inode *dir, const struct ext4_name *name, struct iocache_buf **buf,
		 struct ext2_dir_entry_2 **de, struct ext2_dir_entry_2 **prev);
int ext4_dx_insert(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t ino, uint8_t ftype);
/* The one full leaf of @dir becomes an index root and a leaf. */
int ext4_dx_make(handle_t *handle, struct ext4_inode *dir);
/*
 * Walk leaves in hash order: those that may hold hashes from @major on, up to and including all that share hashes
 * across their border.  @func gets each leaf.  *next = major hash where the next walk goes on, *end = nothing is left.
 */
int ext4_dx_walk(struct ext4_inode *dir, uint32_t major, int (*func)(void *priv, struct iocache_buf *leaf), void *priv,
		 uint32_t *next, bool *end);
int ext4_dx_dirty_root(handle_t *handle, struct ext4_inode *dir, struct iocache_buf *buf);

#endif /* EXT4_DIR_I_H */
