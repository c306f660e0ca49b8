/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The superblock on disk, its constants, the features and the accessors of
 * both.  Part of ext2_fs.h, which has all other structures; nothing is checked
 * here.
 */
#ifndef EXT2FS_EXT2_SUPER_H
#define EXT2FS_EXT2_SUPER_H

#include <assert.h>
#include <stddef.h>
#include "ext2fs/byteorder.h"
#include "ext2fs/ext2_types.h"

#define EXT2_SUPER_MAGIC	0xEF53
#define SUPERBLOCK_OFFSET	1024	/* bytes from the start of the device */
#define SUPERBLOCK_SIZE		1024

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
	__le32	s_jnl_blocks[17];	/* journal inode's i_block, i_size_high, i_size */
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
/* As the kernel does, a clock before 1970 is taken for 1970. */
static inline uint64_t ext2fs_clamp_sb_time(int64_t t)
{
	const int64_t max = ((int64_t)1 << 40) - 1;

	return t < 0 ? 0 : t > max ? max : t;
}
#define ext2fs_set_tstamp(sb, field, value) do {				\
	uint64_t time_ = ext2fs_clamp_sb_time(value);				\
	(sb)->field = cpu_to_le32((uint32_t)time_);				\
	(sb)->field##_hi = (__u8)(time_ >> 32);					\
} while (0)

#endif /* EXT2FS_EXT2_SUPER_H */
