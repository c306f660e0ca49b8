/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files about file data share: transfers of parts of runs, and data
 * that goes through the journal.
 */
#ifndef EXT4_DATA_I_H
#define EXT4_DATA_I_H

#include "ext4/ext4_i.h"

/* file.c: @len bytes, @skip bytes into the run of blocks that begins at @blk. */
int ext4_read_run(struct ext4_fs *fs, blk64_t blk, uint64_t skip, size_t len, char *to);
/* @fresh: the blocks hold nothing yet; what is not written of the first and the last becomes zeroes. */
int ext4_write_run(struct ext4_fs *fs, blk64_t blk, uint64_t skip, size_t len, const char *from, bool fresh);

/* journaled.c: the data of files under data=journal; i_rwsem held. */
int ext4_read_journaled(struct ext4_inode *inode, char *to, size_t len, uint64_t off);
/* Returns 0 with *done bytes written (sizes updated, inode dirtied) or an error. */
int ext4_write_journaled(struct ext4_inode *inode, const char *from, size_t len, uint64_t off, size_t *done);
int ext4_zero_journaled(struct ext4_inode *inode, uint64_t from, uint64_t to);

#endif /* EXT4_DATA_I_H */
