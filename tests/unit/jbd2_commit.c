/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When commits happen and what they cost: shared by waiters, by timer, by
 * size; flushes; credits.
 */
#include <stdlib.h>
#include <unistd.h>
#include "jtest.h"

#define WAITERS	8
#define ROUNDS	20

struct waiter {
	struct jtest	*t;
	unsigned int	id;
};

static void *fsync_often(void *arg)
{
	struct waiter *w = arg;
	unsigned int i;
	handle_t *h;
	tid_t tid;

	for (i = 0; i < ROUNDS; i++) {
		assert_int_equal(jbd2_journal_start(w->t->journal, 2, 0, &h), 0);
		jtest_fill(w->t, h, w->id, i);
		tid = jbd2_handle_tid(h);
		assert_int_equal(jbd2_journal_stop(h), 0);
		assert_int_equal(jbd2_complete_transaction(w->t->journal, tid, NULL), 0);
		assert_true(tid_geq(jbd2_journal_committed_tid(w->t->journal), tid));
	}
	return NULL;
}

static void test_waiters_share_commits(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	struct waiter w[WAITERS];
	pthread_t threads[WAITERS];
	unsigned int i, commits;
	tid_t first;

	(void)state;
	t->mem->flush_delay_us = 2000;
	jtest_open(t);
	first = jbd2_journal_committed_tid(t->journal);
	for (i = 0; i < WAITERS; i++) {
		w[i] = (struct waiter){ t, i };
		assert_int_equal(pthread_create(&threads[i], NULL, fsync_often, &w[i]), 0);
	}
	for (i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	commits = jbd2_journal_committed_tid(t->journal) - first;
	assert_in_range(commits, 1, WAITERS * ROUNDS / 3);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

static void test_timer_commits(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	tid_t tid;
	int i;

	(void)state;
	jtest_open(t);
	jbd2_journal_set_commit_interval(t->journal, 1);
	jtest_put(t, 0, 1, 1);
	tid = jbd2_journal_running_tid(t->journal);
	assert_false(tid_geq(jbd2_journal_committed_tid(t->journal), tid));
	for (i = 0; i < 40 && !tid_geq(jbd2_journal_committed_tid(t->journal), tid); i++)
		usleep(100000);
	assert_true(tid_geq(jbd2_journal_committed_tid(t->journal), tid));
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

/* One commit: all but the commit block, a flush, the commit block, a flush. */
static void test_two_flushes_each(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	unsigned int flushes;
	bool flushed;
	tid_t tid;

	(void)state;
	jtest_open(t);
	jtest_put(t, 0, 5, 1);
	tid = jbd2_journal_running_tid(t->journal);
	flushes = t->mem->flushes;
	assert_int_equal(jbd2_complete_transaction(t->journal, tid, &flushed), 0);
	assert_true(flushed);
	assert_int_equal(t->mem->flushes - flushes, 2);
	/* nothing to do any more: the caller flushes its data itself */
	assert_int_equal(jbd2_complete_transaction(t->journal, tid, &flushed), 0);
	assert_false(flushed);
	assert_int_equal(t->mem->flushes - flushes, 2);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

static void test_no_barrier_no_flush(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	unsigned int flushes;

	(void)state;
	t->params.barrier = false;
	jtest_open(t);
	flushes = t->mem->flushes;
	jtest_put(t, 0, 5, 1);
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	assert_int_equal(t->mem->flushes - flushes, 0);
	/* Ordered all the same: once before the commit block and once after it. */
	assert_int_equal(t->mem->write_outs, 2);
	assert_int_equal(t->mem->last_write_out, t->mem->nr_events);
	/* And twice when what is home is taken out of the log. */
	assert_int_equal(jbd2_journal_flush(t->journal), 0);
	assert_true(t->mem->write_outs >= 4);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

/* Nobody asks; the log must not overflow, and a handle that never fits is refused. */
static void test_size_commits(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	int max, i;
	handle_t *h;

	(void)state;
	jtest_open(t);
	max = jbd2_journal_max_credits(t->journal);
	assert_int_equal(jbd2_journal_start(t->journal, max + 1, 0, &h), -ENOSPC);
	for (i = 0; i < 100; i++)
		jtest_put(t, i, max, i);
	assert_true(jbd2_journal_committed_tid(t->journal) > 50);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

static void test_credits(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	int max;
	tid_t tid;
	handle_t *h;

	(void)state;
	jtest_open(t);
	max = jbd2_journal_max_credits(t->journal);
	assert_int_equal(jbd2_journal_start(t->journal, 10, 0, &h), 0);
	assert_int_equal(jbd2_handle_credits(h), 10);
	jtest_fill(t, h, 0, 1);
	jtest_fill(t, h, 1, 1);
	jtest_fill(t, h, 1, 2);
	assert_int_equal(jbd2_handle_credits(h), 8);
	assert_int_equal(jbd2_journal_extend(h, 5, 0), 0);
	assert_int_equal(jbd2_handle_credits(h), 13);
	assert_int_equal(jbd2_journal_extend(h, max, 0), 1);
	assert_int_equal(jbd2_handle_credits(h), 13);
	tid = jbd2_handle_tid(h);
	assert_int_equal(jbd2_journal_restart(h, max, 0), 0);
	assert_int_equal(jbd2_handle_credits(h), max);
	/* the old one had no room for so many */
	assert_true(tid_gt(jbd2_handle_tid(h), tid));
	assert_int_equal(jbd2_journal_stop(h), 0);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

static void test_sync_handle(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	handle_t *h;
	tid_t tid;

	(void)state;
	jtest_open(t);
	assert_int_equal(jbd2_journal_start(t->journal, 2, 0, &h), 0);
	jtest_fill(t, h, 0, 1);
	jbd2_handle_set_sync(h);
	tid = jbd2_handle_tid(h);
	assert_int_equal(jbd2_journal_stop(h), 0);
	assert_true(tid_geq(jbd2_journal_committed_tid(t->journal), tid));
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

/* After a flush of the journal the log is clean on disk, while the journal lives on. */
static void test_flush_empties_the_log(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024), *other;

	(void)state;
	jtest_open(t);
	jtest_put(t, 0, 5, 8);
	assert_int_equal(jbd2_journal_flush(t->journal), 0);
	assert_int_equal(jtest_value(t, NULL, 4), 8);
	other = jtest_copy(t, t->mem->data);
	jtest_open(other);
	assert_int_equal(other->stats.blocks, 0);
	jtest_close(other);
	jtest_free(other);
	jtest_put(t, 0, 5, 9);
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	other = jtest_copy(t, t->mem->data);
	jtest_open(other);
	assert_int_equal(other->stats.blocks, 5);
	jtest_close(other);
	jtest_free(other);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

static void *keep_busy(void *arg)
{
	struct jtest *t = arg;
	int i;

	for (i = 0; i < 3000; i++)
		jtest_put(t, 20 + i % 50, 3, i);
	return NULL;
}

static void test_flush_under_load(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	pthread_t thread;
	int i;

	(void)state;
	jtest_open(t);
	assert_int_equal(pthread_create(&thread, NULL, keep_busy, t), 0);
	for (i = 0; i < 30; i++)
		assert_int_equal(jbd2_journal_flush(t->journal), 0);
	pthread_join(thread, NULL);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiters_share_commits),
		cmocka_unit_test(test_timer_commits),
		cmocka_unit_test(test_two_flushes_each),
		cmocka_unit_test(test_no_barrier_no_flush),
		cmocka_unit_test(test_size_commits),
		cmocka_unit_test(test_credits),
		cmocka_unit_test(test_sync_handle),
		cmocka_unit_test(test_flush_empties_the_log),
		cmocka_unit_test(test_flush_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
