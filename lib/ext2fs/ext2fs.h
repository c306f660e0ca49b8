/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public face of lib/ext2fs: checksums, directory hashes, reading and
 * checking a superblock, multi-mount protection.  Structures are in ext2_fs.h,
 * devices in ext2_io.h.  Nothing here caches, and nothing decides which
 * features a user of the library supports.
 *
 * Functions may be called from several threads at once, on different objects
 * or, where the object is const, on the same one.
 */
#ifndef EXT2FS_EXT2FS_H
#define EXT2FS_EXT2FS_H

#include <time.h>
#include "ext2fs/ext2_err.h"
#include "ext2fs/ext2_fs.h"
#include "ext2fs/ext2_io.h"
#include "ext2fs/ext2_types.h"

/* ---- plain checksums ---- */

/*
 * CRC-32C (Castagnoli) over @len bytes, reflected, without inversion at start
 * or end, so that calls chain: the result is the next call's @seed.
 */
uint32_t ext2fs_crc32c_le(uint32_t seed, const void *buf, size_t len);
/* CRC-32 with polynomial 0x04c11db7, most significant bit first: the journal's version 1 sums. */
uint32_t ext2fs_crc32_be(uint32_t seed, const void *buf, size_t len);
/* CRC-16 (polynomial 0x8005, reflected), for group descriptors with uninit_bg. */
uint16_t ext2fs_crc16(uint16_t seed, const void *buf, size_t len);

/* ---- directory hashes ---- */

/*
 * Hash the @len bytes of @name with @version (EXT2_HASH_*, signed or unsigned).
 * @seed: 4 words in host order; NULL or all zero means the standard ones.  The
 * low bit of *@hash is clear and the value that stands for the end of a
 * directory does not occur.  @minor_hash may be NULL; it is 0 for the legacy hash.
 * EXT2_ET_DIRHASH_UNSUPP for other versions, SIPHASH included: it needs a key.
 */
errcode_t ext2fs_dirhash(int version, const char *name, size_t len, const uint32_t *seed,
			 ext2_dirhash_t *hash, ext2_dirhash_t *minor_hash);

/* ---- metadata checksums ---- */

/* What the checksums of one file system depend on; made by ext2fs_csum_init(). */
struct ext2fs_csum {
	bool		metadata_csum;	/* crc32c everywhere */
	bool		gdt_csum;	/* crc16 of group descriptors only (uninit_bg) */
	uint32_t	seed;
	uint8_t		uuid[16];
	unsigned int	block_size;	/* bytes */
	unsigned int	inode_size;	/* bytes */
	unsigned int	desc_size;	/* bytes */
	uint32_t	inodes_per_group;
	uint32_t	clusters_per_group;
};

/*
 * For all pairs below: without the feature that calls for it, verify returns
 * true and set does nothing.  Verify never changes the object.  Blocks are
 * csum->block_size bytes long; the other objects as said.
 */

/* From a superblock that was validated. */
void ext2fs_csum_init(struct ext2fs_csum *csum, const struct ext2_super_block *sb);

bool ext2fs_superblock_csum_verify(const struct ext2_super_block *sb);
void ext2fs_superblock_csum_set(struct ext2_super_block *sb);

/* @gd: csum->desc_size bytes. */
bool ext2fs_group_desc_csum_verify(const struct ext2fs_csum *csum, dgrp_t group,
				   const struct ext4_group_desc *gd);
void ext2fs_group_desc_csum_set(const struct ext2fs_csum *csum, dgrp_t group,
				struct ext4_group_desc *gd);

/* @bitmap: a block; the sum stands in @gd, whose own sum must be set after. */
bool ext2fs_block_bitmap_csum_verify(const struct ext2fs_csum *csum,
				     const struct ext4_group_desc *gd, const void *bitmap);
void ext2fs_block_bitmap_csum_set(const struct ext2fs_csum *csum, struct ext4_group_desc *gd,
				  const void *bitmap);
bool ext2fs_inode_bitmap_csum_verify(const struct ext2fs_csum *csum,
				     const struct ext4_group_desc *gd, const void *bitmap);
void ext2fs_inode_bitmap_csum_set(const struct ext2fs_csum *csum, struct ext4_group_desc *gd,
				  const void *bitmap);

