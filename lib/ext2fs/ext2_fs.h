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
#include "ext2fs/ext2_super.h"
#include "ext2fs/ext2_types.h"

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
 * of a descriptor on disk, which decides whether the high half exists.  They change under
 * a lock; a half may be read without it, by whom a guess is enough.
 */
#define EXT2FS_BG_FIELD(name, type, lo, hi, bits)				\
static inline type ext2fs_bg_##name(const struct ext4_group_desc *gd, unsigned int desc_size) \
{										\
	type v = le##bits##_to_cpu(__atomic_load_n(&gd->lo, __ATOMIC_RELAXED));	\
										\
	if (desc_size >= EXT2_MIN_DESC_SIZE_64BIT)				\
		v |= (type)le##bits##_to_cpu(__atomic_load_n(&gd->hi, __ATOMIC_RELAXED)) << bits; \
	return v;								\
}										\
static inline void ext2fs_bg_##name##_set(struct ext4_group_desc *gd, unsigned int desc_size, \
					  type v)				\
{										\
	__atomic_store_n(&gd->lo, cpu_to_le##bits((uint##bits##_t)v), __ATOMIC_RELAXED); \
	if (desc_size >= EXT2_MIN_DESC_SIZE_64BIT)				\
		__atomic_store_n(&gd->hi, cpu_to_le##bits((uint##bits##_t)(v >> bits)), \
				 __ATOMIC_RELAXED);				\
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
	__le32	i_ctime;		/* of an EA inode: references, high half */
/*10*/	__le32	i_mtime;
	__le32	i_dtime;		/* deletion time, or next inode of the orphan list */
	__le16	i_gid;
	__le16	i_links_count;
	__le32	i_blocks;		/* 512 byte sectors; blocks with EXT4_HUGE_FILE_FL */
/*20*/	__le32	i_flags;
	union {
		struct {
			__le32	l_i_version;	/* of an EA inode: references, low half */
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
