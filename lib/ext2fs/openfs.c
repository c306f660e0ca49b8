/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and writing a superblock, and where the group descriptors that it
 * describes lie.  The check of its fields is in check_super.c; whether a feature
 * is supported is for the users of the library to say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ext2fs/ext2fs.h"

/* ---- reading ---- */

/* 0 = the device does not tell. */
static uint64_t device_size(io_channel io)
{
	uint64_t size;
	int fd;

	if (io_channel_get_fd(io, &fd) || ext2fs_get_fd_size(fd, &size))
		return 0;
	return size;
}

static errcode_t read_at(io_channel io, blk64_t block, unsigned int block_size,
			 struct ext2_super_block *raw)
{
	errcode_t err = io_channel_set_blksize(io, (int)block_size);

	if (!err)
		err = io_channel_read_blk64(io, block, -SUPERBLOCK_SIZE, raw);
	return err;
}

/* A copy must be of a file system with the blocks by which it was found, and say where it is. */
static bool is_copy_at(const struct ext2fs_super *sup, blk64_t block, unsigned int block_size)
{
	blk64_t rel = block - sup->first_data_block;

	return sup->block_size == block_size && block >= sup->first_data_block &&
	       rel % sup->blocks_per_group == 0 &&
	       rel / sup->blocks_per_group < sup->group_count &&
	       ext2fs_bg_has_super(sup, (dgrp_t)(rel / sup->blocks_per_group));
}

static errcode_t read_primary(struct ext2fs_super *sup, unsigned int flags, const char **why)
{
	errcode_t err = read_at(sup->io, SUPERBLOCK_OFFSET / 1024, 1024, &sup->raw);

	if (err)
		return err;
	err = ext2fs_check_super(sup, flags, sup->device_size, why);
	sup->sb_block = sup->block_bits == EXT2_MIN_BLOCK_LOG_SIZE ? 1 : 0;
	return err;
}

static errcode_t read_copy(struct ext2fs_super *sup, unsigned int flags, blk64_t block,
			   unsigned int block_size, const char **why)
{
	errcode_t err = read_at(sup->io, block, block_size, &sup->raw);

	if (err)
		return err;
	err = ext2fs_check_super(sup, flags, sup->device_size, why);
	if (err)
		return err;
	if (!(flags & EXT2FS_SUPER_JOURNAL_DEV) && !is_copy_at(sup, block, block_size))
		return EXT2_ET_NO_BACKUP_SUPERBLOCK;
	sup->sb_block = block;
	return 0;
}

static errcode_t find_copy(struct ext2fs_super *sup, unsigned int flags, blk64_t block,
			   unsigned int block_size, const char **why)
{
	errcode_t first = EXT2_ET_NO_BACKUP_SUPERBLOCK;
	const char *first_why = NULL;

	if (block_size)
		return read_copy(sup, flags, block, block_size, why);
	for (block_size = EXT2_MIN_BLOCK_SIZE; block_size <= EXT2_MAX_BLOCK_SIZE; block_size *= 2) {
		errcode_t err = read_copy(sup, flags, block, block_size, why);

		if (!err)
			return 0;
		/* What was almost a superblock says more than what was none. */
		if (first == EXT2_ET_NO_BACKUP_SUPERBLOCK && err != EXT2_ET_BAD_MAGIC &&
		    err != EXT2_ET_SHORT_READ) {
			first = err;
			first_why = *why;
		}
	}
	*why = first_why;
	return first;
}

static bool valid_block_size(unsigned int size)
{
	return size == 0 || (size >= EXT2_MIN_BLOCK_SIZE && size <= EXT2_MAX_BLOCK_SIZE &&
			     (size & (size - 1)) == 0);
}