/*
 * @raw: csum->inode_size bytes of inode @ino.  An inode of all zeroes has no
 * valid sum, although a fresh inode table is full of them.
 */
bool ext2fs_inode_csum_verify(const struct ext2fs_csum *csum, ext2_ino_t ino, const void *raw);
void ext2fs_inode_csum_set(const struct ext2fs_csum *csum, ext2_ino_t ino, void *raw);

/*
 * The seed of everything that belongs to one inode: its number and its
 * i_generation, in host order.  0 without metadata_csum.
 */
uint32_t ext2fs_inode_csum_seed(const struct ext2fs_csum *csum, ext2_ino_t ino,
				uint32_t generation);

/*
 * A directory leaf block, with its tail.  Verify is false when the tail is
 * missing.  Set needs a tail: ext2fs_dir_block_init_tail() makes one in the
 * last 12 bytes.
 */
bool ext2fs_dir_block_csum_verify(const struct ext2fs_csum *csum, uint32_t iseed,
				  const void *block);
void ext2fs_dir_block_csum_set(const struct ext2fs_csum *csum, uint32_t iseed, void *block);
bool ext2fs_dir_block_has_tail(const struct ext2fs_csum *csum, const void *block);
void ext2fs_dir_block_init_tail(const struct ext2fs_csum *csum, void *block);
/* Bytes at the end of a leaf that entries may not use: 12 or 0. */
static inline unsigned int ext2fs_dir_tail_size(const struct ext2fs_csum *csum)
{
	return csum->metadata_csum ? (unsigned int)sizeof(struct ext2_dir_entry_tail) : 0;
}

/*
 * An index block of a directory, root or other; which of them is seen from its
 * first entry.  Verify is false when it is neither or its counts do not fit the
 * block; set then does nothing.
 */
bool ext2fs_dx_block_csum_verify(const struct ext2fs_csum *csum, uint32_t iseed,
				 const void *block);
void ext2fs_dx_block_csum_set(const struct ext2fs_csum *csum, uint32_t iseed, void *block);

/*
 * An extent tree block (not the root in the inode).  Verify is false when
 * eh_max does not fit the block; set then does nothing.
 */
bool ext2fs_extent_block_csum_verify(const struct ext2fs_csum *csum, uint32_t iseed,
				     const void *block);
void ext2fs_extent_block_csum_set(const struct ext2fs_csum *csum, uint32_t iseed, void *block);

/* The xattr block at block number @blk. */
bool ext2fs_ext_attr_block_csum_verify(const struct ext2fs_csum *csum, blk64_t blk,
				       const void *block);
void ext2fs_ext_attr_block_csum_set(const struct ext2fs_csum *csum, blk64_t blk, void *block);

/* The block at block number @blk of the orphan file with inode seed @iseed. */
bool ext2fs_orphan_block_csum_verify(const struct ext2fs_csum *csum, uint32_t iseed,
				     blk64_t blk, const void *block);
void ext2fs_orphan_block_csum_set(const struct ext2fs_csum *csum, uint32_t iseed, blk64_t blk,
				  void *block);
/* Inode numbers in a block of the orphan file. */
static inline unsigned int ext2fs_inodes_per_orphan_block(unsigned int block_size)
{
	return (block_size - (unsigned int)sizeof(struct ext4_orphan_block_tail)) / 4;
}

bool ext2fs_mmp_csum_verify(const struct ext2fs_csum *csum, const struct mmp_struct *mmp);
void ext2fs_mmp_csum_set(const struct ext2fs_csum *csum, struct mmp_struct *mmp);

/* ---- superblocks ---- */

/*
 * A superblock that was read and checked, and what follows from it.  All that
 * is not in @raw stays as it is while the object lives; whoever changes @raw
 * (counts, state, features at run time) does his own locking.
 */
struct ext2fs_super {
	io_channel		io;		/* not owned; its block size is block_size */
	struct ext2_super_block	raw;		/* disk byte order */
	blk64_t			sb_block;	/* block that holds this superblock */
	uint64_t		device_size;	/* bytes of the device; 0 = unknown */

