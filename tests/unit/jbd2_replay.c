/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is committed is replayed, by us and by e2fsck with the same result, in
 * every format of the log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "jtest.h"

/* Commit, die, and compare three views: ours, e2fsck's, and what it must be. */
static void check_same(struct jtest *t, blk64_t count)
{
	char *theirs = malloc(t->mem->size);
	struct jtest *ours;

	pthread_mutex_lock(&t->mem->lock);
	memcpy(theirs, t->mem->data, t->mem->size);
	pthread_mutex_unlock(&t->mem->lock);
	ours = jtest_copy(t, theirs);
	jtest_open(ours);
	assert_int_equal(jtest_close(ours), 0);
	jtest_e2fsck_replay(t, theirs);
	assert_memory_equal(theirs + t->first * t->block_size,
			    ours->mem->data + t->first * t->block_size, count * t->block_size);
	jtest_free(ours);
	free(theirs);
}

static void commit_and_die(struct jtest *t)
{
	struct iocache_buf *buf;
	handle_t *h;
	unsigned int i;

	jtest_open(t);
	for (i = 0; i < 20; i++) {
		jtest_put(t, i * 3, 5, i + 1);
		assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	}
	/* a block that begins like a journal block must be escaped */
	assert_int_equal(jbd2_journal_start(t->journal, 1, 0, &h), 0);
	assert_int_equal(iocache_get(t->cache, t->first + 7, 0, &buf), 0);
	assert_int_equal(jbd2_journal_get_write_access(h, buf), 0);
	memcpy(buf->b_data, "\xc0\x3b\x39\x98", 4);
	assert_int_equal(jbd2_journal_dirty_metadata(h, buf), 0);
	iocache_put(buf);
	assert_int_equal(jbd2_journal_stop(h), 0);
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	jtest_kill(t);
}

static void run_format(const char *options, unsigned int block_size, bool v3, bool bits64,
		       bool async)
{
	struct jtest *t = jtest_new(options, block_size);

	t->params.csum_v3 = v3;
	t->params.csum_64bit_tags = bits64;
	t->params.async_commit = async;
	commit_and_die(t);
	check_same(t, 128);
	jtest_free(t);
}

static void test_formats(void **state)
{
	(void)state;
	run_format("-J size=1", 1024, true, true, false);
	run_format("-J size=4", 4096, true, true, false);
	run_format("-J size=4 -O ^metadata_csum,^64bit", 4096, false, false, false);
	run_format("-J size=1 -O ^metadata_csum,64bit", 1024, false, true, false);
	run_format("-J size=1 -O ^metadata_csum,^64bit", 1024, false, false, true);
	run_format("-J size=1", 1024, true, false, true);
}

static void test_clean_log_replays_nothing(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);

	(void)state;
	jtest_open(t);
	jtest_put(t, 0, 4, 77);
	assert_int_equal(jtest_close(t), 0);
	assert_int_equal(jtest_value(t, NULL, 3), 77);
	jtest_open(t);
	assert_false(jbd2_journal_needs_recovery(t->journal));
	assert_int_equal(t->stats.blocks, 0);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

static void test_uncommitted_is_not_replayed(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024), *again;

	(void)state;
	jtest_open(t);
	jtest_put(t, 0, 4, 1);
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	jtest_put(t, 0, 4, 2);
	jtest_kill(t);
	again = jtest_copy(t, t->mem->data);
	jtest_open(again);
	assert_int_equal(jtest_close(again), 0);
	assert_int_equal(jtest_value(again, NULL, 0), 1);
	jtest_free(again);
	jtest_free(t);
}

static void test_read_only_replay_writes_nothing(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024), *ro;
	struct iocache_buf *buf;
	handle_t *h;

	(void)state;
	commit_and_die(t);
	ro = jtest_copy(t, t->mem->data);
	ro->params.read_only = true;
	jtest_open(ro);
	assert_true(ro->stats.blocks > 0);
	assert_int_equal(iocache_get(ro->cache, ro->first, 0, &buf), 0);
	assert_int_equal(*(uint64_t *)(void *)buf->b_data, 1);
	iocache_put(buf);
	assert_int_equal(jbd2_journal_start(ro->journal, 1, 0, &h), -EROFS);
	jtest_close(ro);
	assert_int_equal(ro->mem->writes, 0);
	assert_memory_equal(ro->mem->data, t->mem->data, t->mem->size);
	jtest_free(ro);
	jtest_free(t);
}

/* A small log goes around many times; at any end the last committed state is there. */
static void test_wrap_around(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024), *again;
	unsigned int i, b;

	(void)state;
	jtest_open(t);
	for (i = 1; i <= 300; i++) {
		jtest_put(t, i * 7 % 100, 60, i);
		if (i % 3 == 0)
			assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	}
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	check_same(t, 200);
	jtest_kill(t);
	check_same(t, 200);
	again = jtest_copy(t, t->mem->data);
	jtest_open(again);
	assert_int_equal(jtest_close(again), 0);
	for (b = 0; b < 60; b++)
		assert_int_equal(jtest_value(again, NULL, 300 * 7 % 100 + b), 300);
	jtest_free(again);
	jtest_free(t);
}

/* Many mounts: numbers and positions go on where they ended. */
static void test_many_sessions(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	unsigned int i;

	(void)state;
	for (i = 1; i <= 40; i++) {
		jtest_open(t);
		jtest_put(t, 0, 50, i);
		assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
		if (i % 2)
			jtest_kill(t);
		else
			assert_int_equal(jtest_close(t), 0);
	}
	check_same(t, 60);
	jtest_free(t);
}

static void test_kernel_replays(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	char path[100];
	struct memio *after;
	unsigned int b;

	(void)state;
	if (geteuid()) {
		jtest_free(t);
		skip();
	}
	commit_and_die(t);
	snprintf(path, sizeof(path), "%s/kernel", t->dir);
	memio_save(t->mem, path);
	if (jtest_system("mkdir %s/m && mount -o loop %s %s/m 2>/dev/null", t->dir, path, t->dir)) {
		jtest_free(t);
		skip();
	}
	assert_int_equal(jtest_system("umount %s/m", t->dir), 0);
	after = memio_load(path);
	for (b = 0; b < 60; b++)
		if (b != 7)
			assert_int_equal(jtest_value(t, after->data, b), b / 3 + 1);
	memio_free(after);
	jtest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_clean_log_replays_nothing),
		cmocka_unit_test(test_uncommitted_is_not_replayed),
		cmocka_unit_test(test_read_only_replay_writes_nothing),
		cmocka_unit_test(test_wrap_around),
		cmocka_unit_test(test_many_sessions),
		cmocka_unit_test(test_kernel_replays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
