/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine's inside: its structures, its lock order, and what its files
 * offer each other.  Nobody outside lib/ext4 includes this.
 */
#ifndef EXT4_EXT4_I_H
#define EXT4_EXT4_I_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include "ext2fs/byteorder.h"
#include "ext2fs/ext2_fs.h"
#include "ext2fs/ext2_io.h"
#include "ext2fs/ext2fs.h"
#include "support/cache.h"
#include "support/iocache.h"
#include "support/list.h"
#include "support/limit.h"
#include "support/rwsem.h"
#include "jbd2/jbd2.h"
#include "ext4/ext4.h"

/*
 * Lock order, outermost first:
 *
 *   fs->rename_lock        directories change their parent
 *   inode->i_rwsem         directories first, an ancestor before its
 *                          descendants, unrelated ones by number; then other
 *                          inodes by number; then EA inodes
 *   a journal handle       (waiting for log space happens here, at start, never inside)
 *   fs->xattr_cache lock   reference counts and content of xattr blocks, counts of EA inodes
 *   fs->orphan_lock        the list of orphans and its links on disk
 *   group->lock            one group's bitmaps, descriptor and free runs
 *   inode->i_lock          access time and the raw bytes of one inode on disk
 *   buffer->b_lock         one buffer's transfer and journal state
 *   fs->sb_lock            the superblock's bytes
 *
 * Commit and checkpoint take only buffer locks.  i_rwsem covers everything
 * of an inode: attributes, mapping, directory content, xattrs.  Shared for
 * readers and for writes into blocks that are already allocated and written.
 * It is fair, so that nobody may take it twice, not even shared.
 * No lock but i_rwsem and a buffer's own is held over device I/O.
 * Builds with EXT4_DEBUG assert the order (lockdep.c).
 */

struct ext4_group {
	pthread_mutex_t	lock;
	uint64_t	*busy;		/* bit per block: used on disk, freed but not committed, or reserved; NULL = not loaded */
	uint32_t	busy_free;	/* zero bits in busy */
	uint32_t	largest;	/* no free run in busy is longer */
	uint32_t	cursor;		/* where the next small file goes */
	uint32_t	held;		/* bits set in busy only: reserved, or freed but not committed; while > 0 busy stays */
	uint32_t	inode_cursor;	/* no free inode below */
	bool		block_bitmap_bad, inode_bitmap_bad;
	bool		zeroing;	/* the inode table is being zeroed: take no inode here */
};

#define EXT4_RUN_CLASSES	5	/* of 1, 8, 64, 512 and 4096 blocks */

/* Blocks taken from a group in memory only; nothing on disk says so. */
struct ext4_resv {
	blk64_t		start;
	uint32_t	len;
};

/* i_state */
#define EXT4_STATE_READY	0x01	/* filled; until then others wait */
#define EXT4_STATE_ORPHAN	0x02	/* on the orphan list or in the orphan file */
#define EXT4_STATE_FREEING	0x04	/* being deleted: lookups give -ESTALE */
#define EXT4_STATE_FAILED	0x08	/* could not be read: i_load_err says why */
#define EXT4_STATE_DIRTY_TIME	0x10	/* times newer than on disk (lazytime) */
#define EXT4_STATE_XATTR	0x20	/* may have in-inode xattrs */
#define EXT4_STATE_KEEP_TIMES	0x40	/* ext4_inode_touch() leaves them alone (under the inode's lock) */
#define EXT4_STATE_HELD		0x80	/* nameless, and remembered: one reference is lookups.c's (under i_lock) */
#define EXT4_STATE_EA		0x100	/* has EXT4_EA_INODE_FL, which never changes, and can be seen without a lock here */

struct ext4_inode {
	struct cache_node	i_node;
	struct ext4_fs		*i_fs;
	uint32_t		i_ino;
	uint32_t		i_state;	/* atomic */
	uint64_t		i_count;	/* references; under i_lock */
	int			i_load_err;
	bool			i_idle;		/* cached, used by nobody, counted in icache_idle; under i_lock */
	bool			i_idle_dirty;	/* the same with times that are not on disk, icache_idle_dirty */
	struct rwsem		i_rwsem;
	pthread_mutex_t		i_lock;

	uint16_t		i_type;		/* S_IFMT bits of i_mode: these never change */
	uint16_t		i_mode;
	uint16_t		i_extra_isize;
	uint32_t		i_uid, i_gid, i_projid;
	uint32_t		i_nlink;
	uint32_t		i_flags;
	uint32_t		i_generation;
	uint32_t		i_csum_seed;
	uint64_t		i_size;		/* bytes; written under i_rwsem, atomically; read anywhere */
	uint64_t		i_blocks;	/* 512-byte sectors, as stat(2) */
	uint64_t		i_file_acl;
	uint64_t		i_version;
	uint32_t		i_dtime;	/* next orphan while on the orphan list */
	struct timespec		i_atime, i_mtime, i_ctime, i_crtime;
	__le32			i_block[EXT2_N_BLOCKS];	/* extent root, block map, fast symlink or inline data */

