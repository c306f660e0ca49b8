/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Freed metadata blocks: what the log still holds of them must not come back
 * over the data that lives there now, and must come back as long as the free
 * is not durable.
 */
#include <stdlib.h>
#include <string.h>
#include "jtest.h"

static void forget(struct jtest *t, blk64_t index, bool with_buf)
{
	struct iocache_buf *buf = NULL;
	handle_t *h;

	assert_int_equal(jbd2_journal_start(t->journal, 2, 1, &h), 0);
	if (with_buf)
		assert_int_equal(iocache_get(t->cache, t->first + index, 0, &buf), 0);
	assert_int_equal(jbd2_journal_forget(h, t->first + index, buf), 0);
	iocache_put(buf);
	assert_int_equal(jbd2_journal_stop(h), 0);
}

static void commit(struct jtest *t)
{
	assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
}

static void write_data(struct jtest *t, blk64_t index, int value)
{
	char *data = malloc(t->block_size);

	memset(data, value, t->block_size);
	assert_int_equal(io_channel_write_blk64(t->dev, t->first + index, 1, data), 0);
	free(data);
}

/* Die, replay with us and with e2fsck: block @index must be @value. */
static void check_after_crash(struct jtest *t, blk64_t index, uint64_t value)
{
	struct jtest *after;

	jtest_kill(t);
	after = jtest_copy(t, t->mem->data);
	jtest_open(after);
	assert_int_equal(jtest_close(after), 0);
	assert_int_equal(jtest_value(after, NULL, index), value);
	jtest_e2fsck_replay(t, t->mem->data);
	assert_int_equal(jtest_value(t, NULL, index), value);
	jtest_free(after);
	jtest_free(t);
}

static struct jtest *start(void)
{
	struct jtest *t = jtest_new("-J size=1", 1024);

	jtest_open(t);
	jtest_put(t, 0, 10, 5);
	commit(t);
	return t;
}

static void test_data_is_not_overwritten_by_replay(void **state)
{
	struct jtest *t = start();

	(void)state;
	forget(t, 3, true);
	commit(t);
	write_data(t, 3, 0xee);
	check_after_crash(t, 3, 0xeeeeeeeeeeeeeeeeULL);
}

static void test_without_buffer_at_hand(void **state)
{
	struct jtest *t = start();

	(void)state;
	assert_int_equal(jbd2_journal_flush(t->journal), 0);
	jtest_put(t, 0, 10, 6);
	commit(t);
	iocache_shrink(t->cache, 1 << 30);
	forget(t, 3, false);
	commit(t);
	write_data(t, 3, 0xee);
	check_after_crash(t, 3, 0xeeeeeeeeeeeeeeeeULL);
}

static void test_data_is_not_overwritten_by_checkpoint(void **state)
{
	struct jtest *t = start();

	(void)state;
	forget(t, 3, true);
	commit(t);
	write_data(t, 3, 0xee);
	assert_int_equal(jbd2_journal_flush(t->journal), 0);
	assert_int_equal(iocache_flush(t->cache), 0);
	assert_int_equal(jtest_value(t, NULL, 3), 0xeeeeeeeeeeeeeeeeULL);
	assert_int_equal(jtest_value(t, NULL, 4), 5);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

static void test_uncommitted_free_loses_nothing(void **state)
{
	struct jtest *t = start();

	(void)state;
	forget(t, 3, true);
	check_after_crash(t, 3, 5);
}

static void test_used_again_as_metadata(void **state)
{
	struct jtest *t = start();
	struct iocache_buf *buf;
	handle_t *h;

	(void)state;
	forget(t, 3, true);
	commit(t);
	assert_int_equal(jbd2_journal_start(t->journal, 2, 0, &h), 0);
	assert_int_equal(iocache_get(t->cache, t->first + 3, IOCACHE_GET_NEW, &buf), 0);
	assert_int_equal(jbd2_journal_get_create_access(h, buf), 0);
	memset(buf->b_data, 0x22, t->block_size);
	assert_int_equal(jbd2_journal_dirty_metadata(h, buf), 0);
	iocache_put(buf);
	assert_int_equal(jbd2_journal_stop(h), 0);
	commit(t);
	check_after_crash(t, 3, 0x2222222222222222ULL);
}

/* Freed and allocated again within one transaction: the revoke is cancelled. */
static void test_revoke_is_cancelled(void **state)
{
	struct jtest *t = start();
	struct iocache_buf *buf;
	handle_t *h;

	(void)state;
	jtest_put(t, 3, 1, 6);
	forget(t, 3, true);
	assert_int_equal(jbd2_journal_start(t->journal, 2, 0, &h), 0);
	assert_int_equal(iocache_get(t->cache, t->first + 3, IOCACHE_GET_NEW, &buf), 0);
	assert_int_equal(jbd2_journal_get_create_access(h, buf), 0);
	memset(buf->b_data, 0x33, t->block_size);
	assert_int_equal(jbd2_journal_dirty_metadata(h, buf), 0);
	iocache_put(buf);
	assert_int_equal(jbd2_journal_stop(h), 0);
	commit(t);
	check_after_crash(t, 3, 0x3333333333333333ULL);
}

/* More revokes than fit one block, 32 and 64 bit. */
static void many_revokes(bool bits64)
{
	struct jtest *t;
	unsigned int i;

	t = jtest_new(bits64 ? "-J size=1" : "-J size=1 -O ^64bit,^metadata_csum", 1024);
	t->params.csum_v3 = t->params.csum_64bit_tags = bits64;
	jtest_open(t);
	for (i = 0; i < 400; i += 100)
		jtest_put(t, i, 100, 5);
	commit(t);
	for (i = 0; i < 400; i++)
		forget(t, i, i % 2);
	commit(t);
	for (i = 0; i < 400; i++)
		write_data(t, i, 0xdd);
	check_after_crash(t, 399, 0xddddddddddddddddULL);
}

static void test_many_revokes(void **state)
{
	(void)state;
	many_revokes(true);
	many_revokes(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data_is_not_overwritten_by_replay),
		cmocka_unit_test(test_without_buffer_at_hand),
		cmocka_unit_test(test_data_is_not_overwritten_by_checkpoint),
		cmocka_unit_test(test_uncommitted_free_loses_nothing),
		cmocka_unit_test(test_used_again_as_metadata),
		cmocka_unit_test(test_revoke_is_cancelled),
		cmocka_unit_test(test_many_revokes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
