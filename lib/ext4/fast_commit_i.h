/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each record of a fast commit does; see fast_commit.c.  All of them may
 * be repeated.
 */
#ifndef EXT4_FAST_COMMIT_I_H
#define EXT4_FAST_COMMIT_I_H

#include "ext4/ext4_i.h"

int ext4_fc_link(handle_t *handle, struct ext4_fs *fs, uint32_t parent, uint32_t ino, const char *name, size_t len,
		 bool creating);
/* @keep: the inode lives on, its other names are counted by a later record. */
int ext4_fc_unlink(handle_t *handle, struct ext4_fs *fs, uint32_t parent, uint32_t ino, const char *name, size_t len,
		   bool keep);
int ext4_fc_kill_inode(handle_t *handle, struct ext4_inode *inode);
/* All of the inode but its mapping. */
int ext4_fc_set_inode(handle_t *handle, struct ext4_fs *fs, uint32_t ino, const void *raw, size_t len);
int ext4_fc_add_range(handle_t *handle, struct ext4_fs *fs, uint32_t ino, const struct ext3_extent *ex);
int ext4_fc_del_range(handle_t *handle, struct ext4_fs *fs, uint32_t ino, uint32_t lblk, uint32_t len);
/* Before all: mark the range used, so that nothing else is put there. */
int ext4_fc_claim_range(handle_t *handle, struct ext4_fs *fs, const struct ext3_extent *ex);
/* After all: free what was claimed and is not mapped in the end. */
int ext4_fc_settle_range(handle_t *handle, struct ext4_fs *fs, uint32_t ino, const struct ext3_extent *ex);
/* At the very end: i_blocks, and every block that the inode maps is marked used. */
int ext4_fc_recount(handle_t *handle, struct ext4_fs *fs, uint32_t ino);

#endif /* EXT4_FAST_COMMIT_I_H */
