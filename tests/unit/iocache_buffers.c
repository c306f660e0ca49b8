/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The buffer cache from the engine's side: reading, dirty, pins, forget,
 * bounds, errors, and neighbours in one transfer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "support/iocache.h"
#include "memio.h"

#define BS	1024
#define BLOCKS	4096

struct env {
	struct memio	*mem;
	io_channel	dev;
	struct iocache	*ic;
};

static void setup(struct env *e, uint64_t max_bytes, bool read_only)
{
	struct iocache_params params = { BS, max_bytes, read_only };
	unsigned int i;

	e->mem = memio_new(BLOCKS * BS);
	for (i = 0; i < BLOCKS; i++)
		memcpy(e->mem->data + i * BS, &i, sizeof(i));
	e->dev = memio_channel(e->mem, BS);
	assert_int_equal(iocache_create(e->dev, &params, &e->ic), 0);
}

static void teardown(struct env *e)
{
	iocache_destroy(e->ic);
	io_channel_close(e->dev);
	memio_free(e->mem);
}

static struct iocache_buf *get(struct env *e, blk64_t blk)
{
	struct iocache_buf *buf;

	assert_int_equal(iocache_get(e->ic, blk, 0, &buf), 0);
	return buf;
}

static unsigned int on_device(struct env *e, blk64_t blk)
{
	unsigned int v;

	memcpy(&v, e->mem->data + blk * BS, sizeof(v));
	return v;
}

static void change(struct env *e, blk64_t blk, unsigned int value)
{
	struct iocache_buf *buf = get(e, blk);

	memcpy(buf->b_data, &value, sizeof(value));
	iocache_mark_dirty(buf);
	iocache_put(buf);
}

static void test_read_once(void **state)
{
	struct iocache_buf *buf, *again;
	struct iocache_stats stats;
	struct env e;

	(void)state;
	setup(&e, 0, false);
	assert_int_equal(iocache_get(e.ic, 9, IOCACHE_GET_PEEK, &buf), 0);
	assert_null(buf);
	buf = get(&e, 9);
	assert_int_equal(*(unsigned int *)(void *)buf->b_data, 9);
	again = get(&e, 9);
	assert_ptr_equal(buf, again);
	assert_int_equal(e.mem->reads, 1);
	iocache_put(again);
	iocache_put(buf);
	iocache_put(NULL);
	assert_int_equal(iocache_get(e.ic, 9, IOCACHE_GET_PEEK, &buf), 0);
	assert_non_null(buf);
	iocache_put(buf);
	iocache_get_stats(e.ic, &stats);
	assert_int_equal(stats.hits, 1);
	assert_int_equal(stats.misses, 1);
	assert_int_equal(stats.bytes_read, BS);
	assert_int_equal(stats.buffers, 1);
	teardown(&e);
}

static void test_new_is_never_read(void **state)
{
	struct iocache_buf *buf;
	struct env e;

	(void)state;
	setup(&e, 0, false);
	assert_int_equal(iocache_get(e.ic, 9, IOCACHE_GET_NEW, &buf), 0);
	assert_int_equal(*(unsigned int *)(void *)buf->b_data, 0);
	assert_true(iocache_test(buf, IOCACHE_BUF_UPTODATE));
	assert_int_equal(e.mem->reads, 0);
	iocache_put(buf);
	teardown(&e);
}

static void test_failed_read_is_tried_again(void **state)
{
	struct iocache_buf *buf;
	struct env e;

	(void)state;
	setup(&e, 0, false);
	e.mem->fail_read_from = 9 * BS;
	e.mem->fail_read_to = 10 * BS;
	assert_int_equal(iocache_get(e.ic, 9, 0, &buf), EIO);
	assert_null(buf);
	e.mem->fail_read_to = 0;
	iocache_put(get(&e, 9));
	assert_int_equal(iocache_get(e.ic, BLOCKS, 0, &buf), EXT2_ET_SHORT_READ);
	teardown(&e);
}