errcode_t ext2fs_open_super(io_channel io, unsigned int flags, blk64_t sb_block,
			    unsigned int block_size, struct ext2fs_super **ret,
			    const char **why)
{
	struct ext2fs_super *sup;
	const char *unused;
	errcode_t err;

	*ret = NULL;
	if (!why)
		why = &unused;
	*why = NULL;
	if (!valid_block_size(block_size))
		return EXT2_ET_INVALID_ARGUMENT;
	sup = calloc(1, sizeof(*sup));
	if (!sup)
		return ENOMEM;
	sup->io = io;
	sup->device_size = device_size(io);
	err = sb_block ? find_copy(sup, flags, sb_block, block_size, why) :
			 read_primary(sup, flags, why);
	if (!err)
		err = io_channel_set_blksize(io, (int)sup->block_size);
	if (err)
		free(sup);
	else
		*ret = sup;
	return err;
}

void ext2fs_free_super(struct ext2fs_super *sup)
{
	free(sup);
}

errcode_t ext2fs_write_super(io_channel io, struct ext2_super_block *raw)
{
	raw->s_block_group_nr = 0;	/* it may have come from a copy */
	ext2fs_superblock_csum_set(raw);
	return io_channel_write_byte(io, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, raw);
}

/* ---- where copies and descriptors lie ---- */

static bool is_power_of(uint64_t n, unsigned int base)
{
	uint64_t power = base;

	while (power < n)
		power *= base;
	return power == n;
}

bool ext2fs_bg_has_super(const struct ext2fs_super *sup, dgrp_t group)
{
	if (group == 0)
		return true;
	if (ext2fs_has_feature_sparse_super2(&sup->raw))
		return group == le32_to_cpu(sup->raw.s_backup_bgs[0]) ||
		       group == le32_to_cpu(sup->raw.s_backup_bgs[1]);
	if (group == 1 || !ext2fs_has_feature_sparse_super(&sup->raw))
		return true;
	return group % 2 && (is_power_of(group, 3) || is_power_of(group, 5) ||
			     is_power_of(group, 7));
}

/* Block of the primary superblock: 1 for blocks of 1 KiB, even if data begins at 0. */
static blk64_t primary_block(const struct ext2fs_super *sup)
{
	return sup->block_size == SUPERBLOCK_OFFSET ? 1 : 0;
}

/* Is descriptor block @i in its own meta block group rather than after the superblock? */
static bool in_meta_bg(const struct ext2fs_super *sup, blk_t i)
{
	return ext2fs_has_feature_meta_bg(&sup->raw) &&
	       i >= le32_to_cpu(sup->raw.s_first_meta_bg);
}

/* Blocks before the descriptors in a group with a superblock: that, and what lies before it. */
static blk_t super_blocks(const struct ext2fs_super *sup, dgrp_t group)
{
	if (!ext2fs_bg_has_super(sup, group))
		return 0;
	if (group == 0)
		return (blk_t)(primary_block(sup) - sup->first_data_block) + 1;
	return 1;
}

blk64_t ext2fs_descriptor_block_loc(const struct ext2fs_super *sup, blk_t i)
{
	dgrp_t group;

	/* Those of a copy of the superblock come right behind it; 0 is the first one, wherever that is. */
	if (!in_meta_bg(sup, i))
		return (sup->sb_block ? sup->sb_block : primary_block(sup)) + 1 + i;
	group = i * sup->desc_per_block;
	return ext2fs_group_first_block(sup, group) + super_blocks(sup, group);
}

blk_t ext2fs_group_overhead(const struct ext2fs_super *sup, dgrp_t group)
{
	blk_t blocks = super_blocks(sup, group), meta = group / sup->desc_per_block;
	blk_t plain = sup->desc_blocks;

	if (ext2fs_has_feature_meta_bg(&sup->raw)) {
		blk_t first_meta = le32_to_cpu(sup->raw.s_first_meta_bg);
		dgrp_t nr = group % sup->desc_per_block;

		if (plain > first_meta)
			plain = first_meta;
		/* A meta block group's descriptors: in its first, second and last group. */
		if (meta >= first_meta) {
			if (nr == 0 || nr == 1 || nr == sup->desc_per_block - 1)
				blocks++;
			return blocks;
		}
	}
	if (ext2fs_bg_has_super(sup, group))
		blocks += plain + le16_to_cpu(sup->raw.s_reserved_gdt_blocks);
	return blocks;
}
