/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What namei.c and rename.c share.
 */
#ifndef EXT4_NAMEI_I_H
#define EXT4_NAMEI_I_H

#include "ext4/dir_i.h"

int ext4_check_name(const char *name, size_t len);
int ext4_check_dir(const struct ext4_inode *dir, bool adding);
bool ext4_dir_link_full(const struct ext4_inode *dir);
void ext4_inc_nlink(struct ext4_inode *dir);
void ext4_dec_nlink(struct ext4_inode *dir);
int ext4_iget_entry(struct ext4_inode *dir, uint32_t ino, struct ext4_inode **ret);
/* @inode, an empty directory whose name is gone, loses all its links and @dir one. */
int ext4_remove_dir(handle_t *handle, struct ext4_inode *dir, struct ext4_inode *inode);
int ext4_check_empty(struct ext4_inode *inode);

#endif /* EXT4_NAMEI_I_H */