	unsigned int		block_size, block_bits;		/* bytes, log2 */
	unsigned int		cluster_size, cluster_bits;	/* bytes, log2 */
	unsigned int		cluster_ratio_bits;		/* log2 of blocks per cluster */
	unsigned int		inode_size;			/* bytes */
	unsigned int		inodes_per_block;
	unsigned int		desc_size;			/* bytes */
	unsigned int		desc_per_block;
	ext2_ino_t		inodes_count;
	ext2_ino_t		first_ino;			/* first ordinary inode */
	uint32_t		inodes_per_group;
	uint32_t		inode_blocks_per_group;		/* blocks of an inode table */
	uint32_t		blocks_per_group;
	uint32_t		clusters_per_group;
	blk64_t			blocks_count;
	blk64_t			first_data_block;
	dgrp_t			group_count;
	blk_t			desc_blocks;			/* blocks of group descriptors */
	unsigned int		log_groups_per_flex;		/* 0 without flex_bg */

	struct ext2fs_csum	csum;
	uint32_t		hash_seed[4];		/* host order, for ext2fs_dirhash() */
	uint8_t			def_hash_version;	/* EXT2_HASH_* for a new index root */
	bool			hash_unsigned;
};

/* Flags of ext2fs_open_super() */
#define EXT2FS_SUPER_IGNORE_CSUM	0x1	/* accept a wrong checksum */
#define EXT2FS_SUPER_IGNORE_SIZE	0x2	/* do not compare with the device's size */
#define EXT2FS_SUPER_JOURNAL_DEV	0x4	/* want an external journal, and only that */

/*
 * Read and check a superblock.  @sb_block 0: the first one, at byte 1024.
 * Otherwise the copy in block @sb_block (e.g. 32768) of @block_size bytes (1024
 * .. 65536; 0: try all).
 *
 * Each field that this library or the geometry depends on is checked, and a
 * failed check says which in *@why when @why is not NULL: a constant string,
 * or NULL when there is nothing to add.  Changes the block size of @io to the
 * file system's; nothing is written.
 *
 * With EXT2FS_SUPER_JOURNAL_DEV only raw, sb_block, device_size, block_size,
 * block_bits, blocks_count, first_data_block and csum are filled; the journal
 * superblock is in the block after this one.  Without it EXT2_ET_JOURNAL_DEV
 * refuses such a device.
 */
errcode_t ext2fs_open_super(io_channel io, unsigned int flags, blk64_t sb_block,
			    unsigned int block_size, struct ext2fs_super **ret,
			    const char **why);
void ext2fs_free_super(struct ext2fs_super *sup);	/* writes nothing; NULL is fine */

/*
 * The check itself, on the superblock in @sup->raw; fills the rest of *@sup
 * except io, sb_block and device_size.  @device_size in bytes, 0: do not compare.
 */
errcode_t ext2fs_check_super(struct ext2fs_super *sup, unsigned int flags, uint64_t device_size,
			     const char **why);

/*
 * Write @raw to where the primary superblock lies, checksum set in @raw first,
 * as one write of 1024 bytes.  Does not flush.
 */
errcode_t ext2fs_write_super(io_channel io, struct ext2_super_block *raw);

/* Effective version for a name in a directory whose index root says @version. */
static inline int ext2fs_hash_version(const struct ext2fs_super *sup, int version)
{
	return version <= EXT2_HASH_TEA && sup->hash_unsigned ? version + 3 : version;
}

/* Does @group hold a superblock copy (and, without meta_bg, descriptor copies)? */
bool ext2fs_bg_has_super(const struct ext2fs_super *sup, dgrp_t group);
/* Block with the @i-th (0 ..) block of primary group descriptors. */
blk64_t ext2fs_descriptor_block_loc(const struct ext2fs_super *sup, blk_t i);
/* Blocks at the start of @group taken by superblock, descriptors and reserved descriptors. */
blk_t ext2fs_group_overhead(const struct ext2fs_super *sup, dgrp_t group);

