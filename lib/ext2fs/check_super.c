/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The check of a superblock, field by field, and the geometry that follows.  A
 * superblock is hostile input: after this check, no combination of its fields makes
 * the arithmetic on the geometry overflow, divide by zero or leave the device.
 */
#include <string.h>
#include "ext2fs/ext2fs.h"

#define MAX_FLEX_LOG	31
#define MAX_BLOCKS	((blk64_t)1 << 48)	/* what an extent can address */

static errcode_t corrupt(const char **why, const char *text)
{
	*why = text;
	return EXT2_ET_CORRUPT_SUPERBLOCK;
}

static bool power_of_two(uint32_t n)
{
	return n && (n & (n - 1)) == 0;
}

/* What must hold before anything else is looked at. */
static errcode_t check_identity(const struct ext2_super_block *sb, unsigned int flags,
				const char **why)
{
	bool journal_dev = flags & EXT2FS_SUPER_JOURNAL_DEV;

	if (le16_to_cpu(sb->s_magic) != EXT2_SUPER_MAGIC)
		return EXT2_ET_BAD_MAGIC;
	if (le32_to_cpu(sb->s_rev_level) > EXT2_DYNAMIC_REV)
		return EXT2_ET_REV_TOO_HIGH;
	if (ext2fs_has_feature_metadata_csum(sb) && sb->s_checksum_type != EXT2_CRC32C_CHKSUM)
		return EXT2_ET_UNKNOWN_CSUM;
	if (!(flags & EXT2FS_SUPER_IGNORE_CSUM) && !ext2fs_superblock_csum_verify(sb))
		return EXT2_ET_SB_CSUM_INVALID;
	if (ext2fs_has_feature_journal_dev(sb) != journal_dev) {
		if (!journal_dev)
			return EXT2_ET_JOURNAL_DEV;
		return corrupt(why, "this is not an external journal");
	}
	return 0;
}

static errcode_t check_block_size(struct ext2fs_super *sup, const char **why)
{
	const struct ext2_super_block *sb = &sup->raw;

	if (le32_to_cpu(sb->s_log_block_size) > EXT2_MAX_BLOCK_LOG_SIZE - EXT2_MIN_BLOCK_LOG_SIZE)
		return corrupt(why, "s_log_block_size is out of range");
	sup->block_bits = EXT2_MIN_BLOCK_LOG_SIZE + le32_to_cpu(sb->s_log_block_size);
	sup->block_size = 1U << sup->block_bits;
	return 0;
}

static errcode_t check_size(struct ext2fs_super *sup, unsigned int flags, uint64_t device_size,
			    const char **why)
{
	sup->blocks_count = ext2fs_blocks_count(&sup->raw);
	sup->first_data_block = le32_to_cpu(sup->raw.s_first_data_block);
	if (sup->blocks_count > MAX_BLOCKS ||
	    sup->blocks_count > (uint64_t)INT64_MAX >> sup->block_bits)
		return corrupt(why, "s_blocks_count is too large");
	if (sup->first_data_block >= sup->blocks_count)
		return corrupt(why, "s_first_data_block lies past the end");
	if (device_size && !(flags & EXT2FS_SUPER_IGNORE_SIZE) &&
	    sup->blocks_count > device_size >> sup->block_bits)
		return EXT2_ET_SIZE_MISMATCH;
	return 0;
}

static errcode_t check_clusters(struct ext2fs_super *sup, const char **why)
{
	const struct ext2_super_block *sb = &sup->raw;
	uint32_t log_cluster = le32_to_cpu(sb->s_log_cluster_size);
	uint32_t max = sup->block_size * 8;	/* bits in a bitmap */

	sup->blocks_per_group = le32_to_cpu(sb->s_blocks_per_group);
	sup->clusters_per_group = sup->blocks_per_group;
	sup->cluster_bits = sup->block_bits;
	if (ext2fs_has_feature_bigalloc(sb)) {
		if (log_cluster > EXT2_MAX_CLUSTER_LOG_SIZE - EXT2_MIN_BLOCK_LOG_SIZE ||
		    log_cluster < le32_to_cpu(sb->s_log_block_size))
			return corrupt(why, "s_log_cluster_size is out of range");
		sup->cluster_bits = EXT2_MIN_BLOCK_LOG_SIZE + log_cluster;
		sup->clusters_per_group = le32_to_cpu(sb->s_clusters_per_group);
	}
	sup->cluster_size = 1U << sup->cluster_bits;
	sup->cluster_ratio_bits = sup->cluster_bits - sup->block_bits;
	if (!sup->clusters_per_group || sup->clusters_per_group > max ||
	    sup->clusters_per_group % 8)
		return corrupt(why, ext2fs_has_feature_bigalloc(sb) ?
			       "s_clusters_per_group is out of range" :
			       "s_blocks_per_group is out of range");
	if ((uint64_t)sup->clusters_per_group << sup->cluster_ratio_bits != sup->blocks_per_group)
		return corrupt(why, "s_blocks_per_group does not agree with s_clusters_per_group");
	/* Block 0 may only be a data block where it holds the superblock, too. */
	if (sup->first_data_block > (sup->block_size == EXT2_MIN_BLOCK_SIZE) ||
	    (sup->first_data_block == 0 && sup->cluster_size == EXT2_MIN_BLOCK_SIZE))
		return corrupt(why, "s_first_data_block does not agree with the block size");
	return 0;
}

