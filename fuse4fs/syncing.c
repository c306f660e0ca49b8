/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for commits and flushes, by few for many.
 */
#include <pthread.h>
#include <stdlib.h>
#include "syncing.h"

#define MAX_WAITING	4	/* workers */
#define BATCH		64	/* requests that one of them does together */

struct sync_request {
	struct sync_request	*next;
	fuse_req_t		req;
	struct ext4_sync	what;
	int			status;
	ssize_t			written;
};

struct syncing {
	pthread_mutex_t		lock;		/* of what follows */
	unsigned int		waiting;	/* workers */
	struct sync_request	*first, **end;	/* put aside, oldest first */
};

struct syncing *syncing_create(void)
{
	struct syncing *syncing = calloc(1, sizeof(*syncing));

	if (!syncing)
		return NULL;
	pthread_mutex_init(&syncing->lock, NULL);
	syncing->end = &syncing->first;
	return syncing;
}

void syncing_destroy(struct syncing *syncing)
{
	if (!syncing)
		return;
	pthread_mutex_destroy(&syncing->lock);
	free(syncing);
}

static void finish(const struct sync_request *request, int err)
{
	ext4_iput(request->what.inode);
	if (!err)
		err = request->status;
	if (!err && request->written >= 0)
		fuse_reply_write(request->req, request->written);
	else
		reply_status(request->req, err);
}

/* lock held */
static unsigned int take_batch(struct syncing *syncing, struct sync_request **batch)
{
	unsigned int n = 0;

	while (syncing->first && n < BATCH) {
		batch[n++] = syncing->first;
		syncing->first = syncing->first->next;
	}
	if (!syncing->first)
		syncing->end = &syncing->first;
	return n;
}

static void do_batch(struct ext4_fs *fs, struct sync_request **batch, unsigned int n)
{
	struct ext4_sync what[BATCH];
	int err;

	for (unsigned int i = 0; i < n; i++)
		what[i] = batch[i]->what;
	err = ext4_fsync_many(fs, what, n);
	for (unsigned int i = 0; i < n; i++) {
		finish(batch[i], err);
		free(batch[i]);
	}
}

/* This worker is one of the few: do what was put aside until there is no more. */
static void do_others(struct syncing *syncing, struct ext4_fs *fs)
{
	struct sync_request *batch[BATCH];
	unsigned int n;

	for (;;) {
		pthread_mutex_lock(&syncing->lock);
		n = take_batch(syncing, batch);
		if (!n)
			syncing->waiting--;
		pthread_mutex_unlock(&syncing->lock);
		if (!n)
			return;
		do_batch(fs, batch, n);
	}
}

/* True: it was put aside.  Without memory for that the worker has to wait as well. */
static bool put_aside(struct syncing *syncing, const struct sync_request *request)
{
	struct sync_request *copy = NULL;

	pthread_mutex_lock(&syncing->lock);
	if (syncing->waiting >= MAX_WAITING)
		copy = malloc(sizeof(*copy));
	if (copy) {
		*copy = *request;
		copy->next = NULL;
		*syncing->end = copy;
		syncing->end = &copy->next;
	} else {
		syncing->waiting++;
	}
	pthread_mutex_unlock(&syncing->lock);
	return copy;
}

void sync_and_reply(fuse_req_t req, struct ext4_inode *inode, bool datasync, int status, ssize_t written)
{
	const struct sync_request request = {
		.req = req,
		.what = { inode, datasync },
		.status = status,
		.written = written,
	};
	struct server *srv = req_server(req);

	if (put_aside(srv->syncing, &request))
		return;
	finish(&request, ext4_fsync(inode, datasync));
	do_others(srv->syncing, srv->fs);
}
