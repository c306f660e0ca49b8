/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checksums of the metadata blocks that belong to inodes: directories and
 * their indexes, extent trees, xattr blocks, the orphan file.  Blocks are
 * untrusted: where the sum lies is computed from them and checked first.
 */
#include <string.h>
#include "ext2fs/csum_i.h"

/* ---- directory leaves ---- */

static struct ext2_dir_entry_tail *dir_tail(const struct ext2fs_csum *csum, const void *block)
{
	return (struct ext2_dir_entry_tail *)((char *)block + csum->block_size -
					      sizeof(struct ext2_dir_entry_tail));
}

bool ext2fs_dir_block_has_tail(const struct ext2fs_csum *csum, const void *block)
{
	const struct ext2_dir_entry_tail *tail = dir_tail(csum, block);

	return tail->det_reserved_zero1 == 0 &&
	       le16_to_cpu(tail->det_rec_len) == sizeof(*tail) &&
	       tail->det_reserved_zero2 == 0 && tail->det_reserved_ft == EXT2_FT_DIR_CSUM;
}

void ext2fs_dir_block_init_tail(const struct ext2fs_csum *csum, void *block)
{
	struct ext2_dir_entry_tail *tail = dir_tail(csum, block);

	memset(tail, 0, sizeof(*tail));
	tail->det_rec_len = cpu_to_le16(sizeof(*tail));
	tail->det_reserved_ft = EXT2_FT_DIR_CSUM;
}

static __le32 dir_csum(const struct ext2fs_csum *csum, uint32_t iseed, const void *block)
{
	size_t len = csum->block_size - sizeof(struct ext2_dir_entry_tail);

	return cpu_to_le32(ext2fs_crc32c_le(iseed, block, len));
}

bool ext2fs_dir_block_csum_verify(const struct ext2fs_csum *csum, uint32_t iseed,
				  const void *block)
{
	if (!csum->metadata_csum)
		return true;
	return ext2fs_dir_block_has_tail(csum, block) &&
	       dir_tail(csum, block)->det_checksum == dir_csum(csum, iseed, block);
}

void ext2fs_dir_block_csum_set(const struct ext2fs_csum *csum, uint32_t iseed, void *block)
{
	if (csum->metadata_csum && ext2fs_dir_block_has_tail(csum, block))
		dir_tail(csum, block)->det_checksum = dir_csum(csum, iseed, block);
}

/* ---- directory indexes ---- */

/* Where the entries of an index block begin, in bytes; 0 when it is no index block. */
static size_t dx_entries_offset(const struct ext2fs_csum *csum, const void *block)
{
	const unsigned int dot_len = EXT2_DIR_REC_LEN(1);
	const struct ext2_dir_entry_2 *first = block;
	const struct ext2_dir_entry_2 *dotdot =
		(const void *)((const char *)block + dot_len);
	const struct ext2_dx_root_info *info =
		(const void *)((const char *)block + EXT2_DX_ROOT_OFF);
	unsigned int bs = csum->block_size;

	if (ext2fs_rec_len_from_disk(first->rec_len, bs) == bs)
		return EXT2_DX_NODE_OFF;
	if (ext2fs_rec_len_from_disk(first->rec_len, bs) != dot_len ||
	    ext2fs_rec_len_from_disk(dotdot->rec_len, bs) != bs - dot_len ||
	    info->reserved_zero != 0 || info->info_length != sizeof(*info))
		return 0;
	return EXT2_DX_ROOT_OFF + sizeof(*info);
}

/* Find tail and length of what is summed; false when they do not fit the block. */
static bool dx_layout(const struct ext2fs_csum *csum, const void *block,
		      struct ext2_dx_tail **tail, size_t *len)
{
	size_t offset = dx_entries_offset(csum, block);
	const struct ext2_dx_countlimit *cl = (const void *)((const char *)block + offset);
	size_t limit, count, tail_offset;

	if (!offset)
		return false;
	limit = le16_to_cpu(cl->limit);
	count = le16_to_cpu(cl->count);
	tail_offset = offset + limit * sizeof(struct ext2_dx_entry);
	if (count > limit || tail_offset + sizeof(**tail) > csum->block_size)
		return false;
	*tail = (struct ext2_dx_tail *)((char *)block + tail_offset);
	*len = offset + count * sizeof(struct ext2_dx_entry);
	return true;
}

static __le32 dx_csum(uint32_t iseed, const void *block, const struct ext2_dx_tail *tail,
		      size_t len)
{
	uint32_t crc = ext2fs_crc32c_le(iseed, block, len);

	crc = ext2fs_crc32c_le(crc, &tail->dt_reserved, sizeof(tail->dt_reserved));
	return cpu_to_le32(csum_zeroes(crc, sizeof(tail->dt_checksum)));
}

