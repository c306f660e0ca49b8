/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that read requests and have them answered.
 *
 * Always at least one thread waits for the next request, so that one that takes long (an fsync)
 * holds up nobody; when more than a few wait, the surplus parks, because each thread that the kernel
 * wakes in turn has cold caches.  Compared with libfuse's own loop this one takes no lock per request,
 * lets rawmsg.c see each message first, and reads a message so that the data of a WRITE is page aligned.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/fuse.h>
#include "burst.h"
#include "logging.h"
#include "loop.h"
#include "rawmsg.h"
#include "timing.h"

#define MAX_IDLE	2
/* The largest WRITE that we negotiate, with its headers; see op_init(). */
#define MESSAGE_SIZE	((1U << 20) + 4096)
#define PAGE		4096
#define LARGE_WRITE	(64U << 10)	/* goes past the page cache, see lib/ext2fs/unix_rw.c */
/* Where a message starts in the buffer: its data then starts at the second page. */
#define MESSAGE_START	(PAGE - sizeof(struct fuse_in_header) - sizeof(struct fuse_write_in))
#define KICK_SIGNAL	SIGUSR2

struct loop {
	struct server	*srv;
	struct burst	burst;
	int		wake;
	unsigned int	max_workers;
	atomic_bool	stop, ended, initialised;
	atomic_bool	last;		/* DESTROY has come: nothing else is served any more */
	atomic_int	idle;		/* threads in read() or on the way there */

	pthread_mutex_t	lock;		/* of all that follows */
	pthread_cond_t	unpark, exited;
	unsigned int	parked, wanted;	/* threads that sleep; how many of them shall wake */
	unsigned int	running, started;
	pthread_t	threads[LOOP_MAX_WORKERS];
	struct worker	*alive[LOOP_MAX_WORKERS];	/* NULL: has ended */
};

struct worker {
	struct loop	*loop;
	unsigned int	nr;
	struct burst_worker burst;
	atomic_bool	busy;		/* with a request; see be_alone() */
	bool		parked;		/* loop->lock: its buffers are not in use */
	char		*buf;
	const struct thread_buffer *data;	/* the other one */
};

static void *worker_main(void *arg);

/* With loop->lock held. */
static bool start_worker(struct loop *loop)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return false;
	worker->loop = loop;
	worker->nr = loop->started;
	worker->buf = mmap(NULL, MESSAGE_SIZE + PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (worker->buf == MAP_FAILED)
		goto fail;
	if (pthread_create(&loop->threads[worker->nr], NULL, worker_main, worker))
		goto unmap;
	loop->alive[worker->nr] = worker;
	loop->started++;
	loop->running++;
	atomic_fetch_add(&loop->idle, 1);
	return true;
unmap:
	munmap(worker->buf, MESSAGE_SIZE + PAGE);
fail:
	free(worker);
	return false;
}

/* With loop->lock held. */
static bool enough_workers(const struct loop *loop)
{
	unsigned int max = atomic_load(&loop->srv->max_workers);

	return max && loop->running - (loop->parked - loop->wanted) >= max;
}

/* Nobody is left to take the next request. */
static void add_idle_worker(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	if (atomic_load(&loop->stop) || enough_workers(loop)) {
		;
	} else if (loop->parked > loop->wanted) {
		loop->wanted++;
		atomic_fetch_add(&loop->idle, 1);
		pthread_cond_signal(&loop->unpark);
	} else if (loop->started < loop->max_workers) {
		start_worker(loop);
	}
	pthread_mutex_unlock(&loop->lock);
}

/* It is parked, and loop->lock held.  A buffer begins and ends with a page. */
static void drop_pages(const struct worker *worker)
{
	madvise(worker->buf, MESSAGE_SIZE + PAGE, MADV_DONTNEED);
	if (worker->data->data)
		madvise(worker->data->data, worker->data->size, MADV_DONTNEED);
}

void loop_give_back(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	for (unsigned int i = 0; i < loop->started; i++)
		if (loop->alive[i] && loop->alive[i]->parked)
			drop_pages(loop->alive[i]);
	pthread_mutex_unlock(&loop->lock);
}

