/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the unix I/O managers fsync, and that a failed one is not forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ext2fs/ext2fs.h"
#include "ext2fs/unix_io_i.h"
#include "scratch.h"

static unsigned int fsyncs, write_outs;
static int fsync_error, write_error, close_error;
static struct unix_io_calls real;

static int fake_fsync(int fd)
{
	__atomic_add_fetch(&fsyncs, 1, __ATOMIC_RELAXED);
	if (!fsync_error)
		return real.fsync(fd);
	errno = fsync_error;
	return -1;
}

static int fake_sync_file_range(int fd, off_t offset, off_t len, unsigned int flags)
{
	write_outs++;
	if (!fsync_error)
		return real.sync_file_range(fd, offset, len, flags);
	errno = fsync_error;
	return -1;
}

static ssize_t fake_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	if (!write_error)
		return real.pwrite(fd, buf, len, offset);
	errno = write_error;
	return -1;
}

static int fake_close(int fd)
{
	real.close(fd);
	if (!close_error)
		return 0;
	errno = close_error;
	return -1;
}

static io_channel io;
static uint8_t buf[65536];

static int setup(void **state __attribute__((unused)))
{
	const char *path = scratch_path("f");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, 64 << 20) < 0)
		return -1;
	close(fd);
	real = unix_io_calls;
	unix_io_calls.fsync = fake_fsync;
	unix_io_calls.sync_file_range = fake_sync_file_range;
	unix_io_calls.pwrite = fake_pwrite;
	unix_io_calls.close = fake_close;
	fsyncs = write_outs = 0;
	fsync_error = write_error = close_error = 0;
	if (unix_io_manager->open(path, IO_FLAG_RW, &io))
		return -1;
	return io_channel_set_blksize(io, 4096) ? -1 : 0;
}

static int teardown(void **state __attribute__((unused)))
{
	fsync_error = close_error = 0;
	if (io)
		io_channel_close(io);
	io = NULL;
	unix_io_calls = real;
	return 0;
}

static void put(blk64_t block, int count)
{
	assert_int_equal(io_channel_write_blk64(io, block, count, buf), 0);
}

static void fail_flush(void)
{
	fsync_error = EIO;
	assert_int_equal(io_channel_flush(io), EIO);
	fsync_error = 0;
}

static void clean_channel_does_not_sync(void **state __attribute__((unused)))
{
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(fsyncs, 0);
	put(1, 1);
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(fsyncs, 1);
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(fsyncs, 1);
}

/* What was written out is ordered, not durable: the flush is still to be done, and a failure is one of a flush. */
static void written_out_is_not_flushed(void **state __attribute__((unused)))
{
	assert_int_equal(io_channel_write_out(io), 0);
	assert_int_equal(write_outs, 0);
	put(1, 1);
	assert_int_equal(io_channel_write_out(io), 0);
	assert_int_equal(write_outs, 1);
	assert_int_equal(fsyncs, 0);
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(fsyncs, 1);
	put(2, 1);
	fsync_error = EIO;
	assert_int_equal(io_channel_write_out(io), EIO);
	fsync_error = 0;
	assert_int_equal(io_channel_write_out(io), EIO);
	assert_int_equal(io_channel_flush(io), EIO);
	put(2, 1);
	assert_int_equal(io_channel_flush(io), 0);
}

static void everything_counts_as_a_write(void **state __attribute__((unused)))
{
	assert_int_equal(io_channel_write_byte(io, 7, 3, buf), 0);
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(fsyncs, 1);
	assert_int_equal(io_channel_zeroout(io, 1, 1), 0);
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(fsyncs, 2);
	io_channel_discard(io, 1, 1);
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(fsyncs, 3);
	write_error = EIO;
	assert_int_equal(io_channel_write_blk64(io, 1, 1, buf), EIO);
	write_error = 0;
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(fsyncs, 4);
}

static void close_syncs(void **state __attribute__((unused)))
{
	put(1, 1);
	assert_int_equal(io_channel_close(io), 0);
	io = NULL;
	assert_int_equal(fsyncs, 1);
}

static void close_tells_the_first_error(void **state __attribute__((unused)))
{
	put(1, 1);
	fsync_error = EIO;
	close_error = ENOSPC;
	assert_int_equal(io_channel_close(io), EIO);
	io = NULL;
}

static void close_tells_its_own_error(void **state __attribute__((unused)))
{
	close_error = EDQUOT;
	assert_int_equal(io_channel_close(io), EDQUOT);
	io = NULL;
}

