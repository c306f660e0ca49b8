/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine's whole public face: mounting, inodes, and one function for each
 * thing that an ext4 file system does.  FUSE, sockets and options as text are
 * not known here.
 *
 * Every function is safe to call from many threads at once, takes its own
 * locks, and returns 0 (or a count) or a negative errno.  Offsets and lengths
 * are bytes.  Names are @len bytes without a terminating NUL needed; they are
 * checked here (empty, '/', NUL, over 255 bytes: -EINVAL or -ENAMETOOLONG).
 *
 * References: a function that gives out a `struct ext4_inode *` gives one
 * reference; ext4_iput() returns it.  Permission checks are the caller's
 * (FUSE's default_permissions); what ext4 itself enforces (immutable,
 * append-only, quota of reserved blocks, sticky set-id rules) is done here.
 */
#ifndef EXT4_EXT4_H
#define EXT4_EXT4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include "ext2fs/ext2_io.h"

struct ext4_cred;
struct ext4_fs;
struct ext4_inode;

/* ---- messages ---- */

enum ext4_log_level { EXT4_LOG_ERR, EXT4_LOG_WARN, EXT4_LOG_INFO, EXT4_LOG_DEBUG };
typedef void (*ext4_log_fn)(void *priv, enum ext4_log_level level, const char *message);

/* ---- mounting ---- */

enum ext4_errors_policy {
	EXT4_ERRORS_DEFAULT,	/* what the superblock says */
	EXT4_ERRORS_CONTINUE,
	EXT4_ERRORS_RO,
	EXT4_ERRORS_PANIC,	/* abort the process */
};
enum ext4_data_mode { EXT4_DATA_DEFAULT, EXT4_DATA_ORDERED, EXT4_DATA_WRITEBACK, EXT4_DATA_JOURNAL };
enum ext4_atime_mode { EXT4_ATIME_RELATIME, EXT4_ATIME_STRICT, EXT4_ATIME_NONE };
/* An option that may also be left to the superblock's defaults. */
enum ext4_tristate { EXT4_UNSET = -1, EXT4_OFF = 0, EXT4_ON = 1 };

struct ext4_mount_opts {
	const char	*device_name;	/* for messages and MMP */
	bool		read_only;	/* never write a byte */
	bool		noload;		/* with read_only: do not replay */
	uint64_t	sb;		/* 0, or with read_only: the copy of the superblock there, in KiB */
	bool		barrier;
	enum ext4_errors_policy	errors;
	enum ext4_data_mode	data;
	unsigned int	commit_interval;	/* seconds; 0 = default (5) */
	unsigned int	flush_interval;		/* journal-less write back of metadata, seconds; 0 = off */
	uint64_t	cache_bytes;		/* bound of the buffer cache; 0 = as memory_bytes allows */
	uint64_t	memory_bytes;		/* what the engine may keep in memory; 0 = no bound; see ext4_set_memory() */
	enum ext4_atime_mode	atime;
	bool		nodiratime;
	bool		lazytime;
	bool		sync, dirsync;		/* durable before return */
	enum ext4_tristate	acl, user_xattr;
	bool		grpid;			/* new inodes take the directory's group */
	bool		minix_df;
	bool		has_resuid, has_resgid;
	uid_t		resuid;
	gid_t		resgid;
	bool		discard;		/* discard freed blocks after the commit */
	bool		init_itable;		/* zero uninitialised inode tables in the background */
	bool		async_commit;
	bool		direct_io;		/* the channel is O_DIRECT */
	/* The external journal, opened by the caller when ext4_probe() asked for one; else NULL. */
	io_channel	journal_dev;
	ext4_log_fn	log;
	/*
	 * Asked several times a second while mounting waits for another host (multi-mount protection): true
	 * ends that, with -EINTR.  NULL: never.
	 */
	bool		(*interrupted)(void *priv);
	void		*log_priv;	/* of both */
};

/* What a look at the superblock tells before anything is written. */
struct ext4_probe_info {
	char		volume_name[17];
	uint8_t		uuid[16];
	unsigned int	block_size;
	bool		has_journal, needs_recovery, external_journal;
	uint8_t		journal_uuid[16];
	uint32_t	journal_devnum;
	bool		has_mmp, has_errors, must_be_read_only;	/* unknown RO_COMPAT feature and the like */
	enum ext4_errors_policy errors;
};
/*
 * Read and validate the superblock, or (@sb not 0) its copy @sb KiB from the start.  On failure @reason (size @len) gets one clear sentence: what, why, what to do.
 */