	struct ext4_windows	*i_windows;	/* of a growing file; fs->resv_lock rules them */
	uint32_t		i_writers;	/* open for writing, atomic */
	bool			i_read_cached;	/* atomic; see ext4_read_cached() */
	tid_t			i_sync_tid, i_datasync_tid;	/* atomic */
	struct ext4_inode	*i_put_next;	/* chain of ext4_put_after() */
	struct list_head	i_orphan;
	uint32_t		i_orphan_slot;	/* place in the orphan file */
	bool			i_orphan_in_file;
	struct ext4_dir_cursor	*i_cursor;	/* readdir.c; under i_lock */
	uint32_t		i_last_group;	/* for a directory: where its last file's inode went */
	/* The extent found last: a cache of one, under i_lock. */
	uint32_t		i_es_lblk, i_es_len;
	blk64_t			i_es_pblk;
	bool			i_es_unwritten;
};

struct ext4_fs {
	struct ext4_mount_opts	opts;
	char			*device_name;
	io_channel		dev;		/* file data; also below the cache */
	struct iocache		*cache;
	struct ext2fs_super	*super;		/* geometry, from lib/ext2fs; constant */
	struct ext2_super_block	*sb;		/* inside sb_buf; sb_lock and the journal rule it */
	struct iocache_buf	*sb_buf;
	pthread_mutex_t		sb_lock;
	journal_t		*journal;
	bool			has_journal;
	unsigned int		block_size, block_bits;
	unsigned int		inode_size, inodes_per_block;
	uint32_t		group_count;
	uint32_t		blocks_per_group, inodes_per_group, itable_blocks;
	uint32_t		desc_size, descs_per_block;
	uint32_t		first_data_block;
	uint64_t		blocks_count;
	uint32_t		inodes_count, first_ino;
	bool			metadata_csum, gdt_csum, extents, is_64bit, flex_bg;
	bool			hurd;		/* that system keeps other things where Linux has version and high halves */
	unsigned int		log_groups_per_flex;
	uint32_t		csum_seed;
	bool			read_only;	/* atomic: also set by errors=remount-ro and shutdown */
	bool			shutdown;	/* atomic */
	bool			was_valid;	/* the state on disk at mount */
	struct timespec		mount_time;
	bool			replayed_ro;	/* the cache holds blocks newer than the device: data reads must look there */
	enum ext4_errors_policy	errors;
	enum ext4_data_mode	data_mode;
	bool			acl, user_xattr;
	uid_t			resuid;
	gid_t			resgid;

	struct ext4_group	**groups;	/* by number, NULL until used; atomic */
	uint64_t		*no_inodes;	/* group_index.c: a bit per group, atomic */
	uint64_t		*no_run[EXT4_RUN_CLASSES];
	struct ext4_zone	**zones;	/* by flex group, NULL until used; atomic */
	struct ext4_zone	*journal_zone;
	pthread_mutex_t		groups_lock;	/* creation of the above */
	int64_t			free_blocks, free_inodes;	/* atomic, as on disk */
	int64_t			held_blocks;	/* atomic: free on disk, but reserved or freed and not committed */
	pthread_mutex_t		hold_lock;	/* hold.c; innermost */
	pthread_cond_t		hold_cond;
	unsigned int		holders;
	uint64_t		hold_seq;	/* ends of holds */
	pthread_mutex_t		resv_lock;	/* windows of growing files; innermost but for group locks */
	struct list_head	resv_list;
	uint32_t		dir_spread;	/* atomic: Orlov's start for top directories */
	uint64_t		overhead;	/* blocks, for statfs */
	uint64_t		reserved_blocks;
	uint64_t		resv_clusters;	/* for trees of extents (EXT4_ALLOC_TREE) */

	struct cache		*icache;
	int64_t			icache_idle, icache_idle_dirty;	/* atomic */
	int64_t			icache_idle_max;	/* atomic; this and the next two: memory.c */
	uint32_t		group_maps, group_maps_max;	/* atomic: ext4_group.busy that are loaded */
	uint32_t		group_hand;	/* atomic: where ext4_groups_trim() goes on */
	uint64_t		memory_bytes;	/* atomic; 0 = no bound */
	struct ext4_lookups	*lookups;
	pthread_mutex_t		icache_lock;	/* with the condition: waiting for an inode that is being read */
	pthread_cond_t		icache_cond;
	pthread_mutex_t		rename_lock;
	pthread_mutex_t		orphan_lock;
	struct list_head	orphans;	/* ext4_inode.i_orphan, newest first: the order on disk */
	struct ext4_orphan_file	*orphan_file;
	struct ext4_xattr_cache	*xattr_cache;	/* shared xattr blocks by hash */

	pthread_t		worker;
	bool			worker_runs;
	pthread_mutex_t		worker_lock;
	pthread_cond_t		worker_cond;
	bool			worker_stop, error_pending;
	struct ext4_error_record *error_record;
	struct support_limit	log_limit;
	struct ext4_fc_state	*fc;		/* while a fast-commit area is scanned and replayed */
	struct ext2fs_mmp	*mmp;
	bool			mmp_told;	/* that claiming it waits */
	uint32_t		generation_seed;	/* atomic */
};

