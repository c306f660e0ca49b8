/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which states of a round are judged: at each flush, and between two in proportion to what
 * was written there.
 */
#include <stdlib.h>
#include <string.h>
#include "fsck.h"
#include "image.h"
#include "report.h"
#include "round.h"
#include "states.h"

#define SEGMENT_MAX 40 /* writes of one segment that count for its share */
#define TRIES	    4  /* for a state that was not seen yet */

struct segments {
	struct judge judge;
	const struct pc_log *log;
	struct pc_pending pending;
	uint64_t seed;
	unsigned long weight;	    /* of all segments */
	unsigned long sum;	    /* so far */
	unsigned long wanted, done; /* sampled states */
	uint64_t *seen;		    /* in this segment */
	unsigned int nr_seen;
};

static unsigned long weight_of(size_t from, size_t to)
{
	return to - from < SEGMENT_MAX ? to - from : SEGMENT_MAX;
}

static size_t segment_end(const struct pc_log *log, size_t from)
{
	while (from < log->nr && log->events[from].kind != PC_FLUSH)
		from++;
	return from;
}

static unsigned long all_weight(const struct pc_log *log)
{
	unsigned long sum = 0;
	size_t from, to;

	for (from = 0; from < log->nr; from = to + 1) {
		to = segment_end(log, from);
		sum += weight_of(from, to);
	}
	return sum ? sum : 1;
}

static bool is_new(struct segments *s, uint64_t hash)
{
	unsigned int i;

	for (i = 0; i < s->nr_seen; i++)
		if (s->seen[i] == hash)
			return false;
	s->seen = realloc(s->seen, (s->nr_seen + 1) * sizeof(*s->seen));
	s->seen[s->nr_seen++] = hash;
	return true;
}

/* One state that was not judged before; few writes have few states. */
static void sample(struct segments *s, size_t from, size_t to)
{
	struct pc_device *dev = s->judge.dev;
	struct pc_pending some = s->pending;
	bool fresh = false;
	size_t cut;
	int i;

	for (i = 0; i < TRIES && !fresh; i++) {
		cut = from + 1 + pc_below(&s->seed, to - from);
		/* Those of this segment are the newest. */
		some.nr = s->pending.nr - (to - cut);
		pc_device_mark(dev);
		fresh = is_new(s, cut * 31 ^ pc_state_apply(dev, &some, &s->seed));
		if (fresh)
			judge_state(&s->judge, cut);
		pc_device_back(dev);
	}
}

/* The events [from, to) are the newest that wait. */
static void judge_segment(struct segments *s, size_t from, size_t to)
{
	struct tally *t = s->judge.tally;

	pc_device_mark(s->judge.dev);
	judge_state(&s->judge, from);
	pc_device_back(s->judge.dev);
	t->flushes++;
	s->nr_seen = 0;
	s->sum += weight_of(from, to);
	while (from < to && s->done < s->wanted * s->sum / s->weight &&
	       t->failures < FAILURES_MAX) {
		sample(s, from, to);
		s->done++;
	}
}

static void judge_all(struct segments *s, unsigned int states)
{
	const struct pc_log *log = s->log;
	size_t from, to, i;
	unsigned long flushes = 1;

	for (i = 0; i < log->nr; i++)
		flushes += log->events[i].kind == PC_FLUSH;
	s->weight = all_weight(log);
	s->wanted = states > flushes ? states - flushes : 0;
	for (from = 0; from < log->nr && s->judge.tally->failures < FAILURES_MAX; from = to + 1) {
		to = segment_end(log, from);
		for (i = from; i < to; i++)
			pc_pending_event(&s->pending, s->judge.dev, i);
		/* Without a journal each state costs runs of e2fsck: not all flushes then. */
		if (s->judge.config->journal || pc_below(&s->seed, flushes) < states / 2)
			judge_segment(s, from, to);
		if (to < log->nr)
			pc_pending_event(&s->pending, s->judge.dev, to);
	}
	pc_pending_free(&s->pending);
	free(s->seen);
}

static struct model *do_workload(const struct round *r, const char *image, char *start,
				 struct pc_log *log)
{
	const struct config *c = r->config;
	struct workload_params params = {
		.mount = config_mount(c),
		.operations = ROUND_OPERATIONS,
		.seed = r->seed,
		.xattr_max = c->xattr_max,
		.free_kib = c->free_kib,
		.extents = !c->no_extents,
		.sync_percent = c->sync_percent,
		.two_drives = c->journal_mib != 0,
	};
	struct pc_device *dev = pc_device_new(image, image_size(c), image_journal_size(c));
	struct model *m;

	if (r->prepare)
		r->prepare(dev);
	m = workload_run(dev, &params, log, start);
	if (r->prepare)
		r->prepare(NULL);
	pc_device_free(dev);
	return m;
}

void round_run(const struct round *r, struct tally *tally, char *why)
{
	const struct config *c = r->config;
	char *image = image_make(c);
	/* e2fsck would have to be given the journal's drive as a device. */
	unsigned int every = c->journal_mib ? 0 : 40;
	struct pc_log log = { NULL, 0, 0 };
	struct model *m = do_workload(r, image, image, &log);
	struct segments s = {
		.judge = { .config = c,
			   .model = m,
			   .dev = pc_device_new(image, image_size(c), image_journal_size(c)),
			   .tally = tally,
			   .round = r->seed,
			   .seed = r->seed + 77,
			   .keep = r->keep,
			   .quiet = r->quiet,
			   .fsck_every = every,
			   .replay_every = every,
			   .second_every = 12,
			   .read_every = 12 },
		.log = &log,
		.pending = { .log = &log },
		.seed = r->seed + 1,
	};

	judge_all(&s, r->states);
	tally->rounds++;
	tally->operations += m->op;
	tally->events += log.nr;
	memcpy(why, s.judge.why, sizeof(s.judge.why));
	pc_device_free(s.judge.dev);
	model_free(m);
	pc_log_free(&log);
	free(image);
	fsck_cleanup();
}
