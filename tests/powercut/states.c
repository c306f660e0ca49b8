/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Choosing which of the unflushed writes reached the medium.  A drive may write them in
 * any order and stop in the middle of one: for each sector, the last write that
 * reached it counts, so a subset of the sectors written says all about any order.
 */
#include "report.h"
#include "states.h"

#define SUPERBLOCK 1024

struct choice {
	enum { IN_ORDER, WRITES, SECTORS, ALL_BUT_ONE, ONLY_ONE, KINDS } kind;
	size_t which; /* the odd one, or the last that was begun */
	uint32_t percent;
	bool torn; /* .. the odd one is */
};

static struct choice choose(size_t from, size_t to, uint64_t *seed)
{
	static const uint32_t percents[] = { 5, 20, 50, 80, 95 };
	struct choice c = {
		.kind = pc_below(seed, KINDS),
		.which = from + pc_below(seed, to - from),
		.percent = percents[pc_below(seed, 5)],
		.torn = pc_below(seed, 2),
	};

	return c;
}

/* Does the event reach the medium as a whole (1), not at all (0), or sector by sector (-1)? */
static int fate(const struct choice *c, size_t i, uint64_t *seed)
{
	switch (c->kind) {
	case IN_ORDER: return i < c->which ? 1 : i > c->which ? 0 : -1;
	case WRITES: return pc_below(seed, 100) < c->percent;
	case ALL_BUT_ONE: return i != c->which ? 1 : c->torn ? -1 : 0;
	case ONLY_ONE: return i != c->which ? 0 : c->torn ? -1 : 1;
	default: return -1;
	}
}

/* How much at byte @pos is written whole or not at all: a sector; the superblock, as everybody
 * assumes. */
static uint64_t atom_at(uint64_t pos)
{
	return pos == SUPERBLOCK ? 2 * SECTOR : SECTOR;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
}

static uint64_t apply_torn(struct pc_device *dev, const struct pc_event *e, uint32_t percent,
			   uint64_t *seed, uint64_t hash)
{
	uint64_t off, len;

	for (off = 0; off < e->len; off += len) {
		len = atom_at(e->off + off);
		if (len > e->len - off)
			len = e->len - off;
		if (pc_below(seed, 100) >= percent)
			continue;
		pc_device_put(dev, e->off + off, len, e->data ? e->data + off : NULL);
		hash = mix(hash, off + 1);
	}
	return hash;
}

uint64_t pc_state_apply(struct pc_device *dev, const struct pc_log *log, size_t from, size_t to,
			uint64_t *seed)
{
	struct choice c = choose(from, to, seed);
	const struct pc_event *e;
	uint64_t hash = to;
	size_t i;
	int what;

	for (i = from; i < to; i++) {
		e = &log->events[i];
		what = fate(&c, i, seed);
		if (!what)
			continue;
		hash = mix(hash, i);
		if (what > 0)
			pc_device_put(dev, e->off, e->len, e->data);
		else
			hash = apply_torn(dev, e, c.kind == SECTORS ? c.percent : 50, seed, hash);
	}
	return hash;
}

void pc_state_apply_all(struct pc_device *dev, const struct pc_log *log, size_t from, size_t to)
{
	const struct pc_event *e;

	for (; from < to; from++) {
		e = &log->events[from];
		if (e->len)
			pc_device_put(dev, e->off, e->len, e->data);
	}
}
