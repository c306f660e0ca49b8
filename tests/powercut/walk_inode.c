/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One inode: its checksum, the blocks that it claims, its size, its attributes.
 */
#include "walk_i.h"

void walk_claim(struct walk *w, blk64_t blk, uint32_t len)
{
	if (blk >= w->v->super.blocks_count || len > w->v->super.blocks_count - blk) {
		view_problem(w->v, "block %llu is outside", (unsigned long long)blk);
		return;
	}
	for (; len; len--, blk++) {
		if (w->used[blk])
			view_problem(w->v, "block %llu is claimed twice, by inode %u",
				     (unsigned long long)blk, w->ino);
		w->used[blk] = 1;
	}
}

static void take_run(void *priv, const struct view_run *run)
{
	struct walk *w = priv;

	walk_claim(w, run->pblk, run->len);
	w->blocks += run->len;
	if (run->meta)
		return;
	w->end = run->lblk + run->len;
	if (!run->unwritten)
		w->last_written = run->lblk + run->len;
}

/* ---- attributes ---- */

static void check_ea_inode(struct walk *w, const struct view_xattr *x)
{
	const struct ext2_inode_large *inode = view_inode(w->v, x->ea_inode);
	unsigned int bs = w->v->super.cluster_size;
	uint64_t ea_blocks = w->ea_blocks;
	ext2_ino_t owner = w->ino;

	if (!inode || x->ea_inode < w->v->super.first_ino ||
	    !(le32_to_cpu(inode->i_flags) & EXT4_EA_INODE_FL)) {
		view_problem(w->v, "inode %u: %u is no EA inode", w->ino, x->ea_inode);
		return;
	}
	if (ext2fs_inode_size(inode) != x->size)
		view_problem(w->v, "EA inode %u: wrong size", x->ea_inode);
	if (!w->ea_refs[x->ea_inode]++ && !w->reached[x->ea_inode]) {
		w->reached[x->ea_inode] = 1;
		walk_inode(w, x->ea_inode);
		w->ino = owner;
	}
	/* What lies there counts for each who uses it. */
	w->ea_blocks =
		ea_blocks + ((uint64_t)(x->size + bs - 1) / bs << w->v->super.cluster_ratio_bits);
}

static void take_xattr(void *priv, const struct view_xattr *x)
{
	struct walk *w = priv;

	if (x->ea_inode)
		check_ea_inode(w, x);
}

static void take_xattr_block(struct walk *w, blk64_t blk)
{
	if (!blk)
		return;
	if (blk >= w->v->super.blocks_count) {
		view_problem(w->v, "inode %u: attribute block outside", w->ino);
		return;
	}
	w->blocks++;
	if (w->acl_refs[blk]++)
		return;
	walk_claim(w, blk, 1);
	if (!ext2fs_ext_attr_block_csum_verify(&w->v->super.csum, blk, view_block(w->v, blk)))
		view_problem(w->v, "inode %u: bad checksum of the attribute block", w->ino);
}

/* ---- size and count ---- */

static void check_size(struct walk *w, const struct ext2_inode_large *inode)
{
	uint64_t size = ext2fs_inode_size(inode);
	unsigned int bits = w->v->super.block_bits;

	if (le32_to_cpu(inode->i_flags) & EXT4_INLINE_DATA_FL || view_is_fast_symlink(w->v, w->ino))
		return;
	switch (le16_to_cpu(inode->i_mode) & LINUX_S_IFMT) {
	case LINUX_S_IFDIR:
		if (size != w->end << bits)
			view_problem(w->v, "directory %u: size %llu, %llu blocks", w->ino,
				     (unsigned long long)size, (unsigned long long)w->end);
		break;
	case LINUX_S_IFREG:
		if (w->last_written && size < (w->last_written - 1) << bits)
			view_problem(w->v, "inode %u: size %llu, but written block %llu", w->ino,
				     (unsigned long long)size,
				     (unsigned long long)w->last_written - 1);
		break;
	case LINUX_S_IFLNK:
		if (!size || w->end != 1)
			view_problem(w->v, "symlink %u: bad size", w->ino);
		break;
	}
}

static void check_blocks(struct walk *w, const struct ext2_inode_large *inode)
{
	uint64_t n = le32_to_cpu(inode->i_blocks), want;

	if (ext2fs_has_feature_huge_file(&w->v->super.raw))
		n |= (uint64_t)le16_to_cpu(inode->osd2.linux2.l_i_blocks_hi) << 32;
	want = (w->blocks + w->ea_blocks) << (w->v->super.block_bits - 9);
	if (n != want)
		view_problem(w->v, "inode %u: i_blocks is %llu, should be %llu", w->ino,
			     (unsigned long long)n, (unsigned long long)want);
}

void walk_inode(struct walk *w, ext2_ino_t ino)
{
	const struct ext2_inode_large *inode = view_inode(w->v, ino);

	w->ino = ino;
	w->ea_blocks = 0;
	view_xattrs(w->v, ino, take_xattr, w);
	w->blocks = w->last_written = w->end = 0;
	if (!ext2fs_inode_csum_verify(&w->v->super.csum, ino, inode))
		view_problem(w->v, "inode %u: bad checksum", ino);
	if (!inode->i_links_count || !inode->i_mode) {
		view_problem(w->v, "inode %u has a name but is not in use", ino);
		return;
	}
	/* Some deletion time in an inode that is in use: it was on the list of orphans. */
	if (inode->i_dtime)
		view_problem(w->v, "inode %u is in use and has a deletion time", ino);
	view_map(w->v, ino, take_run, w);
	take_xattr_block(w, ext2fs_inode_file_acl(inode));
	check_size(w, inode);
	check_blocks(w, inode);
}