static errcode_t check_inode_size(struct ext2fs_super *sup, const char **why)
{
	const struct ext2_super_block *sb = &sup->raw;

	sup->inode_size = EXT2_GOOD_OLD_INODE_SIZE;
	sup->first_ino = EXT2_GOOD_OLD_FIRST_INO;
	if (le32_to_cpu(sb->s_rev_level) > EXT2_GOOD_OLD_REV) {
		sup->inode_size = le16_to_cpu(sb->s_inode_size);
		sup->first_ino = le32_to_cpu(sb->s_first_ino);
	}
	if (sup->inode_size < EXT2_GOOD_OLD_INODE_SIZE || sup->inode_size > sup->block_size ||
	    !power_of_two(sup->inode_size))
		return corrupt(why, "s_inode_size is out of range");
	sup->inodes_per_block = sup->block_size / sup->inode_size;
	return 0;
}

static errcode_t check_inodes(struct ext2fs_super *sup, const char **why)
{
	const struct ext2_super_block *sb = &sup->raw;
	errcode_t err = check_inode_size(sup, why);

	if (err)
		return err;
	sup->inodes_count = le32_to_cpu(sb->s_inodes_count);
	sup->inodes_per_group = le32_to_cpu(sb->s_inodes_per_group);
	if (sup->inodes_per_group < sup->inodes_per_block ||
	    sup->inodes_per_group > sup->block_size * 8)
		return corrupt(why, "s_inodes_per_group is out of range");
	sup->inode_blocks_per_group = (sup->inodes_per_group + sup->inodes_per_block - 1) /
				      sup->inodes_per_block;
	if (sup->inode_blocks_per_group >= sup->blocks_per_group &&
	    !ext2fs_has_feature_flex_bg(sb))
		return corrupt(why, "the inode table is larger than its group");
	if (sup->first_ino < EXT2_GOOD_OLD_FIRST_INO || sup->first_ino > sup->inodes_count)
		return corrupt(why, "s_first_ino is out of range");
	return 0;
}

static errcode_t check_desc_size(struct ext2fs_super *sup, const char **why)
{
	sup->desc_size = EXT2_MIN_DESC_SIZE;
	if (ext2fs_has_feature_64bit(&sup->raw)) {
		sup->desc_size = le16_to_cpu(sup->raw.s_desc_size);
		if (sup->desc_size < EXT2_MIN_DESC_SIZE_64BIT ||
		    sup->desc_size > EXT2_MAX_DESC_SIZE || !power_of_two(sup->desc_size)) {
			*why = "s_desc_size is out of range";
			return EXT2_ET_BAD_DESC_SIZE;
		}
	}
	sup->desc_per_block = sup->block_size / sup->desc_size;
	return 0;
}

/* The descriptors must lie in the file system, those after the superblock in group 0. */
static errcode_t check_descriptors(struct ext2fs_super *sup, const char **why)
{
	const struct ext2_super_block *sb = &sup->raw;
	blk_t reserved = le16_to_cpu(sb->s_reserved_gdt_blocks), plain = sup->desc_blocks;
	blk64_t sb_block = sup->block_size == EXT2_MIN_BLOCK_SIZE ? 1 : 0;

	if (reserved > sup->block_size / 4)
		return corrupt(why, "s_reserved_gdt_blocks is too large");
	if (ext2fs_has_feature_meta_bg(sb)) {
		if (le32_to_cpu(sb->s_first_meta_bg) > sup->desc_blocks)
			return corrupt(why, "s_first_meta_bg is too large");
		plain = le32_to_cpu(sb->s_first_meta_bg);
	}
	if (sb_block + 1 + plain + reserved >= sup->blocks_count ||
	    (blk64_t)1 + plain + reserved >= sup->blocks_per_group)
		return corrupt(why, "the group descriptors do not fit in the first group");
	/* Later descriptors lie behind earlier ones. */
	if (ext2fs_descriptor_block_loc(sup, sup->desc_blocks - 1) >= sup->blocks_count)
		return corrupt(why, "group descriptors lie past the end");
	return 0;
}

