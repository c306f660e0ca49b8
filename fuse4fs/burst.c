/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that sleeps in read(2) costs each request a wake-up, which takes
 * longer than most requests do, above all in a virtual machine.  While callers send one
 * request after the other, the workers that have a seat therefore look for
 * the next one for some microseconds before anybody sleeps; meanwhile the
 * others stand by outside the kernel, so that none is woken for nothing.
 *
 * With two processors there are two seats.  What is dearest then is an interrupt from one processor to
 * the other, to wake a caller there.  So a request is for the worker on its caller's own processor, and
 * for the other one only when it was left lying; that other one still has a use: the kernel would
 * move the caller to a processor that had nothing to do.  Both keep to their processors where they may: the
 * kernel, which sees a caller that never waits for long, would sooner or later put the two on one.  With more
 * processors there are always idle ones, two would only be in each other's way, and one seat is enough.
 *
 * Nothing waits behind a slow request: who is about to wait for the device hands
 * the seat over when there are other callers (which costs a wake-up, so not for a lone one); those who
 * stand by look every millisecond whether the seats' owners still take requests, and replace one that
 * does not.  When the owners never have to wait there is work for more, and they
 * call one of them to help.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <linux/fuse.h>
#include "burst.h"
#include "timing.h"

#define SPIN_NS		200000	/* the time from a reply to its caller's next request, most often much less */
#define TICK_NS		1000000
#define SWITCH_NS	2500	/* a yield that takes longer let somebody else run */
#define LEFT_NS		25000	/* then nobody on the caller's processor wants the request */
#define LONG_YIELD_NS	6000000	/* somebody who never sleeps used a time slice; callers give way sooner */
#define BUSY_NS		100000000
#define MISSES_MAX	4	/* then spinning does not pay: requests are too far apart */
#define QUEUED		8	/* requests in a row that were there already */
#define RING_EVERY	4	/* requests, while a seat is free */
#define CROWD		64	/* requests after which a second caller is forgotten */

/* By the processors that are for us; and without looking into files, which a sandbox has none of. */
static unsigned int count_seats(cpu_set_t *cpus)
{
	unsigned int processors;

	CPU_ZERO(cpus);
	/* It fails on machines with more than a thousand. */
	if (sched_getaffinity(0, sizeof(*cpus), cpus))
		return 1;
	processors = CPU_COUNT(cpus);
	if (processors < 2)
		return 0;
	return processors == 2 ? 2 : 1;
}

static void place_seats(struct burst *burst)
{
	unsigned int seat = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE && seat < burst->seats; cpu++) {
		if (CPU_ISSET(cpu, &burst->cpus))
			burst->seat[seat++].cpu = cpu;
	}
}

void burst_init(struct burst *burst, int fd, bool keep, atomic_bool *stop)
{
	pthread_condattr_t attr;

	burst->fd = fd;
	burst->keep = keep;
	burst->stop = stop;
	burst->seats = count_seats(&burst->cpus);
	place_seats(burst);
	burst->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned int i = 0; i < BURST_SEATS; i++) {
		atomic_init(&burst->seat[i].owner, 0);
		atomic_init(&burst->seat[i].beat, 0);
	}
	atomic_init(&burst->seated, 0);
	atomic_init(&burst->workers, 0);
	atomic_init(&burst->latest, 0);
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
	if (burst->bell >= 0)
		close(burst->bell);
	pthread_mutex_destroy(&burst->lock);
	pthread_cond_destroy(&burst->standby);
}

static bool wait_for(int epoll, int fd)
{
	struct epoll_event wanted = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = fd };

	return !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted);
}

void burst_join(struct burst *burst, struct burst_worker *worker, unsigned int id)
{
	worker->id = id;
	worker->cpu = -1;
	atomic_fetch_add(&burst->workers, 1);
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll < 0)
		return;
	if (wait_for(worker->epoll, burst->fd)) {
		if (burst->bell >= 0)
			wait_for(worker->epoll, burst->bell);
		return;
	}
	close(worker->epoll);
	worker->epoll = -1;
}

