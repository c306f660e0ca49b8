/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shape of extent trees: making room by splitting blocks and growing the
 * root, and taking entries and emptied blocks out.  What is mapped does not
 * change here.
 */
#include "ext4/extents_i.h"

int ext4_ext_access(handle_t *handle, struct ext4_ext_path *path, int level)
{
	return level ? ext4_write_access(handle, path->level[level].buf) : 0;
}

int ext4_ext_dirty(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, int level)
{
	struct iocache_buf *buf = path->level[level].buf;

	if (!level)
		return ext4_mark_inode_dirty(handle, inode);
	ext2fs_extent_block_csum_set(&inode->i_fs->super->csum, inode->i_csum_seed, buf->b_data);
	return ext4_dirty(handle, buf);
}

/* A new block for the tree, near @near, with create access; counted in i_blocks. */
static int new_tree_block(handle_t *handle, struct ext4_inode *inode, blk64_t near, unsigned int flags,
			  struct iocache_buf **buf)
{
	int err = ext4_new_meta_buf(handle, inode, near, flags, buf);

	if (err)
		return err;
	iocache_set(*buf, IOCACHE_BUF_VERIFIED);
	ext4_inc_blocks(inode, 1);
	return 0;
}

static void init_header(struct ext4_inode *inode, struct ext3_extent_header *hdr, int depth)
{
	unsigned int room = inode->i_fs->block_size - sizeof(*hdr);

	memset(hdr, 0, sizeof(*hdr));
	hdr->eh_magic = cpu_to_le16(EXT3_EXT_MAGIC);
	/* The checksum lies behind eh_max entries; 12 does not divide any block size evenly, so there is room. */
	hdr->eh_max = cpu_to_le16(room / sizeof(struct ext3_extent));
	hdr->eh_depth = cpu_to_le16(depth);
}