/* ---- error.c: what happens when something is wrong ---- */
void ext4_log(struct ext4_fs *fs, enum ext4_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What may come again and again: bounded for each place, @func being __func__ (support/limit.h). */
void ext4_log_at(struct ext4_fs *fs, enum ext4_log_level level, const char *func, unsigned int line,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void ext4_log_flush(struct ext4_fs *fs);	/* say what was left out so far */
/*
 * A structure on disk is wrong: log (with function, inode and block; 0 = none), remember for the superblock, apply
 * the errors= policy.  Returns @err, so that callers can say `return ext4_corrupt(...)`.
 */
int ext4_corrupt_at(struct ext4_fs *fs, const char *func, unsigned int line, int err, uint32_t ino,
		    blk64_t block, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
#define ext4_corrupt(fs, ino, block, ...) \
	ext4_corrupt_at(fs, __func__, __LINE__, -EUCLEAN, ino, block, __VA_ARGS__)
#define ext4_bad_csum(fs, ino, block, what) \
	ext4_corrupt_at(fs, __func__, __LINE__, -EBADMSG, ino, block, "checksum of %s is wrong", what)
/* I/O failed (device, place and advice are in the message); same policy; returns -EIO or the better errno. */
int ext4_io_error_at(struct ext4_fs *fs, const char *func, unsigned int line, errcode_t err, uint32_t ino,
		     blk64_t block, const char *what);
#define ext4_io_error(fs, err, ino, block, what) \
	ext4_io_error_at(fs, __func__, __LINE__, err, ino, block, what)
int ext4_errno(errcode_t err);	/* libext2fs' and libsupport's errors -> negative errno */
void ext4_write_error_record(struct ext4_fs *fs);	/* worker and unmount */
/* Read-only from now on, whatever errors= says: nothing that has not committed reaches the disk.  @err for the log. */
void ext4_stop_writing(struct ext4_fs *fs, int err);
int ext4_error_init(struct ext4_fs *fs);
void ext4_error_destroy(struct ext4_fs *fs);

/* ---- journal.c: handles with the engine's habits ---- */
/* Start a handle of @credits blocks; checks read-only and shutdown first. */
int ext4_journal_start(struct ext4_fs *fs, int credits, handle_t **ret);
int ext4_journal_start_revoke(struct ext4_fs *fs, int credits, int revokes, handle_t **ret);
/* Drop a reference once the handle has ended: the last one of a nameless inode starts a handle of its own. */
void ext4_put_after(handle_t *handle, struct ext4_inode *inode);
/* Ends the handle; @err is what the operation has so far, and wins.  Logs and returns the handle's own error otherwise. */
int ext4_journal_stop(handle_t *handle, int err);
/* Make sure @credits are left, by extending or restarting.  After a restart (returns 1) the caller's state on disk must have been consistent. */
int ext4_journal_ensure(handle_t *handle, int credits, int revokes);
/* Get and read block @blk of metadata. */
int ext4_bread(struct ext4_fs *fs, blk64_t blk, struct iocache_buf **ret);
/* A zeroed buffer for the just allocated block @blk, with create access. */
int ext4_getblk_new(handle_t *handle, struct ext4_fs *fs, blk64_t blk, struct iocache_buf **ret);
int ext4_write_access(handle_t *handle, struct iocache_buf *buf);
int ext4_dirty(handle_t *handle, struct iocache_buf *buf);
/* The superblock's bytes change: call with sb_lock held between; computes the checksum. */
int ext4_sb_begin(handle_t *handle, struct ext4_fs *fs);
int ext4_sb_end(handle_t *handle, struct ext4_fs *fs);
/* The first use of a feature sets its flag; 1 credit then.  Nothing happens when it is set. */
int ext4_use_ext_attr(handle_t *handle, struct ext4_fs *fs);
int ext4_use_large_file(handle_t *handle, struct ext4_fs *fs);
/* Credits: upper bounds of blocks dirtied by */
#define EXT4_CREDITS_INODE	2			/* an inode's own block, and once the superblock: large_file */
#define EXT4_CREDITS_MAP	(5 * 3 + 4)		/* one run mapped: bitmap and descriptor, a split at each level */
#define EXT4_CREDITS_XATTR	9			/* one xattr set in inode or block; once the superblock */
#define EXT4_CREDITS_DIR	(3 * EXT4_CREDITS_MAP + 8)	/* one name added: leaf, and an index split at each level */
#define EXT4_CREDITS_ORPHAN	4			/* on or off the orphan list */
#define EXT4_CREDITS_IALLOC	4			/* bitmap, descriptor, inode block, superblock */

/* ---- super.c, statfs.c: mounting ---- */
/* The primary superblock as it is on the device now. */
int ext4_read_disk_super(io_channel dev, unsigned int block_size, struct ext2_super_block *sb);
/* jbd2_ops.settled and .woken: the superblock says clean, or in use, on the device. */
int ext4_mark_settled(void *priv);
int ext4_mark_woken(void *priv);
int ext4_check_rw(struct ext4_fs *fs);		/* -EROFS or -EIO (shutdown) when nothing may change */

/* ---- super_tuned.c: fields that tune2fs changes on the mounted device ---- */
void ext4_tuned_watch(struct ext4_fs *fs);	/* from now on they are looked at before the superblock is written */
void ext4_take_tuned(struct ext4_fs *fs);	/* look at them now; sb_lock and sb_buf not locked */
/* The mount itself changes one, of @len bytes: durable on the device when it returns 0, and known here.  No handle open. */
int ext4_tuned_write(struct ext4_fs *fs, size_t off, const void *data, size_t len);

/* ---- group.c: descriptors and groups ---- */
struct ext4_group *ext4_group(struct ext4_fs *fs, uint32_t group);	/* NULL: no memory */
/* The descriptor of @group, checked once when its block enters the cache; put *buf after use. */
int ext4_group_desc(struct ext4_fs *fs, uint32_t group, struct iocache_buf **buf, struct ext4_group_desc **desc);
void ext4_bg_set_csum(const struct ext4_fs *fs, uint32_t group, struct ext4_group_desc *gd);
blk64_t ext4_group_first_block(const struct ext4_fs *fs, uint32_t group);
uint32_t ext4_group_blocks(const struct ext4_fs *fs, uint32_t group);	/* blocks in this group */
uint32_t ext4_group_of(const struct ext4_fs *fs, blk64_t blk);
/*
 * zone.c: may [blk, blk+count) belong to inode @ino: inside the file system, and nothing of its own there?
 * -EUCLEAN when not, which the caller tells; another errno when the descriptors cannot be read or memory is out.
 */
int ext4_check_blocks(struct ext4_fs *fs, uint32_t ino, blk64_t blk, uint64_t count);
/* The journal's blocks: nobody else's. @map: @n blocks. */
int ext4_zone_set_journal(struct ext4_fs *fs, const blk64_t *map, uint32_t n);
void ext4_zones_destroy(struct ext4_fs *fs);

/* ---- group_index.c: groups that need not be looked at; no lock needed ---- */
int ext4_index_init(struct ext4_fs *fs);
void ext4_index_destroy(struct ext4_fs *fs);
/*
 * @group was found to have no free inode, or no run of more than @len blocks.  Whoever says so without the group's lock looks again
 * afterwards, and takes it back if it is not so any more.
 */
void ext4_index_no_inodes(struct ext4_fs *fs, uint32_t group);
void ext4_index_longest_run(struct ext4_fs *fs, uint32_t group, uint32_t len);
/* The descriptor, or the map in memory, has more free than before. */
void ext4_index_inode_freed(struct ext4_fs *fs, uint32_t group);
void ext4_index_blocks_freed(struct ext4_fs *fs, uint32_t group);
/* The map of groups without a run of about @len blocks; no longer ones than that are excluded. */
const uint64_t *ext4_index_for_run(const struct ext4_fs *fs, uint32_t len);
/*
 * The groups of which both maps know nothing bad, once each, from @start on and round the end.  *@step is 0 for the first and the
 * function's own word afterwards.  False when there are no more.
 */
bool ext4_index_next(const struct ext4_fs *fs, const uint64_t *a, const uint64_t *b, uint32_t start, uint32_t *step,
		     uint32_t *group);

/* ---- balloc.c (on disk), mballoc.c (in memory): blocks ---- */
#define EXT4_ALLOC_PRIVILEGED	1	/* may use the reserved blocks */
#define EXT4_ALLOC_METADATA	2
#define EXT4_ALLOC_PACK		4	/* start at the cursor of the goal's group, not at the goal: small things side by side */
#define EXT4_ALLOC_APPEND	8	/* the goal continues a run: any length there is welcome */
#define EXT4_ALLOC_32BIT	32	/* below 2^32: block maps have no room for more */
#define EXT4_ALLOC_TREE		16	/* for a tree of extents that describes blocks which are taken: may have the very last ones */
/*
 * Reserve up to @want adjacent blocks near @goal, in memory only: at least one, or -ENOSPC, or -EIO.
 * Give back with ext4_resv_release() or make true with ext4_resv_commit().  May read bitmaps: no group lock held.
 */
int ext4_resv_get(struct ext4_fs *fs, blk64_t goal, uint32_t want, unsigned int flags, struct ext4_resv *resv);
void ext4_resv_release(struct ext4_fs *fs, blk64_t start, uint32_t len);
/*
 * Mark reserved blocks used on disk, within a handle (2 credits per group touched).  On failure the reservation is
 * gone all the same.
 */
int ext4_resv_commit(handle_t *handle, struct ext4_fs *fs, blk64_t start, uint32_t len);
/*
 * Reserve and commit one metadata block near @goal (0 = away from file data) for @inode: a zeroed buffer with create
 * access; i_blocks is the caller's.  @flags: 0 or EXT4_ALLOC_TREE.
 */
int ext4_new_meta_buf(handle_t *handle, struct ext4_inode *inode, blk64_t goal, unsigned int flags,
		      struct iocache_buf **ret);
/* Take a run out of what is free in memory, without counting it as taken, and give it back: see hold.c. */
void ext4_hold_run(struct ext4_group *gi, uint32_t bit, uint32_t n);	/* gi->lock held */
void ext4_unhold_run(struct ext4_fs *fs, uint32_t group, uint32_t bit, uint32_t n);
#define EXT4_FREE_METADATA	1	/* was metadata, or journaled data: revoke */
/* Free blocks on disk; they become reusable when the handle's transaction is durable.  i_blocks is the caller's. */
int ext4_free_blocks(handle_t *handle, struct ext4_fs *fs, uint32_t ino, blk64_t start, uint64_t count, unsigned int flags);
blk64_t ext4_inode_goal(struct ext4_inode *inode);	/* where an inode's first block would like to be */
/* Blocks that may still be taken by @cred without touching the reserve. */
bool ext4_has_free_blocks(struct ext4_fs *fs, uint64_t n, unsigned int flags);
/* -ENOSPC happened: try to get freed blocks back by a commit; true = worth another try (@tries counts). Call with no handle open. */
bool ext4_should_retry_alloc(struct ext4_fs *fs, int *tries);
unsigned int ext4_alloc_flags(struct ext4_fs *fs, const struct ext4_cred *cred);
/* EXT4_ALLOC_32BIT for an inode that is mapped by a block map; allocations for it need that. */
static inline unsigned int ext4_inode_alloc_flags(const struct ext4_inode *inode)
{
	return inode->i_flags & EXT4_EXTENTS_FL ? 0 : EXT4_ALLOC_32BIT;
}
size_t ext4_groups_shrink(struct ext4_fs *fs);
/* There will be one more map: drop others when there are too many.  No group's lock is held. */
void ext4_groups_trim(struct ext4_fs *fs);
/* As ext4_load_group(), and its lock is held: the map is there. */
int ext4_lock_loaded_group(struct ext4_fs *fs, uint32_t group, struct ext4_group **ret);
void ext4_groups_destroy(struct ext4_fs *fs);
/* bitmap.c: the bitmaps on disk, read and checked */
/*
 * The bitmap of @group with its descriptor, both referenced; an uninitialised one is made up in memory, and written with the
 * first change.  @gi->lock not held.
 */
int ext4_load_group(struct ext4_fs *fs, uint32_t group, struct ext4_group **gi);
/* The same bitmaps for a change: write access taken, uninitialised ones filled in. 2 credits. */
struct ext4_group_change {
	struct ext4_group	*gi;
	uint32_t		group;
	struct iocache_buf	*gd_buf, *bitmap_buf;
	struct ext4_group_desc	*gd;
};
int ext4_change_blocks_begin(handle_t *handle, struct ext4_fs *fs, uint32_t group, struct ext4_group_change *c);
int ext4_change_inodes_begin(handle_t *handle, struct ext4_fs *fs, uint32_t group, struct ext4_group_change *c);
/* gi->lock is held between begin and end. */
int ext4_change_blocks_end(handle_t *handle, struct ext4_fs *fs, struct ext4_group_change *c);
int ext4_change_inodes_end(handle_t *handle, struct ext4_fs *fs, struct ext4_group_change *c);
/* Little-endian bitmaps as on disk. */
bool ext4_test_bit(const void *map, uint32_t bit);
void ext4_set_bits(void *map, uint32_t start, uint32_t len);
void ext4_clear_bits(void *map, uint32_t start, uint32_t len);
/* First clear (or set) bit at or after @start, @size when none. */
uint32_t ext4_next_zero(const void *map, uint32_t size, uint32_t start);
uint32_t ext4_next_set(const void *map, uint32_t size, uint32_t start);
uint32_t ext4_count_zero(const void *map, uint32_t size);

/* ---- hold.c: groups and blocks that are kept from others for a moment ---- */
/* Around such a moment; between the two neither a lock is taken that an allocation is made under, nor a handle started. */
void ext4_hold_begin(struct ext4_fs *fs);
void ext4_hold_end(struct ext4_fs *fs);
/* Before a search, and after it when it found nothing: waits until a hold ends; false when none was in the way. */
uint64_t ext4_hold_sequence(struct ext4_fs *fs);
bool ext4_wait_for_holder(struct ext4_fs *fs, uint64_t seen);

/* ---- ialloc.c ---- */
/* A new inode in or near @dir's group: initialised, referenced, i_rwsem not held, written by the caller's ext4_mark_inode_dirty(). */
int ext4_new_inode(handle_t *handle, struct ext4_inode *dir, mode_t mode, const struct ext4_cred *cred,
		   struct ext4_inode **ret);
/* Count inode @bit of a group as used in its descriptor; the group is locked. */
void ext4_count_new_inode(struct ext4_fs *fs, struct ext4_group_desc *gd, uint32_t bit, bool is_dir);
/* Give the inode's number back (its blocks are gone). */
int ext4_free_inode(handle_t *handle, struct ext4_inode *inode);

/* ---- inode.c, icache.c ---- */
int ext4_icache_init(struct ext4_fs *fs);
void ext4_icache_destroy(struct ext4_fs *fs);
/* An in-memory inode for the just allocated number @ino, with one reference, not READY: ext4_icache_ready() shows it. */
int ext4_icache_new(struct ext4_fs *fs, uint32_t ino, struct ext4_inode **ret);
void ext4_icache_ready(struct ext4_inode *inode, int err);
/* Drop the only reference to an inode that failed to become one, within a handle: nothing on disk is touched. */
void ext4_icache_discard(struct ext4_inode *inode);
/* How ext4_iget() and its kin read an inode. */
#define EXT4_IGET_SPECIAL	1	/* reserved numbers too */
#define EXT4_IGET_ORPHAN	2	/* nlink may be 0 */
int ext4_iget_flags(struct ext4_fs *fs, uint32_t ino, unsigned int flags, struct ext4_inode **ret);
/* Used by the file system itself, and nobody's file: EA inodes, the journal, quota and orphan files, reserved ones but the root. */
bool ext4_is_hidden(const struct ext4_inode *inode);
/* inode.c: fill a new in-memory inode from disk. */
int ext4_read_inode(struct ext4_inode *inode, unsigned int flags);
/* lookups.c */
int ext4_lookups_init(struct ext4_fs *fs);
void ext4_lookups_destroy(struct ext4_fs *fs);
/* What remembering takes. */
uint64_t ext4_lookups_bytes(struct ext4_fs *fs);
bool ext4_is_remembered(struct ext4_fs *fs, uint32_t ino);
/* Is a reference held because the inode was remembered?  It is the caller's then. */
bool ext4_release_held(struct ext4_inode *inode);
void ext4_icache_shrink(struct ext4_fs *fs, size_t count);
/* memory.c: tell the parts what they may keep; locks: the journal's own are taken. */
void ext4_divide_memory(struct ext4_fs *fs);
/* Call @func with every inode that is in use, or has times that are not on disk. */
int ext4_icache_walk(struct ext4_fs *fs, int (*func)(struct ext4_inode *inode, void *data), void *data);
/* Where the inode lies: its block's buffer (read) and its raw bytes inside. */
int ext4_raw_inode_at(struct ext4_fs *fs, uint32_t ino, struct iocache_buf **buf, struct ext2_inode_large **raw);
int ext4_inode_raw(struct ext4_inode *inode, struct iocache_buf **buf, struct ext2_inode_large **raw);
/* Write the in-memory inode into its buffer, with checksum, in this handle (1 credit). */
int ext4_mark_inode_dirty(handle_t *handle, struct ext4_inode *inode);
/* Before a change in several places: after it the former needs neither I/O nor memory in this handle.  NULL is fine. */
int ext4_prepare_inode(handle_t *handle, struct ext4_inode *inode);
/* The raw inode was changed by the caller (xattrs), under i_lock, with write access: recompute the checksum. */
void ext4_raw_inode_csum(struct ext4_inode *inode, struct ext2_inode_large *raw);
struct timespec ext4_now(struct ext4_inode *inode);	/* in the inode's granularity */
uint32_t ext4_deletion_time(struct ext4_inode *inode);
struct timespec ext4_storable_time(const struct ext4_inode *inode, struct timespec ts);
void ext4_inode_touch(struct ext4_inode *inode, bool mtime);	/* ctime and, asked, mtime = now */
static inline bool ext4_state(const struct ext4_inode *inode, uint32_t bits)
{
	return (__atomic_load_n(&inode->i_state, __ATOMIC_ACQUIRE) & bits) != 0;
}
static inline void ext4_state_set(struct ext4_inode *inode, uint32_t bits)
{
	__atomic_or_fetch(&inode->i_state, bits, __ATOMIC_RELEASE);
}
static inline void ext4_state_clear(struct ext4_inode *inode, uint32_t bits)
{
	__atomic_and_fetch(&inode->i_state, ~bits, __ATOMIC_RELEASE);
}
/* The mode changes under i_rwsem, and may be read without it. */
static inline void ext4_mode_set(struct ext4_inode *inode, uint16_t mode)
{
	__atomic_store_n(&inode->i_mode, mode, __ATOMIC_RELAXED);
}
static inline uint64_t ext4_isize(const struct ext4_inode *inode)
{
	return __atomic_load_n(&inode->i_size, __ATOMIC_ACQUIRE);
}
static inline void ext4_isize_set(struct ext4_inode *inode, uint64_t size)
{
	__atomic_store_n(&inode->i_size, size, __ATOMIC_RELEASE);
}
uint64_t ext4_max_size(const struct ext4_inode *inode);	/* of a file with this kind of mapping */
void ext4_set_rdev(struct ext4_inode *inode, dev_t rdev);	/* of a new device inode */
bool ext4_is_fast_symlink(const struct ext4_inode *inode);
bool ext4_has_inline_data(const struct ext4_inode *inode);
bool ext4_journals_data(const struct ext4_inode *inode);
void ext4_inc_blocks(struct ext4_inode *inode, int64_t fs_blocks);	/* i_blocks +- */
void ext4_write_times(struct ext4_inode *inode);	/* lazytime: put the times on disk */
/* Delete for good: data, xattrs, inode.  Last reference, nlink 0. */
void ext4_evict_inode(struct ext4_inode *inode);

enum ext4_lock_level {
	EXT4_LOCK_RENAME, EXT4_LOCK_INODE, EXT4_LOCK_HANDLE, EXT4_LOCK_ORPHAN, EXT4_LOCK_GROUP,
	EXT4_LOCK_LEVELS
};
#ifdef EXT4_DEBUG
void ext4_lockdep_enter(enum ext4_lock_level level, unsigned int nest);
void ext4_lockdep_leave(enum ext4_lock_level level);
#else
static inline void ext4_lockdep_enter(enum ext4_lock_level level __attribute__((unused)),
				      unsigned int nest __attribute__((unused))) { }
static inline void ext4_lockdep_leave(enum ext4_lock_level level __attribute__((unused))) { }
#endif
/* Locks on i_rwsem, checked for order in debug builds. */
void ext4_lock(struct ext4_inode *inode);
void ext4_lock_shared(struct ext4_inode *inode);
void ext4_unlock(struct ext4_inode *inode);
/* Two inodes in the right order (dirs by number; the same one twice is locked once). */
void ext4_lock_two(struct ext4_inode *a, struct ext4_inode *b);
void ext4_unlock_two(struct ext4_inode *a, struct ext4_inode *b);

/* ---- map.c (both kinds), extents*.c, indirect.c ---- */
struct ext4_map {
	uint32_t	lblk;		/* in: first logical block */
	uint32_t	len;		/* in: wanted; out: blocks described, >= 1 */
	blk64_t		pblk;		/* out: 0 = hole */
	bool		unwritten;
};
/* What is at map->lblk: a run of blocks or a hole of map->len blocks.  i_rwsem held, shared or not. */
int ext4_map_blocks(struct ext4_inode *inode, struct ext4_map *map);
/*
 * Put the run [pblk, +len) at lblk, where nothing is mapped: all of it or, on failure, nothing.  len at most what one
 * extent, or one table of a block map, can hold.  i_rwsem exclusive; EXT4_CREDITS_MAP.  Takes care of i_blocks for
 * the run and for the mapping's own blocks; the caller dirties the inode.
 */
int ext4_map_insert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len, bool unwritten);
/* Unwritten blocks [lblk, +len) now hold data. */
int ext4_map_convert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint32_t len, bool to_unwritten);
/*
 * Unmap and free [lblk, end) (end 0xffffffff.. = to the very end), restarting the handle as needed (the inode is then
 * dirtied before); updates i_blocks.
 */
int ext4_map_remove(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint64_t end);
/* The first mapped (data) block at or after lblk; false in *found when none. */
int ext4_map_next(struct ext4_inode *inode, uint32_t lblk, struct ext4_map *map, bool *found);
/* Forget the extent found last: the mapping changes. */
/* Are its blocks known to the journal, and to be revoked when they are freed? */
bool ext4_maps_metadata(const struct ext4_inode *inode);
void ext4_es_drop(struct ext4_inode *inode);
int ext4_ext_check_root(struct ext4_inode *inode);
void ext4_ext_init(struct ext4_inode *inode);	/* an empty extent root in i_block */

/* Where the hole around @lblk begins, and the device block that would continue what is mapped before it (0 = nothing is). */
int ext4_hole_start(struct ext4_inode *inode, uint32_t lblk, uint32_t *start, blk64_t *goal);

int ext4_ext_map(struct ext4_inode *inode, struct ext4_map *map);
int ext4_ext_hole_start(struct ext4_inode *inode, uint32_t lblk, uint32_t *start, blk64_t *goal);
int ext4_ext_insert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len, bool unwritten);
int ext4_ext_convert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint32_t len, bool to_unwritten);
int ext4_ext_remove(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint64_t end);
int ext4_ind_map(struct ext4_inode *inode, struct ext4_map *map);
int ext4_ind_insert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len);
int ext4_ind_remove(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint64_t end);

