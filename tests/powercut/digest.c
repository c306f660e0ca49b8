/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A number for the whole tree: the sum of one number for each name, so that the order
 * of names does not matter.
 */
#include <stdlib.h>
#include <string.h>
#include "walk.h"

#define DEPTH_MAX 64

struct digest {
	struct view *v;
	uint64_t sum;
	uint64_t path; /* of the directory at hand */
	unsigned int depth;
};

static uint64_t add(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t word;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 31;
	}
	for (; len; len--, p++)
		hash = (hash ^ *p) * 0x100000001b3ULL;
	return hash;
}

static void take_xattr(void *priv, const struct view_xattr *x)
{
	struct digest *d = priv;
	uint64_t hash = add(x->index + 1, x->name, x->name_len), size;
	char *value;

	/* That is content, which is counted as such. */
	if (x->index == EXT2_EXT_ATTR_INDEX_SYSTEM)
		return;
	if (x->ea_inode) {
		value = view_read(d->v, x->ea_inode, &size);
		hash = add(hash, value, size);
		free(value);
	} else {
		hash = add(hash, x->value, x->size);
	}
	d->sum += hash;
}

static uint64_t of_inode(struct digest *d, ext2_ino_t ino, uint64_t hash)
{
	const struct ext2_inode_large *inode = view_inode(d->v, ino);
	uint32_t words[5] = { ino, le16_to_cpu(inode->i_mode), le16_to_cpu(inode->i_links_count),
			      ext2fs_inode_uid(inode), ext2fs_inode_gid(inode) };
	uint64_t size = ext2fs_inode_size(inode);
	uint16_t type = le16_to_cpu(inode->i_mode) & LINUX_S_IFMT;
	char *content;

	hash = add(hash, words, sizeof(words));
	if (type != LINUX_S_IFREG && type != LINUX_S_IFLNK)
		return hash;
	content = view_read(d->v, ino, &size);
	hash = add(hash, &size, sizeof(size));
	hash = add(hash, content, size);
	free(content);
	return hash;
}

static void take_entry(void *priv, const struct view_entry *e)
{
	struct digest *d = priv;
	const struct ext2_inode_large *inode = view_inode(d->v, e->ino);
	uint64_t path = add(d->path, e->name, e->len), up = d->path;

	if (!inode || (e->len <= 2 && !memcmp(e->name, "..", e->len)))
		return;
	/* e2fsck deletes an orphan without its EA inodes, which then go to lost+found. */
	if (le32_to_cpu(inode->i_flags) & EXT4_EA_INODE_FL)
		return;
	d->sum += of_inode(d, e->ino, path);
	view_xattrs(d->v, e->ino, take_xattr, d);
	if ((le16_to_cpu(inode->i_mode) & LINUX_S_IFMT) != LINUX_S_IFDIR || d->depth >= DEPTH_MAX)
		return;
	d->path = path;
	d->depth++;
	view_readdir(d->v, e->ino, take_entry, d);
	d->depth--;
	d->path = up;
}

uint64_t walk_digest(struct view *v)
{
	struct digest d = { .v = v, .path = 1 };

	view_readdir(v, EXT2_ROOT_INO, take_entry, &d);
	return d.sum;
}
