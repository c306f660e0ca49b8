/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the server share: the server itself, node ids, and the
 * small steps that every operation takes.  On-disk structures are not known in
 * this folder.
 *
 * FUSE's node id is the inode number, except that the root is 1 for FUSE and 2
 * for ext4.  What the kernel has looked up it remembers by that number until it says FORGET, which the engine
 * counts (ext4_remember()) without keeping anything in memory for it; an open file holds its inode.
 */
#ifndef FUSE4FS_SERVER_H
#define FUSE4FS_SERVER_H

#include "config.h"
/* Services are a part of libfuse's interface from this version on; others give what we use since 3.12. */
#ifdef HAVE_LIBFUSE_SERVICE
#define FUSE_USE_VERSION 319
#else
#define FUSE_USE_VERSION 312
#endif
#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "ext4/ext4.h"
#include "options.h"

/* Nobody else changes the file system, so what the kernel has cached stays true. */
#define CACHE_FOREVER	1e9

struct device;
struct loop;
struct notifier;
struct reclaim;
struct service;
struct space;
struct syncing;
struct written_file;

struct server {
	const struct options	*opt;
	struct service		*service;	/* NULL: we mount by ourselves */
	struct loop		*loop;		/* the threads, while they serve */
	struct device		*dev;
	struct reclaim		*reclaim;
	struct notifier		*notifier;
	struct space		*space;
	struct syncing		*syncing;
	bool			given;		/* somebody else has mounted; the session's device is @given_fd */
	int			given_fd;
	bool			attached;	/* the mount is where everybody sees it */
	bool			(*start)(struct server *srv);	/* the engine; once nobody else has the device */
	/* INIT has come: what has to be done before it is answered; false: the mount fails.  NULL: nothing. */
	bool			(*at_init)(struct server *srv);
	/* The kernel has unmounted and waits until everything is on the device; see op_destroy(). */
	void			(*at_destroy)(struct server *srv);
	bool			finished;	/* that was done; only then is there a status */
	int			finish_status;
	struct ext4_fs		*fs;
	struct fuse_session	*se;
	struct ext4_inode	*root;
	unsigned int		protocol_minor, capabilities;	/* what INIT agreed on */
	atomic_uint		max_workers;	/* how many threads may answer at once; 0 = as many as there can be */
	atomic_bool		frugal;		/* a thread that has nothing to do keeps no buffers */
	char			not_contained[200];	/* why the sandbox is not closed; for the log */
	/* Forgets that are being processed, and how many have been: see enospc_retry(). */
	atomic_uint		forgets_running;
	atomic_ulong		forgets_done;
	atomic_uint		writes_waiting;	/* see written_and_reply() */
};

/* The user of requests that carry none: where mounts may be idmapped, all but those that make something. */
#define NOBODY_KNOWN	((uid_t)-1)

/* Requests that the kernel has under way at once without anybody waiting for each. */
#define MAX_BACKGROUND	64

/* What fuse_file_info.fh points to. */
struct open_file {
	struct ext4_inode	*inode;		/* one reference */
	struct written_file	*written;	/* NULL: not open for writing */
	bool			reading;
	int			sync;		/* O_SYNC or O_DSYNC of the open */
	bool			has_caps;	/* had a security.capability when it was opened */
	atomic_bool		stale;		/* the kernel shows what is not so, until it forgets the inode */
};

static inline struct open_file *file_of(const struct fuse_file_info *fi)
{
	return (struct open_file *)(uintptr_t)fi->fh;
}

