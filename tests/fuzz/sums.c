/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checksums that are as right as the input wants them to be.
 */
#include "ext2fs/ext2fs.h"
#include "sums.h"

bool sums_accept, sums_zero;

#define WRAP(name, params, args)					\
	bool __real_##name params;					\
	bool __wrap_##name params;					\
	bool __wrap_##name params					\
	{								\
		return sums_accept || __real_##name args;		\
	}

WRAP(ext2fs_superblock_csum_verify, (const struct ext2_super_block *sb), (sb))
WRAP(ext2fs_group_desc_csum_verify,
     (const struct ext2fs_csum *c, dgrp_t g, const struct ext4_group_desc *gd), (c, g, gd))
WRAP(ext2fs_block_bitmap_csum_verify,
     (const struct ext2fs_csum *c, const struct ext4_group_desc *gd, const void *b), (c, gd, b))
WRAP(ext2fs_inode_bitmap_csum_verify,
     (const struct ext2fs_csum *c, const struct ext4_group_desc *gd, const void *b), (c, gd, b))
WRAP(ext2fs_inode_csum_verify, (const struct ext2fs_csum *c, ext2_ino_t ino, const void *raw),
     (c, ino, raw))
WRAP(ext2fs_dir_block_csum_verify, (const struct ext2fs_csum *c, uint32_t s, const void *b),
     (c, s, b))
WRAP(ext2fs_dx_block_csum_verify, (const struct ext2fs_csum *c, uint32_t s, const void *b),
     (c, s, b))
WRAP(ext2fs_extent_block_csum_verify, (const struct ext2fs_csum *c, uint32_t s, const void *b),
     (c, s, b))
WRAP(ext2fs_ext_attr_block_csum_verify, (const struct ext2fs_csum *c, blk64_t blk, const void *b),
     (c, blk, b))
WRAP(ext2fs_orphan_block_csum_verify,
     (const struct ext2fs_csum *c, uint32_t s, blk64_t blk, const void *b), (c, s, blk, b))

uint32_t __real_ext2fs_crc32c_le(uint32_t seed, const void *buf, size_t len);
uint32_t __wrap_ext2fs_crc32c_le(uint32_t seed, const void *buf, size_t len);
uint32_t __wrap_ext2fs_crc32c_le(uint32_t seed, const void *buf, size_t len)
{
	return sums_zero ? 0 : __real_ext2fs_crc32c_le(seed, buf, len);
}