/* ---- file.c, truncate.c, falloc.c ---- */
/* Set the size of a file, up or down, i_rwsem exclusive, no handle open; frees blocks, zeroes the rest of the last one. */
int ext4_truncate(struct ext4_inode *inode, uint64_t size);
/* Free everything past i_size (orphans at mount, failed writes). */
int ext4_truncate_blocks(struct ext4_inode *inode);
/*
 * @cred (NULL: not known) changes a file: setuid goes, setgid by the kernel's rule, and file capabilities.  i_rwsem exclusive, no
 * handle open.  The second is for changes that leave the privileged the bits, but not the capabilities.
 */
int ext4_kill_suidgid(struct ext4_inode *inode, const struct ext4_cred *cred);
int ext4_kill_privileges(struct ext4_inode *inode, const struct ext4_cred *cred);
/* Zero [from, to) within one block of a file if it is mapped and written. */
int ext4_zero_partial(struct ext4_inode *inode, uint64_t from, uint64_t to);
/*
 * Block @lblk of a directory, symlink or EA inode as metadata buffer: *ret NULL for a hole.  With @handle and a hole,
 * allocates (*created) a zeroed block with create access.
 */
int ext4_bread_inode(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, bool *created, struct iocache_buf **ret);
/*
 * Blocks for the hole of @hole blocks at @lblk, at most @want of them: from the inode's windows, or from a new one of about
 * @window blocks around lblk (0 = just what is wanted).  @goal: a run that was written before and is not mapped yet ends right
 * before; 0 = none.  i_rwsem exclusive.
 */
