/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COPY_FILE_RANGE: from file to file without the data passing through the kernel.  It writes back what it holds of both
 * ranges before it asks, keeps the target locked meanwhile, and drops its pages of the target's range afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "notify.h"
#include "server.h"
#include "space.h"
#include "syncing.h"

/* Bytes of one request; who wants more asks again, and other callers want the thread as well. */
#define COPY_MAX	((size_t)16 << 20)

struct copy {
	fuse_req_t		req;
	struct open_file	*from, *to;
	off_t			from_off, to_off;
	size_t			len;
};

static struct ext4_cred copier_cred(fuse_req_t req, struct ext4_inode *inode)
{
	bool setid = ext4_mode(inode) & (S_ISUID | S_ISGID);

	return setid ? setid_cred(req, inode) : writer_cred(req, inode);
}

static ssize_t copy_data(const struct copy *copy)
{
	struct ext4_cred cred = copier_cred(copy->req, copy->to->inode);
	int attempt = 0;
	ssize_t done;

	do {
		done = ext4_copy_range(copy->from->inode, copy->from_off, copy->to->inode, copy->to_off, copy->len, &cred);
	} while (done < 0 && enospc_retry(req_server(copy->req), done, &attempt));
	return done;
}

static void copy_and_reply(const struct copy *copy)
{
	struct server *srv = req_server(copy->req);
	struct open_file *to = copy->to;
	bool atime = ext4_atime_is_due(copy->from->inode);
	ssize_t done = copy_data(copy);

	if (atime)
		notify_attr(srv, ext4_ino(copy->from->inode));
	/* It takes set-id bits away. */
	notify_attr(srv, ext4_ino(to->inode));
	if (done < 0)
		reply_status(copy->req, done);
	else if (done && to->sync)
		sync_and_reply(copy->req, ext4_igrab(to->inode), (to->sync & O_SYNC) != O_SYNC, 0, done);
	else
		fuse_reply_write(copy->req, done);
	space_look(srv);
}

static void copy_later(void *arg)
{
	copy_and_reply(arg);
	free(arg);
}

/*
 * The kernel has cut the range at the end of the source that it knows; ours may still be before it, when what is beyond
 * the range, or a part of what is in front of it that was skipped, has not been written back.
 */
static bool ends_early(const struct copy *copy)
{
	struct ext4_stat st;

	ext4_getattr(copy->from->inode, &st);
	return ext4_open_for_writing(copy->from->inode) && copy->from_off + (off_t)copy->len > st.st.st_size;
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t node_in __attribute__((unused)), off_t off_in,
			struct fuse_file_info *fi_in, fuse_ino_t node_out __attribute__((unused)), off_t off_out,
			struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct copy copy = {
		.req = req,
		.from = file_of(fi_in),
		.to = file_of(fi_out),
		.from_off = off_in,
		.to_off = off_out,
		.len = len < COPY_MAX ? len : COPY_MAX,
	}, *later;

	if (flags || off_in < 0 || off_out < 0) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (!ends_early(&copy)) {
		copy_and_reply(&copy);
		return;
	}
	later = malloc(sizeof(*later));
	if (!later) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	*later = copy;
	notify_write_back(req_server(req), ext4_ino(copy.from->inode), copy_later, later);
}