/* The root's entries move to a new block; the root points to it. */
static int grow(handle_t *handle, struct ext4_inode *inode, unsigned int flags)
{
	struct ext3_extent_header *root = ext_root(inode), *hdr;
	int depth = le16_to_cpu(root->eh_depth);
	struct iocache_buf *buf;
	int err;

	if (depth >= EXT4_MAX_EXTENT_DEPTH)
		return -ENOSPC;
	err = new_tree_block(handle, inode, 0, flags, &buf);
	if (err)
		return err;
	hdr = (struct ext3_extent_header *)buf->b_data;
	init_header(inode, hdr, depth);
	hdr->eh_entries = root->eh_entries;
	memcpy(hdr + 1, root + 1, ext_entries(root) * sizeof(struct ext3_extent));
	ext2fs_extent_block_csum_set(&inode->i_fs->super->csum, inode->i_csum_seed, buf->b_data);
	ext_idx_fill(ext_index(root), ext_entries(hdr) ? ext_lblk(ext_leaf(hdr)) : 0, buf->b_blocknr);
	root->eh_entries = cpu_to_le16(1);
	root->eh_depth = cpu_to_le16(depth + 1);
	err = ext4_dirty(handle, buf);
	iocache_put(buf);
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

/* Open a gap of one entry at @slot. */
static void open_gap(struct ext3_extent_header *hdr, int slot)
{
	struct ext3_extent *e = ext_leaf(hdr) + slot;

	memmove(e + 1, e, (ext_entries(hdr) - slot) * sizeof(*e));
	hdr->eh_entries = cpu_to_le16(ext_entries(hdr) + 1);
}

static void close_gap(struct ext3_extent_header *hdr, int slot)
{
	struct ext3_extent *e = ext_leaf(hdr) + slot;

	memmove(e, e + 1, (ext_entries(hdr) - slot - 1) * sizeof(*e));
	hdr->eh_entries = cpu_to_le16(ext_entries(hdr) - 1);
}

/*
 * Split the full block of @level, whose parent has room.  Half moves; of a block that
 * grows at its end only as much as @n, so that files written in order fill their blocks.
 */
static int split(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, int level,
		 unsigned int n, unsigned int flags)
{
	struct ext4_ext_level *old = &path->level[level], *parent = &path->level[level - 1];
	struct ext3_extent_header *hdr;
	unsigned int entries = ext_entries(old->hdr), keep;
	struct iocache_buf *buf;
	int err;

	err = ext4_ext_access(handle, path, level);
	if (!err)
		err = ext4_ext_access(handle, path, level - 1);
	if (!err)
		err = new_tree_block(handle, inode, old->buf->b_blocknr, flags, &buf);
	if (err)
		return err;
	keep = old->slot == (int)entries - 1 && entries > n ? entries - n : entries / 2;
	hdr = (struct ext3_extent_header *)buf->b_data;
	init_header(inode, hdr, le16_to_cpu(old->hdr->eh_depth));
	memcpy(hdr + 1, ext_leaf(old->hdr) + keep, (entries - keep) * sizeof(struct ext3_extent));
	hdr->eh_entries = cpu_to_le16(entries - keep);
	old->hdr->eh_entries = cpu_to_le16(keep);
	open_gap(parent->hdr, parent->slot + 1);
	ext_idx_fill(ext_index(parent->hdr) + parent->slot + 1, ext_lblk(ext_leaf(hdr)), buf->b_blocknr);
	ext2fs_extent_block_csum_set(&inode->i_fs->super->csum, inode->i_csum_seed, buf->b_data);
	err = ext4_dirty(handle, buf);
	iocache_put(buf);
	if (!err)
		err = ext4_ext_dirty(handle, inode, path, level);
	if (!err)
		err = ext4_ext_dirty(handle, inode, path, level - 1);
	/* The block counts from now on, whatever becomes of the rest of the operation. */
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

static bool has_room(const struct ext4_ext_level *level, unsigned int n)
{
	return ext_entries(level->hdr) + n <= le16_to_cpu(level->hdr->eh_max);
}

int ext4_ext_make_room(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, unsigned int n,
		       unsigned int flags, struct ext4_ext_path *path)
{
	int level, err;

	for (;;) {
		err = ext4_ext_find(inode, lblk, path);
		if (err || has_room(&path->level[path->depth], n))
			return err;
		/* The lowest full block whose parent can take one more. */
		for (level = path->depth; level > 0 && ext_full(path->level[level - 1].hdr); level--)
			;
		err = level ? split(handle, inode, path, level, n, flags) : grow(handle, inode, flags);
		ext4_ext_put_path(path);
		if (err)
			return err;
	}
}

int ext4_ext_fix_indexes(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, int level)
{
	__le32 first = ext_leaf(path->level[level].hdr)->ee_block;
	struct ext3_extent_idx *ix;
	int i, err;

	for (i = level - 1; i >= 0; i--) {
		ix = ext_index(path->level[i].hdr) + path->level[i].slot;
		if (ix->ei_block == first)
			return 0;
		err = ext4_ext_access(handle, path, i);
		if (err)
			return err;
		ix->ei_block = first;
		err = ext4_ext_dirty(handle, inode, path, i);
		if (err || path->level[i].slot > 0)
			return err;
	}
	return 0;
}

/* The block of @level is empty: out of its parent with it, and free it. */
static int drop_block(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, int level)
{
	struct ext4_ext_level *parent = &path->level[level - 1];
	blk64_t blk = path->level[level].buf->b_blocknr;
	int err;

	err = ext4_ext_access(handle, path, level - 1);
	if (err)
		return err;
	close_gap(parent->hdr, parent->slot);
	err = ext4_ext_dirty(handle, inode, path, level - 1);
	if (!err)
		err = ext4_free_blocks(handle, inode->i_fs, inode->i_ino, blk, 1, EXT4_FREE_METADATA);
	if (!err)
		ext4_inc_blocks(inode, -1);
	return err;
}

int ext4_ext_delete_entry(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, int slot)
{
	int level = path->depth, err;

	err = ext4_ext_access(handle, path, level);
	if (err)
		return err;
	close_gap(path->level[level].hdr, slot);
	err = ext4_ext_dirty(handle, inode, path, level);
	while (!err && level > 0 && !ext_entries(path->level[level].hdr)) {
		err = drop_block(handle, inode, path, level--);
		slot = path->level[level].slot;
	}
	if (err)
		return err;
	if (!level && !ext_entries(path->level[0].hdr)) {
		ext_root(inode)->eh_depth = 0;
		return ext4_mark_inode_dirty(handle, inode);
	}
	return slot == 0 ? ext4_ext_fix_indexes(handle, inode, path, level) : 0;
}
