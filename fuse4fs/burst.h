/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for the next request without going to sleep while requests come
 * one after the other.
 */
#ifndef FUSE4FS_BURST_H
#define FUSE4FS_BURST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct burst {
	int		fd;
	bool		spins;		/* there is a processor to spare */
	atomic_uint	owner;		/* the worker that spins or serves in a burst; 0 = no burst */
	atomic_uint	taken;		/* requests that owners took */
	atomic_uint	misses;		/* spins in a row that ended with nothing */
	atomic_uint	caller;		/* the thread that sent the latest request */
	atomic_uint	crowd;		/* > 0: several threads have been calling */
	_Atomic uint64_t idle_from;	/* no spinning before this time: others need the processors */
	atomic_bool	*stop;
	pthread_mutex_t	lock;
	pthread_cond_t	standby;
};

/* What each reading thread has of its own. */
struct burst_worker {
	unsigned int	id;		/* not 0 */
	int		epoll;		/* -1: there was none to be had */
};

/* @fd becomes non-blocking.  @stop: set before burst_wake() to make all calls return. */
void burst_init(struct burst *burst, int fd, atomic_bool *stop);
void burst_destroy(struct burst *burst);
void burst_wake(struct burst *burst);
void burst_join(struct burst *burst, struct burst_worker *worker, unsigned int id);
void burst_leave(struct burst_worker *worker);
/* The next request into @buf, as read(2): its size, or -1 with errno; EAGAIN and EINTR mean "look at stop, then call again". */
ssize_t burst_read(struct burst *burst, const struct burst_worker *worker, void *buf, size_t size);
/* @worker is about to wait for the device: when others may call meanwhile, somebody else takes requests at once. */
void burst_hand_over(struct burst *burst, const struct burst_worker *worker);

#endif /* FUSE4FS_BURST_H */
