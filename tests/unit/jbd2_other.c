/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Journals that are not a file of the file system: none at all, an external
 * device; and fast-commit areas.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "jbd2/jbd2_disk.h"
#include "jtest.h"

static void close_null(struct jtest *t, int err)
{
	assert_int_equal(jbd2_journal_destroy(t->journal), err);
	iocache_destroy(t->cache);
	io_channel_close(t->dev);
	jtest_free(t);
}

static void on_commit(struct jbd2_commit_cb *cb, int err)
{
	assert_int_equal(err, 0);
	cb->func = NULL;
}

static struct jtest *new_null(void)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	struct iocache_params cp = { .block_size = 1024 };

	t->dev = memio_channel(t->mem, 1024);
	assert_int_equal(iocache_create(t->dev, &cp, &t->cache), 0);
	t->params.cache = t->cache;
	assert_int_equal(jbd2_journal_open_null(&t->params, &t->journal), 0);
	assert_int_equal(jbd2_journal_load(t->journal, NULL), 0);
	assert_true(jbd2_journal_is_null(t->journal));
	return t;
}

static void test_null_commit_is_a_flush(void **state)
{
	struct jtest *t = new_null();
	struct jbd2_commit_cb cb = { .func = on_commit };
	unsigned int flushes = t->mem->flushes;
	bool flushed = false;
	handle_t *h;

	(void)state;
	assert_int_equal(jbd2_journal_start(t->journal, 5, 0, &h), 0);
	jtest_fill(t, h, 0, 4);
	jbd2_handle_on_commit(h, &cb);
	/* what is being changed is not written */
	assert_int_equal(iocache_flush(t->cache), 0);
	assert_int_equal(jtest_value(t, NULL, 0), 0);
	assert_int_equal(jbd2_journal_stop(h), 0);
	assert_null(cb.func);
	assert_int_equal(jbd2_complete_transaction(t->journal, 0, &flushed), 0);
	assert_true(flushed);
	assert_true(t->mem->flushes > flushes);
	assert_int_equal(jtest_value(t, NULL, 0), 4);
	close_null(t, 0);
}

static void test_null_forget(void **state)
{
	struct jtest *t = new_null();
	handle_t *h;

	(void)state;
	assert_int_equal(jbd2_journal_start(t->journal, 5, 0, &h), 0);
	jtest_fill(t, h, 0, 4);
	assert_int_equal(jbd2_journal_forget(h, t->first, NULL), 0);
	assert_int_equal(jbd2_journal_stop(h), 0);
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	assert_int_equal(jtest_value(t, NULL, 0), 0);
	close_null(t, 0);
}

static void test_null_write_error(void **state)
{
	struct jtest *t = new_null();
	handle_t *h;

	(void)state;
	jtest_put(t, 0, 1, 4);
	t->mem->fail_from = t->first * 1024;
	t->mem->fail_to = t->mem->fail_from + 1;
	assert_int_equal(jbd2_journal_force_commit(t->journal), -EIO);
	t->mem->fail_to = 0;
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	assert_int_equal(jtest_value(t, NULL, 0), 4);
	jbd2_journal_abort(t->journal, -EIO);
	assert_int_equal(t->aborts, 1);
	assert_int_equal(jbd2_journal_start(t->journal, 5, 0, &h), -EROFS);
	close_null(t, -EIO);
}

/* The log on a device of its own: numbered by the device's blocks, behind its superblock. */
static void test_external(void **state)
{
	struct jtest *t = jtest_new("-J size=1", 1024);
	static const uint8_t fs_uuid[16] = "a file system's";
	struct journal_superblock *sb;
	struct memio *jmem, *saved;
	io_channel jdev;
	char path[100];
	uint8_t other[16] = "another";

	(void)state;
	snprintf(path, sizeof(path), "%s/jdev", t->dir);
	assert_int_equal(jtest_system("mke2fs -q -F -b 1024 -O journal_dev %s 2048k "
				      ">/dev/null 2>&1", path), 0);
	jmem = memio_load(path);
	sb = (void *)(jmem->data + 2 * 1024);
	assert_int_equal(be32_to_cpu(sb->s_header.h_magic), JBD2_MAGIC_NUMBER);
	jdev = memio_channel(jmem, 1024);
	t->params.log_dev = jdev;
	t->params.log_map = NULL;
	t->params.log_blocks = 0;
	t->params.log_start = 2;
	t->params.fs_uuid = fs_uuid;
	assert_int_equal(jtest_try_open(t), -EINVAL);
	sb->s_nr_users = cpu_to_be32(1);
	memcpy(sb->s_users, fs_uuid, 16);
	t->params.log_dev = jdev;
	t->params.journal_uuid = other;
	assert_int_equal(jtest_try_open(t), -EINVAL);
	t->params.log_dev = jdev;
	memcpy(other, sb->s_uuid, 16);
	jtest_open(t);
	jtest_put(t, 0, 5, 3);
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	assert_int_equal(jtest_value(t, NULL, 0), 0);
	jtest_kill(t);
	saved = t->mem;
	t->params.log_dev = jdev;
	jtest_open(t);
	assert_int_equal(t->stats.blocks, 5);
	assert_int_equal(jtest_close(t), 0);
	assert_int_equal(jtest_value(t, NULL, 4), 3);
	assert_ptr_equal(saved, t->mem);
	io_channel_close(jdev);
	memio_free(jmem);
	jtest_free(t);
}

