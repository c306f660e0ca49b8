/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of a device's sync state; see unsynced.h for why it is needed.
 */
#include <stdlib.h>
#include <string.h>
#include "ext2fs/unsynced.h"

#define UNIT_BITS	10	/* log2 of bytes */
#define CHUNK_UNITS	1024U	/* units that one chunk maps */
#define MAX_CHUNKS	65536U	/* per set: about 10 MiB of memory */

struct chunk {
	struct chunk	*next;
	uint64_t	number;
	uint64_t	bits[CHUNK_UNITS / 64];
};

/* ---- sets ---- */

static void set_clear(struct byte_set *set)
{
	for (size_t i = 0; i < set->nbuckets; i++) {
		struct chunk *next;

		for (struct chunk *c = set->buckets[i]; c; c = next) {
			next = c->next;
			free(c);
		}
	}
	free(set->buckets);
	memset(set, 0, sizeof(*set));
}

static bool set_empty(const struct byte_set *set)
{
	return !set->everything && set->nchunks == 0;
}

static void set_everything(struct byte_set *set)
{
	set_clear(set);
	set->everything = true;
}

static struct chunk **bucket_of(const struct byte_set *set, uint64_t number)
{
	return &set->buckets[(number * 0x9e3779b97f4a7c15ULL >> 32) & (set->nbuckets - 1)];
}

static struct chunk **set_find(const struct byte_set *set, uint64_t number)
{
	struct chunk **p;

	if (!set->nbuckets)
		return NULL;
	for (p = bucket_of(set, number); *p; p = &(*p)->next)
		if ((*p)->number == number)
			return p;
	return NULL;
}

