/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content of files: READ, WRITE, FSYNC, FALLOCATE, LSEEK.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "notify.h"
#include "rawmsg.h"
#include "server.h"
#include "space.h"
#include "syncing.h"

void op_read(fuse_req_t req, fuse_ino_t node __attribute__((unused)), size_t size, off_t off,
	     struct fuse_file_info *fi)
{
	char *buf = thread_buffer(size);
	struct ext4_inode *inode = file_of(fi)->inode;
	ssize_t got;

	if (!rawmsg_read_is_direct())
		ext4_read_cached(inode);
	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	got = ext4_read(inode, buf, size, off);
	if (got < 0)
		reply_status(req, got);
	else
		fuse_reply_buf(req, buf, got);
}

/*
 * What the writer asked for.  Writes out of the page cache carry no user and no
 * flags of an open file; whoever wants those durable calls fsync, as the kernel does for O_SYNC.
 */
static unsigned int write_flags(const struct fuse_file_info *fi)
{
	unsigned int flags = 0;

	if (rawmsg_kill_suidgid())
		flags |= EXT4_WRITE_KILL_SUIDGID;
	if (fi->writepage)
		return flags | EXT4_WRITE_CACHED;
	if ((fi->flags & O_SYNC) == O_SYNC)
		flags |= EXT4_WRITE_SYNC;
	else if (fi->flags & O_DSYNC)
		flags |= EXT4_WRITE_DSYNC;
	return flags;
}

static ssize_t write_data(fuse_req_t req, struct open_file *file, const char *buf, size_t size, off_t off,
			  unsigned int flags, const struct ext4_cred *cred)
{
	int attempt = 0;
	ssize_t put;

	do {
		put = ext4_write(file->inode, buf, size, off, flags, cred);
	} while (put < 0 && enospc_retry(req_server(req), put, &attempt));
	return put;
}

static ssize_t write_through(fuse_req_t req, struct open_file *file, const char *buf, size_t size, off_t off,
			     unsigned int flags)
{
	struct ext4_cred cred = writer_cred(req, file->inode);

	return write_data(req, file, buf, size, off, flags, &cred);
}

/*
 * Whoever wrote that has gone on, and is not known: what is refused is told to whom it can be, see space.h; and the file's
 * owner stands for him.
 */
static ssize_t write_cached(fuse_req_t req, struct open_file *file, const char *buf, size_t size, off_t off,
			    unsigned int flags)
{
	struct server *srv = req_server(req);
	bool turn = space_begin_write(srv, file, &flags);
	ssize_t put = write_data(req, file, buf, size, off, flags, NULL);

	space_end_write(srv, file, turn, put);
	return put;
}

void op_write(fuse_req_t req, fuse_ino_t node __attribute__((unused)), const char *buf, size_t size,
	      off_t off, struct fuse_file_info *fi)
{
	struct server *srv = req_server(req);
	struct open_file *file = file_of(fi);
	unsigned int flags = write_flags(fi), sync = flags & (EXT4_WRITE_SYNC | EXT4_WRITE_DSYNC);
	ssize_t put;

	/* That is waited for separately. */
	flags &= ~sync;
	/* Whoever changes a program takes its capabilities away. */
	if (file->has_caps)
		ext4_removexattr(file->inode, "security.capability");
	if (fi->writepage)
		put = write_cached(req, file, buf, size, off, flags);
	else
		put = write_through(req, file, buf, size, off, flags);
	if (flags & EXT4_WRITE_KILL_SUIDGID)
		notify_attr(srv, ext4_ino(file->inode));
	if (put < 0)
		reply_status(req, put);
	else
		written_and_reply(req, file->inode, fi->writepage, off, put, sync);
	if (!fi->writepage)
		space_look(srv);
}

void op_fsync(fuse_req_t req, fuse_ino_t node __attribute__((unused)), int datasync,
	      struct fuse_file_info *fi)
{
	struct open_file *file = file_of(fi);

	sync_and_reply(req, ext4_igrab(file->inode), datasync, space_take_error(file), -1);
}

void op_fallocate(fuse_req_t req, fuse_ino_t node __attribute__((unused)), int mode, off_t off, off_t len,
		  struct fuse_file_info *fi)
{
	struct server *srv = req_server(req);
	struct ext4_inode *inode = file_of(fi)->inode;
	bool setid = ext4_mode(inode) & (S_ISUID | S_ISGID);
	struct ext4_cred cred = setid ? setid_cred(req, inode) : writer_cred(req, inode);
	/* With its own times of the file the kernel would contradict ours after a remount. */
	unsigned int flags = srv->capabilities & FUSE_CAP_WRITEBACK_CACHE ? EXT4_WRITE_CACHED : 0;
	int err, attempt = 0;

	do {
		err = ext4_fallocate(inode, mode, off, len, flags, &cred);
	} while (enospc_retry(srv, err, &attempt));
	/* It takes set-id bits away. */
	notify_attr(srv, ext4_ino(inode));
	reply_status(req, err);
	space_look(srv);
}

struct seek {
	fuse_req_t		req;
	struct open_file	*file;
	off_t			off;
	int			whence;
};

static void seek_now(void *arg)
{
	struct seek *seek = arg;
	off_t found = ext4_seek(seek->file->inode, seek->off, seek->whence);

	if (found < 0)
		reply_status(seek->req, found);
	else
		fuse_reply_lseek(seek->req, found);
	free(seek);
}

/*
 * The kernel may hold pages of a file that is open for writing which we have never seen, and an
 * end of the file that we do not know; it writes neither back before it asks.
 */
void op_lseek(fuse_req_t req, fuse_ino_t node __attribute__((unused)), off_t off, int whence,
	      struct fuse_file_info *fi)
{
	struct seek *seek = malloc(sizeof(*seek));

	if (!seek) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	*seek = (struct seek) { req, file_of(fi), off, whence };
	if (ext4_open_for_writing(seek->file->inode))
		notify_write_back(req_server(req), ext4_ino(seek->file->inode), seek_now, seek);
	else
		seek_now(seek);
}