int ext4_probe(io_channel dev, uint64_t sb, struct ext4_probe_info *info, char *reason, size_t len);

/*
 * Mount.  @dev is an open channel over the device (any manager; block size is set here); it stays the
 * caller's and must outlive the mount.  On failure nothing was written before the
 * journal's replay began, and @reason tells why.
 */
int ext4_mount(io_channel dev, const struct ext4_mount_opts *opts, struct ext4_fs **ret,
	       char *reason, size_t len);
/*
 * Unmount: finish deleted inodes, commit, checkpoint, mark clean.  Inodes still referenced are
 * released.  Always frees @fs; returns the first error.
 */
int ext4_unmount(struct ext4_fs *fs);
bool ext4_is_read_only(const struct ext4_fs *fs);	/* also after errors=remount-ro */
/* A device for readers of file data that want to splice: -1 when there is none. */
int ext4_data_fd(const struct ext4_fs *fs);
unsigned int ext4_block_size(const struct ext4_fs *fs);
/* The steps that inodes keep times in, in nanoseconds. */
unsigned int ext4_time_granularity(const struct ext4_fs *fs);
int ext4_statfs(struct ext4_fs *fs, struct statvfs *st);
int ext4_syncfs(struct ext4_fs *fs);
/*
 * Bytes that @cred (NULL: an ordinary user) may still take; now, or after ext4_reclaim_space(), which commits what was
 * freed and drops what was only set aside for growing files.
 */
uint64_t ext4_free_bytes(struct ext4_fs *fs, const struct ext4_cred *cred);
uint64_t ext4_free_bytes_now(struct ext4_fs *fs, const struct ext4_cred *cred);
void ext4_reclaim_space(struct ext4_fs *fs);
/* Give back memory (pressure or timer). Returns bytes. */
size_t ext4_shrink(struct ext4_fs *fs, bool pressure);
/*
 * From now on keep about @bytes in memory at most: buffers, idle inodes, groups' maps, transactions that are not at home
 * yet.  Whatever it says, all operations stay possible: a few MiB are the least.  0 = no bound.  What is too much now goes
 * at once, as far as it is not in use.  Any thread; takes locks of caches and groups, and waits for no device.
 */
void ext4_set_memory(struct ext4_fs *fs, uint64_t bytes);

struct ext4_metrics {
	uint64_t cache_hits, cache_misses, cache_bytes, inodes_cached;
	uint64_t memory;	/* bytes in all that ext4_set_memory() bounds, about */
};
void ext4_get_metrics(struct ext4_fs *fs, struct ext4_metrics *m);

/* ---- inodes ---- */

#define EXT4_ROOT_INODE	2
/* Read inode @ino: -ESTALE when not in use, or not a file but the file system's own; -EUCLEAN/-EBADMSG when corrupt. */
int ext4_iget(struct ext4_fs *fs, uint32_t ino, struct ext4_inode **ret);
/* As a file handle demands: also -ESTALE when the generation differs. */
int ext4_iget_handle(struct ext4_fs *fs, uint32_t ino, uint32_t generation, struct ext4_inode **ret);
/* The inode only if it is in memory (no I/O, no failure): a reference or NULL. */
struct ext4_inode *ext4_ilookup(struct ext4_fs *fs, uint32_t ino);
struct ext4_inode *ext4_igrab(struct ext4_inode *inode);
void ext4_iput(struct ext4_inode *inode);
/* Return @n references at once.  The last one frees, or finishes deleting, the inode. */
void ext4_iput_many(struct ext4_inode *inode, uint64_t n);
/*
 * Somebody outside remembers the inode's number, once more, and may ask for it with ext4_iget() until ext4_forget() has
 * taken back all of that.  It is no reference, and costs a few bytes; but an inode without a name is deleted
 * only when it is forgotten, too.  -ENOMEM.
 */
int ext4_remember(struct ext4_inode *inode);
/* Take @n of that back; may finish deleting the inode. */
void ext4_forget(struct ext4_fs *fs, uint32_t ino, uint64_t n);
uint32_t ext4_ino(const struct ext4_inode *inode);
uint32_t ext4_generation(const struct ext4_inode *inode);
mode_t ext4_mode(const struct ext4_inode *inode);
/* File flags (EXT4_*_FL) that an open must know: immutable, append-only. */
uint32_t ext4_inode_flags(const struct ext4_inode *inode);

