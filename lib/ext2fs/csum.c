/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checksums of what there is once for a file system or a group: superblock,
 * group descriptors, bitmaps, MMP block; and of inodes.  What belongs to one
 * inode's blocks is in csum_block.c.
 */
#include <string.h>
#include "ext2fs/csum_i.h"

void ext2fs_csum_init(struct ext2fs_csum *csum, const struct ext2_super_block *sb)
{
	unsigned int log_block = le32_to_cpu(sb->s_log_block_size);
	bool dynamic = le32_to_cpu(sb->s_rev_level) >= EXT2_DYNAMIC_REV;

	memset(csum, 0, sizeof(*csum));
	csum->metadata_csum = ext2fs_has_feature_metadata_csum(sb);
	csum->gdt_csum = !csum->metadata_csum && ext2fs_has_feature_gdt_csum(sb);
	memcpy(csum->uuid, sb->s_uuid, sizeof(csum->uuid));
	csum->block_size = EXT2_MIN_BLOCK_SIZE << log_block;
	csum->inode_size = dynamic ? le16_to_cpu(sb->s_inode_size) : EXT2_GOOD_OLD_INODE_SIZE;
	csum->desc_size = ext2fs_has_feature_64bit(sb) ? le16_to_cpu(sb->s_desc_size) :
							 EXT2_MIN_DESC_SIZE;
	csum->inodes_per_group = le32_to_cpu(sb->s_inodes_per_group);
	csum->clusters_per_group = ext2fs_has_feature_bigalloc(sb) ?
		le32_to_cpu(sb->s_clusters_per_group) : le32_to_cpu(sb->s_blocks_per_group);
	if (ext2fs_has_feature_csum_seed(sb))
		csum->seed = le32_to_cpu(sb->s_checksum_seed);
	else
		csum->seed = ext2fs_crc32c_le(~0U, sb->s_uuid, sizeof(sb->s_uuid));
}

/* ---- superblock ---- */

static __le32 superblock_csum(const struct ext2_super_block *sb)
{
	return cpu_to_le32(ext2fs_crc32c_le(~0U, sb,
					    offsetof(struct ext2_super_block, s_checksum)));
}

bool ext2fs_superblock_csum_verify(const struct ext2_super_block *sb)
{
	return !ext2fs_has_feature_metadata_csum(sb) || sb->s_checksum == superblock_csum(sb);
}

void ext2fs_superblock_csum_set(struct ext2_super_block *sb)
{
	if (ext2fs_has_feature_metadata_csum(sb))
		sb->s_checksum = superblock_csum(sb);
}

/* ---- group descriptors ---- */

static uint16_t group_desc_crc32c(const struct ext2fs_csum *csum, __le32 group,
				  const struct ext4_group_desc *gd)
{
	size_t sum = offsetof(struct ext4_group_desc, bg_checksum);
	size_t after = sum + sizeof(gd->bg_checksum);
	uint32_t crc = ext2fs_crc32c_le(csum->seed, &group, sizeof(group));

	crc = ext2fs_crc32c_le(crc, gd, sum);
	crc = csum_zeroes(crc, sizeof(gd->bg_checksum));
	return (uint16_t)ext2fs_crc32c_le(crc, (const char *)gd + after, csum->desc_size - after);
}

static uint16_t group_desc_crc16(const struct ext2fs_csum *csum, __le32 group,
				 const struct ext4_group_desc *gd)
{
	size_t sum = offsetof(struct ext4_group_desc, bg_checksum);
	size_t after = sum + sizeof(gd->bg_checksum);
	uint16_t crc = ext2fs_crc16(0xffff, csum->uuid, sizeof(csum->uuid));

	crc = ext2fs_crc16(crc, &group, sizeof(group));
	crc = ext2fs_crc16(crc, gd, sum);
	/* Unlike the other, this one skips its own field. */
	return ext2fs_crc16(crc, (const char *)gd + after, csum->desc_size - after);
}

static __le16 group_desc_csum(const struct ext2fs_csum *csum, dgrp_t group,
			      const struct ext4_group_desc *gd)
{
	if (csum->metadata_csum)
		return cpu_to_le16(group_desc_crc32c(csum, cpu_to_le32(group), gd));
	return cpu_to_le16(group_desc_crc16(csum, cpu_to_le32(group), gd));
}

bool ext2fs_group_desc_csum_verify(const struct ext2fs_csum *csum, dgrp_t group,
				   const struct ext4_group_desc *gd)
{
	if (!csum->metadata_csum && !csum->gdt_csum)
		return true;
	return gd->bg_checksum == group_desc_csum(csum, group, gd);
}

void ext2fs_group_desc_csum_set(const struct ext2fs_csum *csum, dgrp_t group,
				struct ext4_group_desc *gd)
{
	if (csum->metadata_csum || csum->gdt_csum)
		gd->bg_checksum = group_desc_csum(csum, group, gd);
}

/* ---- bitmaps ---- */

/* The sum is cut to 16 bits where the descriptor has no high half for it. */
static bool split_sum_equal(uint32_t crc, __le16 lo, const __le16 *hi)
{
	if ((uint16_t)crc != le16_to_cpu(lo))
		return false;
	return !hi || crc >> 16 == le16_to_cpu(*hi);
}

static void split_sum_set(uint32_t crc, __le16 *lo, __le16 *hi)
{
	*lo = cpu_to_le16((uint16_t)crc);
	if (hi)
		*hi = cpu_to_le16((uint16_t)(crc >> 16));
}

