/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A journal that is to keep little in memory: what is not at home yet stays below the bound, however large the log
 * is, with one writer and with many; whoever needs more in one piece gets it; and a bound that comes later holds as well.
 */
#include <stdlib.h>
#include <unistd.h>
#include "jtest.h"

#define LOG	"-J size=8,location=1000"	/* MiB: eight times what is allowed */
#define ALLOWED	1024		/* blocks, the least that is possible */
#define WRITERS	4

static uint64_t buffers(struct jtest *t)
{
	struct iocache_stats stats;

	/* What can go, goes. */
	iocache_shrink(t->cache, 1 << 30);
	iocache_get_stats(t->cache, &stats);
	return stats.buffers;
}

static void change(struct jtest *t, blk64_t first, unsigned int n, uint64_t value)
{
	handle_t *h;

	assert_int_equal(jbd2_journal_start(t->journal, n, 0, &h), 0);
	for (unsigned int i = 0; i < n; i++)
		jtest_fill(t, h, first + i, value);
	assert_int_equal(jbd2_journal_stop(h), 0);
}

/* Change all blocks of the region, a few at a time: how many buffers could not go, at most? */
static uint64_t most_kept(struct jtest *t)
{
	uint64_t most = 0, now;

	for (blk64_t at = 0; at + 16 <= t->count; at += 16) {
		change(t, at, 16, at + 1);
		now = buffers(t);
		if (now > most)
			most = now;
	}
	return most;
}

static struct jtest *begin(bool bounded)
{
	struct jtest *t = jtest_new_sized(LOG, 1024, 24576, 5 * ALLOWED);

	jtest_open(t);
	assert_true(t->count > 4 * ALLOWED);
	if (bounded)
		jbd2_journal_set_memory(t->journal, 1);
	return t;
}

static void end(struct jtest *t)
{
	assert_int_equal(jtest_close(t), 0);
	for (blk64_t at = 0; at + 16 <= t->count; at++)
		assert_int_equal(jtest_value(t, t->mem->data, at), at / 16 * 16 + 1);
	jtest_free(t);
}

static void test_bound(void **state)
{
	struct jtest *t = begin(true);

	(void)state;
	/* The bound, and a transaction that began when it was reached. */
	assert_in_range(most_kept(t), 1, ALLOWED + 2 * ALLOWED / 4);
	end(t);
}

/* That the test above can fail. */
static void test_no_bound(void **state)
{
	struct jtest *t = begin(false);

	(void)state;
	assert_true(most_kept(t) > 2 * ALLOWED);
	end(t);
}

static void test_bound_that_comes_later(void **state)
{
	struct jtest *t = begin(false);

	(void)state;
	assert_true(most_kept(t) > 2 * ALLOWED);
	jbd2_journal_set_memory(t->journal, 1);
	assert_in_range(most_kept(t), 1, t->count);
	assert_in_range(buffers(t), 0, ALLOWED + 2 * ALLOWED / 4);
	/* And goes. */
	jbd2_journal_set_memory(t->journal, UINT64_MAX);
	assert_true(most_kept(t) > 2 * ALLOWED);
	end(t);
}

/* As much as the log itself allows, again and again, beside others. */
static void *write_much(void *arg)
{
	struct jtest *t = arg;

	for (int i = 0; i < 40; i++)
		change(t, t->count - 16 - 1, 1, (t->count - 17) / 16 * 16 + 1);
	return NULL;
}

static void test_large_ones_pass(void **state)
{
	struct jtest *t = begin(true);
	int max = jbd2_journal_max_credits(t->journal);
	pthread_t threads[WRITERS];
	handle_t *h;

	(void)state;
	assert_true(max > ALLOWED);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_much, t), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(jbd2_journal_start(t->journal, max, 0, &h), 0);
		for (int k = 0; k < max; k++)
			jtest_fill(t, h, k, k / 16 * 16 + 1);
		assert_int_equal(jbd2_journal_restart(h, max, 0), 0);
		assert_int_equal(jbd2_journal_stop(h), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	most_kept(t);
	end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_no_bound),
		cmocka_unit_test(test_bound_that_comes_later),
		cmocka_unit_test(test_large_ones_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