struct ext4_stat {
	struct stat	st;
	struct timespec	btime;
	bool		has_btime;
	uint32_t	flags;		/* EXT4_*_FL visible to users */
};
void ext4_getattr(struct ext4_inode *inode, struct ext4_stat *st);

/* Who asks: owner of new inodes, and whether the reserved blocks may be used. */
struct ext4_cred {
	uid_t	uid;
	gid_t	gid;
	bool	privileged;	/* CAP_SYS_RESOURCE-like: root */
};

#define EXT4_ATTR_MODE	0x001
#define EXT4_ATTR_UID	0x002
#define EXT4_ATTR_GID	0x004
#define EXT4_ATTR_SIZE	0x008
#define EXT4_ATTR_ATIME	0x010
#define EXT4_ATTR_MTIME	0x020
#define EXT4_ATTR_CTIME	0x040
#define EXT4_ATTR_KILL_SUIDGID	0x080	/* clear setuid, and setgid if group-executable or @who is not of the group */
#define EXT4_ATTR_ATIME_NOW	0x100	/* the time given is the current one, which append-only inodes take */
#define EXT4_ATTR_MTIME_NOW	0x200
struct ext4_iattr {
	unsigned int	valid;
	mode_t		mode;
	uid_t		uid;
	gid_t		gid;
	off_t		size;
	struct timespec	atime, mtime, ctime;
	const struct ext4_cred *who;	/* NULL: not known */
};
/* All or nothing but for a size change that ran into an I/O error.  -EPERM on immutable and append-only inodes. */
int ext4_setattr(struct ext4_inode *inode, const struct ext4_iattr *attr);

/* ---- names ---- */

/* -ENOENT when there is no such name. */
int ext4_lookup(struct ext4_inode *dir, const char *name, size_t len, struct ext4_inode **ret);
/*
 * Make a file, device, fifo or socket (by the type bits of @mode).  @mode is
 * already masked when no default ACL applies; @umask is the caller's, applied
 * here when the directory has none.  -EEXIST when the name is taken.
 */
int ext4_create(struct ext4_inode *dir, const char *name, size_t len, mode_t mode, mode_t umask,
		dev_t rdev, const struct ext4_cred *cred, struct ext4_inode **ret);
int ext4_mkdir(struct ext4_inode *dir, const char *name, size_t len, mode_t mode, mode_t umask,
	       const struct ext4_cred *cred, struct ext4_inode **ret);
int ext4_symlink(struct ext4_inode *dir, const char *name, size_t len, const char *target,
		 const struct ext4_cred *cred, struct ext4_inode **ret);
/* An inode without a name, deleted at its last reference unless ext4_link() names it. */
int ext4_tmpfile(struct ext4_inode *dir, mode_t mode, mode_t umask, const struct ext4_cred *cred,
		 struct ext4_inode **ret);
int ext4_link(struct ext4_inode *inode, struct ext4_inode *dir, const char *name, size_t len);
int ext4_unlink(struct ext4_inode *dir, const char *name, size_t len);
int ext4_rmdir(struct ext4_inode *dir, const char *name, size_t len);
#define EXT4_RENAME_NOREPLACE	1
#define EXT4_RENAME_EXCHANGE	2
#define EXT4_RENAME_WHITEOUT	4
int ext4_rename(struct ext4_inode *olddir, const char *oldname, size_t oldlen,
		struct ext4_inode *newdir, const char *newname, size_t newlen,
		unsigned int flags, const struct ext4_cred *cred);
/* The target of a symlink, NUL-terminated in @buf: its length. */
ssize_t ext4_readlink(struct ext4_inode *inode, char *buf, size_t size);
/* Parent of a directory, for NFS-like lookups of "..". */
int ext4_get_parent(struct ext4_inode *dir, struct ext4_inode **ret);

/*
 * Read a directory from position @pos (0 = start).  For each entry, in hash
 * order for indexed directories, @fill gets the position after it; it returns false when
 * its buffer is full (that entry is not taken).  "." and ".." come first.  @fill is called without
 * locks that ext4_iget() needs.  Positions stay good while the directory changes.
 */