static bool set_grow(struct byte_set *set)
{
	struct byte_set bigger = { .nbuckets = set->nbuckets ? set->nbuckets * 4 : 16 };

	bigger.buckets = calloc(bigger.nbuckets, sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return false;
	for (size_t i = 0; i < set->nbuckets; i++) {
		struct chunk *c, *next;

		for (c = set->buckets[i]; c; c = next) {
			struct chunk **bucket = bucket_of(&bigger, c->number);

			next = c->next;
			c->next = *bucket;
			*bucket = c;
		}
	}
	free(set->buckets);
	set->buckets = bigger.buckets;
	set->nbuckets = bigger.nbuckets;
	return true;
}

/* The chunk, made if need be; NULL when it cannot be had. */
static struct chunk *set_chunk(struct byte_set *set, uint64_t number)
{
	struct chunk **found = set_find(set, number), **bucket, *c;

	if (found)
		return *found;
	if (set->nchunks >= MAX_CHUNKS)
		return NULL;
	if (set->nchunks >= set->nbuckets && !set_grow(set))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	bucket = bucket_of(set, number);
	c->number = number;
	c->next = *bucket;
	*bucket = c;
	set->nchunks++;
	return c;
}

static void set_bits(uint64_t *bits, unsigned int from, unsigned int to, bool value)
{
	for (unsigned int i = from; i < to; ) {
		unsigned int n = 64 - i % 64 < to - i ? 64 - i % 64 : to - i;
		uint64_t mask = (n == 64 ? ~0ULL : (1ULL << n) - 1) << i % 64;

		bits[i / 64] = value ? bits[i / 64] | mask : bits[i / 64] & ~mask;
		i += n;
	}
}

static bool all_clear(const struct chunk *c)
{
	for (unsigned int i = 0; i < CHUNK_UNITS / 64; i++)
		if (c->bits[i])
			return false;
	return true;
}

/* Add all units that the bytes touch. */
static void set_add(struct byte_set *set, uint64_t offset, uint64_t len)
{
	uint64_t first = offset >> UNIT_BITS;
	uint64_t end = ((offset + len - 1) >> UNIT_BITS) + 1;

	if (!len || set->everything)
		return;
	if ((end - first) / CHUNK_UNITS >= MAX_CHUNKS) {
		set_everything(set);
		return;
	}
	while (first < end) {
		unsigned int from = first % CHUNK_UNITS;
		unsigned int to = end - first < CHUNK_UNITS - from ?
				  from + (unsigned int)(end - first) : CHUNK_UNITS;
		struct chunk *c = set_chunk(set, first / CHUNK_UNITS);

		if (!c) {
			set_everything(set);
			return;
		}
		set_bits(c->bits, from, to, true);
		first += to - from;
	}
}

/* Remove the units that the bytes cover completely. */
static void set_remove(struct byte_set *set, uint64_t offset, uint64_t len)
{
	uint64_t first = (offset + (1U << UNIT_BITS) - 1) >> UNIT_BITS;
	uint64_t end = (offset + len) >> UNIT_BITS;

	if (set->everything)
		return;
	while (first < end && set->nchunks) {
		unsigned int from = first % CHUNK_UNITS;
		unsigned int to = end - first < CHUNK_UNITS - from ?
				  from + (unsigned int)(end - first) : CHUNK_UNITS;
		struct chunk **p = set_find(set, first / CHUNK_UNITS);

		first += to - from;
		if (!p)
			continue;
		set_bits((*p)->bits, from, to, false);
		if (all_clear(*p)) {
			struct chunk *c = *p;

			*p = c->next;
			free(c);
			set->nchunks--;
		}
	}
}

/* Move all of @from into @to. */
static void set_merge(struct byte_set *to, struct byte_set *from)
{
	if (from->everything)
		set_everything(to);
	for (size_t i = 0; i < from->nbuckets && !to->everything; i++) {
		for (const struct chunk *c = from->buckets[i]; c; c = c->next) {
			struct chunk *target = set_chunk(to, c->number);

			if (!target) {
				set_everything(to);
				break;
			}
			for (unsigned int j = 0; j < CHUNK_UNITS / 64; j++)
				target->bits[j] |= c->bits[j];
		}
	}
	set_clear(from);
}

/* ---- sync state ---- */

void unsynced_init(struct unsynced *us)
{
	memset(us, 0, sizeof(*us));
	pthread_mutex_init(&us->lock, NULL);
}

void unsynced_destroy(struct unsynced *us)
{
	set_clear(&us->written);
	set_clear(&us->lost);
	pthread_mutex_destroy(&us->lock);
}

/*
 * A write is entered twice.  Before, because a flush that fails while it is
 * under way may lose its data; after, because a flush that succeeds meanwhile
 * may have come too early for it.
 */
uint64_t unsynced_begin(struct unsynced *us, uint64_t offset, uint64_t len, bool forget)
{
	uint64_t ticket;

	pthread_mutex_lock(&us->lock);
	us->dirty = true;
	if (!forget)
		set_add(&us->written, offset, len);
	ticket = us->failures;
	pthread_mutex_unlock(&us->lock);
	return ticket;
}

void unsynced_end(struct unsynced *us, uint64_t ticket, uint64_t offset, uint64_t len, bool ok,
		  bool forget)
{
	pthread_mutex_lock(&us->lock);
	us->dirty = true;
	if (!forget)
		set_add(&us->written, offset, len);
	/* Only a write that began after the last failure makes up for it. */
	if (ok && ticket == us->failures)
		set_remove(&us->lost, offset, len);
	pthread_mutex_unlock(&us->lock);
}

bool unsynced_flush_begin(struct unsynced *us, struct byte_set *flushing)
{
	bool needed;

	pthread_mutex_lock(&us->lock);
	needed = us->dirty || !set_empty(&us->lost);
	*flushing = us->written;
	memset(&us->written, 0, sizeof(us->written));
	us->dirty = false;
	pthread_mutex_unlock(&us->lock);
	return needed;
}

void unsynced_flush_is_due(struct unsynced *us)
{
	pthread_mutex_lock(&us->lock);
	us->dirty = true;
	pthread_mutex_unlock(&us->lock);
}

errcode_t unsynced_flush_end(struct unsynced *us, struct byte_set *flushing, errcode_t result)
{
	pthread_mutex_lock(&us->lock);
	if (result) {
		us->dirty = true;
		us->failures++;
		set_merge(&us->lost, flushing);
		set_merge(&us->lost, &us->written);
		if (!us->error)
			us->error = result;
	} else {
		set_clear(flushing);
		if (set_empty(&us->lost))
			us->error = 0;
	}
	result = us->error;
	pthread_mutex_unlock(&us->lock);
	return result;
}
