/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal on disk: block types, superblock, tags and checksums.  All
 * numbers are big endian.  Nothing here knows how the log is used.
 */
#ifndef JBD2_JBD2_DISK_H
#define JBD2_JBD2_DISK_H

#include <assert.h>
#include <stddef.h>
#include "ext2fs/byteorder.h"
#include "ext2fs/ext2_types.h"

#define JBD2_MAGIC_NUMBER	0xc03b3998U
#define JBD2_MIN_JOURNAL_BLOCKS	1024
#define JBD2_DEFAULT_FAST_COMMIT_BLOCKS	256

/* h_blocktype */
#define JBD2_DESCRIPTOR_BLOCK	1
#define JBD2_COMMIT_BLOCK	2
#define JBD2_SUPERBLOCK_V1	3
#define JBD2_SUPERBLOCK_V2	4
#define JBD2_REVOKE_BLOCK	5

/* First bytes of every block of the log that is not a copy. */
struct journal_header {
	__be32	h_magic;
	__be32	h_blocktype;
	__be32	h_sequence;	/* transaction */
};

#define JBD2_CRC32_CHKSUM	1	/* of compat_checksum */
#define JBD2_CRC32C_CHKSUM	4	/* of csum v2 and v3 */
#define JBD2_CRC32_CHKSUM_SIZE	4

struct commit_header {
	__be32	h_magic;
	__be32	h_blocktype;
	__be32	h_sequence;
	__u8	h_chksum_type;
	__u8	h_chksum_size;
	__u8	h_padding[2];
	__be32	h_chksum[8];
	__be64	h_commit_sec;
	__be32	h_commit_nsec;
};
static_assert(offsetof(struct commit_header, h_chksum) == 16, "commit_header");
static_assert(offsetof(struct commit_header, h_commit_nsec) == 56, "commit_header");

/*
 * A tag names the home of one copied block.  Without csum v3, what of this
 * structure is there depends on the features: see jbd2_tag_bytes().
 */
struct journal_block_tag {
	__be32	t_blocknr;
	__be16	t_checksum;		/* low half of crc32c(sequence, copy) */
	__be16	t_flags;
	__be32	t_blocknr_high;
} __attribute__((packed));
struct journal_block_tag3 {
	__be32	t_blocknr;
	__be32	t_flags;
	__be32	t_blocknr_high;
	__be32	t_checksum;
} __attribute__((packed));
static_assert(sizeof(struct journal_block_tag) == 12, "tag");
static_assert(sizeof(struct journal_block_tag3) == 16, "tag3");

/* the copy's first word was the magic number and is 0 in the log */
#define JBD2_FLAG_ESCAPE	1
#define JBD2_FLAG_SAME_UUID	2	/* no 16 bytes of UUID follow */
#define JBD2_FLAG_DELETED	4
#define JBD2_FLAG_LAST_TAG	8

/* At the end of descriptor and revoke blocks with csum v2 or v3. */
struct journal_block_tail {
	__be32	t_checksum;	/* crc32c of the block with this zero */
};

/* 4 or (64bit) 8 byte block numbers follow. */
struct journal_revoke_header {
	struct journal_header r_header;
	__be32	r_count;	/* bytes used in the block, this header included */
};
static_assert(sizeof(struct journal_revoke_header) == 16, "revoke header");

struct journal_superblock {
/*000*/	struct journal_header s_header;
/*00c*/	__be32	s_blocksize;
	__be32	s_maxlen;		/* blocks in the journal */
	__be32	s_first;		/* first block of the log */
/*018*/	__be32	s_sequence;		/* first transaction expected in the log */
	__be32	s_start;		/* its block; 0 = the log is empty */
/*020*/	__be32	s_errno;		/* negative errno of an abort */
	/* What follows is valid in version 2 only. */
	__be32	s_feature_compat;
	__be32	s_feature_incompat;
	__be32	s_feature_ro_compat;
/*030*/	__u8	s_uuid[16];
/*040*/	__be32	s_nr_users;		/* file systems that share the log */
	__be32	s_dynsuper;
	__be32	s_max_transaction;
	__be32	s_max_trans_data;
/*050*/	__u8	s_checksum_type;
	__u8	s_padding2[3];
/*054*/	__be32	s_num_fc_blks;		/* fast-commit blocks; 0 = 256 */
	__be32	s_head;			/* of a clean log: where it goes on */
	__u32	s_padding[40];
/*0fc*/	__be32	s_checksum;		/* crc32c of these 1024 bytes with this zero */
/*100*/	__u8	s_users[16 * 48];	/* UUIDs */
};
static_assert(sizeof(struct journal_superblock) == 1024, "journal superblock");
static_assert(offsetof(struct journal_superblock, s_checksum) == 0xfc, "journal superblock");
static_assert(offsetof(struct journal_superblock, s_users) == 0x100, "journal superblock");

#define JBD2_USERS_MAX		48

#define JBD2_FEATURE_COMPAT_CHECKSUM		0x01
#define JBD2_FEATURE_INCOMPAT_REVOKE		0x01
#define JBD2_FEATURE_INCOMPAT_64BIT		0x02
#define JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT	0x04
#define JBD2_FEATURE_INCOMPAT_CSUM_V2		0x08
#define JBD2_FEATURE_INCOMPAT_CSUM_V3		0x10
#define JBD2_FEATURE_INCOMPAT_FAST_COMMIT	0x20

#define JBD2_KNOWN_INCOMPAT	0x3f
#define JBD2_KNOWN_RO_COMPAT	0

#endif /* JBD2_JBD2_DISK_H */
