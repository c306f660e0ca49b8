/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the blocks of an inode lie: extent trees and block maps, with all
 * their rules checked on the way.
 */
#include "view.h"

struct mapper {
	struct view *v;
	ext2_ino_t ino;
	view_run_fn fn;
	void *priv;
};

static bool inside(struct mapper *m, blk64_t blk, uint32_t len)
{
	const struct ext2fs_super *s = &m->v->super;

	if (blk > s->first_data_block && blk < s->blocks_count && len <= s->blocks_count - blk)
		return true;
	view_problem(m->v, "inode %u: block %llu is outside", m->ino, (unsigned long long)blk);
	return false;
}

static void give(struct mapper *m, uint64_t lblk, blk64_t pblk, uint32_t len, bool unwritten,
		 bool meta)
{
	struct view_run run = { lblk, pblk, len, unwritten, meta };

	if (inside(m, pblk, len))
		m->fn(m->priv, &run);
}

/* ---- extents ---- */

static uint64_t extent_leaf(struct mapper *m, const struct ext3_extent_header *eh, uint64_t next,
			    uint64_t end)
{
	const struct ext3_extent *ex = (const struct ext3_extent *)(eh + 1);
	unsigned int i, len;
	uint64_t lblk;

	for (i = 0; i < le16_to_cpu(eh->eh_entries); i++, ex++) {
		lblk = le32_to_cpu(ex->ee_block);
		len = le16_to_cpu(ex->ee_len);
		if (len > EXT_INIT_MAX_LEN)
			len -= EXT_INIT_MAX_LEN;
		if (!len || lblk < next || lblk + len > end) {
			view_problem(m->v, "inode %u: extents out of order", m->ino);
			return end;
		}
		give(m, lblk,
		     le32_to_cpu(ex->ee_start) | (blk64_t)le16_to_cpu(ex->ee_start_hi) << 32, len,
		     le16_to_cpu(ex->ee_len) > EXT_INIT_MAX_LEN, false);
		next = lblk + len;
	}
	return next;
}

static bool header_ok(struct mapper *m, const struct ext3_extent_header *eh, unsigned int room,
		      int depth)
{
	unsigned int max = le16_to_cpu(eh->eh_max), n = le16_to_cpu(eh->eh_entries);

	if (le16_to_cpu(eh->eh_magic) == EXT3_EXT_MAGIC && n <= max && max <= room &&
	    le16_to_cpu(eh->eh_depth) == depth && depth <= EXT4_MAX_EXTENT_DEPTH)
		return true;
	view_problem(m->v, "inode %u: bad extent header", m->ino);
	return false;
}

static uint64_t extent_node(struct mapper *m, const struct ext3_extent_header *eh,
			    unsigned int room, int depth, uint64_t next, uint64_t end);

static uint64_t extent_child(struct mapper *m, blk64_t blk, int depth, uint64_t next, uint64_t end)
{
	const struct ext2fs_super *s = &m->v->super;
	const struct ext3_extent_header *eh;

	give(m, next, blk, 1, false, true);
	if (!inside(m, blk, 1))
		return end;
	eh = view_block(m->v, blk);
	if (!ext2fs_extent_block_csum_verify(&s->csum, view_inode_seed(m->v, m->ino), eh))
		view_problem(m->v, "inode %u: bad checksum of an extent block", m->ino);
	if (!eh->eh_entries)
		view_problem(m->v, "inode %u: empty extent block", m->ino);
	return extent_node(m, eh, (s->block_size - sizeof(*eh)) / sizeof(struct ext3_extent), depth,
			   next, end);
}

static uint64_t extent_node(struct mapper *m, const struct ext3_extent_header *eh,
			    unsigned int room, int depth, uint64_t next, uint64_t end)
{
	const struct ext3_extent_idx *ix = (const struct ext3_extent_idx *)(eh + 1);
	unsigned int i, n;
	uint64_t lblk, last;

	if (!header_ok(m, eh, room, depth))
		return end;
	if (!depth)
		return extent_leaf(m, eh, next, end);
	n = le16_to_cpu(eh->eh_entries);
	for (i = 0; i < n; i++, ix++) {
		lblk = le32_to_cpu(ix->ei_block);
		last = i + 1 < n ? le32_to_cpu(ix[1].ei_block) : end;
		if (lblk < next || last <= lblk) {
			view_problem(m->v, "inode %u: index out of order", m->ino);
			return end;
		}
		next = extent_child(
			m, le32_to_cpu(ix->ei_leaf) | (blk64_t)le16_to_cpu(ix->ei_leaf_hi) << 32,
			depth - 1, lblk, last);
	}
	return next;
}

/* ---- block maps ---- */

static void indirect(struct mapper *m, blk64_t blk, int level, uint64_t lblk)
{
	unsigned int per = m->v->super.block_size / sizeof(__le32), i;
	const __le32 *entry;
	uint64_t step = 1;
	int l;

	if (!blk)
		return;
	give(m, lblk, blk, 1, false, level > 0);
	if (!level || !inside(m, blk, 1))
		return;
	for (l = 1; l < level; l++)
		step *= per;
	entry = view_block(m->v, blk);
	for (i = 0; i < per; i++)
		indirect(m, le32_to_cpu(entry[i]), level - 1, lblk + i * step);
}

static void block_map(struct mapper *m, const __le32 *i_block)
{
	uint64_t per = m->v->super.block_size / sizeof(__le32);
	int i;

	for (i = 0; i < EXT2_NDIR_BLOCKS; i++)
		indirect(m, le32_to_cpu(i_block[i]), 0, i);
	indirect(m, le32_to_cpu(i_block[EXT2_IND_BLOCK]), 1, EXT2_NDIR_BLOCKS);
	indirect(m, le32_to_cpu(i_block[EXT2_DIND_BLOCK]), 2, EXT2_NDIR_BLOCKS + per);
	indirect(m, le32_to_cpu(i_block[EXT2_TIND_BLOCK]), 3, EXT2_NDIR_BLOCKS + per + per * per);
}

void view_map(struct view *v, ext2_ino_t ino, view_run_fn fn, void *priv)
{
	const struct ext2_inode_large *inode = view_inode(v, ino);
	struct mapper m = { v, ino, fn, priv };
	const struct ext3_extent_header *eh = (const void *)inode->i_block;
	uint16_t type = le16_to_cpu(inode->i_mode) & LINUX_S_IFMT;

	if ((type != LINUX_S_IFREG && type != LINUX_S_IFDIR && type != LINUX_S_IFLNK) ||
	    (le32_to_cpu(inode->i_flags) & EXT4_INLINE_DATA_FL) || view_is_fast_symlink(v, ino))
		return;
	if (le32_to_cpu(inode->i_flags) & EXT4_EXTENTS_FL)
		extent_node(&m, eh, 4, le16_to_cpu(eh->eh_depth), 0, EXT_MAX_BLOCK);
	else
		block_map(&m, inode->i_block);
}
