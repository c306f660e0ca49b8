/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The on-disk structures and constants of ext2, ext3 and ext4, in disk byte
 * order, with the names that the kernel and e2fsprogs give them, and trivial
 * accessors for values that are split over two fields.  Nothing is checked
 * here: openfs.c and the readers of each structure do that.
 */
#ifndef EXT2FS_EXT2_FS_H
#define EXT2FS_EXT2_FS_H

#include <assert.h>
#include <stddef.h>
#include "ext2fs/byteorder.h"
#include "ext2fs/ext2_types.h"

#define EXT2_SUPER_MAGIC	0xEF53
#define SUPERBLOCK_OFFSET	1024	/* bytes from the start of the device */
#define SUPERBLOCK_SIZE		1024

/* Inode numbers with a fixed meaning */
#define EXT2_BAD_INO		 1	/* bad blocks */
#define EXT2_ROOT_INO		 2
#define EXT4_USR_QUOTA_INO	 3
#define EXT4_GRP_QUOTA_INO	 4
#define EXT2_BOOT_LOADER_INO	 5
#define EXT2_UNDEL_DIR_INO	 6
#define EXT2_RESIZE_INO		 7	/* reserved group descriptor blocks */
#define EXT2_JOURNAL_INO	 8
#define EXT2_EXCLUDE_INO	 9
#define EXT4_REPLICA_INO	10
#define EXT2_GOOD_OLD_FIRST_INO	11	/* first ordinary inode of revision 0 */

#define EXT2_LINK_MAX		65000	/* links of an inode; see dir_nlink for directories */
#define EXT2_NAME_LEN		255

#define EXT2_MIN_BLOCK_LOG_SIZE		10
#define EXT2_MAX_BLOCK_LOG_SIZE		16
#define EXT2_MIN_BLOCK_SIZE		(1U << EXT2_MIN_BLOCK_LOG_SIZE)
#define EXT2_MAX_BLOCK_SIZE		(1U << EXT2_MAX_BLOCK_LOG_SIZE)
#define EXT2_MAX_CLUSTER_LOG_SIZE	29
#define EXT2_MIN_DESC_SIZE		32
#define EXT2_MIN_DESC_SIZE_64BIT	64
#define EXT2_MAX_DESC_SIZE		1024

/* Revision levels */
#define EXT2_GOOD_OLD_REV	0
#define EXT2_DYNAMIC_REV	1
#define EXT2_GOOD_OLD_INODE_SIZE 128

/* s_creator_os */
#define EXT2_OS_LINUX		0
#define EXT2_OS_HURD		1

/* s_state */
#define EXT2_VALID_FS		0x0001	/* unmounted cleanly */
#define EXT2_ERROR_FS		0x0002	/* errors were found */
#define EXT3_ORPHAN_FS		0x0004	/* orphans are being processed */
#define EXT4_FC_REPLAY		0x0020	/* a fast-commit replay is under way */

/* s_errors */
#define EXT2_ERRORS_CONTINUE	1
#define EXT2_ERRORS_RO		2
#define EXT2_ERRORS_PANIC	3
#define EXT2_ERRORS_DEFAULT	EXT2_ERRORS_CONTINUE

/* s_first_error_errcode, s_last_error_errcode */
#define EXT4_ERR_UNKNOWN	 1
#define EXT4_ERR_EIO		 2
#define EXT4_ERR_ENOMEM		 3
#define EXT4_ERR_EFSBADCRC	 4
#define EXT4_ERR_EFSCORRUPTED	 5
#define EXT4_ERR_ENOSPC		 6
#define EXT4_ERR_ENOKEY		 7
#define EXT4_ERR_EROFS		 8
#define EXT4_ERR_EFBIG		 9
#define EXT4_ERR_EEXIST		10
#define EXT4_ERR_ERANGE		11
#define EXT4_ERR_EOVERFLOW	12
#define EXT4_ERR_EBUSY		13
#define EXT4_ERR_ENOTDIR	14
#define EXT4_ERR_ENOTEMPTY	15
#define EXT4_ERR_ESHUTDOWN	16
#define EXT4_ERR_EFAULT		17

/* s_flags */
#define EXT2_FLAGS_SIGNED_HASH		0x0001
#define EXT2_FLAGS_UNSIGNED_HASH	0x0002
#define EXT2_FLAGS_TEST_FILESYS		0x0004

/* s_default_mount_opts */
#define EXT2_DEFM_DEBUG			0x0001
#define EXT2_DEFM_BSDGROUPS		0x0002
#define EXT2_DEFM_XATTR_USER		0x0004
#define EXT2_DEFM_ACL			0x0008
#define EXT2_DEFM_UID16			0x0010
#define EXT3_DEFM_JMODE			0x0060
#define EXT3_DEFM_JMODE_DATA		0x0020
#define EXT3_DEFM_JMODE_ORDERED		0x0040
#define EXT3_DEFM_JMODE_WBACK		0x0060
#define EXT4_DEFM_NOBARRIER		0x0100
#define EXT4_DEFM_BLOCK_VALIDITY	0x0200
#define EXT4_DEFM_DISCARD		0x0400
#define EXT4_DEFM_NODELALLOC		0x0800

#define EXT2_CRC32C_CHKSUM		1	/* s_checksum_type */
#define EXT3_JNL_BACKUP_BLOCKS		1	/* s_jnl_backup_type */

/* s_encrypt_algos, and the contents and names modes of encryption contexts */
#define EXT4_ENCRYPTION_MODE_INVALID		0
#define EXT4_ENCRYPTION_MODE_AES_256_XTS	1
#define EXT4_ENCRYPTION_MODE_AES_256_GCM	2
#define EXT4_ENCRYPTION_MODE_AES_256_CBC	3
#define EXT4_ENCRYPTION_MODE_AES_256_CTS	4

/* s_encoding, s_encoding_flags */
#define EXT4_ENC_UTF8_12_1			1
#define EXT4_ENC_STRICT_MODE_FL			0x0001
#define EXT4_ENC_NO_COMPAT_FALLBACK_FL		0x0002

