/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How full the file system is, counted as the kernel does.
 */
#include "ext4/ext4_i.h"

#define RESV_CLUSTERS_MAX	4096
#define RESV_SHARE		50	/* 2 % */

/* Blocks that can never hold files: superblocks, descriptors, bitmaps, inode tables, the journal. */
static uint64_t count_overhead(struct ext4_fs *fs, uint64_t journal_blocks)
{
	uint64_t n = fs->first_data_block;
	uint32_t group;

	for (group = 0; group < fs->group_count; group++)
		n += ext2fs_group_overhead(fs->super, group) + fs->itable_blocks + 2;
	return n + journal_blocks;
}

void ext4_init_statfs(struct ext4_fs *fs, uint64_t journal_blocks)
{
	uint64_t recorded = (uint64_t)le32_to_cpu(fs->sb->s_overhead_clusters) << fs->super->cluster_ratio_bits;
	uint64_t clusters = fs->blocks_count >> fs->super->cluster_ratio_bits;

	fs->overhead = recorded && recorded <= fs->blocks_count ? recorded : count_overhead(fs, journal_blocks);
	if (fs->overhead > fs->blocks_count)
		fs->overhead = fs->blocks_count;
	/* A small reserve of the kernel's own, for extent blocks of delayed writes. */
	fs->resv_clusters = fs->extents ? clusters / RESV_SHARE : 0;
	if (fs->resv_clusters > RESV_CLUSTERS_MAX)
		fs->resv_clusters = RESV_CLUSTERS_MAX;
}

static unsigned long fsid_of(const struct ext2_super_block *sb)
{
	uint64_t a, b;

	memcpy(&a, sb->s_uuid, sizeof(a));
	memcpy(&b, sb->s_uuid + sizeof(a), sizeof(b));
	return (unsigned long)(a ^ b);
}

int ext4_statfs(struct ext4_fs *fs, struct statvfs *st)
{
	int64_t free = __atomic_load_n(&fs->free_blocks, __ATOMIC_RELAXED);
	unsigned int ratio = fs->super->cluster_ratio_bits;
	uint64_t held_back = __atomic_load_n(&fs->reserved_blocks, __ATOMIC_RELAXED) + (fs->resv_clusters << ratio);

	memset(st, 0, sizeof(*st));
	st->f_bsize = st->f_frsize = fs->block_size;
	st->f_blocks = fs->blocks_count - (fs->opts.minix_df ? 0 : fs->overhead);
	st->f_bfree = free > 0 ? (uint64_t)free << ratio : 0;
	st->f_bavail = st->f_bfree > held_back ? st->f_bfree - held_back : 0;
	st->f_files = fs->inodes_count;
	st->f_ffree = __atomic_load_n(&fs->free_inodes, __ATOMIC_RELAXED);
	st->f_favail = st->f_ffree;
	st->f_namemax = EXT2_NAME_LEN;
	st->f_fsid = fsid_of(fs->sb);
	if (ext4_is_read_only(fs))
		st->f_flag |= ST_RDONLY;
	return 0;
}
