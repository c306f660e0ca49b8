/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for the next request without going to sleep while requests come
 * one after the other.
 */
#ifndef FUSE4FS_BURST_H
#define FUSE4FS_BURST_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BURST_SEATS	2	/* at most */

/* Whoever has a seat looks for requests without sleeping, and serves them. */
struct burst_seat {
	atomic_uint	owner;		/* a worker's id; 0 = free */
	atomic_uint	beat;		/* changes as long as its owner does not wait in a request */
	int		cpu;		/* the processor that it is for, when there are two */
} __attribute__((aligned(64)));

struct burst {
	int		fd;
	unsigned int	seats;		/* how many may be taken; 0: there is no processor to spare */
	cpu_set_t	cpus;		/* those that are for us */
	bool		keep;		/* owners may keep to one each */
	struct burst_seat seat[BURST_SEATS];
	atomic_uint	seated;		/* seats that are not free; 0 = no burst */
	_Atomic uint64_t latest;	/* when a request was taken */
	atomic_uint	misses;		/* bursts in a row that were nothing but the search for the next request */
	atomic_uint	caller;		/* the thread that sent the latest request */
	atomic_uint	crowd;		/* > 0: several threads have been calling */
	_Atomic uint64_t idle_from;	/* no spinning before this time: others need the processors */
	atomic_uint	workers;
	int		bell;		/* an eventfd that wakes one of those who sleep in the kernel, or -1 */
	atomic_bool	*stop;
	pthread_mutex_t	lock;
	pthread_cond_t	standby;
};

/* What each reading thread has of its own. */
struct burst_worker {
	unsigned int	id;		/* not 0 */
	unsigned int	seat;		/* where it sat last */
	int		cpu;		/* the only processor that it runs on; -1: it runs on all */
	bool		idle;		/* its latest search found nothing, and nobody has called it since */
	int		epoll;		/* -1: there was none to be had */
};

/* @fd becomes non-blocking.  @keep: threads may choose their processors.  @stop: set before burst_wake() to make all calls return. */
void burst_init(struct burst *burst, int fd, bool keep, atomic_bool *stop);
void burst_destroy(struct burst *burst);
void burst_wake(struct burst *burst);
void burst_join(struct burst *burst, struct burst_worker *worker, unsigned int id);
void burst_leave(struct burst *burst, struct burst_worker *worker);
/* The next request into @buf, as read(2): its size, or -1 with errno; EAGAIN and EINTR mean "look at stop, then call again". */
ssize_t burst_read(struct burst *burst, struct burst_worker *worker, void *buf, size_t size);
/* Whether @worker has a seat, so that it should not go away. */
bool burst_seated(struct burst *burst, const struct burst_worker *worker);
/* @worker is about to wait for the device: when others may call meanwhile, somebody else takes requests at once. */
void burst_hand_over(struct burst *burst, const struct burst_worker *worker);

#endif /* FUSE4FS_BURST_H */