int ext4_window_take(struct ext4_inode *inode, uint32_t lblk, uint32_t hole, uint32_t want, uint32_t window, blk64_t goal,
		     unsigned int flags, struct ext4_resv *resv);
void ext4_touch_atime(struct ext4_inode *inode);	/* after a read, by the mount options; i_rwsem held */
void ext4_drop_prealloc(struct ext4_inode *inode);
void ext4_drop_all_prealloc(struct ext4_fs *fs);
/* Remember that this handle's transaction must be durable for an fsync of @inode. */
void ext4_update_sync_tid(handle_t *handle, struct ext4_inode *inode, bool datasync);
/* Do the options or the inode's flags ask that changes be durable at once?  i_rwsem held. */
bool ext4_wants_sync(const struct ext4_inode *inode);
/* After a change, no lock held: wait until durable where that is asked for. */
int ext4_finish_sync(struct ext4_inode *inode, int err);

/* ---- dir.c (blocks of entries), htree.c (the index), readdir.c, namei.c, rename.c ---- */
/* Find @name in @dir: its inode number; -ENOENT.  i_rwsem held, shared or not. */
int ext4_find_entry(struct ext4_inode *dir, const char *name, size_t len, uint32_t *ino, uint8_t *ftype);
/* EXT4_CREDITS_DIR; i_rwsem exclusive; -ENOSPC with everything as before.  Dirties @dir (times, size). */
int ext4_add_entry(handle_t *handle, struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint16_t mode);
int ext4_delete_entry(handle_t *handle, struct ext4_inode *dir, const char *name, size_t len, uint32_t ino);
/* Point an existing name to another inode. */
int ext4_set_entry(handle_t *handle, struct ext4_inode *dir, const char *name, size_t len, uint32_t ino, uint16_t mode);
int ext4_init_dir(handle_t *handle, struct ext4_inode *dir, uint32_t parent);	/* "." and ".." */
int ext4_dir_empty(struct ext4_inode *dir);	/* 1, 0 or an error */
int ext4_set_parent(handle_t *handle, struct ext4_inode *dir, uint32_t parent);	/* change ".." */
int ext4_parent_ino(struct ext4_inode *dir, uint32_t *parent);

