/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that sleeps in read(2) costs each request a wake-up, which takes
 * longer than most requests do, above all in a virtual machine.  While a caller sends one
 * request after the other, one worker (the owner of the burst) therefore looks for
 * the next one for some microseconds before anybody sleeps; meanwhile the
 * others stand by outside the kernel, so that none is woken for nothing.
 *
 * Nothing waits behind a slow request: an owner that is about to wait for the device hands
 * the burst over when there are other callers (which costs a wake-up, so not for a lone one); those who
 * stand by look every millisecond whether the owner still takes requests, and replace it when it
 * does not.  When the owner never has to wait there is work for more, and it
 * calls one of them to help.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <linux/fuse.h>
#include "burst.h"
#include "timing.h"

#define SPIN_NS		60000	/* about the time from a reply to its caller's next request */
#define TICK_NS		1000000
#define LONG_YIELD_NS	2000000	/* somebody who never sleeps used a time slice; callers give way sooner */
#define BUSY_NS		100000000
#define MISSES_MAX	4	/* then spinning does not pay: requests are too far apart */
#define QUEUED		8	/* requests in a row that were there already */
#define CROWD		64	/* requests after which a second caller is forgotten */

/* For us; and without looking into files, which a sandbox has none of. */
static bool several_processors(void)
{
	cpu_set_t set;

	/* It fails on machines with more than a thousand. */
	return sched_getaffinity(0, sizeof(set), &set) || CPU_COUNT(&set) > 1;
}

void burst_init(struct burst *burst, int fd, atomic_bool *stop)
{
	pthread_condattr_t attr;

	burst->fd = fd;
	burst->stop = stop;
	burst->spins = several_processors();
	atomic_init(&burst->owner, 0);
	atomic_init(&burst->taken, 0);
	atomic_init(&burst->misses, 0);
	atomic_init(&burst->caller, 0);
	atomic_init(&burst->crowd, 0);
	atomic_init(&burst->idle_from, 0);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	pthread_mutex_init(&burst->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&burst->standby, &attr);
	pthread_condattr_destroy(&attr);
}

void burst_destroy(struct burst *burst)
{
	pthread_mutex_destroy(&burst->lock);
	pthread_cond_destroy(&burst->standby);
}

void burst_join(struct burst *burst, struct burst_worker *worker, unsigned int id)
{
	struct epoll_event wanted = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	worker->id = id;
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll >= 0 && epoll_ctl(worker->epoll, EPOLL_CTL_ADD, burst->fd, &wanted))
		burst_leave(worker);
}

void burst_leave(struct burst_worker *worker)
{
	if (worker->epoll >= 0)
		close(worker->epoll);
	worker->epoll = -1;
}

void burst_wake(struct burst *burst)
{
	pthread_mutex_lock(&burst->lock);
	pthread_cond_broadcast(&burst->standby);
	pthread_mutex_unlock(&burst->lock);
}

static void call_helper(struct burst *burst)
{
	pthread_mutex_lock(&burst->lock);
	pthread_cond_signal(&burst->standby);
	pthread_mutex_unlock(&burst->lock);
}

/*
 * Where other programs want the processor too, whoever spins comes last, and waking
 * a sleeper is cheap: no bursts for a while.
 */
static ssize_t spin(struct burst *burst, void *buf, size_t size)
{
	uint64_t start = timing_now(), before, now = start;
	ssize_t n;

	do {
		n = read(burst->fd, buf, size);
		if (n >= 0 || errno != EAGAIN)
			return n;
		before = now;
		sched_yield();
		now = timing_now();
		if (now - before > LONG_YIELD_NS)
			atomic_store(&burst->idle_from, now + BUSY_NS);
	} while (now - start < SPIN_NS && !atomic_load(burst->stop));
	errno = EAGAIN;
	return -1;
}

/* The burst is over: all go to sleep in the kernel again. */
static void end_burst(struct burst *burst)
{
	atomic_store(&burst->owner, 0);
	burst_wake(burst);
}