static void test_neighbours_go_together(void **state)
{
	blk64_t blks[64];
	struct env e;
	unsigned int i;

	(void)state;
	setup(&e, 0, false);
	for (i = 0; i < 16; i++)
		blks[i] = 115 - i;	/* backwards, to be sorted */
	blks[16] = 200;
	iocache_readahead(e.ic, blks, 17);
	assert_int_equal(e.mem->reads, 2);
	for (i = 100; i < 116; i++)
		change(&e, i, i + 1000);
	change(&e, 200, 1);
	assert_int_equal(e.mem->reads, 2);
	assert_int_equal(iocache_write_dirty(e.ic), 0);
	assert_int_equal(e.mem->writes, 2);
	assert_int_equal(e.mem->flushes, 0);
	assert_int_equal(on_device(&e, 107), 1107);
	assert_int_equal(iocache_flush(e.ic), 0);
	assert_int_equal(e.mem->writes, 2);
	assert_int_equal(e.mem->flushes, 1);
	teardown(&e);
}

static void test_failed_write_stays_dirty(void **state)
{
	struct iocache_stats stats;
	struct iocache_buf *buf;
	struct env e;

	(void)state;
	setup(&e, 0, false);
	change(&e, 20, 1);
	change(&e, 21, 1);
	change(&e, 22, 1);
	e.mem->fail_from = 21 * BS;
	e.mem->fail_to = 22 * BS;
	assert_int_equal(iocache_flush(e.ic), EIO);
	assert_int_equal(e.mem->flushes, 1);
	/* its neighbours got home all the same */
	assert_int_equal(on_device(&e, 20), 1);
	assert_int_equal(on_device(&e, 22), 1);
	iocache_get_stats(e.ic, &stats);
	assert_int_equal(stats.dirty, 1);
	buf = get(&e, 21);
	assert_true(iocache_test(buf, IOCACHE_BUF_ERROR));
	iocache_put(buf);
	iocache_shrink(e.ic, 1 << 30);
	assert_int_equal(iocache_flush(e.ic), EIO);
	e.mem->fail_to = 0;
	assert_int_equal(iocache_flush(e.ic), 0);
	assert_int_equal(on_device(&e, 21), 1);
	teardown(&e);
}

static void test_failed_flush_is_reported(void **state)
{
	struct env e;

	(void)state;
	setup(&e, 0, false);
	change(&e, 20, 1);
	e.mem->fail_flush = true;
	assert_int_equal(iocache_flush(e.ic), EIO);
	teardown(&e);
}

static void test_pinned_stays(void **state)
{
	struct iocache_buf *buf;
	struct env e;

	(void)state;
	setup(&e, 0, false);
	buf = get(&e, 30);
	iocache_pin(buf);
	iocache_pin(buf);
	iocache_put(buf);
	change(&e, 30, 5);
	assert_int_equal(iocache_flush(e.ic), 0);
	assert_int_equal(on_device(&e, 30), 30);
	iocache_shrink(e.ic, 1 << 30);
	assert_int_equal(iocache_get(e.ic, 30, IOCACHE_GET_PEEK, &buf), 0);
	assert_non_null(buf);
	iocache_unpin(buf);
	assert_int_equal(iocache_write_bufs(e.ic, &buf, 1), 0);
	assert_int_equal(on_device(&e, 30), 30);
	iocache_unpin(buf);
	assert_int_equal(iocache_write_bufs(e.ic, &buf, 1), 0);
	assert_int_equal(on_device(&e, 30), 5);
	iocache_put(buf);
	teardown(&e);
}

static void test_forget(void **state)
{
	struct iocache_buf *held;
	struct env e;

	(void)state;
	setup(&e, 0, false);
	change(&e, 40, 1);
	change(&e, 41, 1);
	held = get(&e, 41);
	change(&e, 42, 1);
	iocache_forget(e.ic, 40, 2);
	assert_false(iocache_test(held, IOCACHE_BUF_UPTODATE | IOCACHE_BUF_DIRTY));
	assert_int_equal(iocache_flush(e.ic), 0);
	assert_int_equal(on_device(&e, 40), 40);
	assert_int_equal(on_device(&e, 41), 41);
	assert_int_equal(on_device(&e, 42), 1);
	iocache_put(held);
	/* read again */
	held = get(&e, 41);
	assert_int_equal(*(unsigned int *)(void *)held->b_data, 41);
	iocache_put(held);
	/* a range far larger than the cache */
	change(&e, 43, 1);
	iocache_forget(e.ic, 0, 1ULL << 40);
	assert_int_equal(iocache_flush(e.ic), 0);
	assert_int_equal(on_device(&e, 43), 43);
	teardown(&e);
}

