/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a file system image in memory, independently of the engine: inodes,
 * mappings, file content, directory entries, attributes.  The image is what a test made
 * of a good one, so answers are either right or a problem, never a crash.
 */
#ifndef POWERCUT_VIEW_H
#define POWERCUT_VIEW_H

#include "ext2fs/ext2fs.h"

struct view {
	const char		*data;
	uint64_t		size;
	struct ext2fs_super	super;
	/* Problems are counted, and the first is kept. */
	unsigned int		problems;
	char			first[200];
	bool			loud;		/* print all */
};

/* false (and a problem) when there is no usable superblock. */
bool view_open(struct view *v, const char *data, uint64_t size);
void view_problem(struct view *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const void *view_block(const struct view *v, blk64_t blk);	/* NULL outside */
const struct ext4_group_desc *view_group(const struct view *v, dgrp_t group);
/* NULL for a number that no inode has. */
const struct ext2_inode_large *view_inode(const struct view *v, ext2_ino_t ino);
uint32_t view_inode_seed(const struct view *v, ext2_ino_t ino);

struct view_run {
	uint64_t	lblk;
	blk64_t		pblk;
	uint32_t	len;
	bool		unwritten;
	bool		meta;		/* a block of the mapping itself */
};
typedef void (*view_run_fn)(void *priv, const struct view_run *run);
/* All blocks of the inode, data and mapping, in logical order. */
void view_map(struct view *v, ext2_ino_t ino, view_run_fn fn, void *priv);

/* Content of a file, directory or long symlink, inline data included: i_size bytes, to be freed. */
char *view_read(struct view *v, ext2_ino_t ino, uint64_t *size);
bool view_is_fast_symlink(const struct view *v, ext2_ino_t ino);

struct view_entry {
	ext2_ino_t	ino;
	uint8_t		type, len;
	const char	*name;
};
typedef void (*view_entry_fn)(void *priv, const struct view_entry *entry);
/* "." and ".." included; an inline directory gives ".." only. */
void view_readdir(struct view *v, ext2_ino_t ino, view_entry_fn fn, void *priv);
/* The entries in @len bytes at @area; problems name inode @ino. */
void view_entries(struct view *v, ext2_ino_t ino, const char *area, unsigned int len,
		  view_entry_fn fn, void *priv);

struct view_xattr {
	uint8_t		index, name_len;
	const char	*name;
	const char	*value;		/* NULL: in the EA inode */
	uint32_t	size;
	ext2_ino_t	ea_inode;	/* or 0 */
	uint32_t	hash;
};
typedef void (*view_xattr_fn)(void *priv, const struct view_xattr *xattr);
void view_xattrs(struct view *v, ext2_ino_t ino, view_xattr_fn fn, void *priv);

#endif /* POWERCUT_VIEW_H */