bool ext2fs_dx_block_csum_verify(const struct ext2fs_csum *csum, uint32_t iseed,
				 const void *block)
{
	struct ext2_dx_tail *tail;
	size_t len;

	if (!csum->metadata_csum)
		return true;
	return dx_layout(csum, block, &tail, &len) &&
	       tail->dt_checksum == dx_csum(iseed, block, tail, len);
}

void ext2fs_dx_block_csum_set(const struct ext2fs_csum *csum, uint32_t iseed, void *block)
{
	struct ext2_dx_tail *tail;
	size_t len;

	if (csum->metadata_csum && dx_layout(csum, block, &tail, &len))
		tail->dt_checksum = dx_csum(iseed, block, tail, len);
}

/* ---- extent tree blocks ---- */

static struct ext3_extent_tail *extent_tail(const struct ext2fs_csum *csum, const void *block,
					    size_t *len)
{
	const struct ext3_extent_header *eh = block;

	*len = sizeof(*eh) + le16_to_cpu(eh->eh_max) * sizeof(struct ext3_extent);
	if (*len + sizeof(struct ext3_extent_tail) > csum->block_size)
		return NULL;
	return (struct ext3_extent_tail *)((char *)block + *len);
}

bool ext2fs_extent_block_csum_verify(const struct ext2fs_csum *csum, uint32_t iseed,
				     const void *block)
{
	const struct ext3_extent_tail *tail;
	size_t len;

	if (!csum->metadata_csum)
		return true;
	tail = extent_tail(csum, block, &len);
	return tail && le32_to_cpu(tail->et_checksum) == ext2fs_crc32c_le(iseed, block, len);
}

void ext2fs_extent_block_csum_set(const struct ext2fs_csum *csum, uint32_t iseed, void *block)
{
	struct ext3_extent_tail *tail;
	size_t len;

	if (!csum->metadata_csum)
		return;
	tail = extent_tail(csum, block, &len);
	if (tail)
		tail->et_checksum = cpu_to_le32(ext2fs_crc32c_le(iseed, block, len));
}

/* ---- xattr blocks ---- */

static __le32 ext_attr_csum(const struct ext2fs_csum *csum, blk64_t blk, const void *block)
{
	const size_t sum = offsetof(struct ext2_ext_attr_header, h_checksum);
	const size_t after = sum + sizeof(__le32);
	__le64 where = cpu_to_le64(blk);
	uint32_t crc = ext2fs_crc32c_le(csum->seed, &where, sizeof(where));

	crc = ext2fs_crc32c_le(crc, block, sum);
	crc = csum_zeroes(crc, sizeof(__le32));
	crc = ext2fs_crc32c_le(crc, (const char *)block + after, csum->block_size - after);
	return cpu_to_le32(crc);
}

bool ext2fs_ext_attr_block_csum_verify(const struct ext2fs_csum *csum, blk64_t blk,
				       const void *block)
{
	const struct ext2_ext_attr_header *header = block;

	return !csum->metadata_csum || header->h_checksum == ext_attr_csum(csum, blk, block);
}

void ext2fs_ext_attr_block_csum_set(const struct ext2fs_csum *csum, blk64_t blk, void *block)
{
	struct ext2_ext_attr_header *header = block;

	if (csum->metadata_csum)
		header->h_checksum = ext_attr_csum(csum, blk, block);
}

/* ---- orphan file blocks ---- */

static struct ext4_orphan_block_tail *orphan_tail(const struct ext2fs_csum *csum,
						  const void *block)
{
	return (struct ext4_orphan_block_tail *)((char *)block + csum->block_size -
						 sizeof(struct ext4_orphan_block_tail));
}

static __le32 orphan_csum(const struct ext2fs_csum *csum, uint32_t iseed, blk64_t blk,
			  const void *block)
{
	__le64 where = cpu_to_le64(blk);
	size_t len = ext2fs_inodes_per_orphan_block(csum->block_size) * sizeof(__le32);
	uint32_t crc = ext2fs_crc32c_le(iseed, &where, sizeof(where));

	return cpu_to_le32(ext2fs_crc32c_le(crc, block, len));
}

bool ext2fs_orphan_block_csum_verify(const struct ext2fs_csum *csum, uint32_t iseed,
				     blk64_t blk, const void *block)
{
	return !csum->metadata_csum ||
	       orphan_tail(csum, block)->ob_checksum == orphan_csum(csum, iseed, blk, block);
}

void ext2fs_orphan_block_csum_set(const struct ext2fs_csum *csum, uint32_t iseed, blk64_t blk,
				  void *block)
{
	if (csum->metadata_csum)
		orphan_tail(csum, block)->ob_checksum = orphan_csum(csum, iseed, blk, block);
}