void burst_leave(struct burst *burst, struct burst_worker *worker)
{
	atomic_fetch_sub(&burst->workers, 1);
	if (worker->epoll >= 0)
		close(worker->epoll);
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

static struct burst_seat *seat_of(struct burst *burst, const struct burst_worker *worker)
{
	struct burst_seat *seat = &burst->seat[worker->seat];

	return atomic_load(&seat->owner) == worker->id ? seat : NULL;
}

bool burst_seated(struct burst *burst, const struct burst_worker *worker)
{
	return seat_of(burst, worker) != NULL;
}

/* From a worker that may have been replaced meanwhile: whether it still was the owner. */
static bool leave_seat(struct burst *burst, struct burst_seat *seat, unsigned int id)
{
	if (!atomic_compare_exchange_strong(&seat->owner, &id, 0))
		return false;
	atomic_fetch_sub(&burst->seated, 1);
	return true;
}

/* A system that does not let us is a little slower. */
static void keep_to_processor(struct burst *burst, struct burst_worker *worker, int cpu)
{
	cpu_set_t set;

	if (!burst->keep || burst->seats < 2 || worker->cpu == cpu)
		return;
	CPU_ZERO(&set);
	if (cpu >= 0)
		CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), cpu < 0 ? &burst->cpus : &set);
	worker->cpu = cpu;
}

static struct burst_seat *take_seat(struct burst *burst, struct burst_worker *worker)
{
	for (unsigned int i = 0; i < burst->seats; i++) {
		unsigned int nobody = 0;

		if (!atomic_compare_exchange_strong(&burst->seat[i].owner, &nobody, worker->id))
			continue;
		atomic_fetch_add(&burst->seated, 1);
		worker->seat = i;
		return &burst->seat[i];
	}
	return NULL;
}

/* A seat is free, but those who sleep in the kernel do not see requests that somebody took at once. */
static void ring(struct burst *burst)
{
	static _Thread_local unsigned int requests;
	unsigned int seated = atomic_load(&burst->seated);
	uint64_t one = 1;

	if (seated >= burst->seats || seated >= atomic_load(&burst->workers) || burst->bell < 0)
		return;
	/* If it cannot be rung, it has been. */
	if (++requests % RING_EVERY == 0 && write(burst->bell, &one, sizeof(one)) < 0)
		return;
}

/* What a worker with a seat knows while it looks for a request. */
struct search {
	uint64_t	now;
	uint64_t	since;		/* it, or another, took the latest request */
	uint64_t	waiting;	/* since when there has been one that nobody took; 0 = none */
	bool		shared;		/* somebody else has just used this processor */
};

static bool left_lying(const struct burst *burst, struct search *search)
{
	struct pollfd pfd = { .fd = burst->fd, .events = POLLIN };

	if (poll(&pfd, 1, 0) <= 0) {
		search->waiting = 0;
		return false;
	}
	if (!search->waiting)
		search->waiting = search->now;
	return search->now - search->waiting >= LEFT_NS;
}

static bool may_take(struct burst *burst, struct search *search)
{
	return atomic_load(&burst->seated) < 2 || search->shared || left_lying(burst, search);
}

/*
 * Where other programs want the processor too, whoever spins comes last, and waking
 * a sleeper is cheap: no bursts for a while.
 */
static void let_others_run(struct burst *burst, struct search *search)
{
	uint64_t before = search->now, latest;

	sched_yield();
	search->now = timing_now();
	search->shared = search->now - before > SWITCH_NS;
	if (search->now - before > LONG_YIELD_NS)
		atomic_store(&burst->idle_from, search->now + BUSY_NS);
	latest = atomic_load(&burst->latest);
	if (search->since < latest)
		search->since = latest;
}

static ssize_t spin(struct burst *burst, struct burst_seat *seat, void *buf, size_t size)
{
	struct search search = { .now = timing_now() };
	ssize_t n;

	search.since = search.now;
	do {
		if (may_take(burst, &search)) {
			n = read(burst->fd, buf, size);
			if (n >= 0 || errno != EAGAIN)
				return n;
			search.waiting = 0;
		}
		atomic_fetch_add_explicit(&seat->beat, 1, memory_order_relaxed);
		let_others_run(burst, &search);
		/* The other's clock may be ahead. */
	} while ((search.now < search.since || search.now - search.since < SPIN_NS) &&
		 !atomic_load(burst->stop));
	errno = EAGAIN;
	return -1;
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
	struct burst_seat *seat = seat_of(burst, worker);

	if (!seat)
		return;
	if (!atomic_load(&burst->crowd) && poll(&pfd, 1, 0) <= 0)
		return;
	if (leave_seat(burst, seat, worker->id))
		call_helper(burst);
}