struct ext4_dirent {
	const char	*name;
	size_t		len;
	uint32_t	ino;
	uint8_t		type;		/* DT_* */
	uint64_t	next_pos;
};
typedef bool (*ext4_fill_fn)(void *priv, const struct ext4_dirent *ent);
struct ext4_dir_cursor;	/* one per open directory handle: remembers where a hash collision was cut; NULL shares the directory's own */
struct ext4_dir_cursor *ext4_dir_open(struct ext4_inode *dir);
void ext4_dir_close(struct ext4_dir_cursor *cursor);
int ext4_readdir(struct ext4_inode *dir, struct ext4_dir_cursor *cursor, uint64_t pos, ext4_fill_fn fill, void *priv);

/* ---- file data ---- */

ssize_t ext4_read(struct ext4_inode *inode, void *buf, size_t len, off_t off);
#define EXT4_WRITE_SYNC		1	/* O_SYNC */
#define EXT4_WRITE_DSYNC	2	/* O_DSYNC */
#define EXT4_WRITE_CACHED	4	/* comes from the kernel's page cache: no user known, mtime set by the kernel later */
#define EXT4_WRITE_KILL_SUIDGID	8
#define EXT4_WRITE_IN_PLACE	32	/* only onto blocks that are there; -ENOSPC where there is none */
#define EXT4_WRITE_APPEND	16	/* at the end of the file, whatever @off says */
ssize_t ext4_write(struct ext4_inode *inode, const void *buf, size_t len, off_t off,
		   unsigned int flags, const struct ext4_cred *cred);
/*
 * Copy @len bytes, of one file or from one to another of the same file system: how many were copied, which are fewer at the
 * source's end and when something fails on the way.  @cred: who asks, as for a write; what a change by him takes away
 * (set-id bits, capabilities) is gone afterwards, and the times of both are set.  -EINVAL when the ranges overlap, -EPERM when @dst must not be written.
 */
ssize_t ext4_copy_range(struct ext4_inode *src, off_t src_off, struct ext4_inode *dst, off_t dst_off, size_t len,
			const struct ext4_cred *cred);
/*
 * Where the data of [off, off+len) lies on the device, for splicing reads: fills
 * up to @max runs (device_off = -1 for a hole or unwritten: zeroes), returns their
 * number; 0 when this file's data cannot be read that way (inline, journaled).  Clipped to i_size.
 */
struct ext4_run { off_t device_off; size_t len; };
int ext4_map_runs(struct ext4_inode *inode, off_t off, size_t len, struct ext4_run *runs, int max);
/* Hooks around an open for writing/reading; they keep preallocation alive while open and drop it at the last close. */
void ext4_open_file(struct ext4_inode *inode, bool writing);
/* Would a read now change the access time? */
bool ext4_atime_is_due(struct ext4_inode *inode);
void ext4_release_file(struct ext4_inode *inode, bool writing);
bool ext4_open_for_writing(const struct ext4_inode *inode);
/*
 * A cache above us is about to read; and: did it, since the inode was last opened for writing by the first?  Who asks after a write
 * has ended hears of every read that could still see what was there before.
 */
void ext4_read_cached(struct ext4_inode *inode);
bool ext4_was_read_cached(const struct ext4_inode *inode);
/* @flags: 0, or EXT4_WRITE_CACHED when the kernel sets the times. */
int ext4_fallocate(struct ext4_inode *inode, int mode, off_t off, off_t len, unsigned int flags,
		   const struct ext4_cred *cred);
/*
 * Where @block of a regular file is on the device, both counted in the file system's blocks: *@found is 0 for a hole; blocks that
 * were only allocated count, since whoever asks will write there.  -EINVAL when the data is not simply there: in the inode, or in
 * the journal first.
 */
int ext4_bmap(struct ext4_inode *inode, uint64_t block, uint64_t *found);
/* SEEK_DATA or SEEK_HOLE; -ENXIO past the end. */
off_t ext4_seek(struct ext4_inode *inode, off_t off, int whence);
/* Durable when it returns 0: data, and the metadata (all of it, or what reaching the data needs). */
int ext4_fsync(struct ext4_inode *inode, bool datasync);
/* The same for @n inodes of one file system at the price of one: the result is all of theirs. */
struct ext4_sync {
	struct ext4_inode	*inode;
	bool			datasync;
};
int ext4_fsync_many(struct ext4_fs *fs, const struct ext4_sync *syncs, size_t n);

