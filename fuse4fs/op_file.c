/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content of files: READ, WRITE, FSYNC, FALLOCATE, LSEEK.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "rawmsg.h"
#include "server.h"

void op_read(fuse_req_t req, fuse_ino_t node __attribute__((unused)), size_t size, off_t off,
	     struct fuse_file_info *fi)
{
	char *buf = thread_buffer(size);
	ssize_t got;

	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	got = ext4_read(file_of(fi)->inode, buf, size, off);
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

void op_write(fuse_req_t req, fuse_ino_t node __attribute__((unused)), const char *buf, size_t size,
	      off_t off, struct fuse_file_info *fi)
{
	struct server *srv = req_server(req);
	struct ext4_inode *inode = file_of(fi)->inode;
	struct ext4_cred cred = req_cred(req);
	int attempt = 0;
	ssize_t put;

	/* Whoever changes a program takes its capabilities away. */
	if (file_of(fi)->has_caps)
		ext4_removexattr(inode, "security.capability");
	do {
		put = ext4_write(inode, buf, size, off, write_flags(fi), &cred);
	} while (put < 0 && enospc_retry(srv, put, &attempt));
	if (put < 0)
		reply_status(req, put);
	else
		fuse_reply_write(req, put);
}

void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync,
	      struct fuse_file_info *fi __attribute__((unused)))
{
	struct ext4_inode *inode = node_get_or_fail(req, node);
	int err;

	if (!inode)
		return;
	err = ext4_fsync(inode, datasync);
	ext4_iput(inode);
	reply_status(req, err);
}

void op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi __attribute__((unused)))
{
	struct ext4_inode *inode = node_get_or_fail(req, node);
	struct ext4_cred cred = req_cred(req);
	/* With its own times of the file the kernel would contradict ours after a remount. */
	unsigned int flags = req_server(req)->capabilities & FUSE_CAP_WRITEBACK_CACHE ? EXT4_WRITE_CACHED : 0;
	int err, attempt = 0;

	if (!inode)
		return;
	do {
		err = ext4_fallocate(inode, mode, off, len, flags, &cred);
	} while (enospc_retry(req_server(req), err, &attempt));
	ext4_iput(inode);
	reply_status(req, err);
}

/*
 * The kernel may hold pages of a file that is open for writing which we have never seen, and an
 * end of the file that we do not know; it writes neither back before it asks.  Asking it to do so
 * would have our threads wait for writes that only they can take, where no signal
 * reaches them.  EINVAL, "not supported", makes programs read all of the file, which is always right.
 */
void op_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence,
	      struct fuse_file_info *fi __attribute__((unused)))
{
	struct ext4_inode *inode = node_get_or_fail(req, node);
	off_t found;

	if (!inode)
		return;
	found = ext4_open_for_writing(inode) ? -EINVAL : ext4_seek(inode, off, whence);
	ext4_iput(inode);
	if (found < 0)
		reply_status(req, found);
	else
		fuse_reply_lseek(req, found);
}
