/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing the bytes of an image between two mounts, with checksums that are
 * right afterwards: how images are made that lie.
 */
#ifndef UNIT_CRAFT_H
#define UNIT_CRAFT_H

#include "ext2fs/ext2fs.h"
#include "etest.h"

/* Geometry is read anew at each call, so that a mount in between does not matter. */
void *craft_block(struct etest *t, blk64_t blk);
struct ext2_super_block *craft_super(struct etest *t);
void craft_seal_super(struct etest *t);
struct ext4_group_desc *craft_desc(struct etest *t, dgrp_t group);
void craft_seal_desc(struct etest *t, dgrp_t group);
/* The block bitmap of @group was changed. */
void craft_seal_bitmap(struct etest *t, dgrp_t group);
struct ext2_inode_large *craft_inode(struct etest *t, ext2_ino_t ino);
void craft_seal_inode(struct etest *t, ext2_ino_t ino);
/* The inode's tree of extents, which must have depth 0: its first extent. */
struct ext3_extent *craft_extent(struct etest *t, ext2_ino_t ino);
/* First block of an inode with one extent. */
blk64_t craft_first_block(struct etest *t, ext2_ino_t ino);
/* A leaf, index or extent tree block of inode @ino was changed. */
void craft_seal_leaf(struct etest *t, ext2_ino_t ino, blk64_t blk);
void craft_seal_index(struct etest *t, ext2_ino_t ino, blk64_t blk);
void craft_seal_extents(struct etest *t, ext2_ino_t ino, blk64_t blk);
void craft_seal_xattrs(struct etest *t, blk64_t blk);
/* The entry of this name in the first block of directory @dir. */
struct ext2_dir_entry_2 *craft_entry(struct etest *t, ext2_ino_t dir, const char *name);
/* How many errors the superblock on the device has recorded. */
uint32_t craft_errors(struct etest *t);

#endif /* UNIT_CRAFT_H */