struct ext2_super_block {
/*000*/	__le32	s_inodes_count;
	__le32	s_blocks_count;		/* low half */
	__le32	s_r_blocks_count;	/* low half */
	__le32	s_free_blocks_count;	/* low half; in clusters */
/*010*/	__le32	s_free_inodes_count;
	__le32	s_first_data_block;
	__le32	s_log_block_size;	/* block size = 1024 << this */
	__le32	s_log_cluster_size;
/*020*/	__le32	s_blocks_per_group;
	__le32	s_clusters_per_group;
	__le32	s_inodes_per_group;
	__le32	s_mtime;		/* last mount, seconds, low 32 bits */
/*030*/	__le32	s_wtime;
	__le16	s_mnt_count;
	__le16	s_max_mnt_count;	/* signed */
	__le16	s_magic;
	__le16	s_state;
	__le16	s_errors;
	__le16	s_minor_rev_level;
/*040*/	__le32	s_lastcheck;
	__le32	s_checkinterval;	/* seconds */
	__le32	s_creator_os;
	__le32	s_rev_level;
/*050*/	__le16	s_def_resuid;
	__le16	s_def_resgid;
	/* from here on only with EXT2_DYNAMIC_REV */
	__le32	s_first_ino;
	__le16	s_inode_size;
	__le16	s_block_group_nr;	/* group that this copy lies in */
	__le32	s_feature_compat;
/*060*/	__le32	s_feature_incompat;
	__le32	s_feature_ro_compat;
	__u8	s_uuid[16];
/*078*/	char	s_volume_name[16];	/* not always terminated */
/*088*/	char	s_last_mounted[64];	/* not always terminated */
/*0c8*/	__le32	s_algorithm_usage_bitmap;
	__u8	s_prealloc_blocks;
	__u8	s_prealloc_dir_blocks;
	__le16	s_reserved_gdt_blocks;
/*0d0*/	__u8	s_journal_uuid[16];	/* of an external journal */
/*0e0*/	__le32	s_journal_inum;
	__le32	s_journal_dev;
	__le32	s_last_orphan;		/* head of the orphan list */
	__le32	s_hash_seed[4];
	__u8	s_def_hash_version;
	__u8	s_jnl_backup_type;
	__le16	s_desc_size;		/* only with 64bit */
/*100*/	__le32	s_default_mount_opts;
	__le32	s_first_meta_bg;	/* first meta block group, in descriptor blocks */
	__le32	s_mkfs_time;
	__le32	s_jnl_blocks[17];	/* copy of the journal inode's i_block, i_size_high, i_size */
/*150*/	__le32	s_blocks_count_hi;
	__le32	s_r_blocks_count_hi;
	__le32	s_free_blocks_hi;
	__le16	s_min_extra_isize;
	__le16	s_want_extra_isize;
/*160*/	__le32	s_flags;
	__le16	s_raid_stride;		/* blocks */
	__le16	s_mmp_update_interval;	/* seconds */
	__le64	s_mmp_block;
/*170*/	__le32	s_raid_stripe_width;	/* blocks */
	__u8	s_log_groups_per_flex;
	__u8	s_checksum_type;
	__u8	s_encryption_level;
	__u8	s_reserved_pad;
	__le64	s_kbytes_written;
/*180*/	__le32	s_snapshot_inum;
	__le32	s_snapshot_id;
	__le64	s_snapshot_r_blocks_count;
/*190*/	__le32	s_snapshot_list;
	__le32	s_error_count;
	__le32	s_first_error_time;
	__le32	s_first_error_ino;
/*1a0*/	__le64	s_first_error_block;
	__u8	s_first_error_func[32];
	__le32	s_first_error_line;
	__le32	s_last_error_time;
/*1d0*/	__le32	s_last_error_ino;
	__le32	s_last_error_line;
	__le64	s_last_error_block;
/*1e0*/	__u8	s_last_error_func[32];
/*200*/	char	s_mount_opts[64];
/*240*/	__le32	s_usr_quota_inum;
	__le32	s_grp_quota_inum;
	__le32	s_overhead_clusters;
	__le32	s_backup_bgs[2];	/* sparse_super2 */
	__u8	s_encrypt_algos[4];
/*258*/	__u8	s_encrypt_pw_salt[16];
	__le32	s_lpf_ino;		/* lost+found */
	__le32	s_prj_quota_inum;
/*270*/	__le32	s_checksum_seed;	/* only with csum_seed */
	__u8	s_wtime_hi;
	__u8	s_mtime_hi;
	__u8	s_mkfs_time_hi;
	__u8	s_lastcheck_hi;
	__u8	s_first_error_time_hi;
	__u8	s_last_error_time_hi;
	__u8	s_first_error_errcode;
	__u8	s_last_error_errcode;
	__le16	s_encoding;
	__le16	s_encoding_flags;
/*280*/	__le32	s_orphan_file_inum;
	__le16	s_def_resuid_hi;
	__le16	s_def_resgid_hi;
	__le32	s_reserved[93];
/*3fc*/	__le32	s_checksum;		/* crc32c of all that comes before */
};

static_assert(sizeof(struct ext2_super_block) == SUPERBLOCK_SIZE, "superblock");
static_assert(offsetof(struct ext2_super_block, s_magic) == 0x38, "superblock");
static_assert(offsetof(struct ext2_super_block, s_first_ino) == 0x54, "superblock");
static_assert(offsetof(struct ext2_super_block, s_uuid) == 0x68, "superblock");
static_assert(offsetof(struct ext2_super_block, s_hash_seed) == 0xec, "superblock");
static_assert(offsetof(struct ext2_super_block, s_desc_size) == 0xfe, "superblock");
static_assert(offsetof(struct ext2_super_block, s_jnl_blocks) == 0x10c, "superblock");
static_assert(offsetof(struct ext2_super_block, s_blocks_count_hi) == 0x150, "superblock");
static_assert(offsetof(struct ext2_super_block, s_mmp_block) == 0x168, "superblock");
static_assert(offsetof(struct ext2_super_block, s_error_count) == 0x194, "superblock");
static_assert(offsetof(struct ext2_super_block, s_mount_opts) == 0x200, "superblock");
static_assert(offsetof(struct ext2_super_block, s_lpf_ino) == 0x268, "superblock");
static_assert(offsetof(struct ext2_super_block, s_checksum_seed) == 0x270, "superblock");
static_assert(offsetof(struct ext2_super_block, s_orphan_file_inum) == 0x280, "superblock");
static_assert(offsetof(struct ext2_super_block, s_checksum) == 0x3fc, "superblock");

