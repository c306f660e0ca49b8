/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a write.  Before a write past the page cache the kernel drops its pages of the range, and again when the write
 * returns; but an asynchronous one returns before it has ended (Linux before 7.2), so what somebody has read through the
 * cache meanwhile would stay there, old, for ever.  Therefore we have the pages dropped before the end is told, if anybody
 * has read the file through the cache while it was open for writing.
 */
#include <errno.h>
#include <stdlib.h>
#include "notify.h"
#include "server.h"
#include "syncing.h"

struct ended {
	fuse_req_t		req;
	struct ext4_inode	*inode;		/* one reference */
	ssize_t			put;
	unsigned int		sync;
};

/* Takes over the reference. */
static void tell(const struct ended *ended)
{
	if (ended->sync) {
		sync_and_reply(ended->req, ended->inode, ended->sync & EXT4_WRITE_DSYNC, 0, ended->put);
	} else {
		fuse_reply_write(ended->req, ended->put);
		ext4_iput(ended->inode);
	}
}

static void dropped(void *arg)
{
	struct ended *ended = arg;

	atomic_fetch_sub(&req_server(ended->req)->writes_waiting, 1);
	tell(ended);
	free(ended);
}

/*
 * Dropping a page waits for whoever reads into it, and his request may wait until the kernel has less than
 * MAX_BACKGROUND under way: so no more than half of them may wait for pages.  What is beyond that is told at once, and its pages are
 * dropped a moment later.
 */
static bool may_wait(struct server *srv)
{
	if (atomic_fetch_add(&srv->writes_waiting, 1) < MAX_BACKGROUND / 2)
		return true;
	atomic_fetch_sub(&srv->writes_waiting, 1);
	return false;
}

static bool tell_later(const struct ended *ended, off_t off)
{
	struct server *srv = req_server(ended->req);
	struct ended *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	*copy = *ended;
	if (notify_pages(srv, ext4_ino(ended->inode), off, ended->put, dropped, copy))
		return true;
	free(copy);
	return false;
}

void written_and_reply(fuse_req_t req, struct ext4_inode *inode, bool cached, off_t off, ssize_t put,
		       unsigned int sync)
{
	const struct ended ended = { req, ext4_igrab(inode), put, sync };
	struct server *srv = req_server(req);
	uint32_t ino = ext4_ino(inode);

	if (cached || !put || !ext4_was_read_cached(inode)) {
		tell(&ended);
	} else if (!may_wait(srv)) {
		tell(&ended);
		notify_pages(srv, ino, off, put, NULL, NULL);
	} else if (!tell_later(&ended, off)) {
		/* Whoever hears that writes again. */
		atomic_fetch_sub(&srv->writes_waiting, 1);
		ext4_iput(inode);
		reply_status(req, -ENOMEM);
	}
}
