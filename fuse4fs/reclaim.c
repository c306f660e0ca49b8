/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory the server takes: bounds from the limits of its control group and from what the system has left,
 * read again from time to time; and giving memory back when it is short, for the pressure monitor.
 */
#include <com_err.h>
#include <malloc.h>
#include <stdlib.h>
#include "logging.h"
#include "loop.h"
#include "reclaim.h"
#include "server.h"
#include "service.h"
#include "session.h"
#include "support/memlimit.h"
#include "support/psi.h"

#define MIB		(UINT64_C(1) << 20)
#define LIMITS_TIMER_S	30	/* how soon a limit is heeded that came without pressure */
#define IDLE_ROUNDS	(PSI_DEFAULT_TIMER_S / LIMITS_TIMER_S)	/* of these, until what is idle goes */

/* Program, libraries, stacks, and what each part takes once: the journal's staging area, a checkpoint's and so on. */
#define FIXED_BYTES	(8 * MIB)
/* The engine's bound on a kernel that does not tell of memory pressure. */
#define BLIND_BYTES	(400 * MIB)
/* A thread with a large request: the message and the data that are read, 1 MiB each. */
#define WORKER_BYTES	(2 * MIB + (64 << 10))
#define WORKERS_MIN	4
#define FRUGAL_BYTES	(128 * MIB)	/* with less, a thread that has nothing to do keeps nothing */
#define TIGHT_BYTES	(256 * MIB)	/* with less, threads share the allocator's arenas */

struct reclaim {
	struct psi	*psi;
	struct memlimit	*limits;
	struct server	*srv;
	uint64_t	engine;		/* bytes: its present bound */
	unsigned int	rounds;		/* of the timer */
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Of a limit a quarter is left to the kernel, which also counts page tables, the device's pages and what it remembers of
 * our files.  Of what the system can spare, which @mine has to be counted to, we take no more than half.
 */
uint64_t reclaim_share(const struct memlimit_state *state, uint64_t mine)
{
	uint64_t share = MEMLIMIT_NONE, most;

	if (state->limit != MEMLIMIT_NONE) {
		most = state->limit / 4 * 3;
		share = most > FIXED_BYTES ? most - FIXED_BYTES : 0;
	}
	if (state->available != MEMLIMIT_NONE)
		share = smaller(share, state->available / 2 + mine / 2);
	return share;
}

/* A quarter of the share is for the threads' buffers. */
unsigned int reclaim_workers(uint64_t share)
{
	uint64_t workers = share / 4 / WORKER_BYTES;

	return workers < WORKERS_MIN ? WORKERS_MIN : smaller(workers, LOOP_MAX_WORKERS);
}

/* Read the limits; the threads' bounds are set, the engine's is kept in @reclaim.  True when that has changed much. */
static bool read_limits(struct reclaim *reclaim)
{
	struct server *srv = reclaim->srv;
	struct memlimit_state state;
	struct ext4_metrics metrics = { 0 };
	uint64_t share, engine, old = reclaim->engine;

	memlimit_read(reclaim->limits, &state);
	if (srv->fs)
		ext4_get_metrics(srv->fs, &metrics);
	share = reclaim_share(&state, metrics.memory);
	atomic_store(&srv->max_workers, reclaim_workers(share));
	atomic_store(&srv->frugal, share < FRUGAL_BYTES);
	engine = share / 4 * 3;
	if (!psi_watches_pressure(reclaim->psi))
		engine = smaller(engine, BLIND_BYTES);
	/* (0 would mean that there is none.) */
	reclaim->engine = engine ? engine : 1;
	return engine < old / 8 * 7 || engine / 8 * 7 > old;
}

static void heed_limits(struct reclaim *reclaim)
{
	if (read_limits(reclaim))
		log_debug("memory: %llu MiB for metadata, up to %u threads",
			  (unsigned long long)(reclaim->engine / MIB), atomic_load(&reclaim->srv->max_workers));
	ext4_set_memory(reclaim->srv->fs, reclaim->engine);
}

static void give_back(void *priv, enum psi_reason reason)
{
	static const char *const names[] = {
		[PSI_SYSTEM_PRESSURE] = "memory is short in the system",
		[PSI_CGROUP_PRESSURE] = "memory is short in our control group",
		[PSI_TIMER] = "timer",
	};
	struct reclaim *reclaim = priv;
	size_t bytes;

	heed_limits(reclaim);
	if (reason == PSI_TIMER && ++reclaim->rounds % IDLE_ROUNDS) {
		/* What one part has freed is not always where another one looks. */
		if (atomic_load(&reclaim->srv->frugal))
			malloc_trim(0);
		return;
	}
	bytes = ext4_shrink(reclaim->srv->fs, reason != PSI_TIMER);
	session_give_back(reclaim->srv);
	malloc_trim(0);
	log_debug("%s: gave back %zu bytes", names[reason], bytes);
}

/*
 * What one thread frees, another does not use, unless they share; and a large piece that is freed goes back to the system,
 * unless the allocator has learnt to keep such ones.
 */
static void tighten_allocator(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

struct reclaim *reclaim_create(struct server *srv, struct ext4_mount_opts *opts)
{
	struct psi_params params = {
		.thread_name = "fuse4fs-reclaim",
		.system_fd = -1,
		.cgroup_fd = -1,
		.open_files = !srv->service,
		.timer_s = LIMITS_TIMER_S,
	};
	struct reclaim *reclaim = calloc(1, sizeof(*reclaim));

	if (!reclaim)
		return NULL;
	reclaim->srv = srv;
	if (memlimit_create("", &reclaim->limits))
		goto fail;
	if (srv->service)
		service_open_pressure(srv->service, &params.system_fd, &params.cgroup_fd);
	if (psi_create(&params, &reclaim->psi))
		goto fail;
	read_limits(reclaim);
	opts->memory_bytes = reclaim->engine;
	if (reclaim->engine < TIGHT_BYTES)
		tighten_allocator();
	return reclaim;
fail:
	memlimit_destroy(reclaim->limits);
	free(reclaim);
	return NULL;
}

void reclaim_start(struct reclaim *reclaim)
{
	errcode_t err;

	if (!reclaim)
		return;
	log_debug("memory: %llu MiB for metadata, up to %u threads", (unsigned long long)(reclaim->engine / MIB),
		  atomic_load(&reclaim->srv->max_workers));
	err = psi_add_handler(reclaim->psi, give_back, reclaim);
	if (!err)
		err = psi_start(reclaim->psi);
	if (err)
		log_warn("memory pressure is not watched: %s", error_message(err));
}

void reclaim_destroy(struct reclaim *reclaim)
{
	if (!reclaim)
		return;
	psi_destroy(reclaim->psi);
	memlimit_destroy(reclaim->limits);
	free(reclaim);
}