static inline blk64_t ext2fs_group_first_block(const struct ext2fs_super *sup, dgrp_t group)
{
	return sup->first_data_block + (blk64_t)group * sup->blocks_per_group;
}
/* Blocks in @group: fewer in the last. */
static inline blk_t ext2fs_group_blocks_count(const struct ext2fs_super *sup, dgrp_t group)
{
	blk64_t left = sup->blocks_count - ext2fs_group_first_block(sup, group);

	return left < sup->blocks_per_group ? (blk_t)left : sup->blocks_per_group;
}
/* @blk must lie in [first_data_block, blocks_count). */
static inline dgrp_t ext2fs_group_of_blk(const struct ext2fs_super *sup, blk64_t blk)
{
	return (dgrp_t)((blk - sup->first_data_block) / sup->blocks_per_group);
}
/* @ino must lie in [1, inodes_count]. */
static inline dgrp_t ext2fs_group_of_ino(const struct ext2fs_super *sup, ext2_ino_t ino)
{
	return (ino - 1) / sup->inodes_per_group;
}
/* Can [blk, blk + count) hold data or metadata? */
static inline bool ext2fs_blocks_valid(const struct ext2fs_super *sup, blk64_t blk, blk64_t count)
{
	return blk > sup->first_data_block && count <= sup->blocks_count &&
	       blk <= sup->blocks_count - count;
}

/* Size of what @fd is open on, a block device or a regular file, in bytes. */
errcode_t ext2fs_get_fd_size(int fd, uint64_t *bytes);

/* The three words of feature bits, numbered as in e2fsprogs' libe2p */
enum ext2fs_feature_kind {
	E2P_FEATURE_COMPAT, E2P_FEATURE_INCOMPAT, E2P_FEATURE_RO_INCOMPAT,
};
/*
 * The name mke2fs -O uses for the single bit @mask; unknown bits are written
 * like "FEATURE_I17" into @buf, where 16 bytes are enough.
 */
const char *ext2fs_feature_name(enum ext2fs_feature_kind kind, uint32_t mask, char *buf,
				size_t len);

/* ---- multi-mount protection ---- */

struct ext2fs_mmp;

/* What an MMP block says about its writer; strings are terminated and printable. */
struct ext2fs_mmp_holder {
	char		nodename[65];
	char		bdevname[33];
	uint64_t	time;		/* of the last update, seconds since 1970 */
	uint32_t	seq;
};

/*
 * The keep-alive thread could not go on; called once, from that thread.
 * @err EXT2_ET_MMP_CHANGE_ABORT: @holder wrote the block, the file system must not be
 * written any more.  Other errors: the block could not be read or written for
 * so long that others may believe that nobody is here.
 */
typedef void (*ext2fs_mmp_lost_fn)(void *priv, errcode_t err,
				   const struct ext2fs_mmp_holder *holder);

/*
 * Called several times a second while claiming waits, @left seconds more at first and as long again after
 * that (12 minutes in all at most, whatever is in the block); false ends it, with EINTR and the block as it was.
 */
typedef bool (*ext2fs_mmp_wait_fn)(void *priv, unsigned int left);

/*
 * Claim the file system as the kernel does: look at the MMP block, and unless
 * it is clean wait to see whether somebody keeps changing it (this takes
 * 11 s or more), write an own sequence number and start a thread that renews it.
 * EXT2_ET_MMP_FAILED, EXT2_ET_MMP_FSCK_ON: taken, see *@holder (may be NULL).
 * @lost and @waiting may be NULL; @priv is for both.
 *
 * The MMP block is read and written past all caches: on a path device through
 * an own O_DIRECT descriptor; where the channel is /dev/fd/N, through the
 * channel, which then needs O_DIRECT (EXT2_ET_MMP_OPEN_DIRECT) unless the file
 * is regular or can be opened anew.  @sup->io must be the device's own channel,
 * not a cache, and outlive the claim.
 */
errcode_t ext2fs_mmp_start(const struct ext2fs_super *sup, ext2fs_mmp_lost_fn lost,
			   ext2fs_mmp_wait_fn waiting, void *priv, struct ext2fs_mmp_holder *holder,
			   struct ext2fs_mmp **ret);
/* Look only: who holds it, from the block as it is.  Nothing is written, nobody waits. */
errcode_t ext2fs_mmp_peek(const struct ext2fs_super *sup, struct ext2fs_mmp_holder *holder);
/* Stop the thread, mark the block clean, free @mmp, also on errors.  NULL is fine. */
errcode_t ext2fs_mmp_stop(struct ext2fs_mmp *mmp);
/*
 * The same, but put the block back as it was before the claim: for a mount that
 * failed and must leave no trace.
 */
errcode_t ext2fs_mmp_abandon(struct ext2fs_mmp *mmp);

#endif /* EXT2FS_EXT2FS_H */
