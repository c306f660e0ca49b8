/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomicity: each transaction gives a group of blocks one value; after a power
 * cut at any moment, with any part of the unflushed writes lost, all blocks of
 * a group agree after replay, and what was waited for is there.
 */
#include <stdlib.h>
#include <string.h>
#include "jtest.h"

#define THREADS	4
#define GROUP	5	/* blocks; each thread has two groups of its own, and all share the last */
#define ROUNDS	200
#define SHARED	(2 * THREADS)

struct worker {
	struct jtest	*t;
	pthread_mutex_t	*shared_lock;
	unsigned int	id;
	uint64_t	*shared_value;
};

static void update(struct jtest *t, handle_t *h, unsigned int group, uint64_t value)
{
	unsigned int b;

	for (b = 0; b < GROUP; b++)
		jtest_fill(t, h, group * GROUP + b, value);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned int seed = w->id + 1, i;
	handle_t *h;

	for (i = 1; i <= ROUNDS; i++) {
		assert_int_equal(jbd2_journal_start(w->t->journal, 4 * GROUP, 0, &h), 0);
		update(w->t, h, 2 * w->id, i);
		update(w->t, h, 2 * w->id + 1, i);
		pthread_mutex_lock(w->shared_lock);
		update(w->t, h, SHARED, ++*w->shared_value);
		pthread_mutex_unlock(w->shared_lock);
		if (rand_r(&seed) % 2 == 0)
			jbd2_handle_set_sync(h);
		assert_int_equal(jbd2_journal_stop(h), 0);
	}
	return NULL;
}

static void run_workers(struct jtest *t)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	uint64_t shared = 0;
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ t, &lock, i, &shared };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void check_groups(const struct jtest *t, const char *data, unsigned int event)
{
	unsigned int g, b;
	uint64_t value;

	for (g = 0; g <= SHARED; g++) {
		value = jtest_value(t, data, g * GROUP);
		assert_true(value != ~0ULL);
		for (b = 1; b < GROUP; b++)
			if (jtest_value(t, data, g * GROUP + b) != value)
				fail_msg("cut at event %u: group %u is torn", event, g);
	}
	/* A thread's two groups belong to the same transactions. */
	for (g = 0; g < SHARED; g += 2)
		assert_int_equal(jtest_value(t, data, g * GROUP),
				 jtest_value(t, data, (g + 1) * GROUP));
}

static void cut(struct jtest *t, size_t event, int percent, unsigned int *seed)
{
	char *image = malloc(t->mem->size);
	struct jtest *after;

	memio_crash(t->mem, event, percent, seed, image);
	after = jtest_copy(t, image);
	jtest_open(after);
	assert_int_equal(jtest_close(after), 0);
	check_groups(after, after->mem->data, event);
	jtest_free(after);
	free(image);
}

/* At every flush, and as often in between. */
static void run_cuts(const char *options, unsigned int block_size, bool v3, unsigned int every)
{
	struct jtest *t = jtest_new(options, block_size);
	unsigned int seed = 12345, i = 0;
	size_t event;

	t->params.csum_v3 = v3;
	t->params.csum_64bit_tags = v3;
	jtest_open(t);
	run_workers(t);
	assert_int_equal(jtest_close(t), 0);
	assert_true(t->mem->nr_events > 300);
	for (event = 1; event <= t->mem->nr_events; event++) {
		if (!t->mem->events[event - 1].flush || i++ % every)
			continue;
		cut(t, event, 0, &seed);
		cut(t, event - 1, (int[]){ 50, 90, 10, 100 }[i / every % 4], &seed);
	}
	jtest_free(t);
}

static void test_small_blocks(void **state)
{
	(void)state;
	run_cuts("-J size=1", 1024, true, 2);
}

static void test_large_blocks(void **state)
{
	(void)state;
	run_cuts("-J size=4", 4096, true, 8);
}

static void test_without_checksums(void **state)
{
	(void)state;
	run_cuts("-J size=1 -O ^metadata_csum,^64bit", 1024, false, 3);
}

/* What was waited for survives a cut right after. */
static void test_waited_for_is_there(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024), *after;
	unsigned int seed = 1, i;
	char *image;
	size_t event;

	(void)state;
	image = malloc(t->mem->size);
	jtest_open(t);
	for (i = 1; i <= 60; i++) {
		jtest_put(t, i % 7, 30, i);
		assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
		pthread_mutex_lock(&t->mem->lock);
		event = t->mem->nr_events;
		memio_crash(t->mem, event, 0, &seed, image);
		pthread_mutex_unlock(&t->mem->lock);
		after = jtest_copy(t, image);
		jtest_open(after);
		assert_int_equal(jtest_close(after), 0);
		assert_int_equal(jtest_value(after, NULL, i % 7 + 29), i);
		jtest_free(after);
	}
	jtest_close(t);
	free(image);
	jtest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_blocks),
		cmocka_unit_test(test_large_blocks),
		cmocka_unit_test(test_without_checksums),
		cmocka_unit_test(test_waited_for_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