/*
 * Enough others wait: sleep until there are too few.  Those who are about to park count each
 * other as waiting until they hold the lock, so only here it is known whether enough would stay.
 */
static void park(struct worker *worker)
{
	struct loop *loop = worker->loop;
	int idle = atomic_load(&loop->idle);

	pthread_mutex_lock(&loop->lock);
	while (!atomic_load(&loop->stop) && idle > MAX_IDLE) {
		if (!atomic_compare_exchange_weak(&loop->idle, &idle, idle - 1))
			continue;
		loop->parked++;
		worker->parked = true;
		if (atomic_load(&loop->srv->frugal))
			drop_pages(worker);
		while (!loop->wanted && !atomic_load(&loop->stop))
			pthread_cond_wait(&loop->unpark, &loop->lock);
		loop->parked--;
		worker->parked = false;
		/* Whoever wanted another thread has counted it. */
		if (loop->wanted)
			loop->wanted--;
		else
			atomic_fetch_add(&loop->idle, 1);
		break;
	}
	pthread_mutex_unlock(&loop->lock);
}

static void end_loop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	atomic_store(&loop->stop, true);
	pthread_cond_broadcast(&loop->unpark);
	pthread_mutex_unlock(&loop->lock);
	burst_wake(&loop->burst);
}

/* The next message's size; 0 when there will be none. */
static size_t receive(struct worker *worker, char *message)
{
	struct loop *loop = worker->loop;

	while (!atomic_load(&loop->stop)) {
		ssize_t size = burst_read(&loop->burst, &worker->burst, message, MESSAGE_SIZE);

		if (size > 0)
			return size;
		/* ENOENT: the request was interrupted while it was being copied. */
		if (size < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (size < 0 && errno != ENODEV)
			log_err("reading requests from the kernel failed: %s", strerror(errno));
		end_loop(loop);
	}
	return 0;
}

/* Whether an answer most likely has to wait for the device. */
static bool waits_for_device(uint32_t opcode, size_t size)
{
	switch (opcode) {
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_SYNCFS:
	case FUSE_READ:
	case FUSE_IOCTL:
	case FUSE_FALLOCATE:
	case FUSE_COPY_FILE_RANGE:
		return true;
	case FUSE_WRITE:
		return size > LARGE_WRITE;
	default:
		return false;
	}
}

static bool others_are_busy(struct worker *worker)
{
	struct loop *loop = worker->loop;
	bool busy = false;

	pthread_mutex_lock(&loop->lock);
	for (unsigned int i = 0; i < loop->started; i++)
		if (loop->alive[i] && loop->alive[i] != worker)
			busy = busy || atomic_load(&loop->alive[i]->busy);
	pthread_mutex_unlock(&loop->lock);
	return busy;
}

/*
 * The kernel has sent DESTROY, its last request that wants an answer.  Forgets may still be on their way, and being
 * worked on: the file system goes when nobody uses it.
 */
static void be_alone(struct worker *worker)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	atomic_store(&worker->loop->last, true);
	while (others_are_busy(worker))
		nanosleep(&pause, NULL);
}

/* False: the kernel has been told that there will be no mount. */
static bool prepare_init(struct loop *loop, const struct fuse_in_header *header)
{
	struct server *srv = loop->srv;
	struct fuse_out_header refusal = {
		.len = sizeof(refusal), .error = -EIO, .unique = header->unique,
	};

	if (!srv->at_init || srv->at_init(srv))
		return true;
	if (write(fuse_session_fd(srv->se), &refusal, sizeof(refusal)) < 0)
		log_debug("nobody waits for INIT's answer: %s", strerror(errno));
	end_loop(loop);
	return false;
}

static void serve(struct worker *worker, const void *message, size_t size)
{
	struct loop *loop = worker->loop;
	const struct fuse_in_header *header = message;
	uint32_t opcode = size >= sizeof(*header) ? header->opcode : 0;
	uint64_t start = loop->srv->opt->timing ? timing_now() : 0;
	struct fuse_buf buf = { .size = size, .mem = (void *)message };

	if (atomic_load(&loop->last))
		return;
	if (opcode == FUSE_DESTROY)
		be_alone(worker);
	if (opcode == FUSE_INIT && !prepare_init(loop, header))
		return;
	if (waits_for_device(opcode, size))
		burst_hand_over(&loop->burst, &worker->burst);
	if (!rawmsg_begin(loop->srv, message, size))
		fuse_session_process_buf(loop->srv->se, &buf);
	rawmsg_end();
	if (start)
		timing_count(opcode, start);
	if (opcode == FUSE_INIT) {
		atomic_store(&loop->initialised, true);
		kill(getpid(), loop->wake);
	}
	if (opcode == FUSE_DESTROY || fuse_session_exited(loop->srv->se))
		end_loop(loop);
}