static void test_bound(void **state)
{
	struct iocache_stats stats;
	struct env e;
	unsigned int i;

	(void)state;
	setup(&e, 256 * BS, false);
	for (i = 0; i < BLOCKS; i++) {
		iocache_put(get(&e, i));
		iocache_get_stats(e.ic, &stats);
		assert_in_range(stats.buffers, 0, 260);
	}
	/* dirty ones are written back to make room */
	for (i = 0; i < BLOCKS; i++)
		change(&e, i, i + 1);
	iocache_get_stats(e.ic, &stats);
	assert_in_range(stats.buffers, 0, 260);
	assert_int_equal(iocache_flush(e.ic), 0);
	for (i = 0; i < BLOCKS; i++)
		assert_int_equal(on_device(&e, i), i + 1);
	teardown(&e);
}

static void test_shrink_gives_back(void **state)
{
	struct env e;
	unsigned int i;

	(void)state;
	setup(&e, 0, false);
	for (i = 0; i < 1000; i++)
		iocache_put(get(&e, i));
	assert_int_equal(iocache_shrink(e.ic, 100 * BS), 100 * BS);
	assert_int_equal(iocache_shrink(e.ic, 1 << 30), 900 * BS);
	teardown(&e);
}

static void test_read_only_never_writes(void **state)
{
	struct iocache_buf *buf;
	struct env e;

	(void)state;
	setup(&e, 64 * BS, true);
	change(&e, 50, 1);
	assert_int_equal(iocache_flush(e.ic), 0);
	buf = get(&e, 50);
	assert_int_equal(iocache_write_bufs(e.ic, &buf, 1), 0);
	assert_int_equal(*(unsigned int *)(void *)buf->b_data, 1);
	iocache_put(buf);
	assert_int_equal(e.mem->writes + e.mem->flushes, 0);
	teardown(&e);
}

static void test_bad_parameters(void **state)
{
	struct iocache_params params = { .block_size = 1000 };
	struct memio *mem = memio_new(1 << 20);
	io_channel dev = memio_channel(mem, 1000);
	struct iocache *ic;

	(void)state;
	assert_int_equal(iocache_create(dev, &params, &ic), EINVAL);
	params.block_size = 2048;
	assert_int_equal(iocache_create(dev, &params, &ic), EINVAL);
	io_channel_close(dev);
	memio_free(mem);
}

struct hammer {
	struct env	*e;
	unsigned int	seed;
};

/*
 * Each thread increments counters in blocks of its own under their lock, the cache churns
 * around them.
 */
static void *hammer(void *arg)
{
	struct hammer *h = arg;
	struct iocache_buf *buf;
	unsigned int i, blk;

	for (i = 0; i < 20000; i++) {
		blk = rand_r(&h->seed) % 500;
		buf = get(h->e, blk);
		iocache_lock(buf);
		++*(unsigned int *)(void *)buf->b_data;
		iocache_mark_dirty(buf);
		iocache_unlock(buf);
		iocache_put(buf);
		if (rand_r(&h->seed) % 512 == 0)
			assert_int_equal(iocache_flush(h->e->ic), 0);
		if (rand_r(&h->seed) % 64 == 0)
			iocache_shrink(h->e->ic, 10 * BS);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct hammer h[4];
	pthread_t threads[4];
	struct env e;
	unsigned int i;
	uint64_t sum = 0;

	(void)state;
	setup(&e, 128 * BS, false);
	for (i = 0; i < 4; i++) {
		h[i] = (struct hammer){ &e, i + 1 };
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &h[i]), 0);
	}
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(iocache_flush(e.ic), 0);
	for (i = 0; i < 500; i++)
		sum += on_device(&e, i) - i;
	assert_int_equal(sum, 4 * 20000);
	teardown(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_once),
		cmocka_unit_test(test_new_is_never_read),
		cmocka_unit_test(test_failed_read_is_tried_again),
		cmocka_unit_test(test_neighbours_go_together),
		cmocka_unit_test(test_failed_write_stays_dirty),
		cmocka_unit_test(test_failed_flush_is_reported),
		cmocka_unit_test(test_pinned_stays),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_shrink_gives_back),
		cmocka_unit_test(test_read_only_never_writes),
		cmocka_unit_test(test_bad_parameters),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