/* Features */
#define EXT2_FEATURE_COMPAT_DIR_PREALLOC	0x0001
#define EXT2_FEATURE_COMPAT_IMAGIC_INODES	0x0002
#define EXT3_FEATURE_COMPAT_HAS_JOURNAL		0x0004
#define EXT2_FEATURE_COMPAT_EXT_ATTR		0x0008
#define EXT2_FEATURE_COMPAT_RESIZE_INODE	0x0010
#define EXT2_FEATURE_COMPAT_DIR_INDEX		0x0020
#define EXT2_FEATURE_COMPAT_LAZY_BG		0x0040
#define EXT2_FEATURE_COMPAT_EXCLUDE_INODE	0x0080
#define EXT2_FEATURE_COMPAT_EXCLUDE_BITMAP	0x0100
#define EXT4_FEATURE_COMPAT_SPARSE_SUPER2	0x0200
#define EXT4_FEATURE_COMPAT_FAST_COMMIT		0x0400
#define EXT4_FEATURE_COMPAT_STABLE_INODES	0x0800
#define EXT4_FEATURE_COMPAT_ORPHAN_FILE		0x1000

#define EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER	0x0001
#define EXT2_FEATURE_RO_COMPAT_LARGE_FILE	0x0002
#define EXT2_FEATURE_RO_COMPAT_BTREE_DIR	0x0004
#define EXT4_FEATURE_RO_COMPAT_HUGE_FILE	0x0008
#define EXT4_FEATURE_RO_COMPAT_GDT_CSUM		0x0010	/* uninit_bg */
#define EXT4_FEATURE_RO_COMPAT_DIR_NLINK	0x0020
#define EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE	0x0040
#define EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT	0x0080
#define EXT4_FEATURE_RO_COMPAT_QUOTA		0x0100
#define EXT4_FEATURE_RO_COMPAT_BIGALLOC		0x0200
#define EXT4_FEATURE_RO_COMPAT_METADATA_CSUM	0x0400
#define EXT4_FEATURE_RO_COMPAT_REPLICA		0x0800
#define EXT4_FEATURE_RO_COMPAT_READONLY		0x1000
#define EXT4_FEATURE_RO_COMPAT_PROJECT		0x2000
#define EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS	0x4000
#define EXT4_FEATURE_RO_COMPAT_VERITY		0x8000
#define EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT	0x10000

#define EXT2_FEATURE_INCOMPAT_COMPRESSION	0x0001
#define EXT2_FEATURE_INCOMPAT_FILETYPE		0x0002
#define EXT3_FEATURE_INCOMPAT_RECOVER		0x0004	/* the journal needs replay */
#define EXT3_FEATURE_INCOMPAT_JOURNAL_DEV	0x0008
#define EXT2_FEATURE_INCOMPAT_META_BG		0x0010
#define EXT3_FEATURE_INCOMPAT_EXTENTS		0x0040
#define EXT4_FEATURE_INCOMPAT_64BIT		0x0080
#define EXT4_FEATURE_INCOMPAT_MMP		0x0100
#define EXT4_FEATURE_INCOMPAT_FLEX_BG		0x0200
#define EXT4_FEATURE_INCOMPAT_EA_INODE		0x0400
#define EXT4_FEATURE_INCOMPAT_DIRDATA		0x1000
#define EXT4_FEATURE_INCOMPAT_CSUM_SEED		0x2000
#define EXT4_FEATURE_INCOMPAT_LARGEDIR		0x4000
#define EXT4_FEATURE_INCOMPAT_INLINE_DATA	0x8000
#define EXT4_FEATURE_INCOMPAT_ENCRYPT		0x10000
#define EXT4_FEATURE_INCOMPAT_CASEFOLD		0x20000

/*
 * ext2fs_has_feature_X(), ext2fs_set_feature_X() and ext2fs_clear_feature_X()
 * of a superblock in disk byte order.
 */