/* The kernel would report success at once: what it could not write, it takes for clean. */
static void failure_sticks(void **state __attribute__((unused)))
{
	put(1, 1);
	fail_flush();
	for (unsigned int i = 2; i < 5; i++) {
		assert_int_equal(io_channel_flush(io), EIO);
		assert_int_equal(fsyncs, i);	/* and each time it is tried again */
	}
	put(2, 1);	/* something else does not help */
	assert_int_equal(io_channel_flush(io), EIO);
	put(1, 1);
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(io_channel_flush(io), 0);
}

static void all_must_be_rewritten(void **state __attribute__((unused)))
{
	put(1, 1);
	put(1000, 16);
	put(9000, 1);
	fail_flush();
	put(9000, 1);
	put(1, 1);
	put(1000, 15);
	assert_int_equal(io_channel_flush(io), EIO);
	put(1015, 1);
	assert_int_equal(io_channel_flush(io), 0);
}

static void old_writes_are_safe(void **state __attribute__((unused)))
{
	put(1, 1);
	assert_int_equal(io_channel_flush(io), 0);
	put(2, 1);
	fail_flush();
	put(2, 1);
	assert_int_equal(io_channel_flush(io), 0);
}

static void close_after_a_failure_fails(void **state __attribute__((unused)))
{
	put(1, 1);
	fail_flush();
	assert_int_equal(io_channel_close(io), EIO);
	io = NULL;
}

static void failed_rewrite_does_not_help(void **state __attribute__((unused)))
{
	put(1, 1);
	fail_flush();
	write_error = EIO;
	assert_int_equal(io_channel_write_blk64(io, 1, 1, buf), EIO);
	write_error = 0;
	assert_int_equal(io_channel_flush(io), EIO);
	put(1, 1);
	assert_int_equal(io_channel_flush(io), 0);
}

static void rewrite_must_reach_the_disk(void **state __attribute__((unused)))
{
	put(1, 1);
	fail_flush();
	put(1, 1);
	fail_flush();
	assert_int_equal(io_channel_flush(io), EIO);
	put(1, 1);
	assert_int_equal(io_channel_flush(io), 0);
}

static void first_error_is_told(void **state __attribute__((unused)))
{
	put(1, 1);
	fail_flush();
	put(2, 1);
	fsync_error = ENOSPC;
	assert_int_equal(io_channel_flush(io), EIO);
}

/* Half a rewrite of a unit of 1 KiB proves nothing. */
static void odd_sizes(void **state __attribute__((unused)))
{
	assert_int_equal(io_channel_write_byte(io, 1024, 1024, buf), 0);
	fail_flush();
	assert_int_equal(io_channel_write_byte(io, 1024, 512, buf), 0);
	assert_int_equal(io_channel_write_byte(io, 1536, 512, buf), 0);
	assert_int_equal(io_channel_flush(io), EIO);
	assert_int_equal(io_channel_write_byte(io, 1024, 1024, buf), 0);
	assert_int_equal(io_channel_flush(io), 0);
}

static void what_is_discarded_is_not_missed(void **state __attribute__((unused)))
{
	put(1, 1);
	fail_flush();
	if (io_channel_discard(io, 1, 1))
		skip();
	assert_int_equal(io_channel_flush(io), 0);
}

static void failed_flush_of_a_discard(void **state __attribute__((unused)))
{
	if (io_channel_discard(io, 1, 1))
		skip();
	fail_flush();
	assert_int_equal(io_channel_flush(io), 0);
}

/* More than can be remembered: then nothing makes up for the failure. */
static void huge_ranges(void **state __attribute__((unused)))
{
	struct byte_set flushing;
	struct unsynced us;
	uint64_t ticket;

	unsynced_init(&us);
	ticket = unsynced_begin(&us, 0, 1ULL << 50, false);
	unsynced_end(&us, ticket, 0, 1ULL << 50, true, false);
	assert_true(unsynced_flush_begin(&us, &flushing));
	assert_int_equal(unsynced_flush_end(&us, &flushing, 0), 0);
	assert_false(unsynced_flush_begin(&us, &flushing));
	assert_int_equal(unsynced_flush_end(&us, &flushing, 0), 0);

	ticket = unsynced_begin(&us, 0, 1ULL << 50, false);
	unsynced_end(&us, ticket, 0, 1ULL << 50, true, false);
	assert_true(unsynced_flush_begin(&us, &flushing));
	assert_int_equal(unsynced_flush_end(&us, &flushing, EIO), EIO);
	ticket = unsynced_begin(&us, 0, 1ULL << 50, false);
	unsynced_end(&us, ticket, 0, 1ULL << 50, true, false);
	assert_true(unsynced_flush_begin(&us, &flushing));
	assert_int_equal(unsynced_flush_end(&us, &flushing, 0), EIO);
	unsynced_destroy(&us);
}

