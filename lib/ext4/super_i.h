/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files about mounting share.
 */
#ifndef EXT4_SUPER_I_H
#define EXT4_SUPER_I_H

#include "ext4/ext4_i.h"

/* features.c */
uint32_t ext4_unsupported_ro_compat(const struct ext2_super_block *sb);
/* -EOPNOTSUPP or -EROFS with a sentence that names the features. */
int ext4_check_features(const struct ext2_super_block *sb, bool read_only, char *reason, size_t len);

/* statfs.c */
void ext4_init_statfs(struct ext4_fs *fs, uint64_t journal_blocks);

/* journal_open.c */
/* Open and, if need be, replay the journal; without one, a null journal. Sets fs->journal. */
int ext4_open_journal(struct ext4_fs *fs, char *reason, size_t len);
/* Length of the internal journal in blocks, 0 when there is none. */
uint64_t ext4_journal_blocks(struct ext4_fs *fs);

/* super.c: take geometry and counts from fs->super; again after a replay changed the superblock. */
int ext4_load_geometry(struct ext4_fs *fs);

#endif /* EXT4_SUPER_I_H */