static struct jtest *fc_test;
static unsigned int fc_scanned, fc_replayed, fc_finished;
static tid_t fc_expected;
static int fc_fail;

/* Blocks of the area begin with "FC" and their number. */
static int fc_replay(void *priv, enum jbd2_fc_pass pass, const void *data, unsigned int off,
		     tid_t expected)
{
	const char *p = data;

	(void)priv;
	fc_expected = expected;
	if (pass == JBD2_FC_SCAN) {
		assert_int_equal(fc_scanned, off);
		if (memcmp(p, "FC", 2) || p[2] != (char)off)
			return 0;
		fc_scanned++;
		return 1;
	}
	assert_int_equal(fc_replayed, off);
	fc_replayed++;
	return 0;
}

static int fc_finish(void *priv)
{
	(void)priv;
	fc_finished++;
	jtest_put(fc_test, 100, 4, 55);
	return fc_fail;
}

static void test_fast_commits(void **state)
{
	struct jtest *t = jtest_new("-J size=1 -O ^metadata_csum,^64bit", 1024);
	struct jbd2_ops ops;
	struct journal_superblock *sb;
	uint32_t first, i;
	tid_t last;

	(void)state;
	t->params.csum_v3 = t->params.csum_64bit_tags = false;
	jtest_open(t);
	jtest_put(t, 0, 5, 3);
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	last = jbd2_journal_committed_tid(t->journal);
	jtest_kill(t);
	sb = (void *)(t->mem->data + t->map[0] * 1024);
	sb->s_feature_incompat |= cpu_to_be32(JBD2_FEATURE_INCOMPAT_FAST_COMMIT);
	sb->s_num_fc_blks = cpu_to_be32(64);
	first = be32_to_cpu(sb->s_maxlen) - 64 + 1;
	for (i = 0; i < 3; i++) {
		memcpy(t->mem->data + t->map[first + i] * 1024, "FC", 2);
		t->mem->data[t->map[first + i] * 1024 + 2] = i;
	}
	ops = *t->params.ops;
	ops.fc_replay = fc_replay;
	ops.fc_finish = fc_finish;
	t->params.ops = &ops;
	fc_test = t;
	/* fails: the log stays, and all is done again */
	fc_fail = -ENOMEM;
	assert_int_equal(jtest_try_open(t), -ENOMEM);
	assert_int_equal(fc_scanned, 3);
	fc_fail = 0;
	fc_scanned = fc_replayed = fc_finished = 0;
	jtest_open(t);
	assert_int_equal(fc_scanned, 3);
	assert_int_equal(fc_replayed, 3);
	assert_int_equal(fc_finished, 1);
	assert_int_equal(fc_expected, last + 1);
	assert_int_equal(t->stats.fc_blocks, 3);
	/* durable before the log is given up */
	assert_int_equal(jtest_value(t, NULL, 103), 55);
	assert_int_equal(sb->s_start, 0);
	assert_false(sb->s_feature_incompat & cpu_to_be32(JBD2_FEATURE_INCOMPAT_FAST_COMMIT));
	jtest_put(t, 0, 5, 4);
	assert_int_equal(jtest_close(t), 0);
	assert_int_equal(jtest_value(t, NULL, 0), 4);
	jtest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null_commit_is_a_flush),
		cmocka_unit_test(test_null_forget),
		cmocka_unit_test(test_null_write_error),
		cmocka_unit_test(test_external),
		cmocka_unit_test(test_fast_commits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
