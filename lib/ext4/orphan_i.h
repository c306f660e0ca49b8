/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the orphan list and the orphan file offer each other.
 */
#ifndef EXT4_ORPHAN_I_H
#define EXT4_ORPHAN_I_H

#include "ext4/ext4_i.h"

/* fs->orphan_lock held.  -ENOSPC when there is no orphan file, or it is full: the list takes over. */
int ext4_orphan_file_add(handle_t *handle, struct ext4_inode *inode);
int ext4_orphan_file_del(handle_t *handle, struct ext4_inode *inode);
/* Does it name any inode?  Known since ext4_orphan_init(). */
bool ext4_orphan_file_used(struct ext4_fs *fs);
typedef int (*ext4_orphan_finish_fn)(struct ext4_inode *inode, unsigned int *deleted, unsigned int *truncated);
/* Hand every inode that the file names to @finish, which drops the reference. */
int ext4_orphan_file_finish(struct ext4_fs *fs, ext4_orphan_finish_fn finish, unsigned int *deleted,
			    unsigned int *truncated);
/* A reference to an inode that the disk names as orphan, marked as one. */
int ext4_orphan_adopt(struct ext4_fs *fs, uint32_t ino, struct ext4_inode **ret);

#endif /* EXT4_ORPHAN_I_H */