static void worker_exit(struct worker *worker)
{
	struct loop *loop = worker->loop;

	burst_leave(&loop->burst, &worker->burst);
	thread_buffer_free();
	munmap(worker->buf, MESSAGE_SIZE + PAGE);
	pthread_mutex_lock(&loop->lock);
	loop->alive[worker->nr] = NULL;
	if (!--loop->running) {
		atomic_store(&loop->ended, true);
		kill(getpid(), loop->wake);
	}
	pthread_cond_signal(&loop->exited);
	pthread_mutex_unlock(&loop->lock);
	free(worker);
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct loop *loop = worker->loop;
	char *message = worker->buf + MESSAGE_START;
	sigset_t kick;
	size_t size;

	pthread_setname_np(pthread_self(), "fuse4fs-worker");
	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);

	worker->data = thread_buffer_own();
	burst_join(&loop->burst, &worker->burst, worker->nr + 1);
	while ((size = receive(worker, message))) {
		if (atomic_fetch_sub(&loop->idle, 1) == 1)
			add_idle_worker(loop);
		atomic_store(&worker->busy, true);
		serve(worker, message, size);
		atomic_store(&worker->busy, false);
		if (atomic_fetch_add(&loop->idle, 1) >= MAX_IDLE &&
		    !burst_seated(&loop->burst, &worker->burst))
			park(worker);
	}
	worker_exit(worker);
	return NULL;
}

static void on_kick(int sig __attribute__((unused)))
{
}

/* Waiting with it is not for the wall clock, which jumps. */
static void init_exited(struct loop *loop)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&loop->exited, &attr);
	pthread_condattr_destroy(&attr);
}

struct loop *loop_start(struct server *srv, int wake)
{
	struct sigaction kick = { .sa_handler = on_kick };
	struct loop *loop = calloc(1, sizeof(*loop));
	bool started;

	if (!loop)
		return NULL;
	sigaction(KICK_SIGNAL, &kick, NULL);
	loop->srv = srv;
	/* The unit's filter lets nobody choose processors. */
	burst_init(&loop->burst, fuse_session_fd(srv->se), !srv->service, &loop->stop);
	loop->wake = wake;
	loop->max_workers = srv->opt->single_thread ? 1 : LOOP_MAX_WORKERS;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->unpark, NULL);
	init_exited(loop);
	pthread_mutex_lock(&loop->lock);
	started = start_worker(loop);
	pthread_mutex_unlock(&loop->lock);
	if (started)
		return loop;
	burst_destroy(&loop->burst);
	free(loop);
	return NULL;
}

bool loop_initialised(const struct loop *loop)
{
	return atomic_load(&loop->initialised);
}

bool loop_ended(const struct loop *loop)
{
	return atomic_load(&loop->ended);
}

/* A thread may be between looking at `stop' and read(), so kick until all have gone. */
void loop_stop(struct loop *loop)
{
	struct timespec until;

	end_loop(loop);
	pthread_mutex_lock(&loop->lock);
	while (loop->running) {
		for (unsigned int i = 0; i < loop->started; i++)
			if (loop->alive[i])
				pthread_kill(loop->threads[i], KICK_SIGNAL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 20000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&loop->exited, &loop->lock, &until);
	}
	pthread_mutex_unlock(&loop->lock);
	for (unsigned int i = 0; i < loop->started; i++)
		pthread_join(loop->threads[i], NULL);
	burst_destroy(&loop->burst);
	pthread_mutex_destroy(&loop->lock);
	pthread_cond_destroy(&loop->unpark);
	pthread_cond_destroy(&loop->exited);
	free(loop);
}