#define EXT2FS_FEATURE(kind, name, bit)						\
static inline bool ext2fs_has_feature_##name(const struct ext2_super_block *sb)	\
{										\
	return (sb->s_feature_##kind & cpu_to_le32(bit)) != 0;			\
}										\
static inline void ext2fs_set_feature_##name(struct ext2_super_block *sb)	\
{										\
	sb->s_feature_##kind |= cpu_to_le32(bit);				\
}										\
static inline void ext2fs_clear_feature_##name(struct ext2_super_block *sb)	\
{										\
	sb->s_feature_##kind &= ~cpu_to_le32(bit);				\
}

EXT2FS_FEATURE(compat, dir_prealloc,	EXT2_FEATURE_COMPAT_DIR_PREALLOC)
EXT2FS_FEATURE(compat, imagic_inodes,	EXT2_FEATURE_COMPAT_IMAGIC_INODES)
EXT2FS_FEATURE(compat, journal,		EXT3_FEATURE_COMPAT_HAS_JOURNAL)
EXT2FS_FEATURE(compat, xattr,		EXT2_FEATURE_COMPAT_EXT_ATTR)
EXT2FS_FEATURE(compat, resize_inode,	EXT2_FEATURE_COMPAT_RESIZE_INODE)
EXT2FS_FEATURE(compat, dir_index,	EXT2_FEATURE_COMPAT_DIR_INDEX)
EXT2FS_FEATURE(compat, lazy_bg,		EXT2_FEATURE_COMPAT_LAZY_BG)
EXT2FS_FEATURE(compat, exclude_inode,	EXT2_FEATURE_COMPAT_EXCLUDE_INODE)
EXT2FS_FEATURE(compat, exclude_bitmap,	EXT2_FEATURE_COMPAT_EXCLUDE_BITMAP)
EXT2FS_FEATURE(compat, sparse_super2,	EXT4_FEATURE_COMPAT_SPARSE_SUPER2)
EXT2FS_FEATURE(compat, fast_commit,	EXT4_FEATURE_COMPAT_FAST_COMMIT)
EXT2FS_FEATURE(compat, stable_inodes,	EXT4_FEATURE_COMPAT_STABLE_INODES)
EXT2FS_FEATURE(compat, orphan_file,	EXT4_FEATURE_COMPAT_ORPHAN_FILE)

EXT2FS_FEATURE(ro_compat, sparse_super,	EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER)
EXT2FS_FEATURE(ro_compat, large_file,	EXT2_FEATURE_RO_COMPAT_LARGE_FILE)
EXT2FS_FEATURE(ro_compat, btree_dir,	EXT2_FEATURE_RO_COMPAT_BTREE_DIR)
EXT2FS_FEATURE(ro_compat, huge_file,	EXT4_FEATURE_RO_COMPAT_HUGE_FILE)
EXT2FS_FEATURE(ro_compat, gdt_csum,	EXT4_FEATURE_RO_COMPAT_GDT_CSUM)
EXT2FS_FEATURE(ro_compat, dir_nlink,	EXT4_FEATURE_RO_COMPAT_DIR_NLINK)
EXT2FS_FEATURE(ro_compat, extra_isize,	EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE)
EXT2FS_FEATURE(ro_compat, has_snapshot,	EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT)
EXT2FS_FEATURE(ro_compat, quota,	EXT4_FEATURE_RO_COMPAT_QUOTA)
EXT2FS_FEATURE(ro_compat, bigalloc,	EXT4_FEATURE_RO_COMPAT_BIGALLOC)
EXT2FS_FEATURE(ro_compat, metadata_csum, EXT4_FEATURE_RO_COMPAT_METADATA_CSUM)
EXT2FS_FEATURE(ro_compat, replica,	EXT4_FEATURE_RO_COMPAT_REPLICA)
EXT2FS_FEATURE(ro_compat, readonly,	EXT4_FEATURE_RO_COMPAT_READONLY)
EXT2FS_FEATURE(ro_compat, project,	EXT4_FEATURE_RO_COMPAT_PROJECT)
EXT2FS_FEATURE(ro_compat, shared_blocks, EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS)
EXT2FS_FEATURE(ro_compat, verity,	EXT4_FEATURE_RO_COMPAT_VERITY)
EXT2FS_FEATURE(ro_compat, orphan_present, EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)

EXT2FS_FEATURE(incompat, compression,	EXT2_FEATURE_INCOMPAT_COMPRESSION)
EXT2FS_FEATURE(incompat, filetype,	EXT2_FEATURE_INCOMPAT_FILETYPE)
EXT2FS_FEATURE(incompat, journal_needs_recovery, EXT3_FEATURE_INCOMPAT_RECOVER)
EXT2FS_FEATURE(incompat, journal_dev,	EXT3_FEATURE_INCOMPAT_JOURNAL_DEV)
EXT2FS_FEATURE(incompat, meta_bg,	EXT2_FEATURE_INCOMPAT_META_BG)
EXT2FS_FEATURE(incompat, extents,	EXT3_FEATURE_INCOMPAT_EXTENTS)
EXT2FS_FEATURE(incompat, 64bit,		EXT4_FEATURE_INCOMPAT_64BIT)
EXT2FS_FEATURE(incompat, mmp,		EXT4_FEATURE_INCOMPAT_MMP)
EXT2FS_FEATURE(incompat, flex_bg,	EXT4_FEATURE_INCOMPAT_FLEX_BG)
EXT2FS_FEATURE(incompat, ea_inode,	EXT4_FEATURE_INCOMPAT_EA_INODE)
EXT2FS_FEATURE(incompat, dirdata,	EXT4_FEATURE_INCOMPAT_DIRDATA)
EXT2FS_FEATURE(incompat, csum_seed,	EXT4_FEATURE_INCOMPAT_CSUM_SEED)
EXT2FS_FEATURE(incompat, largedir,	EXT4_FEATURE_INCOMPAT_LARGEDIR)
EXT2FS_FEATURE(incompat, inline_data,	EXT4_FEATURE_INCOMPAT_INLINE_DATA)
EXT2FS_FEATURE(incompat, encrypt,	EXT4_FEATURE_INCOMPAT_ENCRYPT)
EXT2FS_FEATURE(incompat, casefold,	EXT4_FEATURE_INCOMPAT_CASEFOLD)

/* The high halves count only with 64bit, as in the kernel. */
#define EXT2FS_SB_COUNT(name, lo, hi)						\
static inline blk64_t ext2fs_##name(const struct ext2_super_block *sb)		\
{										\
	blk64_t v = le32_to_cpu(sb->lo);					\
										\
	if (ext2fs_has_feature_64bit(sb))					\
		v |= (blk64_t)le32_to_cpu(sb->hi) << 32;			\
	return v;								\
}										\
static inline void ext2fs_##name##_set(struct ext2_super_block *sb, blk64_t v)	\
{										\
	sb->lo = cpu_to_le32((uint32_t)v);					\
	if (ext2fs_has_feature_64bit(sb))					\
		sb->hi = cpu_to_le32((uint32_t)(v >> 32));			\
}

EXT2FS_SB_COUNT(blocks_count, s_blocks_count, s_blocks_count_hi)
EXT2FS_SB_COUNT(r_blocks_count, s_r_blocks_count, s_r_blocks_count_hi)
EXT2FS_SB_COUNT(free_blocks_count, s_free_blocks_count, s_free_blocks_hi) /* clusters */

/* Seconds since 1970 in 40 bits: a superblock time and its high byte. */
static inline uint64_t ext2fs_sb_time(__le32 lo, __u8 hi)
{
	return le32_to_cpu(lo) | (uint64_t)hi << 32;
}
#define ext2fs_get_tstamp(sb, field)	ext2fs_sb_time((sb)->field, (sb)->field##_hi)
#define ext2fs_set_tstamp(sb, field, value) do {				\
	(sb)->field = cpu_to_le32((uint32_t)(value));				\
	(sb)->field##_hi = (__u8)((uint64_t)(value) >> 32);			\
} while (0)

/* Group descriptors; only the first 32 bytes exist without 64bit. */
struct ext4_group_desc {
/*00*/	__le32	bg_block_bitmap;
	__le32	bg_inode_bitmap;
	__le32	bg_inode_table;
	__le16	bg_free_blocks_count;	/* clusters */
	__le16	bg_free_inodes_count;
/*10*/	__le16	bg_used_dirs_count;
	__le16	bg_flags;
	__le32	bg_exclude_bitmap_lo;
	__le16	bg_block_bitmap_csum_lo;
	__le16	bg_inode_bitmap_csum_lo;
	__le16	bg_itable_unused;	/* never used inodes at the end of the table */
	__le16	bg_checksum;
/*20*/	__le32	bg_block_bitmap_hi;
	__le32	bg_inode_bitmap_hi;
	__le32	bg_inode_table_hi;
	__le16	bg_free_blocks_count_hi;
	__le16	bg_free_inodes_count_hi;
/*30*/	__le16	bg_used_dirs_count_hi;
	__le16	bg_itable_unused_hi;
	__le32	bg_exclude_bitmap_hi;
	__le16	bg_block_bitmap_csum_hi;
	__le16	bg_inode_bitmap_csum_hi;
	__le32	bg_reserved;
};

static_assert(sizeof(struct ext4_group_desc) == 64, "group descriptor");
static_assert(offsetof(struct ext4_group_desc, bg_checksum) == 0x1e, "group descriptor");
static_assert(offsetof(struct ext4_group_desc, bg_block_bitmap_csum_hi) == 0x38,
	      "group descriptor");