/* ---- xattr.c, xattr_block.c, ea_inode.c, acl.c, inline.c ---- */
/* Index and short name as on disk; -ENODATA.  i_rwsem held. */
ssize_t ext4_xattr_get(struct ext4_inode *inode, int index, const char *name, void *value, size_t size);
/* value NULL removes.  Within a handle of at least EXT4_CREDITS_XATTR (plus those of ext4_xattr_credits()); i_rwsem exclusive. */
int ext4_xattr_set(handle_t *handle, struct ext4_inode *inode, int index, const char *name, const void *value, size_t size, int flags);
int ext4_xattr_credits(struct ext4_inode *inode, size_t value_size);
/* Free all xattrs of an inode that is being deleted (block refcount, EA inodes). */
int ext4_xattr_delete(handle_t *handle, struct ext4_inode *inode);
int ext4_xattr_cache_init(struct ext4_fs *fs);
void ext4_xattr_cache_destroy(struct ext4_fs *fs);
/*
 * Apply the default ACL of @dir to the new @inode, adjusting i_mode; without one apply @umask.  In the handle that made the inode.
 */
int ext4_init_acl(handle_t *handle, struct ext4_inode *inode, struct ext4_inode *dir, mode_t umask);
/* chmod: fold the new mode into the access ACL. */
int ext4_acl_chmod(handle_t *handle, struct ext4_inode *inode);

