/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files about extent trees share: the path from the root to a leaf,
 * and the fields of entries.
 */
#ifndef EXT4_EXTENTS_I_H
#define EXT4_EXTENTS_I_H

#include "ext4/ext4_i.h"

/*
 * One level of a path.  Level 0 is the root inside the inode (buf NULL).  slot is
 * the entry followed or, in the leaf, the last one that starts at or before the block sought; -1 when
 * all start after it.
 */
struct ext4_ext_level {
	struct iocache_buf		*buf;
	struct ext3_extent_header	*hdr;
	int				slot;
};

struct ext4_ext_path {
	int			depth;		/* levels 0 .. depth; the leaf is level depth */
	struct ext4_ext_level	level[EXT4_MAX_EXTENT_DEPTH + 1];
};

static inline struct ext3_extent_header *ext_root(struct ext4_inode *inode)
{
	return (struct ext3_extent_header *)inode->i_block;
}
static inline struct ext3_extent *ext_leaf(struct ext3_extent_header *hdr)
{
	return (struct ext3_extent *)(hdr + 1);
}
static inline struct ext3_extent_idx *ext_index(struct ext3_extent_header *hdr)
{
	return (struct ext3_extent_idx *)(hdr + 1);
}
static inline unsigned int ext_entries(const struct ext3_extent_header *hdr)
{
	return le16_to_cpu(hdr->eh_entries);
}
static inline bool ext_full(const struct ext3_extent_header *hdr)
{
	return le16_to_cpu(hdr->eh_entries) >= le16_to_cpu(hdr->eh_max);
}
static inline uint32_t ext_lblk(const struct ext3_extent *ex)
{
	return le32_to_cpu(ex->ee_block);
}
static inline bool ext_unwritten(const struct ext3_extent *ex)
{
	return le16_to_cpu(ex->ee_len) > EXT_INIT_MAX_LEN;
}
static inline uint32_t ext_len(const struct ext3_extent *ex)
{
	uint32_t len = le16_to_cpu(ex->ee_len);

	return len > EXT_INIT_MAX_LEN ? len - EXT_INIT_MAX_LEN : len;
}
static inline uint64_t ext_end(const struct ext3_extent *ex)
{
	return (uint64_t)ext_lblk(ex) + ext_len(ex);
}
static inline blk64_t ext_pblk(const struct ext3_extent *ex)
{
	return le32_to_cpu(ex->ee_start) | (blk64_t)le16_to_cpu(ex->ee_start_hi) << 32;
}
static inline blk64_t ext_idx_pblk(const struct ext3_extent_idx *ix)
{
	return le32_to_cpu(ix->ei_leaf) | (blk64_t)le16_to_cpu(ix->ei_leaf_hi) << 32;
}
static inline uint32_t ext_max_len(bool unwritten)
{
	return unwritten ? EXT_UNINIT_MAX_LEN : EXT_INIT_MAX_LEN;
}
static inline void ext_fill(struct ext3_extent *ex, uint32_t lblk, blk64_t pblk, uint32_t len,
			    bool unwritten)
{
	ex->ee_block = cpu_to_le32(lblk);
	ex->ee_len = cpu_to_le16(unwritten ? len + EXT_INIT_MAX_LEN : len);
	ex->ee_start = cpu_to_le32((uint32_t)pblk);
	ex->ee_start_hi = cpu_to_le16((uint16_t)(pblk >> 32));
}
static inline void ext_idx_fill(struct ext3_extent_idx *ix, uint32_t lblk, blk64_t pblk)
{
	ix->ei_block = cpu_to_le32(lblk);
	ix->ei_leaf = cpu_to_le32((uint32_t)pblk);
	ix->ei_leaf_hi = cpu_to_le16((uint16_t)(pblk >> 32));
	ix->ei_unused = 0;
}

/* extents.c */
int ext4_ext_find(struct ext4_inode *inode, uint32_t lblk, struct ext4_ext_path *path);
void ext4_ext_put_path(struct ext4_ext_path *path);
/* The first logical block of the next leaf's first extent; EXT_MAX_BLOCK when there is none. */
uint32_t ext4_ext_next_leaf_block(const struct ext4_ext_path *path);

/* extents_tree.c */
int ext4_ext_access(handle_t *handle, struct ext4_ext_path *path, int level);
int ext4_ext_dirty(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, int level);
/*
 * Make room for @n entries in the leaf that @lblk belongs to; the path is found anew.  The mapping does not change.
 * @flags: EXT4_ALLOC_TREE where the file's blocks become no more by it.
 */
int ext4_ext_make_room(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, unsigned int n,
		       unsigned int flags, struct ext4_ext_path *path);
/* Take entry @slot out of the leaf, and emptied blocks out of the tree. */
int ext4_ext_delete_entry(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, int slot);
/* The first entry of the block at @level has changed: the indexes above must say the same. */
int ext4_ext_fix_indexes(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, int level);

#endif /* EXT4_EXTENTS_I_H */