/* bg_flags */
#define EXT2_BG_INODE_UNINIT	0x0001	/* inode bitmap and table were never written */
#define EXT2_BG_BLOCK_UNINIT	0x0002	/* block bitmap was never written */
#define EXT2_BG_INODE_ZEROED	0x0004	/* inode table is zeroed on disk */

/*
 * Fields of a group descriptor that are split in two; @desc_size is the size
 * of a descriptor on disk, which decides whether the high half exists.
 */
#define EXT2FS_BG_FIELD(name, type, lo, hi, bits)				\
static inline type ext2fs_bg_##name(const struct ext4_group_desc *gd, unsigned int desc_size) \
{										\
	type v = le##bits##_to_cpu(gd->lo);					\
										\
	if (desc_size >= EXT2_MIN_DESC_SIZE_64BIT)				\
		v |= (type)le##bits##_to_cpu(gd->hi) << bits;			\
	return v;								\
}										\
static inline void ext2fs_bg_##name##_set(struct ext4_group_desc *gd, unsigned int desc_size, \
					  type v)				\
{										\
	gd->lo = cpu_to_le##bits((uint##bits##_t)v);				\
	if (desc_size >= EXT2_MIN_DESC_SIZE_64BIT)				\
		gd->hi = cpu_to_le##bits((uint##bits##_t)(v >> bits));		\
}

EXT2FS_BG_FIELD(block_bitmap_loc, blk64_t, bg_block_bitmap, bg_block_bitmap_hi, 32)
EXT2FS_BG_FIELD(inode_bitmap_loc, blk64_t, bg_inode_bitmap, bg_inode_bitmap_hi, 32)
EXT2FS_BG_FIELD(inode_table_loc, blk64_t, bg_inode_table, bg_inode_table_hi, 32)
EXT2FS_BG_FIELD(free_blocks_count, uint32_t, bg_free_blocks_count, bg_free_blocks_count_hi, 16)
EXT2FS_BG_FIELD(free_inodes_count, uint32_t, bg_free_inodes_count, bg_free_inodes_count_hi, 16)
EXT2FS_BG_FIELD(used_dirs_count, uint32_t, bg_used_dirs_count, bg_used_dirs_count_hi, 16)
EXT2FS_BG_FIELD(itable_unused, uint32_t, bg_itable_unused, bg_itable_unused_hi, 16)

/* i_block */
#define EXT2_NDIR_BLOCKS	12
#define EXT2_IND_BLOCK		EXT2_NDIR_BLOCKS
#define EXT2_DIND_BLOCK		(EXT2_IND_BLOCK + 1)
#define EXT2_TIND_BLOCK		(EXT2_DIND_BLOCK + 1)
#define EXT2_N_BLOCKS		(EXT2_TIND_BLOCK + 1)

struct ext2_inode {
/*00*/	__le16	i_mode;
	__le16	i_uid;
	__le32	i_size;
	__le32	i_atime;		/* of an EA inode: hash of the value */
	__le32	i_ctime;		/* of an EA inode: high half of the reference count */
/*10*/	__le32	i_mtime;
	__le32	i_dtime;		/* deletion time, or next inode of the orphan list */
	__le16	i_gid;
	__le16	i_links_count;
	__le32	i_blocks;		/* 512 byte sectors; blocks with EXT4_HUGE_FILE_FL */
/*20*/	__le32	i_flags;
	union {
		struct {
			__le32	l_i_version;	/* of an EA inode: low half of the reference count */
		} linux1;
		struct {
			__le32	h_i_translator;
		} hurd1;
	} osd1;
	__le32	i_block[EXT2_N_BLOCKS];
/*64*/	__le32	i_generation;
	__le32	i_file_acl;		/* xattr block */
	__le32	i_size_high;
	__le32	i_faddr;
/*74*/	union {
		struct {
			__le16	l_i_blocks_hi;
			__le16	l_i_file_acl_high;
			__le16	l_i_uid_high;
			__le16	l_i_gid_high;
			__le16	l_i_checksum_lo;
			__le16	l_i_reserved;
		} linux2;
		struct {
			__u8	h_i_frag;
			__u8	h_i_fsize;
			__le16	h_i_mode_high;
			__le16	h_i_uid_high;
			__le16	h_i_gid_high;
			__le32	h_i_author;
		} hurd2;
	} osd2;
};

static_assert(sizeof(struct ext2_inode) == EXT2_GOOD_OLD_INODE_SIZE, "inode");
static_assert(offsetof(struct ext2_inode, i_block) == 0x28, "inode");
static_assert(offsetof(struct ext2_inode, osd2.linux2.l_i_checksum_lo) == 0x7c, "inode");

/*
 * The same with what follows when s_inode_size is above 128.  A field exists
 * only as far as i_extra_isize reaches; see EXT2_FITS_IN_INODE().
 */
struct ext2_inode_large {
/*00*/	__le16	i_mode;
	__le16	i_uid;
	__le32	i_size;
	__le32	i_atime;
	__le32	i_ctime;
/*10*/	__le32	i_mtime;
	__le32	i_dtime;
	__le16	i_gid;
	__le16	i_links_count;
	__le32	i_blocks;
/*20*/	__le32	i_flags;
	union {
		struct {
			__le32	l_i_version;
		} linux1;
		struct {
			__le32	h_i_translator;
		} hurd1;
	} osd1;
	__le32	i_block[EXT2_N_BLOCKS];
/*64*/	__le32	i_generation;
	__le32	i_file_acl;
	__le32	i_size_high;
	__le32	i_faddr;
/*74*/	union {
		struct {
			__le16	l_i_blocks_hi;
			__le16	l_i_file_acl_high;
			__le16	l_i_uid_high;
			__le16	l_i_gid_high;
			__le16	l_i_checksum_lo;
			__le16	l_i_reserved;
		} linux2;
		struct {
			__u8	h_i_frag;
			__u8	h_i_fsize;
			__le16	h_i_mode_high;
			__le16	h_i_uid_high;
			__le16	h_i_gid_high;
			__le32	h_i_author;
		} hurd2;
	} osd2;
/*80*/	__le16	i_extra_isize;		/* bytes used after the first 128 */
	__le16	i_checksum_hi;
	__le32	i_ctime_extra;		/* nanoseconds << 2 | epoch bits */
	__le32	i_mtime_extra;
	__le32	i_atime_extra;
/*90*/	__le32	i_crtime;
	__le32	i_crtime_extra;
	__le32	i_version_hi;
	__le32	i_projid;
};