/* Inline data (INLINE_DATA_FL): i_block plus the xattr "system.data". */
int ext4_inline_read(struct ext4_inode *inode, void *buf, size_t len, uint64_t off);
int ext4_inline_max(struct ext4_inode *inode, uint32_t *max);	/* bytes that could stay inline */
/* Could an empty regular file, not inline yet, become so? */
bool ext4_inline_may_begin(const struct ext4_inode *inode);
/* Write inline when it fits, beginning to be inline if need be: 1 = done, 0 = must be (or stay) in blocks. */
int ext4_inline_write(handle_t *handle, struct ext4_inode *inode, const void *buf, size_t len, uint64_t off);
/* Move the data out into blocks (file: data block written at once; directory: a metadata block). */
int ext4_inline_convert(handle_t *handle, struct ext4_inode *inode);
/* The same in a handle of its own, for a file that may be inline; no handle open. */
int ext4_leave_inline(struct ext4_inode *inode);
/* The inode as it was before its first data, which is given up; the caller dirties it. */
int ext4_inline_end(handle_t *handle, struct ext4_inode *inode);
int ext4_inline_truncate(handle_t *handle, struct ext4_inode *inode, uint64_t size);
/* A new directory starts inline when the feature is on; files with their first data. */
int ext4_inline_init(handle_t *handle, struct ext4_inode *inode);
/*
 * An inline directory's entries in @buf: the first *split bytes are those of i_block (behind the parent's number), the rest those
 * of the attribute.  Returns the bytes of both.  @size: room in @buf.
 */
