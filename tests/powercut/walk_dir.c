/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories: their blocks' checksums, their entries, "." and "..".
 */
#include <stdlib.h>
#include <string.h>
#include "walk_i.h"

static uint8_t type_of(const struct ext2_inode_large *inode)
{
	switch (le16_to_cpu(inode->i_mode) & LINUX_S_IFMT) {
	case LINUX_S_IFREG: return EXT2_FT_REG_FILE;
	case LINUX_S_IFDIR: return EXT2_FT_DIR;
	case LINUX_S_IFCHR: return EXT2_FT_CHRDEV;
	case LINUX_S_IFBLK: return EXT2_FT_BLKDEV;
	case LINUX_S_IFIFO: return EXT2_FT_FIFO;
	case LINUX_S_IFSOCK: return EXT2_FT_SOCK;
	case LINUX_S_IFLNK: return EXT2_FT_SYMLINK;
	}
	return EXT2_FT_UNKNOWN;
}

static bool dot(const struct view_entry *e, unsigned int n)
{
	return e->len == n && !memcmp(e->name, "..", n);
}

/* ".." counts as a link when the directory is reached, "." when it is read. */
static void take_dots(struct walk *w, const struct view_entry *e)
{
	w->dots++;
	if (dot(e, 1) && e->ino != w->dir)
		view_problem(w->v, "directory %u: \".\" is %u", w->dir, e->ino);
	if (dot(e, 2) && e->ino != w->parents[w->dir])
		view_problem(w->v, "directory %u: \"..\" is %u, should be %u", w->dir, e->ino,
			     w->parents[w->dir]);
}

static void take_entry(void *priv, const struct view_entry *e)
{
	struct walk *w = priv;
	const struct ext2_inode_large *inode = view_inode(w->v, e->ino);

	if (dot(e, 1) || dot(e, 2)) {
		take_dots(w, e);
		return;
	}
	if (!inode || (e->ino < w->v->super.first_ino)) {
		view_problem(w->v, "directory %u: entry for inode %u", w->dir, e->ino);
		return;
	}
	if (ext2fs_has_feature_filetype(&w->v->super.raw) && e->type != type_of(inode))
		view_problem(w->v, "directory %u: wrong type of entry for inode %u", w->dir,
			     e->ino);
	if (w->links[e->ino] < UINT16_MAX)
		w->links[e->ino]++;
	if (type_of(inode) == EXT2_FT_DIR) {
		if (w->reached[e->ino]) {
			view_problem(w->v, "directory %u has two names", e->ino);
			return;
		}
		w->parents[e->ino] = w->dir;
		w->queue[w->queued++] = e->ino;
		w->links[w->dir]++;
	}
	if (!w->reached[e->ino]) {
		w->reached[e->ino] = 1;
		walk_inode(w, e->ino);
	}
}

/* An index block looks like one entry that is free, or like "." and ".." alone. */
static bool is_index_block(const char *data, uint64_t off, unsigned int block_size, bool indexed)
{
	const struct ext2_dir_entry_2 *de = (const void *)(data + off);

	return indexed &&
	       (!off ||
		(!de->inode && ext2fs_rec_len_from_disk(de->rec_len, block_size) == block_size));
}

static void check_blocks(struct walk *w, const char *data, uint64_t size, bool indexed)
{
	const struct ext2fs_csum *csum = &w->v->super.csum;
	uint32_t seed = view_inode_seed(w->v, w->dir);
	unsigned int bs = csum->block_size;
	uint64_t off;
	bool ok;

	if (!csum->metadata_csum)
		return;
	for (off = 0; off < size; off += bs) {
		if (is_index_block(data, off, bs, indexed))
			ok = ext2fs_dx_block_csum_verify(csum, seed, data + off);
		else
			ok = ext2fs_dir_block_csum_verify(csum, seed, data + off);
		if (!ok)
			view_problem(w->v, "directory %u: bad checksum of block %llu", w->dir,
				     (unsigned long long)off / bs);
	}
}

void walk_dir(struct walk *w, ext2_ino_t dir)
{
	uint32_t flags = le32_to_cpu(view_inode(w->v, dir)->i_flags);
	bool in_line = flags & EXT4_INLINE_DATA_FL;
	uint64_t size;
	char *data;

	w->dir = dir;
	w->dots = 0;
	w->links[dir]++;
	view_readdir(w->v, dir, take_entry, w);
	if (w->dots != (in_line ? 1 : 2))
		view_problem(w->v, "directory %u: \".\" or \"..\" is missing", dir);
	if (in_line)
		return;
	data = view_read(w->v, dir, &size);
	if (flags & EXT2_INDEX_FL)
		walk_htree(w, dir, data, size);
	check_blocks(w, data, size, flags & EXT2_INDEX_FL);
	free(data);
}