static_assert(sizeof(struct ext2_inode_large) == 160, "large inode");
static_assert(offsetof(struct ext2_inode_large, i_block) == 0x28, "large inode");
static_assert(offsetof(struct ext2_inode_large, osd2.linux2.l_i_checksum_lo) == 0x7c,
	      "large inode");
static_assert(offsetof(struct ext2_inode_large, i_extra_isize) == 0x80, "large inode");
static_assert(offsetof(struct ext2_inode_large, i_projid) == 0x9c, "large inode");

/* Does i_extra_isize of the large inode @raw reach over @field?  Only when s_inode_size > 128. */
#define EXT2_FITS_IN_INODE(raw, field)						\
	(offsetof(struct ext2_inode_large, field) + sizeof((raw)->field) <=	\
	 EXT2_GOOD_OLD_INODE_SIZE + (size_t)le16_to_cpu((raw)->i_extra_isize))

/* The nanosecond and epoch bits of a *_extra field */
#define EXT4_EPOCH_BITS		2
#define EXT4_EPOCH_MASK		((1U << EXT4_EPOCH_BITS) - 1)
#define EXT4_NSEC_MASK		(~0U << EXT4_EPOCH_BITS)

/* Accessors work on both kinds of inode. */
#define ext2fs_inode_uid(raw)							\
	(le16_to_cpu((raw)->i_uid) |						\
	 (uint32_t)le16_to_cpu((raw)->osd2.linux2.l_i_uid_high) << 16)
#define ext2fs_inode_gid(raw)							\
	(le16_to_cpu((raw)->i_gid) |						\
	 (uint32_t)le16_to_cpu((raw)->osd2.linux2.l_i_gid_high) << 16)
#define ext2fs_inode_size(raw)							\
	(le32_to_cpu((raw)->i_size) | (uint64_t)le32_to_cpu((raw)->i_size_high) << 32)
#define ext2fs_inode_file_acl(raw)						\
	(le32_to_cpu((raw)->i_file_acl) |					\
	 (blk64_t)le16_to_cpu((raw)->osd2.linux2.l_i_file_acl_high) << 32)
#define ext2fs_inode_uid_set(raw, v) do {					\
	(raw)->i_uid = cpu_to_le16((uint16_t)(v));				\
	(raw)->osd2.linux2.l_i_uid_high = cpu_to_le16((uint16_t)((uint32_t)(v) >> 16)); \
} while (0)
#define ext2fs_inode_gid_set(raw, v) do {					\
	(raw)->i_gid = cpu_to_le16((uint16_t)(v));				\
	(raw)->osd2.linux2.l_i_gid_high = cpu_to_le16((uint16_t)((uint32_t)(v) >> 16)); \
} while (0)
#define ext2fs_inode_size_set(raw, v) do {					\
	(raw)->i_size = cpu_to_le32((uint32_t)(v));				\
	(raw)->i_size_high = cpu_to_le32((uint32_t)((uint64_t)(v) >> 32));	\
} while (0)
#define ext2fs_inode_file_acl_set(raw, v) do {					\
	(raw)->i_file_acl = cpu_to_le32((uint32_t)(v));				\
	(raw)->osd2.linux2.l_i_file_acl_high = cpu_to_le16((uint16_t)((blk64_t)(v) >> 32)); \
} while (0)

/* An EA inode's hash of its value, and its 64-bit reference count */
#define ext2fs_get_ea_inode_hash(raw)	le32_to_cpu((raw)->i_atime)
#define ext2fs_get_ea_inode_ref(raw)						\
	(le32_to_cpu((raw)->osd1.linux1.l_i_version) |				\
	 (uint64_t)le32_to_cpu((raw)->i_ctime) << 32)
#define ext2fs_set_ea_inode_hash(raw, v)					\
	((void)((raw)->i_atime = cpu_to_le32((uint32_t)(v))))
#define ext2fs_set_ea_inode_ref(raw, v) do {					\
	(raw)->osd1.linux1.l_i_version = cpu_to_le32((uint32_t)(v));		\
	(raw)->i_ctime = cpu_to_le32((uint32_t)((uint64_t)(v) >> 32));		\
} while (0)

/* i_flags */
#define EXT2_SECRM_FL			0x00000001
#define EXT2_UNRM_FL			0x00000002
#define EXT2_COMPR_FL			0x00000004
#define EXT2_SYNC_FL			0x00000008
#define EXT2_IMMUTABLE_FL		0x00000010
#define EXT2_APPEND_FL			0x00000020
#define EXT2_NODUMP_FL			0x00000040
#define EXT2_NOATIME_FL			0x00000080
#define EXT2_DIRTY_FL			0x00000100
#define EXT2_COMPRBLK_FL		0x00000200
#define EXT2_NOCOMPR_FL			0x00000400
#define EXT4_ENCRYPT_FL			0x00000800
#define EXT2_INDEX_FL			0x00001000
#define EXT2_IMAGIC_FL			0x00002000
#define EXT3_JOURNAL_DATA_FL		0x00004000
#define EXT2_NOTAIL_FL			0x00008000
#define EXT2_DIRSYNC_FL			0x00010000
#define EXT2_TOPDIR_FL			0x00020000
#define EXT4_HUGE_FILE_FL		0x00040000
#define EXT4_EXTENTS_FL			0x00080000
#define EXT4_VERITY_FL			0x00100000
#define EXT4_EA_INODE_FL		0x00200000
#define EXT4_EOFBLOCKS_FL		0x00400000
#define EXT4_SNAPFILE_FL		0x01000000
#define EXT4_DAX_FL			0x02000000
#define EXT4_SNAPFILE_DELETED_FL	0x04000000
#define EXT4_SNAPFILE_SHRUNK_FL		0x08000000
#define EXT4_INLINE_DATA_FL		0x10000000
#define EXT4_PROJINHERIT_FL		0x20000000
#define EXT4_CASEFOLD_FL		0x40000000
#define EXT2_RESERVED_FL		0x80000000

#define EXT4_FL_USER_VISIBLE		0x725BDFFF	/* FS_IOC_GETFLAGS */
#define EXT4_FL_USER_MODIFIABLE		0x624BC0FF	/* FS_IOC_SETFLAGS */

/* Types in i_mode; the values of <sys/stat.h> on Linux, spelled out as they are on disk */
#define LINUX_S_IFMT		0170000
#define LINUX_S_IFSOCK		0140000
#define LINUX_S_IFLNK		0120000
#define LINUX_S_IFREG		0100000
#define LINUX_S_IFBLK		0060000
#define LINUX_S_IFDIR		0040000
#define LINUX_S_IFCHR		0020000
#define LINUX_S_IFIFO		0010000

