/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Choosing which of the unflushed writes reached the medium.  A drive may write them in
 * any order and stop in the middle of one: for each sector, the last write that
 * reached it counts, so a subset of the sectors written says all about any order.
 */
#include <stdlib.h>
#include "report.h"
#include "states.h"

#define SUPERBLOCK 1024

struct choice {
	enum { IN_ORDER, WRITES, SECTORS, ALL_BUT_ONE, ONLY_ONE, KINDS } kind;
	size_t which; /* the odd one, or the last that was begun */
	uint32_t percent;
	bool torn; /* .. the odd one is */
};

static struct choice choose(size_t nr, uint64_t *seed)
{
	static const uint32_t percents[] = { 5, 20, 50, 80, 95 };
	struct choice c = {
		.kind = pc_below(seed, KINDS),
		.which = pc_below(seed, nr),
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

uint64_t pc_state_apply(struct pc_device *dev, const struct pc_pending *p, uint64_t *seed)
{
	const struct pc_event *e;
	struct choice c;
	uint64_t hash = 1;
	size_t i;
	int what;

	if (!p->nr)
		return hash;
	c = choose(p->nr, seed);
	for (i = 0; i < p->nr; i++) {
		e = &p->log->events[p->events[i]];
		what = fate(&c, i, seed);
		if (!what)
			continue;
		hash = mix(hash, p->events[i]);
		if (what > 0)
			pc_device_put(dev, e->off, e->len, e->data);
		else
			hash = apply_torn(dev, e, c.kind == SECTORS ? c.percent : 50, seed, hash);
	}
	return hash;
}

static void flush_pending(struct pc_pending *p, struct pc_device *dev, unsigned int drive)
{
	const struct pc_event *e;
	size_t i, left = 0;

	for (i = 0; i < p->nr; i++) {
		e = &p->log->events[p->events[i]];
		if (e->drive == drive)
			pc_device_put(dev, e->off, e->len, e->data);
		else
			p->events[left++] = p->events[i];
	}
	p->nr = left;
}

void pc_pending_event(struct pc_pending *p, struct pc_device *dev, size_t event)
{
	const struct pc_event *e = &p->log->events[event];

	if (e->kind == PC_FLUSH) {
		flush_pending(p, dev, e->drive);
		return;
	}
	if (p->nr == p->room) {
		p->room = p->room ? 2 * p->room : 256;
		p->events = realloc(p->events, p->room * sizeof(*p->events));
		if (!p->events)
			pc_die("out of memory");
	}
	p->events[p->nr++] = event;
}

void pc_pending_free(struct pc_pending *p)
{
	free(p->events);
	p->events = NULL;
	p->nr = p->room = 0;
}
