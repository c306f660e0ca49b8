/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LSEEK, which asks for data and holes.
 *
 * The kernel may hold pages of a file that is open for writing which we have
 * never seen, and does not write them back before it asks.  Dropping a range of its
 * cache makes it do so; but that waits, where no signal reaches, for writes
 * which our own threads must take.  So one thread, which takes no requests, does
 * it for all, one after the other.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "server.h"

struct seek {
	struct seek		*next;
	fuse_req_t		req;
	struct ext4_inode	*inode;
	fuse_ino_t		node;
	off_t			off;
	int			whence;
};

struct seeker {
	pthread_t	thread;
	pthread_mutex_t	lock;
	pthread_cond_t	wanted;
	struct seek	*first, **last;
	bool		stop;
};

static void answer(fuse_req_t req, struct ext4_inode *inode, off_t off, int whence)
{
	off_t found = ext4_seek(inode, off, whence);

	ext4_iput(inode);
	if (found < 0)
		reply_status(req, found);
	else
		fuse_reply_lseek(req, found);
}

static struct seek *next_seek(struct seeker *seeker)
{
	struct seek *seek;

	pthread_mutex_lock(&seeker->lock);
	while (!seeker->first && !seeker->stop)
		pthread_cond_wait(&seeker->wanted, &seeker->lock);
	seek = seeker->first;
	if (seek)
		seeker->first = seek->next;
	if (!seeker->first)
		seeker->last = &seeker->first;
	pthread_mutex_unlock(&seeker->lock);
	return seek;
}

static void *seeker_main(void *arg)
{
	struct server *srv = arg;
	struct seek *seek;

	while ((seek = next_seek(srv->seeker))) {
		fuse_lowlevel_notify_inval_inode(srv->se, seek->node, 0, 0);
		answer(seek->req, seek->inode, seek->off, seek->whence);
		free(seek);
	}
	return NULL;
}

bool seeker_start(struct server *srv)
{
	struct seeker *seeker = calloc(1, sizeof(*seeker));

	if (!seeker)
		return false;
	pthread_mutex_init(&seeker->lock, NULL);
	pthread_cond_init(&seeker->wanted, NULL);
	seeker->last = &seeker->first;
	srv->seeker = seeker;
	if (pthread_create(&seeker->thread, NULL, seeker_main, srv)) {
		srv->seeker = NULL;
		free(seeker);
		return false;
	}
	pthread_setname_np(seeker->thread, "fuse4fs-seeker");
	return true;
}

void seeker_stop(struct server *srv)
{
	struct seeker *seeker = srv->seeker;

	if (!seeker)
		return;
	pthread_mutex_lock(&seeker->lock);
	seeker->stop = true;
	pthread_cond_signal(&seeker->wanted);
	pthread_mutex_unlock(&seeker->lock);
	pthread_join(seeker->thread, NULL);
	pthread_mutex_destroy(&seeker->lock);
	pthread_cond_destroy(&seeker->wanted);
	free(seeker);
	srv->seeker = NULL;
}

static bool enqueue(struct seeker *seeker, const struct seek *template)
{
	struct seek *seek = malloc(sizeof(*seek));

	if (!seek)
		return false;
	*seek = *template;
	pthread_mutex_lock(&seeker->lock);
	*seeker->last = seek;
	seeker->last = &seek->next;
	pthread_cond_signal(&seeker->wanted);
	pthread_mutex_unlock(&seeker->lock);
	return true;
}

void op_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence,
	      struct fuse_file_info *fi __attribute__((unused)))
{
	struct server *srv = req_server(req);
	struct ext4_inode *inode = node_get_or_fail(req, node);
	struct seek seek = { NULL, req, inode, node, off, whence };

	if (!inode)
		return;
	if (!srv->seeker || !open_elsewhere_for_writing(srv, inode)) {
		answer(req, inode, off, whence);
	} else if (!enqueue(srv->seeker, &seek)) {
		ext4_iput(inode);
		reply_status(req, -ENOMEM);
	}
}