/* Directories */
struct ext2_dir_entry_2 {
	__le32	inode;			/* 0 = free space */
	__le16	rec_len;		/* see ext2fs_rec_len_from_disk() */
	__u8	name_len;
	__u8	file_type;		/* high byte of name_len without filetype */
	char	name[];			/* not terminated */
};

/* Follows the name, rounded up to 4, where a directory is encrypted and case-folded */
struct ext2_dir_entry_hash {
	__le32	hash;
	__le32	minor_hash;
};

/* The last 12 bytes of a directory leaf with metadata_csum; looks like a free entry */
struct ext2_dir_entry_tail {
	__le32	det_reserved_zero1;
	__le16	det_rec_len;		/* 12 */
	__u8	det_reserved_zero2;
	__u8	det_reserved_ft;	/* EXT2_DIR_NAME_LEN_CSUM's file type */
	__le32	det_checksum;
};

#define EXT2_DIR_ENTRY_HEADER_LEN	8
#define EXT2_DIR_PAD			4
#define EXT2_FT_DIR_CSUM		0xDE	/* det_reserved_ft */
#define EXT2_DIR_REC_LEN(name_len)						\
	(((unsigned int)(name_len) + EXT2_DIR_ENTRY_HEADER_LEN + EXT2_DIR_PAD - 1) & \
	 ~(unsigned int)(EXT2_DIR_PAD - 1))

static_assert(sizeof(struct ext2_dir_entry_2) == 8, "directory entry");
static_assert(sizeof(struct ext2_dir_entry_tail) == 12, "directory tail");

/*
 * rec_len counts bytes; in blocks of 64 KiB, where it would not fit, the two
 * low bits hold bits 16 and 17, and 0 and 65535 both mean 65536.
 */
static inline unsigned int ext2fs_rec_len_from_disk(__le16 dlen, unsigned int block_size)
{
	unsigned int len = le16_to_cpu(dlen);

	if (block_size < 65536)
		return len;
	if (len == 65535 || len == 0)
		return block_size;
	return (len & 65532) | ((len & 3) << 16);
}

static inline __le16 ext2fs_rec_len_to_disk(unsigned int len, unsigned int block_size)
{
	if (len < 65536)
		return cpu_to_le16((uint16_t)len);
	if (len == block_size)
		return cpu_to_le16(block_size == 65536 ? 65535 : 0);
	return cpu_to_le16((uint16_t)((len & 65532) | ((len >> 16) & 3)));
}

/* file_type */
#define EXT2_FT_UNKNOWN		0
#define EXT2_FT_REG_FILE	1
#define EXT2_FT_DIR		2
#define EXT2_FT_CHRDEV		3
#define EXT2_FT_BLKDEV		4
#define EXT2_FT_FIFO		5
#define EXT2_FT_SOCK		6
#define EXT2_FT_SYMLINK		7
#define EXT2_FT_MAX		8

/* Index blocks of hashed directories */
struct ext2_dx_root_info {		/* at byte 24 of block 0, after "." and ".." */
	__le32	reserved_zero;
	__u8	hash_version;		/* EXT2_HASH_* */
	__u8	info_length;		/* 8 */
	__u8	indirect_levels;
	__u8	unused_flags;
};

struct ext2_dx_entry {
	__le32	hash;
	__le32	block;			/* logical block of the directory */
};

struct ext2_dx_countlimit {		/* in place of the first entry's hash */
	__le16	limit;
	__le16	count;
};

struct ext2_dx_tail {			/* after limit entries, with metadata_csum */
	__le32	dt_reserved;
	__le32	dt_checksum;
};

static_assert(sizeof(struct ext2_dx_root_info) == 8, "index root");
static_assert(sizeof(struct ext2_dx_entry) == 8, "index entry");
static_assert(sizeof(struct ext2_dx_countlimit) == 4, "index limit");
static_assert(sizeof(struct ext2_dx_tail) == 8, "index tail");

#define EXT2_DX_ROOT_OFF	24	/* bytes before struct ext2_dx_root_info in block 0 */
#define EXT2_DX_NODE_OFF	8	/* bytes before the entries in other index blocks */
#define EXT2_DX_BLOCK_MASK	0x0fffffff	/* of ext2_dx_entry.block */
#define EXT2_HTREE_LEVEL_COMPAT	2	/* index levels, root included */
#define EXT2_HTREE_LEVEL	3	/* ... with largedir */

/* Hash versions; the unsigned ones are never stored in an index root */
#define EXT2_HASH_LEGACY		0
#define EXT2_HASH_HALF_MD4		1
#define EXT2_HASH_TEA			2
#define EXT2_HASH_LEGACY_UNSIGNED	3
#define EXT2_HASH_HALF_MD4_UNSIGNED	4
#define EXT2_HASH_TEA_UNSIGNED		5
#define EXT2_HASH_SIPHASH		6
#define DX_HASH_LEGACY			EXT2_HASH_LEGACY
#define DX_HASH_HALF_MD4		EXT2_HASH_HALF_MD4
#define DX_HASH_TEA			EXT2_HASH_TEA
#define DX_HASH_LEGACY_UNSIGNED		EXT2_HASH_LEGACY_UNSIGNED
#define DX_HASH_HALF_MD4_UNSIGNED	EXT2_HASH_HALF_MD4_UNSIGNED
#define DX_HASH_TEA_UNSIGNED		EXT2_HASH_TEA_UNSIGNED
#define DX_HASH_SIPHASH			EXT2_HASH_SIPHASH

#define EXT2_HTREE_EOF_32BIT	((1U << 31) - 1)	/* hash >> 1 of the end of a directory */

/* Orphan file: a block is an array of inode numbers and this tail */
struct ext4_orphan_block_tail {
	__le32	ob_magic;
	__le32	ob_checksum;
};
#define EXT4_ORPHAN_BLOCK_MAGIC	0x0b10ca04
static_assert(sizeof(struct ext4_orphan_block_tail) == 8, "orphan block");

/* Extents */
struct ext3_extent_header {
	__le16	eh_magic;
	__le16	eh_entries;
	__le16	eh_max;
	__le16	eh_depth;		/* 0 = leaf */
	__le32	eh_generation;
};