/* A write that was under way when a flush failed may have been lost with it. */
static void writes_under_way(void **state __attribute__((unused)))
{
	struct byte_set flushing;
	struct unsynced us;
	uint64_t ticket;

	unsynced_init(&us);
	ticket = unsynced_begin(&us, 0, 4096, false);
	assert_true(unsynced_flush_begin(&us, &flushing));
	assert_int_equal(unsynced_flush_end(&us, &flushing, EIO), EIO);
	unsynced_end(&us, ticket, 0, 4096, true, false);
	assert_true(unsynced_flush_begin(&us, &flushing));
	assert_int_equal(unsynced_flush_end(&us, &flushing, 0), EIO);

	/* and one that was under way when a flush succeeded has to be flushed */
	ticket = unsynced_begin(&us, 0, 4096, false);
	assert_true(unsynced_flush_begin(&us, &flushing));
	unsynced_end(&us, ticket, 0, 4096, true, false);
	assert_int_equal(unsynced_flush_end(&us, &flushing, 0), 0);
	assert_true(unsynced_flush_begin(&us, &flushing));
	assert_int_equal(unsynced_flush_end(&us, &flushing, 0), 0);
	unsynced_destroy(&us);
}

/* The set against a plain array. */
static void ranges_against_a_model(void **state __attribute__((unused)))
{
	static bool lost[6000];
	struct byte_set flushing;
	struct unsynced us;
	uint32_t seed = 5;
	size_t left = 0;

	unsynced_init(&us);
	for (int i = 0; i < 300; i++) {
		uint64_t at = (seed >> 8) % 5900, n = 1 + (seed >> 20) % 100, ticket;

		seed = seed * 1664525U + 1013904223U;
		ticket = unsynced_begin(&us, at << 10, n << 10, false);
		unsynced_end(&us, ticket, at << 10, n << 10, true, false);
		memset(lost + at, 1, n);
	}
	unsynced_flush_begin(&us, &flushing);
	assert_int_equal(unsynced_flush_end(&us, &flushing, EIO), EIO);
	for (int i = 0; i < 20000; i++) {
		uint64_t at = (seed >> 8) % 5900, n = 1 + (seed >> 20) % 100, ticket;

		seed = seed * 1664525U + 1013904223U;
		ticket = unsynced_begin(&us, at << 10, n << 10, false);
		unsynced_end(&us, ticket, at << 10, n << 10, true, false);
		memset(lost + at, 0, n);
		left = 0;
		for (size_t j = 0; j < 6000; j++)
			left += lost[j];
		unsynced_flush_begin(&us, &flushing);
		assert_int_equal(unsynced_flush_end(&us, &flushing, 0), left ? EIO : 0);
		if (!left)
			break;
	}
	assert_int_equal(left, 0);
	unsynced_destroy(&us);
}

static void *write_and_flush(void *arg)
{
	blk64_t first = (blk64_t)(uintptr_t)arg;
	uint8_t block[4096] = { 0 };

	for (blk64_t i = 0; i < 300; i++) {
		if (io_channel_write_blk64(io, first + i, 1, block) || io_channel_flush(io))
			return arg;
	}
	return NULL;
}

static void many_threads(void **state __attribute__((unused)))
{
	pthread_t threads[4];
	void *failed;

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, write_and_flush, (void *)(i * 300 + 1));
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_true(fsyncs <= 1200);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clean_channel_does_not_sync),
		TEST(written_out_is_not_flushed),
		TEST(everything_counts_as_a_write),
		TEST(close_syncs),
		TEST(close_tells_the_first_error),
		TEST(close_tells_its_own_error),
		TEST(failure_sticks),
		TEST(all_must_be_rewritten),
		TEST(old_writes_are_safe),
		TEST(close_after_a_failure_fails),
		TEST(failed_rewrite_does_not_help),
		TEST(rewrite_must_reach_the_disk),
		TEST(first_error_is_told),
		TEST(odd_sizes),
		TEST(what_is_discarded_is_not_missed),
		TEST(failed_flush_of_a_discard),
		TEST(huge_ranges),
		TEST(writes_under_way),
		TEST(ranges_against_a_model),
		TEST(many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
