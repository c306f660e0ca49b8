/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O errors: an error in the log or on the way home aborts the journal, once;
 * nothing of a transaction that failed gets home, and what was durable before is still there.
 */
#include <string.h>
#include <unistd.h>
#include "jtest.h"

struct seen {
	struct jbd2_commit_cb	cb;
	int			calls, err;
};

static void on_commit(struct jbd2_commit_cb *cb, int err)
{
	struct seen *seen = (struct seen *)cb;

	seen->calls++;
	seen->err = err;
}

static void fill_with_callback(struct jtest *t, uint64_t value, struct seen *seen)
{
	handle_t *h;

	memset(seen, 0, sizeof(*seen));
	seen->cb.func = on_commit;
	assert_int_equal(jbd2_journal_start(t->journal, 4, 0, &h), 0);
	jtest_fill(t, h, 0, value);
	jtest_fill(t, h, 1, value);
	jbd2_handle_on_commit(h, &seen->cb);
	assert_int_equal(jbd2_journal_stop(h), 0);
}

static struct jtest *start(struct seen *seen)
{
	struct jtest *t = jtest_new("-J size=1", 1024);

	jtest_open(t);
	fill_with_callback(t, 1, seen);
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	assert_int_equal(seen->calls, 1);
	assert_int_equal(seen->err, 0);
	return t;
}

/* The journal is dead; after the end and a new start the old state is there. */
static void check_aborted(struct jtest *t, int recorded, uint64_t value)
{
	handle_t *h;

	assert_true(jbd2_journal_aborted(t->journal));
	assert_int_equal(t->aborts, 1);
	assert_int_equal(jbd2_journal_start(t->journal, 1, 0, &h), -EROFS);
	assert_int_equal(jbd2_journal_force_commit(t->journal), -EIO);
	assert_int_not_equal(jtest_close(t), 0);
	t->mem->fail_from = t->mem->fail_to = 0;
	t->mem->fail_flush = false;
	jtest_open(t);
	/* The record stays until somebody says that it is written elsewhere. */
	assert_int_equal(jbd2_journal_errno(t->journal), recorded);
	assert_int_equal(jtest_close(t), 0);
	jtest_open(t);
	assert_int_equal(jbd2_journal_errno(t->journal), recorded);
	jbd2_journal_clear_errno(t->journal);
	assert_int_equal(jtest_close(t), 0);
	jtest_open(t);
	assert_int_equal(jbd2_journal_errno(t->journal), 0);
	assert_int_equal(jtest_close(t), 0);
	assert_int_equal(jtest_value(t, NULL, 0), value);
	assert_int_equal(jtest_value(t, NULL, 1), value);
	jtest_free(t);
}

static void test_log_write_fails(void **state)
{
	struct seen seen;
	struct jtest *t = start(&seen);

	(void)state;
	fill_with_callback(t, 2, &seen);
	/* the log, but not its superblock */
	t->mem->fail_from = t->map[1] * t->block_size;
	t->mem->fail_to = (t->map[t->log_blocks - 1] + 1) * t->block_size;
	assert_int_equal(jbd2_journal_force_commit(t->journal), -EIO);
	assert_int_equal(seen.calls, 1);
	assert_true(seen.err < 0);
	check_aborted(t, -EIO, 1);
}

static void test_flush_fails(void **state)
{
	struct seen seen;
	struct jtest *t = start(&seen);

	(void)state;
	fill_with_callback(t, 2, &seen);
	t->mem->fail_flush = true;
	assert_int_equal(jbd2_journal_force_commit(t->journal), -EIO);
	check_aborted(t, -EIO, 1);
}

static void test_write_home_fails(void **state)
{
	struct seen seen;
	struct jtest *t = start(&seen);

	(void)state;
	t->mem->fail_from = t->first * t->block_size;
	t->mem->fail_to = t->mem->fail_from + 1;
	assert_int_equal(jbd2_journal_flush(t->journal), -EIO);
	check_aborted(t, -EIO, 1);
}