/* ---- extended attributes; full names ("user.foo") ---- */

/* @size 0 asks for the length.  -ENODATA, -ERANGE, -EOPNOTSUPP as getxattr(2).  ACLs in the kernel's posix_acl_xattr format. */
ssize_t ext4_getxattr(struct ext4_inode *inode, const char *name, void *value, size_t size);
/* XATTR_CREATE / XATTR_REPLACE in @flags; with an access ACL by somebody outside the group, setgid goes away as well. */
#define EXT4_XATTR_KILL_SGID	0x100
int ext4_setxattr(struct ext4_inode *inode, const char *name, const void *value, size_t size, int flags);
int ext4_removexattr(struct ext4_inode *inode, const char *name);
ssize_t ext4_listxattr(struct ext4_inode *inode, char *list, size_t size, bool trusted);

/* ---- what ioctl(2) asks ---- */

uint32_t ext4_get_flags(struct ext4_inode *inode);			/* FS_IOC_GETFLAGS */
int ext4_set_flags(struct ext4_inode *inode, uint32_t flags, const struct ext4_cred *cred);
struct ext4_fsxattr { uint32_t xflags, extsize, nextents, projid, cowextsize; };
int ext4_get_fsxattr(struct ext4_inode *inode, struct ext4_fsxattr *fa);
int ext4_set_fsxattr(struct ext4_inode *inode, const struct ext4_fsxattr *fa, const struct ext4_cred *cred);
uint32_t ext4_get_version(struct ext4_inode *inode);
int ext4_set_version(struct ext4_inode *inode, uint32_t version);
int ext4_get_label(struct ext4_fs *fs, char label[17]);
int ext4_set_label(struct ext4_fs *fs, const char *label);
/*
 * What of the superblock can be tuned.  @set: which fields a call of ext4_set_tune() takes, or may take.  -EOPNOTSUPP: others are
 * asked for; -EINVAL: a value that is none.  What is set is on the device before it returns; what it means for this mount it means after
 * the next one, except for the reserved blocks.
 */
#define EXT4_TUNE_ERRORS	0x0001
#define EXT4_TUNE_MAX_MNT_COUNT	0x0004
#define EXT4_TUNE_CHECKINTERVAL	0x0008
#define EXT4_TUNE_LAST_CHECK	0x0010
#define EXT4_TUNE_RESERVED	0x0020
#define EXT4_TUNE_RESUID	0x0040
#define EXT4_TUNE_RESGID	0x0080
#define EXT4_TUNE_DEFAULT_OPTS	0x0100
#define EXT4_TUNE_STRIDE	0x0400
#define EXT4_TUNE_STRIPE_WIDTH	0x0800
#define EXT4_TUNE_MOUNT_OPTS	0x1000
struct ext4_tune {
	uint32_t	set;
	uint16_t	errors, mnt_count, max_mnt_count, stride, encoding, encoding_flags;
	uint32_t	checkinterval, default_opts, resuid, resgid, stripe_width;
	uint64_t	last_check, reserved, blocks;	/* seconds, blocks, blocks */
	uint32_t	compat, incompat, ro_compat;
	uint8_t		hash;
	char		mount_opts[64];
};
void ext4_get_tune(struct ext4_fs *fs, struct ext4_tune *tune);
int ext4_set_tune(struct ext4_fs *fs, const struct ext4_tune *tune);
/* Discard free extents of at least @minlen bytes within [start, start+len); *trimmed gets the bytes. */
int ext4_trim(struct ext4_fs *fs, uint64_t start, uint64_t len, uint64_t minlen, uint64_t *trimmed);
/*
 * EXT4_IOC_CHECKPOINT: all that is in the log is in its place, and the log empty.  -ENODEV without a journal, which alone @look_only finds out.
 */
int ext4_checkpoint(struct ext4_fs *fs, bool look_only);
/* EXT4_IOC_PRECACHE_EXTENTS: what maps the inode's blocks is in the cache, as far as that has room. */
int ext4_precache(struct ext4_inode *inode);
/* FS_IOC_SHUTDOWN: flush the log, then refuse everything with -EIO. */
int ext4_shutdown(struct ext4_fs *fs);

#endif /* EXT4_EXT4_H */
