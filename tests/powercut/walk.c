/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk from the root: what is reached, how often, and whether that is what
 * inodes, bitmaps and counts say.
 */
#include <stdlib.h>
#include "report.h"
#include "walk_i.h"

static void *zeroed(size_t n, size_t size)
{
	void *mem = calloc(n, size);

	if (!mem)
		pc_die("out of memory");
	return mem;
}

static void claim_run(void *priv, const struct view_run *run)
{
	walk_claim(priv, run->pblk, run->len);
}

/* Inodes that the file system keeps for itself: only their blocks matter. */
static void special(struct walk *w, ext2_ino_t ino)
{
	const struct ext2_inode_large *inode = view_inode(w->v, ino);

	if (!inode || !inode->i_links_count)
		return;
	w->reached[ino] = 1;
	w->links[ino] = le16_to_cpu(inode->i_links_count);
	if (!ext2fs_inode_csum_verify(&w->v->super.csum, ino, inode))
		view_problem(w->v, "inode %u: bad checksum", ino);
	view_map(w->v, ino, claim_run, w);
}

static void check_inode_use(struct walk *w, ext2_ino_t ino)
{
	const struct ext2_inode_large *inode = view_inode(w->v, ino);
	unsigned int links = le16_to_cpu(inode->i_links_count);

	if (w->reached[ino] && !w->ea_refs[ino] && links != w->links[ino])
		view_problem(w->v, "inode %u: %u links, %u names", ino, links, w->links[ino]);
	if (w->ea_refs[ino] && (links != 1 || ext2fs_get_ea_inode_ref(inode) != w->ea_refs[ino]))
		view_problem(w->v, "EA inode %u: %llu references, %u users", ino,
			     (unsigned long long)ext2fs_get_ea_inode_ref(inode), w->ea_refs[ino]);
	if (!w->reached[ino] && links)
		view_problem(w->v, "inode %u is in use but has no name", ino);
	if (!links && inode->i_mode && !inode->i_dtime)
		view_problem(w->v, "inode %u was deleted at no time", ino);
	if (!links && inode->i_dtime && le32_to_cpu(inode->i_dtime) <= w->v->super.inodes_count)
		view_problem(w->v, "inode %u looks like an orphan", ino);
}

static void check_inodes(struct walk *w)
{
	const struct ext2fs_super *s = &w->v->super;
	const struct ext4_group_desc *gd;
	uint32_t unused, last;
	ext2_ino_t ino;
	dgrp_t g;

	for (g = 0; g < s->group_count; g++) {
		gd = view_group(w->v, g);
		unused = s->csum.metadata_csum || s->csum.gdt_csum
				 ? ext2fs_bg_itable_unused(gd, s->desc_size)
				 : 0;
		if (gd->bg_flags & cpu_to_le16(EXT2_BG_INODE_UNINIT) &&
		    (s->csum.metadata_csum || s->csum.gdt_csum))
			unused = s->inodes_per_group;
		if (unused > s->inodes_per_group)
			unused = 0;
		last = s->inodes_per_group - unused;
		for (ino = g * s->inodes_per_group + 1; ino <= g * s->inodes_per_group + last;
		     ino++)
			if (ino >= s->first_ino || ino == EXT2_ROOT_INO)
				check_inode_use(w, ino);
	}
}

static void check_acl_refs(struct walk *w)
{
	const struct ext2_ext_attr_header *h;
	blk64_t blk;

	for (blk = 0; blk < w->v->super.blocks_count; blk++) {
		if (!w->acl_refs[blk])
			continue;
		h = view_block(w->v, blk);
		if (le32_to_cpu(h->h_refcount) != w->acl_refs[blk])
			view_problem(w->v, "attribute block %llu: %u references, %u users",
				     (unsigned long long)blk, le32_to_cpu(h->h_refcount),
				     w->acl_refs[blk]);
	}
}

static void walk_tree(struct walk *w)
{
	w->queue[w->queued++] = EXT2_ROOT_INO;
	w->reached[EXT2_ROOT_INO] = 1;
	w->links[EXT2_ROOT_INO] = 1;
	w->parents[EXT2_ROOT_INO] = EXT2_ROOT_INO;
	walk_inode(w, EXT2_ROOT_INO);
	while (w->dirs_done < w->queued)
		walk_dir(w, w->queue[w->dirs_done++]);
}

void walk_check(struct view *v)
{
	const struct ext2fs_super *s = &v->super;
	struct walk w = { .v = v };
	ext2_ino_t ino;

	w.used = zeroed(s->blocks_count + 8, 1);
	w.reached = zeroed(s->inodes_count + 1, 1);
	w.links = zeroed(s->inodes_count + 1, sizeof(*w.links));
	w.ea_refs = zeroed(s->inodes_count + 1, sizeof(*w.ea_refs));
	w.acl_refs = zeroed(s->blocks_count, sizeof(*w.acl_refs));
	w.parents = zeroed(s->inodes_count + 1, sizeof(*w.parents));
	w.queue = zeroed(s->inodes_count + 1, sizeof(*w.queue));
	walk_claim_fixed(&w);
	for (ino = 1; ino < s->first_ino; ino++)
		if (ino != EXT2_ROOT_INO)
			special(&w, ino);
	if (ext2fs_has_feature_orphan_file(&s->raw))
		special(&w, le32_to_cpu(s->raw.s_orphan_file_inum));
	walk_tree(&w);
	check_inodes(&w);
	check_acl_refs(&w);
	walk_groups(&w);
	free(w.used);
	free(w.reached);
	free(w.links);
	free(w.ea_refs);
	free(w.acl_refs);
	free(w.parents);
	free(w.queue);
}