static errcode_t check_groups(struct ext2fs_super *sup, const char **why)
{
	blk64_t data_blocks = sup->blocks_count - sup->first_data_block;
	uint64_t groups = (data_blocks + sup->blocks_per_group - 1) / sup->blocks_per_group;
	errcode_t err = check_desc_size(sup, why);

	if (err)
		return err;
	if (groups > UINT32_MAX - sup->desc_per_block)
		return EXT2_ET_TOO_MANY_GROUPS;
	if (groups * sup->inodes_per_group != sup->inodes_count)
		return corrupt(why, "s_inodes_count does not agree with the number of groups");
	sup->group_count = (dgrp_t)groups;
	sup->desc_blocks = (blk_t)((groups + sup->desc_per_block - 1) / sup->desc_per_block);
	return check_descriptors(sup, why);
}

/* May @ino be the number of an inode that a superblock field names? */
static bool names_inode(const struct ext2fs_super *sup, __le32 ino)
{
	uint32_t n = le32_to_cpu(ino);

	return n && n != EXT2_ROOT_INO && n <= sup->inodes_count;
}

static errcode_t check_special_inodes(const struct ext2fs_super *sup, const char **why)
{
	const struct ext2_super_block *sb = &sup->raw;

	if (ext2fs_has_feature_journal(sb) && sb->s_journal_inum &&
	    !names_inode(sup, sb->s_journal_inum))
		return corrupt(why, "s_journal_inum is out of range");
	if (ext2fs_has_feature_journal(sb) && sb->s_journal_inum && sb->s_journal_dev)
		return corrupt(why, "there are both a journal inode and a journal device");
	if (ext2fs_has_feature_orphan_file(sb) && !names_inode(sup, sb->s_orphan_file_inum))
		return corrupt(why, "s_orphan_file_inum is out of range");
	return 0;
}

static errcode_t check_hash(struct ext2fs_super *sup, const char **why)
{
	const struct ext2_super_block *sb = &sup->raw;
	uint32_t flags = le32_to_cpu(sb->s_flags);

	sup->def_hash_version = sb->s_def_hash_version;
	if (ext2fs_has_feature_dir_index(sb) && sup->def_hash_version > EXT2_HASH_SIPHASH)
		return corrupt(why, "s_def_hash_version is unknown");
	for (int i = 0; i < 4; i++)
		sup->hash_seed[i] = le32_to_cpu(sb->s_hash_seed[i]);
	sup->hash_unsigned = flags & EXT2_FLAGS_UNSIGNED_HASH;
#ifdef __CHAR_UNSIGNED__
	/* Without a flag, names were hashed with whatever this machine's char is. */
	if (!(flags & (EXT2_FLAGS_UNSIGNED_HASH | EXT2_FLAGS_SIGNED_HASH)))
		sup->hash_unsigned = true;
#endif
	return 0;
}

errcode_t ext2fs_check_super(struct ext2fs_super *sup, unsigned int flags, uint64_t device_size,
			     const char **why)
{
	const struct ext2_super_block *sb = &sup->raw;
	const char *unused;
	errcode_t err;

	if (!why)
		why = &unused;
	*why = NULL;
	err = check_identity(sb, flags, why);
	if (!err)
		err = check_block_size(sup, why);
	if (!err)
		err = check_size(sup, flags, device_size, why);
	if (!err && !(flags & EXT2FS_SUPER_JOURNAL_DEV)) {
		err = check_clusters(sup, why);
		if (!err)
			err = check_inodes(sup, why);
		if (!err)
			err = check_groups(sup, why);
		if (!err)
			err = check_special_inodes(sup, why);
		if (!err)
			err = check_hash(sup, why);
	}
	if (err)
		return err;
	sup->log_groups_per_flex = 0;
	if (ext2fs_has_feature_flex_bg(sb) && sb->s_log_groups_per_flex <= MAX_FLEX_LOG)
		sup->log_groups_per_flex = sb->s_log_groups_per_flex;
	ext2fs_csum_init(&sup->csum, sb);
	return 0;
}
