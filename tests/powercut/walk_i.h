/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the consistency walk share.
 */
#ifndef POWERCUT_WALK_I_H
#define POWERCUT_WALK_I_H

#include "walk.h"

struct walk {
	struct view	*v;
	uint8_t		*used;		/* by block */
	uint8_t		*reached;	/* by inode */
	uint16_t	*links;		/* names found, by inode */
	uint32_t	*acl_refs;	/* by block: inodes that name this attribute block */
	uint32_t	*ea_refs;	/* by inode: attributes that lie in it */
	ext2_ino_t	*parents;	/* by inode, of directories */
	ext2_ino_t	*queue;		/* directories to read */
	unsigned int	queued, dirs_done;
	/* of the inode at hand */
	ext2_ino_t	ino;
	uint64_t	blocks, ea_blocks;
	uint64_t	last_written;	/* logical block + 1 */
	uint64_t	end;		/* logical blocks, data */
	/* of the directory at hand */
	ext2_ino_t	dir;
	unsigned int	dots;
};

/* walk_inode.c: the inode's sums, blocks and attributes. */
void walk_inode(struct walk *w, ext2_ino_t ino);
void walk_claim(struct walk *w, blk64_t blk, uint32_t len);
/* walk_dir.c: entries of w->dir are counted, new directories queued. */
void walk_dir(struct walk *w, ext2_ino_t dir);
/* walk_htree.c: the index of a directory whose content is @data. */
void walk_htree(struct walk *w, ext2_ino_t dir, const char *data, uint64_t size);
/* walk_group.c: bitmaps, descriptors and the superblock, after all has been reached. */
void walk_groups(struct walk *w);
void walk_claim_fixed(struct walk *w);

#endif /* POWERCUT_WALK_I_H */