/* The kernel's own requests (writing back) have no caller. */
static void note_caller(struct burst *burst, const struct fuse_in_header *header)
{
	unsigned int crowd = atomic_load(&burst->crowd);

	if (header->pid && atomic_exchange(&burst->caller, header->pid) != header->pid)
		atomic_store(&burst->crowd, CROWD);
	else if (crowd)
		atomic_store(&burst->crowd, crowd - 1);
}

void burst_hand_over(struct burst *burst, const struct burst_worker *worker)
{
	struct pollfd pfd = { .fd = burst->fd, .events = POLLIN };
	unsigned int me = worker->id;

	if (atomic_load(&burst->owner) != me)
		return;
	if (!atomic_load(&burst->crowd) && poll(&pfd, 1, 0) <= 0)
		return;
	if (atomic_compare_exchange_strong(&burst->owner, &me, 0))
		call_helper(burst);
}

/* The owner's way. */
static ssize_t read_as_owner(struct burst *burst, void *buf, size_t size)
{
	static _Thread_local unsigned int queued;
	ssize_t n = read(burst->fd, buf, size);

	if (n < 0 && errno == EAGAIN) {
		queued = 0;
		n = spin(burst, buf, size);
	} else if (++queued % QUEUED == 0) {
		call_helper(burst);
	}
	if (n > 0) {
		atomic_store(&burst->misses, 0);
		atomic_fetch_add(&burst->taken, 1);
		note_caller(burst, buf);
		return n;
	}
	if (errno == EAGAIN)
		atomic_fetch_add(&burst->misses, 1);
	end_burst(burst);
	return n;
}

/* Sleep for a tick, or until called.  Takes the burst over when its owner took nothing meanwhile. */
static void stand_by(struct burst *burst, const struct burst_worker *worker, unsigned int owner)
{
	unsigned int taken = atomic_load(&burst->taken);
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&burst->lock);
	if (!atomic_load(burst->stop) && atomic_load(&burst->owner) == owner)
		pthread_cond_timedwait(&burst->standby, &burst->lock, &until);
	pthread_mutex_unlock(&burst->lock);
	if (atomic_load(&burst->taken) == taken)
		atomic_compare_exchange_strong(&burst->owner, &owner, worker->id);
}

/* One request wakes one of those who sleep here; poll would wake them all. */
static int sleep_in_kernel(struct burst *burst, const struct burst_worker *worker)
{
	struct pollfd pfd = { .fd = burst->fd, .events = POLLIN };
	struct epoll_event event;

	return worker->epoll >= 0 ? epoll_wait(worker->epoll, &event, 1, -1) : poll(&pfd, 1, -1);
}

static ssize_t wait_in_kernel(struct burst *burst, const struct burst_worker *worker, void *buf,
			      size_t size)
{
	uint64_t start = timing_now();

	if (sleep_in_kernel(burst, worker) < 0)
		return -1;
	/* It came so soon that a spin would have caught it. */
	if (timing_now() - start < SPIN_NS)
		atomic_store(&burst->misses, 0);
	return read(burst->fd, buf, size);
}

static bool spinning_pays(struct burst *burst)
{
	return burst->spins && atomic_load(&burst->misses) < MISSES_MAX &&
	       timing_now() >= atomic_load(&burst->idle_from);
}

ssize_t burst_read(struct burst *burst, const struct burst_worker *worker, void *buf, size_t size)
{
	unsigned int owner = atomic_load(&burst->owner);
	ssize_t n;

	if (!owner && spinning_pays(burst) &&
	    atomic_compare_exchange_strong(&burst->owner, &owner, worker->id))
		owner = worker->id;
	if (owner == worker->id)
		return read_as_owner(burst, buf, size);
	n = read(burst->fd, buf, size);
	if (n >= 0 || errno != EAGAIN)
		return n;
	if (owner) {
		stand_by(burst, worker, owner);
		errno = EAGAIN;
		return -1;
	}
	return wait_in_kernel(burst, worker, buf, size);
}