static inline struct server *req_server(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline uint32_t node_to_ino(fuse_ino_t node)
{
	return node == FUSE_ROOT_ID ? EXT4_ROOT_INODE : node;
}

static inline fuse_ino_t ino_to_node(uint32_t ino)
{
	return ino == EXT4_ROOT_INODE ? FUSE_ROOT_ID : ino;
}

/* A reference on the inode of a node id: 0, -ESTALE when there is none, or why it cannot be read. */
int node_get(struct server *srv, fuse_ino_t node, struct ext4_inode **ret);
/* As node_get(); an error is replied and NULL returned. */
struct ext4_inode *node_get_or_fail(fuse_req_t req, fuse_ino_t node);

/* Who asks, as the engine wants to know it, for blocks and for the owner of what is made. */
struct ext4_cred req_cred(fuse_req_t req);
struct ext4_cred cred_of(struct server *srv, uid_t uid, gid_t gid, pid_t tid);
/* The same, where privileged means that the set-id bits of @inode may stay. */
struct ext4_cred setid_cred(fuse_req_t req, struct ext4_inode *inode);
/* Who writes; where that is not known, the owner of the file stands for him. */
struct ext4_cred writer_cred(fuse_req_t req, struct ext4_inode *inode);
/* May he do what takes one of CALLER_* (caller.h)?  What cannot be found out is not so. */
bool req_may(fuse_req_t req, int right);
/* His number; NOBODY_KNOWN when it cannot be found out. */
uid_t req_uid(fuse_req_t req);

/* Reply 0 or an error; @err is 0 or a negative errno. */
void reply_status(fuse_req_t req, int err);
/* The attributes that the kernel is to see, after squash_uids= and squash_gids=, and for how long: seconds. */
double visible_attr(struct server *srv, struct ext4_inode *inode, struct stat *st);
void reply_attr(fuse_req_t req, struct ext4_inode *inode);
void fill_entry(struct server *srv, struct ext4_inode *inode, struct fuse_entry_param *entry);
/* The kernel will remember the inode, once more, when it gets the reply: 0 or -ENOMEM.  It did not get it. */
int remember(struct server *srv, struct ext4_inode *inode);
void take_back(struct server *srv, struct ext4_inode *inode);
/* Reply with a node, which the kernel remembers from then on.  Takes over the caller's reference. */
void reply_entry(fuse_req_t req, struct ext4_inode *inode);

/*
 * After an ENOSPC: true when it is worth trying again, because inodes that the
 * kernel has forgotten were deleted meanwhile.  *@attempt starts at 0.
 */
bool enospc_retry(struct server *srv, int err, int *attempt);

/* A buffer of this thread, good until the next call; NULL when memory is short. */
void *thread_buffer(size_t size);
void thread_buffer_free(void);
/* Pages, of which the content is not needed while the thread sleeps; the same for its whole life. */
struct thread_buffer {
	void	*data;
	size_t	size;
};
const struct thread_buffer *thread_buffer_own(void);

/*
 * op_open.c, shared with the answer to FUSE_TMPFILE.  Open @inode, with a reference of its own in fi->fh: false, when
 * memory is short.  open_undo() closes again.
 */
bool open_inode(struct server *srv, struct ext4_inode *inode, struct fuse_file_info *fi);
void open_undo(struct server *srv, struct fuse_file_info *fi);
/* For a reply that also makes the kernel remember @inode: 0 or -ENOMEM. */
int open_new(struct server *srv, struct ext4_inode *inode, struct fuse_file_info *fi);

/* Operations, by file. */
void op_init(void *userdata, struct fuse_conn_info *conn);
void op_destroy(void *userdata);

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t node, uint64_t count);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);

void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
		struct fuse_file_info *fi);
void op_statfs(fuse_req_t req, fuse_ino_t node);

void op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		    struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi);

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_readlink(fuse_req_t req, fuse_ino_t node);
void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t newparent, const char *newname);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
	       const char *newname, unsigned int flags);

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);
void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);

void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t off, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t node, const char *buf, size_t size, off_t off,
	      struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi);
/*
 * op_written.c.  @put bytes were written at @off; @cached: out of the page cache.  Reply that when it is true for everybody, after what @sync (EXT4_WRITE_SYNC or
 * EXT4_WRITE_DSYNC) asks for.
 */
void written_and_reply(fuse_req_t req, struct ext4_inode *inode, bool cached, off_t off, ssize_t put,
		       unsigned int sync);
void op_copy_file_range(fuse_req_t req, fuse_ino_t node_in, off_t off_in, struct fuse_file_info *fi_in,
			fuse_ino_t node_out, off_t off_out, struct fuse_file_info *fi_out, size_t len, int flags);
void op_bmap(fuse_req_t req, fuse_ino_t node, size_t block_size, uint64_t block);
void op_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence, struct fuse_file_info *fi);

/* 0 or a negative errno; shared with rawmsg.c. */
int set_xattr(struct server *srv, fuse_ino_t node, const char *name, const char *value, size_t size, int flags);
void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value,
		 size_t size, int flags);
void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name);

/* op_tune.c: what the two commands carry; 0 or a negative errno. */
#define TUNE_PARAMS_SIZE	232
void tune_get(struct server *srv, void *data);
int tune_set(struct server *srv, const void *data);
void op_ioctl(fuse_req_t req, fuse_ino_t node, unsigned int cmd, void *arg,
	      struct fuse_file_info *fi, unsigned int flags, const void *in_buf, size_t in_size,
	      size_t out_size);

extern const struct fuse_lowlevel_ops server_ops;

#endif /* FUSE4FS_SERVER_H */