struct ext3_extent {
	__le32	ee_block;		/* first logical block */
	__le16	ee_len;			/* above EXT_INIT_MAX_LEN: unwritten, less 32768 */
	__le16	ee_start_hi;
	__le32	ee_start;
};

struct ext3_extent_idx {
	__le32	ei_block;
	__le32	ei_leaf;
	__le16	ei_leaf_hi;
	__le16	ei_unused;
};

struct ext3_extent_tail {		/* after eh_max entries, with metadata_csum */
	__le32	et_checksum;
};

#define EXT3_EXT_MAGIC		0xf30a
#define EXT_INIT_MAX_LEN	(1U << 15)
#define EXT_UNINIT_MAX_LEN	(EXT_INIT_MAX_LEN - 1)
#define EXT_MAX_BLOCK		0xffffffffU	/* no logical block has this number */
#define EXT4_MAX_EXTENT_DEPTH	5

static_assert(sizeof(struct ext3_extent_header) == 12, "extent header");
static_assert(sizeof(struct ext3_extent) == 12, "extent");
static_assert(sizeof(struct ext3_extent_idx) == 12, "extent index");
static_assert(sizeof(struct ext3_extent_tail) == 4, "extent tail");

/* Extended attributes */
struct ext2_ext_attr_header {
	__le32	h_magic;
	__le32	h_refcount;
	__le32	h_blocks;		/* 1 */
	__le32	h_hash;			/* of all entries */
	__le32	h_checksum;
	__le32	h_reserved[3];
};

struct ext2_ext_attr_ibody_header {	/* right after i_extra_isize */
	__le32	h_magic;
};

struct ext2_ext_attr_entry {
	__u8	e_name_len;
	__u8	e_name_index;
	__le16	e_value_offs;		/* from the block's start, or the first entry in an inode */
	__le32	e_value_inum;		/* EA inode that holds the value, or 0 */
	__le32	e_value_size;
	__le32	e_hash;
	char	e_name[];		/* without the prefix, not terminated */
};

static_assert(sizeof(struct ext2_ext_attr_header) == 32, "xattr header");
static_assert(sizeof(struct ext2_ext_attr_entry) == 16, "xattr entry");

#define EXT2_EXT_ATTR_MAGIC	0xEA020000
#define EXT2_EXT_ATTR_REFCOUNT_MAX 1024
#define EXT2_EXT_ATTR_PAD_BITS	2
#define EXT2_EXT_ATTR_PAD	(1U << EXT2_EXT_ATTR_PAD_BITS)
#define EXT2_EXT_ATTR_ROUND	(EXT2_EXT_ATTR_PAD - 1)
#define EXT2_EXT_ATTR_LEN(name_len)						\
	(((unsigned int)(name_len) + EXT2_EXT_ATTR_ROUND +			\
	  (unsigned int)sizeof(struct ext2_ext_attr_entry)) & ~EXT2_EXT_ATTR_ROUND)
#define EXT2_EXT_ATTR_SIZE(size)						\
	(((size) + EXT2_EXT_ATTR_ROUND) & ~EXT2_EXT_ATTR_ROUND)
#define EXT4_XATTR_SIZE_MAX	(1U << 24)	/* of a value in an EA inode */

/* e_name_index: stands for the prefix in the comment */
#define EXT2_EXT_ATTR_INDEX_NONE		 0	/* the whole name is stored */
#define EXT2_EXT_ATTR_INDEX_USER		 1	/* user. */
#define EXT2_EXT_ATTR_INDEX_POSIX_ACL_ACCESS	 2	/* system.posix_acl_access */
#define EXT2_EXT_ATTR_INDEX_POSIX_ACL_DEFAULT	 3	/* system.posix_acl_default */
#define EXT2_EXT_ATTR_INDEX_TRUSTED		 4	/* trusted. */
#define EXT2_EXT_ATTR_INDEX_LUSTRE		 5
#define EXT2_EXT_ATTR_INDEX_SECURITY		 6	/* security. */
#define EXT2_EXT_ATTR_INDEX_SYSTEM		 7	/* system. */
#define EXT2_EXT_ATTR_INDEX_RICHACL		 8	/* system.richacl */
#define EXT2_EXT_ATTR_INDEX_ENCRYPTION		 9	/* encryption context "c" */
#define EXT2_EXT_ATTR_INDEX_HURD		10	/* gnu. */

#define EXT4_EXT_ATTR_SYSTEM_DATA		"data"	/* rest of inline data, with INDEX_SYSTEM */

/* ACLs as they are stored in an attribute */
struct ext4_acl_header {
	__le32	a_version;
};
struct ext4_acl_entry_short {		/* owner, group, mask, other */
	__le16	e_tag;
	__le16	e_perm;
};
struct ext4_acl_entry {			/* a user or a group */
	__le16	e_tag;
	__le16	e_perm;
	__le32	e_id;
};
#define EXT4_ACL_VERSION	0x0001
static_assert(sizeof(struct ext4_acl_entry) == 8, "acl entry");

/* Inline data */
#define EXT4_MIN_INLINE_DATA_SIZE	(sizeof(__le32) * EXT2_N_BLOCKS)
#define EXT4_INLINE_DATA_DOTDOT_SIZE	4	/* the parent's number, before the entries */

/* Multi-mount protection */
struct mmp_struct {
	__le32	mmp_magic;
	__le32	mmp_seq;
	__le64	mmp_time;		/* seconds since 1970, for people */
	char	mmp_nodename[64];	/* not always terminated */
	char	mmp_bdevname[32];	/* not always terminated */
	__le16	mmp_check_interval;	/* seconds */
	__le16	mmp_pad1;
	__le32	mmp_pad2[226];
	__le32	mmp_checksum;
};

static_assert(sizeof(struct mmp_struct) == 1024, "mmp block");
static_assert(offsetof(struct mmp_struct, mmp_checksum) == 1020, "mmp block");

#define EXT4_MMP_MAGIC			0x004D4D50U
#define EXT4_MMP_SEQ_CLEAN		0xFF4D4D50U	/* nobody uses it */
#define EXT4_MMP_SEQ_FSCK		0xE24D4D50U	/* fsck is at work */
#define EXT4_MMP_SEQ_MAX		0xE24D4D4FU	/* largest ordinary number */
#define EXT4_MMP_UPDATE_INTERVAL	5	/* seconds */
#define EXT4_MMP_MIN_CHECK_INTERVAL	5
#define EXT4_MMP_MAX_CHECK_INTERVAL	300
#define EXT4_MMP_CHECK_MULT		2

#endif /* EXT2FS_EXT2_FS_H */