/* The way of those with a seat. */
static ssize_t read_seated(struct burst *burst, struct burst_seat *seat, unsigned int id, void *buf,
			   size_t size)
{
	static _Thread_local unsigned int queued;
	ssize_t n = read(burst->fd, buf, size);
	int error;

	if (n < 0 && errno == EAGAIN) {
		queued = 0;
		n = spin(burst, seat, buf, size);
	} else if (++queued % QUEUED == 0) {
		call_helper(burst);
	}
	if (n > 0) {
		atomic_store(&burst->misses, 0);
		atomic_store(&burst->latest, timing_now());
		atomic_fetch_add(&seat->beat, 1);
		note_caller(burst, buf);
		ring(burst);
		return n;
	}
	error = n < 0 ? errno : 0;
	if (leave_seat(burst, seat, id) && !atomic_load(&burst->seated)) {
		/* The burst is over: all go to sleep in the kernel again. */
		if (error == EAGAIN)
			atomic_fetch_add(&burst->misses, 1);
		burst_wake(burst);
	}
	errno = error;
	return n;
}

/* Sleep for a tick, or until called.  Takes over the seat of an owner that took nothing meanwhile. */
static void stand_by(struct burst *burst, struct burst_worker *worker)
{
	unsigned int nr = worker->id % burst->seats, owner, beat;
	uint64_t latest = atomic_load(&burst->latest);
	struct burst_seat *seat;
	struct timespec until;

	if (!atomic_load(&burst->seat[nr].owner))
		nr = burst->seats - 1 - nr;
	seat = &burst->seat[nr];
	owner = atomic_load(&seat->owner);
	beat = atomic_load(&seat->beat);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&burst->lock);
	if (!atomic_load(burst->stop) && atomic_load(&burst->seated))
		pthread_cond_timedwait(&burst->standby, &burst->lock, &until);
	pthread_mutex_unlock(&burst->lock);
	if (owner && atomic_load(&seat->beat) == beat &&
	    atomic_compare_exchange_strong(&seat->owner, &owner, worker->id))
		worker->seat = nr;
	/* The burst goes on: a seat that is free is worth taking. */
	if (atomic_load(&burst->latest) != latest)
		worker->idle = false;
}

/* One request wakes one of those who sleep here; poll would wake them all. */
static int sleep_in_kernel(struct burst *burst, struct burst_worker *worker)
{
	struct pollfd pfd = { .fd = burst->fd, .events = POLLIN };
	struct epoll_event event;
	uint64_t rung;
	int n;

	if (worker->epoll < 0)
		return poll(&pfd, 1, -1);
	n = epoll_wait(worker->epoll, &event, 1, -1);
	/* If it cannot be read, somebody else heard it, too. */
	if (n > 0 && event.data.fd == burst->bell && read(burst->bell, &rung, sizeof(rung)) > 0)
		worker->idle = false;
	return n;
}

static ssize_t wait_in_kernel(struct burst *burst, struct burst_worker *worker, void *buf, size_t size)
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
	return burst->seats && atomic_load(&burst->misses) < MISSES_MAX &&
	       timing_now() >= atomic_load(&burst->idle_from);
}

static ssize_t wait_for_request(struct burst *burst, struct burst_worker *worker, void *buf, size_t size)
{
	struct burst_seat *seat = seat_of(burst, worker);
	ssize_t n;

	if (!seat && !worker->idle && spinning_pays(burst))
		seat = take_seat(burst, worker);
	keep_to_processor(burst, worker, seat ? seat->cpu : -1);
	if (seat) {
		n = read_seated(burst, seat, worker->id, buf, size);
		worker->idle = true;
		return n;
	}
	n = read(burst->fd, buf, size);
	if (n >= 0 || errno != EAGAIN)
		return n;
	if (burst->seats && atomic_load(&burst->seated)) {
		stand_by(burst, worker);
		errno = EAGAIN;
		return -1;
	}
	return wait_in_kernel(burst, worker, buf, size);
}

ssize_t burst_read(struct burst *burst, struct burst_worker *worker, void *buf, size_t size)
{
	ssize_t n = wait_for_request(burst, worker, buf, size);

	if (n > 0)
		worker->idle = false;
	return n;
}