/* &gd->field when descriptors are long enough to have it, else NULL */
#define HI_FIELD(csum, gd, field)						\
	((csum)->desc_size >= offsetof(struct ext4_group_desc, field) + sizeof((gd)->field) ? \
	 &(gd)->field : NULL)

bool ext2fs_block_bitmap_csum_verify(const struct ext2fs_csum *csum,
				     const struct ext4_group_desc *gd, const void *bitmap)
{
	uint32_t crc;

	if (!csum->metadata_csum)
		return true;
	crc = ext2fs_crc32c_le(csum->seed, bitmap, csum->clusters_per_group / 8);
	return split_sum_equal(crc, gd->bg_block_bitmap_csum_lo,
			       HI_FIELD(csum, gd, bg_block_bitmap_csum_hi));
}

void ext2fs_block_bitmap_csum_set(const struct ext2fs_csum *csum, struct ext4_group_desc *gd,
				  const void *bitmap)
{
	uint32_t crc;

	if (!csum->metadata_csum)
		return;
	crc = ext2fs_crc32c_le(csum->seed, bitmap, csum->clusters_per_group / 8);
	split_sum_set(crc, &gd->bg_block_bitmap_csum_lo,
		      HI_FIELD(csum, gd, bg_block_bitmap_csum_hi));
}

bool ext2fs_inode_bitmap_csum_verify(const struct ext2fs_csum *csum,
				     const struct ext4_group_desc *gd, const void *bitmap)
{
	uint32_t crc;

	if (!csum->metadata_csum)
		return true;
	crc = ext2fs_crc32c_le(csum->seed, bitmap, csum->inodes_per_group / 8);
	return split_sum_equal(crc, gd->bg_inode_bitmap_csum_lo,
			       HI_FIELD(csum, gd, bg_inode_bitmap_csum_hi));
}

void ext2fs_inode_bitmap_csum_set(const struct ext2fs_csum *csum, struct ext4_group_desc *gd,
				  const void *bitmap)
{
	uint32_t crc;

	if (!csum->metadata_csum)
		return;
	crc = ext2fs_crc32c_le(csum->seed, bitmap, csum->inodes_per_group / 8);
	split_sum_set(crc, &gd->bg_inode_bitmap_csum_lo,
		      HI_FIELD(csum, gd, bg_inode_bitmap_csum_hi));
}

/* ---- inodes ---- */

uint32_t ext2fs_inode_csum_seed(const struct ext2fs_csum *csum, ext2_ino_t ino,
				uint32_t generation)
{
	__le32 words[2] = { cpu_to_le32(ino), cpu_to_le32(generation) };

	if (!csum->metadata_csum)
		return 0;
	return ext2fs_crc32c_le(csum->seed, words, sizeof(words));
}

static bool inode_has_hi(const struct ext2fs_csum *csum, const struct ext2_inode_large *raw)
{
	return csum->inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
	       EXT2_FITS_IN_INODE(raw, i_checksum_hi);
}

static uint32_t inode_csum(const struct ext2fs_csum *csum, ext2_ino_t ino,
			   const struct ext2_inode_large *raw)
{
	const size_t lo = offsetof(struct ext2_inode_large, osd2.linux2.l_i_checksum_lo);
	const size_t hi = offsetof(struct ext2_inode_large, i_checksum_hi);
	const char *p = (const char *)raw;
	size_t done = lo + sizeof(raw->osd2.linux2.l_i_checksum_lo);
	uint32_t crc;

	crc = ext2fs_inode_csum_seed(csum, ino, le32_to_cpu(raw->i_generation));
	crc = ext2fs_crc32c_le(crc, raw, lo);
	crc = csum_zeroes(crc, sizeof(raw->osd2.linux2.l_i_checksum_lo));
	if (inode_has_hi(csum, raw)) {
		crc = ext2fs_crc32c_le(crc, p + done, hi - done);
		crc = csum_zeroes(crc, sizeof(raw->i_checksum_hi));
		done = hi + sizeof(raw->i_checksum_hi);
	}
	return ext2fs_crc32c_le(crc, p + done, csum->inode_size - done);
}

bool ext2fs_inode_csum_verify(const struct ext2fs_csum *csum, ext2_ino_t ino, const void *raw)
{
	const struct ext2_inode_large *inode = raw;

	if (!csum->metadata_csum)
		return true;
	return split_sum_equal(inode_csum(csum, ino, inode),
			       inode->osd2.linux2.l_i_checksum_lo,
			       inode_has_hi(csum, inode) ? &inode->i_checksum_hi : NULL);
}

void ext2fs_inode_csum_set(const struct ext2fs_csum *csum, ext2_ino_t ino, void *raw)
{
	struct ext2_inode_large *inode = raw;

	if (!csum->metadata_csum)
		return;
	split_sum_set(inode_csum(csum, ino, inode), &inode->osd2.linux2.l_i_checksum_lo,
		      inode_has_hi(csum, inode) ? &inode->i_checksum_hi : NULL);
}

/* ---- MMP block ---- */

static __le32 mmp_csum(const struct ext2fs_csum *csum, const struct mmp_struct *mmp)
{
	return cpu_to_le32(ext2fs_crc32c_le(csum->seed, mmp,
					    offsetof(struct mmp_struct, mmp_checksum)));
}

bool ext2fs_mmp_csum_verify(const struct ext2fs_csum *csum, const struct mmp_struct *mmp)
{
	return !csum->metadata_csum || mmp->mmp_checksum == mmp_csum(csum, mmp);
}

void ext2fs_mmp_csum_set(const struct ext2fs_csum *csum, struct mmp_struct *mmp)
{
	if (csum->metadata_csum)
		mmp->mmp_checksum = mmp_csum(csum, mmp);
}
