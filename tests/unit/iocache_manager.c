/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The buffer cache as an I/O manager on top of another one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "support/iocache.h"
#include "memio.h"

#define BS	1024
#define BLOCKS	256

static struct memio *mem;
static io_channel channel;

static errcode_t open_memio(const char *name, int flags, io_channel *ret)
{
	if (!strcmp(name, "missing"))
		return ENOENT;
	assert_int_equal(flags, IO_FLAG_RW);
	*ret = memio_channel(mem, BS);
	return 0;
}

static struct struct_io_manager backing;

static int setup(void **state)
{
	io_channel probe;
	unsigned int i;

	(void)state;
	mem = memio_new(BLOCKS * BS);
	for (i = 0; i < BLOCKS; i++)
		memset(mem->data + i * BS, i, BS);
	probe = memio_channel(mem, BS);
	backing = *probe->manager;
	backing.open = open_memio;
	io_channel_close(probe);
	iocache_set_backing_manager(&backing);
	assert_int_equal(iocache_io_manager->open("memory", IO_FLAG_RW, &channel), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (channel)
		assert_int_equal(io_channel_close(channel), 0);
	memio_free(mem);
	return 0;
}

static void expect(blk64_t blk, int count, char value)
{
	char data[16 * BS];
	int i, bytes = count < 0 ? -count : count * channel->block_size;

	assert_int_equal(io_channel_read_blk64(channel, blk, count, data), 0);
	for (i = 0; i < bytes; i++)
		assert_int_equal(data[i], value);
}

static void store(blk64_t blk, int count, char value)
{
	char data[16 * BS];

	memset(data, value, sizeof(data));
	assert_int_equal(io_channel_write_blk64(channel, blk, count, data), 0);
}

static void test_open_errors(void **state)
{
	io_channel none;

	(void)state;
	assert_int_equal(iocache_io_manager->open("missing", IO_FLAG_RW, &none), ENOENT);
	assert_null(none);
}

static void test_blocks_hit_the_cache(void **state)
{
	struct iocache_stats stats;

	(void)state;
	expect(3, 1, 3);
	expect(3, 1, 3);
	expect(3, -10, 3);
	assert_int_equal(mem->reads, 1);
	store(3, 1, 99);
	expect(3, 1, 99);
	assert_int_equal(mem->writes, 0);
	assert_int_equal(mem->data[3 * BS], 3);
	iocache_get_stats(iocache_from_channel(channel), &stats);
	assert_int_equal(stats.misses, 1);
	assert_true(stats.hits >= 3);
	assert_int_equal(io_channel_flush(channel), 0);
	assert_int_equal(mem->data[3 * BS], 99);
	assert_int_equal(mem->flushes, 1);
}

static void test_many_blocks_one_transfer(void **state)
{
	char data[16 * BS];
	io_stats stats;

	(void)state;
	assert_int_equal(io_channel_read_blk64(channel, 20, 16, data), 0);
	assert_int_equal(data[15 * BS], 35);
	assert_int_equal(mem->reads, 1);
	store(40, 16, 7);
	assert_int_equal(io_channel_flush(channel), 0);
	assert_int_equal(mem->writes, 1);
	assert_int_equal(io_channel_get_stats(channel, &stats), 0);
	assert_int_equal(stats->bytes_read, 16 * BS);
	assert_int_equal(stats->bytes_written, 16 * BS);
}

static void test_odd_sizes_go_around(void **state)
{
	(void)state;
	expect(5, 1, 5);
	store(6, 1, 66);
	store(5, -100, 55);
	/* first all dirty ones, then the odd write */
	assert_int_equal(mem->data[6 * BS], 66);
	assert_int_equal(mem->data[5 * BS + 99], 55);
	assert_int_equal(mem->data[5 * BS + 100], 5);
	expect(5, -100, 55);
	assert_int_equal(io_channel_write_byte(channel, 7 * BS + 1, 2, "zz"), 0);
	assert_int_equal(mem->data[7 * BS + 2], 'z');
	store(8, 1, 88);
	mem->fail_from = 8 * BS;
	mem->fail_to = 9 * BS;
	assert_int_equal(io_channel_write_byte(channel, 7 * BS + 1, 2, "yy"), EIO);
	assert_int_equal(mem->data[7 * BS + 2], 'z');
	mem->fail_to = 0;
	expect(8, 1, 88);
}

static void test_discard_and_zeroout_drop(void **state)
{
	(void)state;
	store(10, 2, 1);
	assert_int_equal(io_channel_zeroout(channel, 10, 1), 0);
	expect(10, 1, 0);
	expect(11, 1, 1);
	assert_int_equal(io_channel_discard(channel, 11, 1), 0);
	expect(11, 1, 0);
	assert_int_equal(io_channel_flush(channel), 0);
	assert_int_equal(mem->data[10 * BS], 0);
	/* one that fails drops nothing */
	store(12, 1, 2);
	assert_int_equal(io_channel_flush(channel), 0);
	mem->fail_from = 12 * BS;
	mem->fail_to = 13 * BS;
	assert_int_equal(io_channel_zeroout(channel, 12, 1), EIO);
	mem->fail_to = 0;
	expect(12, 1, 2);
}

static void test_set_blksize_writes_home(void **state)
{
	(void)state;
	store(13, 1, 33);
	assert_int_equal(io_channel_set_blksize(channel, 4096), 0);
	assert_int_equal(channel->block_size, 4096);
	assert_int_equal(mem->data[13 * BS], 33);
	store(1, 1, 44);
	assert_int_equal(io_channel_flush(channel), 0);
	assert_int_equal(mem->data[5 * BS], 44);
	store(2, 1, 45);
	mem->fail_after = 0;
	assert_int_equal(io_channel_set_blksize(channel, 1024), EIO);
	assert_int_equal(channel->block_size, 4096);
	mem->fail_after = -1;
	expect(2, 1, 45);
	assert_int_equal(io_channel_set_blksize(channel, 3000), EXT2_ET_INVALID_ARGUMENT);
}

static void test_options(void **state)
{
	struct iocache_stats stats;
	char data[BS];
	unsigned int i;

	(void)state;
	assert_int_equal(io_channel_set_options(channel, "cache_blocks=64"), 0);
	for (i = 0; i < BLOCKS; i++)
		assert_int_equal(io_channel_read_blk64(channel, i, 1, data), 0);
	iocache_get_stats(iocache_from_channel(channel), &stats);
	assert_in_range(stats.buffers, 1, 66);
	assert_int_equal(io_channel_set_options(channel, "cache_blocks=x"),
			 EXT2_ET_INVALID_ARGUMENT);
	assert_int_equal(io_channel_set_options(channel, "cache_blocks"), EXT2_ET_INVALID_ARGUMENT);
	assert_int_equal(io_channel_set_options(channel, "cache=off"), 0);
	store(3, 1, 9);
	assert_int_equal(io_channel_set_options(channel, "unheard=of"), EXT2_ET_INVALID_ARGUMENT);
	assert_int_equal(io_channel_set_options(channel, "known=1"), 0);
	assert_int_equal(mem->data[3 * BS], 9);
	iocache_get_stats(iocache_from_channel(channel), &stats);
	assert_int_equal(stats.buffers, 0);
}

static void test_write_through(void **state)
{
	(void)state;
	channel->flags |= CHANNEL_FLAGS_WRITETHROUGH;
	store(3, 2, 9);
	assert_int_equal(mem->data[4 * BS], 9);
}

static void test_close_reports_what_is_lost(void **state)
{
	(void)state;
	store(3, 1, 9);
	mem->fail_after = 0;
	assert_int_equal(io_channel_close(channel), EIO);
	channel = NULL;
}

static void test_references(void **state)
{
	(void)state;
	store(3, 1, 9);
	io_channel_addref(channel);
	assert_int_equal(io_channel_close(channel), 0);
	expect(3, 1, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocks_hit_the_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_blocks_one_transfer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_sizes_go_around, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discard_and_zeroout_drop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_blksize_writes_home, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_through, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_reports_what_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_references, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
