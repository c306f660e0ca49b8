/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that notify, and what they are to do.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/fuse.h>
#include "logging.h"
#include "notify.h"
#include "support/list.h"

#define MAX_THREADS	4
/* Of a linux/fuse.h that may be newer than this system's. */
#define NOTIFY_PRUNE	9

enum job_kind { JOB_ATTR, JOB_PAGES, JOB_DROP };

struct job {
	struct list_head	list;
	enum job_kind		kind;
	uint32_t		ino;
	off_t			off, len;	/* of JOB_PAGES; 0, 0: all */
	void			(*done)(void *arg);
	void			*arg;
};

struct notifier {
	struct server	*srv;
	pthread_mutex_t	lock;		/* of all that follows */
	pthread_cond_t	work;
	struct list_head jobs;
	unsigned int	threads, idle;
	pthread_t	thread[MAX_THREADS];
	bool		stop;
};

static void invalidate(struct server *srv, uint32_t ino, off_t off, off_t len)
{
	int err = fuse_lowlevel_notify_inval_inode(srv->se, ino_to_node(ino), off, len);

	/* -ENOENT: the kernel does not have it. */
	if (err && err != -ENOENT)
		log_debug("inode %u: telling the kernel failed: %s", ino, strerror(-err));
}

/* After a pause, in which the system call that led to it ends.  libfuse has no function for it yet. */
static void prune(struct server *srv, uint32_t ino)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct {
		struct fuse_out_header	header;
		uint32_t		count, padding;
		uint64_t		spare, node;
	} message = {
		.header = { .len = sizeof(message), .error = NOTIFY_PRUNE },
		.count = 1,
		.node = ino_to_node(ino),
	};

	nanosleep(&pause, NULL);
	if (write(fuse_session_fd(srv->se), &message, sizeof(message)) < 0)
		log_debug("inode %u: the kernel keeps it: %s", ino, strerror(errno));
}

static void perform(struct server *srv, const struct job *job)
{
	switch (job->kind) {
	case JOB_ATTR:
		invalidate(srv, job->ino, -1, 0);
		break;
	case JOB_PAGES:
		invalidate(srv, job->ino, job->off, job->len);
		break;
	case JOB_DROP:
		prune(srv, job->ino);
		break;
	}
	if (job->done)
		job->done(job->arg);
}

static void *notifier_main(void *arg)
{
	struct notifier *notifier = arg;
	struct job *job;

	pthread_setname_np(pthread_self(), "fuse4fs-notify");
	pthread_mutex_lock(&notifier->lock);
	for (;;) {
		while (list_empty(&notifier->jobs) && !notifier->stop) {
			notifier->idle++;
			pthread_cond_wait(&notifier->work, &notifier->lock);
			notifier->idle--;
		}
		if (list_empty(&notifier->jobs))
			break;
		job = list_first_entry(&notifier->jobs, struct job, list);
		list_del(&job->list);
		pthread_mutex_unlock(&notifier->lock);
		perform(notifier->srv, job);
		free(job);
		pthread_mutex_lock(&notifier->lock);
	}
	pthread_mutex_unlock(&notifier->lock);
	return NULL;
}

struct notifier *notifier_create(struct server *srv)
{
	struct notifier *notifier = calloc(1, sizeof(*notifier));

	if (!notifier)
		return NULL;
	notifier->srv = srv;
	pthread_mutex_init(&notifier->lock, NULL);
	pthread_cond_init(&notifier->work, NULL);
	INIT_LIST_HEAD(&notifier->jobs);
	return notifier;
}

void notifier_stop(struct notifier *notifier)
{
	if (!notifier)
		return;
	pthread_mutex_lock(&notifier->lock);
	notifier->stop = true;
	pthread_cond_broadcast(&notifier->work);
	pthread_mutex_unlock(&notifier->lock);
	/* No more of them start. */
	for (unsigned int i = 0; i < notifier->threads; i++)
		pthread_join(notifier->thread[i], NULL);
	notifier->threads = 0;
}

void notifier_free(struct notifier *notifier)
{
	if (!notifier)
		return;
	pthread_mutex_destroy(&notifier->lock);
	pthread_cond_destroy(&notifier->work);
	free(notifier);
}

/* lock held.  A job may wait long, so another thread, rather than the queue behind it. */
static bool have_thread(struct notifier *notifier)
{
	if (!notifier->idle && notifier->threads < MAX_THREADS &&
	    !pthread_create(&notifier->thread[notifier->threads], NULL, notifier_main, notifier))
		notifier->threads++;
	return notifier->threads;
}

static bool enqueue(struct server *srv, const struct job *what)
{
	struct notifier *notifier = srv->notifier;
	struct job *job = notifier ? malloc(sizeof(*job)) : NULL;
	bool queued;

	if (!job)
		return false;
	*job = *what;
	pthread_mutex_lock(&notifier->lock);
	queued = !notifier->stop && have_thread(notifier);
	if (queued) {
		list_add_tail(&job->list, &notifier->jobs);
		pthread_cond_signal(&notifier->work);
	}
	pthread_mutex_unlock(&notifier->lock);
	if (!queued)
		free(job);
	return queued;
}

void notify_attr(struct server *srv, uint32_t ino)
{
	invalidate(srv, ino, -1, 0);
}

void notify_attr_later(struct server *srv, uint32_t ino)
{
	enqueue(srv, &(struct job) { .kind = JOB_ATTR, .ino = ino });
}

void notify_write_back(struct server *srv, uint32_t ino, void (*done)(void *arg), void *arg)
{
	if (!enqueue(srv, &(struct job) { .kind = JOB_PAGES, .ino = ino, .done = done, .arg = arg }))
		done(arg);
}

bool notify_pages(struct server *srv, uint32_t ino, off_t off, off_t len, void (*done)(void *arg), void *arg)
{
	return enqueue(srv, &(struct job) { .kind = JOB_PAGES, .ino = ino, .off = off, .len = len, .done = done,
					    .arg = arg });
}

void notify_drop(struct server *srv, uint32_t ino)
{
	enqueue(srv, &(struct job) { .kind = JOB_DROP, .ino = ino });
}

void notify_stale(struct server *srv, uint32_t ino, struct open_file *file)
{
	if (file)
		atomic_store(&file->stale, true);
	else
		notify_drop(srv, ino);
}