/* A reader goes on seeing what the failed transaction changed; the device never does. */
static void test_failed_changes_stay_in_memory(void **state)
{
	struct seen seen;
	struct jtest *t = start(&seen);
	struct iocache_buf *buf;

	(void)state;
	fill_with_callback(t, 9, &seen);
	jbd2_journal_abort(t->journal, -EIO);
	iocache_shrink(t->cache, 1 << 30);
	assert_int_equal(iocache_get(t->cache, t->first, 0, &buf), 0);
	assert_int_equal(buf->b_data[0], 9);
	iocache_put(buf);
	assert_int_equal(iocache_flush(t->cache), 0);
	assert_int_not_equal(jtest_value(t, NULL, 0), 9);
	check_aborted(t, -EIO, 1);
}

static void test_open_handle_at_abort(void **state)
{
	struct seen seen;
	struct jtest *t = start(&seen);
	struct iocache_buf *buf;
	handle_t *h;

	(void)state;
	assert_int_equal(jbd2_journal_start(t->journal, 4, 0, &h), 0);
	jtest_fill(t, h, 0, 3);
	jbd2_journal_abort(t->journal, -EIO);
	assert_true(jbd2_handle_aborted(h));
	assert_int_equal(iocache_get(t->cache, t->first + 1, 0, &buf), 0);
	assert_int_equal(jbd2_journal_get_write_access(h, buf), -EROFS);
	iocache_put(buf);
	assert_int_equal(jbd2_journal_restart(h, 2, 0), -EROFS);
	assert_int_equal(jbd2_journal_stop(h), -EIO);
	check_aborted(t, -EIO, 1);
}

#define WAITERS	8

struct waiter {
	struct jtest	*t;
	unsigned int	id;
	uint64_t	durable;	/* the last value that was acknowledged */
	int		err;
};

static void *fsync_until_it_fails(void *arg)
{
	struct waiter *w = arg;
	uint64_t value = 0;
	handle_t *h;
	tid_t tid;

	while (!w->err) {
		w->err = jbd2_journal_start(w->t->journal, 2, 0, &h);
		if (w->err)
			break;
		jtest_fill(w->t, h, w->id, ++value);
		tid = jbd2_handle_tid(h);
		w->err = jbd2_journal_stop(h);
		if (!w->err)
			w->err = jbd2_complete_transaction(w->t->journal, tid, NULL);
		if (!w->err)
			w->durable = value;
	}
	return NULL;
}

/* Those who wait for the commit that fails, and for the one after it, all come back with an error. */
static void test_waiters_are_told(void **state)
{
	struct seen seen;
	struct jtest *t = start(&seen);
	struct waiter w[WAITERS];
	pthread_t threads[WAITERS];
	unsigned int i;

	(void)state;
	alarm(60);
	t->mem->flush_delay_us = 2000;
	for (i = 0; i < WAITERS; i++) {
		w[i] = (struct waiter){ .t = t, .id = i };
		assert_int_equal(pthread_create(&threads[i], NULL, fsync_until_it_fails, &w[i]), 0);
	}
	usleep(100000);
	__atomic_store_n(&t->mem->fail_flush, true, __ATOMIC_RELAXED);
	for (i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	alarm(0);
	assert_int_equal(t->aborts, 1);
	jtest_close(t);
	t->mem->fail_flush = false;
	t->mem->flush_delay_us = 0;
	jtest_open(t);
	assert_int_equal(jtest_close(t), 0);
	for (i = 0; i < WAITERS; i++) {
		assert_true(w[i].err < 0);
		assert_true(w[i].durable > 0);
		/* One that was not acknowledged may have become durable, too. */
		assert_in_range(jtest_value(t, NULL, i), w[i].durable, w[i].durable + 1);
	}
	jtest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_write_fails),
		cmocka_unit_test(test_flush_fails),
		cmocka_unit_test(test_write_home_fails),
		cmocka_unit_test(test_failed_changes_stay_in_memory),
		cmocka_unit_test(test_open_handle_at_abort),
		cmocka_unit_test(test_waiters_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
