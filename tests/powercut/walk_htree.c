/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of a directory: every leaf named once, and in each only names whose
 * hash belongs there.
 */
#include <string.h>
#include "walk_i.h"

struct htree {
	struct walk *w;
	const char *data;
	uint64_t blocks;
	int version, levels;
	uint64_t leaves, nodes;
	/* of the leaf at hand */
	uint32_t from, to;
};

static void take_name(void *priv, const struct view_entry *e)
{
	struct htree *h = priv;
	const struct ext2fs_super *s = &h->w->v->super;
	ext2_dirhash_t hash, minor;

	if (ext2fs_dirhash(ext2fs_hash_version(s, h->version), e->name, e->len, s->hash_seed, &hash,
			   &minor))
		return;
	/* The low bit of an index entry says that hashes equal to it began in the leaf before. */
	if (hash < (h->from & ~1U) || hash > h->to)
		view_problem(h->w->v, "directory %u: a name lies in the wrong leaf", h->w->dir);
}

static void leaf(struct htree *h, uint32_t block, uint32_t from, uint32_t to)
{
	unsigned int bs = h->w->v->super.block_size;

	h->leaves++;
	h->from = from;
	h->to = to;
	view_entries(h->w->v, h->w->dir, h->data + (uint64_t)block * bs, bs, take_name, h);
}

static void node(struct htree *h, uint32_t block, unsigned int skip, int level, uint32_t from,
		 uint32_t to)
{
	unsigned int bs = h->w->v->super.block_size, n, i;
	const struct ext2_dx_entry *e = (const void *)(h->data + (uint64_t)block * bs + skip);
	const struct ext2_dx_countlimit *c = (const void *)e;
	uint32_t child, low, high;

	h->nodes++;
	n = le16_to_cpu(c->count);
	if (!n || n > le16_to_cpu(c->limit) || le16_to_cpu(c->limit) > (bs - skip) / sizeof(*e)) {
		view_problem(h->w->v, "directory %u: bad counts in its index", h->w->dir);
		return;
	}
	for (i = 0; i < n; i++) {
		child = le32_to_cpu(e[i].block) & EXT2_DX_BLOCK_MASK;
		low = i ? le32_to_cpu(e[i].hash) : from;
		high = i + 1 < n ? le32_to_cpu(e[i + 1].hash) : to;
		if (!child || child >= h->blocks || low < (from & ~1U) || high < (low & ~1U)) {
			view_problem(h->w->v, "directory %u: bad index entry", h->w->dir);
			return;
		}
		if (level < h->levels)
			node(h, child, EXT2_DX_NODE_OFF, level + 1, low, high);
		else
			leaf(h, child, low, high);
	}
}

void walk_htree(struct walk *w, ext2_ino_t dir, const char *data, uint64_t size)
{
	const struct ext2_dx_root_info *info = (const void *)(data + EXT2_DX_ROOT_OFF);
	struct htree h = { .w = w, .data = data, .blocks = size >> w->v->super.block_bits };

	if (!h.blocks)
		return;
	h.version = info->hash_version;
	h.levels = info->indirect_levels;
	if (info->info_length != sizeof(*info) || h.levels >= EXT2_HTREE_LEVEL) {
		view_problem(w->v, "directory %u: bad index root", dir);
		return;
	}
	node(&h, 0, EXT2_DX_ROOT_OFF + sizeof(*info), 0, 0, UINT32_MAX);
	if (h.leaves + h.nodes != h.blocks)
		view_problem(w->v, "directory %u: %llu blocks, %llu in its index", dir,
			     (unsigned long long)h.blocks,
			     (unsigned long long)(h.leaves + h.nodes));
}
