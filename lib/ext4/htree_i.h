/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files about directory indexes share: the path from the root to a
 * leaf.
 */
#ifndef EXT4_HTREE_I_H
#define EXT4_HTREE_I_H

#include "ext4/dir_i.h"

#define DX_HASH_CONTINUED	1U	/* low bit of an index hash: the leaf before ends with the same hash */

struct ext4_dx_frame {
	struct iocache_buf	*buf;
	struct ext2_dx_entry	*entries;	/* entries[0] holds the counts in place of a hash */
	unsigned int		at;		/* the entry followed */
};

struct ext4_dx_path {
	int			levels;		/* frames in use, root included */
	int			version;	/* of the hash */
	struct ext4_dx_frame	frame[EXT2_HTREE_LEVEL];
};

static inline struct ext2_dx_countlimit *dx_counts(struct ext2_dx_entry *entries)
{
	return (struct ext2_dx_countlimit *)entries;
}
static inline unsigned int dx_count(const struct ext4_dx_frame *f)
{
	return le16_to_cpu(dx_counts(f->entries)->count);
}
static inline unsigned int dx_limit(const struct ext4_dx_frame *f)
{
	return le16_to_cpu(dx_counts(f->entries)->limit);
}
static inline void dx_set_count(struct ext4_dx_frame *f, unsigned int n)
{
	dx_counts(f->entries)->count = cpu_to_le16(n);
}
/* Hash from which on entry @i is responsible; 0 for the first. */
static inline uint32_t dx_hash_at(const struct ext4_dx_frame *f, unsigned int i)
{
	return i ? le32_to_cpu(f->entries[i].hash) : 0;
}
static inline uint32_t dx_block_at(const struct ext4_dx_frame *f, unsigned int i)
{
	return le32_to_cpu(f->entries[i].block) & EXT2_DX_BLOCK_MASK;
}

/* htree.c */
struct ext2_dx_root_info *ext4_dx_info(struct iocache_buf *root);
/* Entries that fit the root, or (@root false) another index block. */
unsigned int ext4_dx_room(const struct ext4_fs *fs, bool root);
int ext4_dx_probe(struct ext4_inode *dir, uint32_t major, struct ext4_dx_path *path);
void ext4_dx_put(struct ext4_dx_path *path);
/*
 * Move to the next leaf.  1 = there, 0 = none is left; with @major, also 0 when the next leaf does not begin with that hash.
 * *hash gets the hash where the next leaf begins.
 */
int ext4_dx_next(struct ext4_inode *dir, struct ext4_dx_path *path, const uint32_t *major, uint32_t *hash);
/* The leaf that the path ends in. */
int ext4_dx_read_leaf(struct ext4_inode *dir, const struct ext4_dx_path *path, struct iocache_buf **buf);

#endif /* EXT4_HTREE_I_H */