int ext4_inline_dir_load(struct ext4_inode *dir, void *buf, size_t size, size_t *split);
int ext4_inline_dir_store(handle_t *handle, struct ext4_inode *dir, const void *buf, size_t size);

/* ---- orphan.c, orphan_file.c ---- */
int ext4_orphan_add(handle_t *handle, struct ext4_inode *inode);
int ext4_orphan_del(handle_t *handle, struct ext4_inode *inode);
void ext4_orphan_forget(struct ext4_inode *inode);	/* off the list in memory only: the disk could not be changed */
int ext4_orphan_init(struct ext4_fs *fs);	/* orphan file: read at mount */
void ext4_orphan_destroy(struct ext4_fs *fs);
bool ext4_has_orphans(struct ext4_fs *fs);	/* the disk has some to finish */
int ext4_orphan_cleanup(struct ext4_fs *fs);	/* finish what a crash left; counts are logged */

/* ---- fast_commit.c: jbd2_ops.fc_replay, priv = the fs ---- */
int ext4_fc_replay(void *priv, enum jbd2_fc_pass pass, const void *data, unsigned int off, tid_t expected);
int ext4_fc_finish(void *priv);
void ext4_fc_free(struct ext4_fs *fs);

/* ---- worker.c: one thread for periodic work ---- */
int ext4_worker_start(struct ext4_fs *fs);
void ext4_worker_stop(struct ext4_fs *fs);

#endif /* EXT4_EXT4_I_H */
