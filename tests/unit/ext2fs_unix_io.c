/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unix I/O managers: names, descriptors, transfers of all shapes, options,
 * discard and zeroout.  Flushes and their failures are in ext2fs_sync.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
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
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ext2fs/ext2fs.h"
#include "ext2fs/unix_io_i.h"
#include "scratch.h"

#define FILE_SIZE	(1 << 20)

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 2654435761U >> 11);
}

static const char *make_file(const char *name)
{
	const char *path = scratch_path(name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint8_t *buf = malloc(FILE_SIZE);

	for (size_t i = 0; i < FILE_SIZE; i++)
		buf[i] = pattern(i);
	assert_int_equal(write(fd, buf, FILE_SIZE), FILE_SIZE);
	close(fd);
	free(buf);
	return path;
}

static void assert_pattern(const uint8_t *buf, size_t len, size_t offset)
{
	for (size_t i = 0; i < len; i++)
		if (buf[i] != pattern(offset + i))
			fail_msg("byte %zu is wrong", i);
}

static io_channel open_file(const char *path, int flags)
{
	io_channel io;

	assert_int_equal(unix_io_manager->open(path, flags, &io), 0);
	assert_int_equal(io_channel_set_blksize(io, 4096), 0);
	return io;
}

/* ---- names ---- */

static void fd_names(void **state __attribute__((unused)))
{
	static const struct { const char *name; errcode_t err; int fd; } cases[] = {
		{ "/dev/fd/0", 0, 0 }, { "/dev/fd/37", 0, 37 }, { "12", 0, 12 }, { "0", 0, 0 },
		{ "/dev/fd/2147483647", 0, 2147483647 },
		{ "/dev/fd/", EINVAL, 0 }, { "/dev/fd/x", EINVAL, 0 }, { "/dev/fd/3x", EINVAL, 0 },
		{ "/dev/fd/-1", EINVAL, 0 }, { "/dev/fd/ 3", EINVAL, 0 },
		{ "/dev/fd/+3", EINVAL, 0 }, { "/dev/fd/3 ", EINVAL, 0 },
		{ "/dev/fd/2147483648", EINVAL, 0 }, { "-1", EINVAL, 0 }, { "x", EINVAL, 0 },
		{ "/dev/fd/0x3", EINVAL, 0 }, { "/dev/sda", EINVAL, 0 }, { "-", EINVAL, 0 },
		{ "/dev/fd/99999999999999999999999", ERANGE, 0 },
		{ "99999999999999999999999", ERANGE, 0 },
		{ "/dev/fd/99999999999999999999999x", EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = -7;

		if (unixfd_parse_name(cases[i].name, &fd) != cases[i].err)
			fail_msg("%s", cases[i].name);
		if (!cases[i].err)
			assert_int_equal(fd, cases[i].fd);
	}
}

static void closed_descriptor(void **state __attribute__((unused)))
{
	io_channel io = (io_channel)1;

	assert_int_equal(unixfd_io_manager->open("/dev/fd/2147483647", 0, &io), EBADF);
	assert_null(io);
	assert_int_equal(unixfd_io_manager->open("/dev/fd/3x", 0, &io), EINVAL);
}

static void descriptor_stays_open(void **state __attribute__((unused)))
{
	int fd = open(make_file("f"), O_RDWR), got;
	uint8_t buf[4096];
	io_channel io;
	char name[32];

	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	assert_int_equal(unixfd_io_manager->open(name, IO_FLAG_RW, &io), 0);
	assert_int_equal(io_channel_get_fd(io, &got), 0);
	assert_int_equal(got, fd);
	io_channel_set_blksize(io, 4096);
	assert_int_equal(io_channel_read_blk64(io, 3, 1, buf), 0);
	assert_pattern(buf, 4096, 3 * 4096);
	assert_int_equal(io_channel_close(io), 0);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

static void descriptor_flags_count(void **state __attribute__((unused)))
{
	int fd = open(make_file("f"), O_RDONLY);
	io_channel io;
	char name[32];

	snprintf(name, sizeof(name), "%d", fd);
	assert_int_equal(unixfd_io_manager->open(name, IO_FLAG_RW, &io), EBADF);
	assert_int_equal(unixfd_io_manager->open(name, IO_FLAG_DIRECT_IO, &io), EINVAL);
	assert_int_equal(unixfd_io_manager->open(name, 0, &io), 0);
	assert_int_equal(io_channel_close(io), 0);
	close(fd);
	fd = open(scratch_path("f"), O_WRONLY);
	snprintf(name, sizeof(name), "%d", fd);
	assert_int_equal(unixfd_io_manager->open(name, 0, &io), EBADF);
	close(fd);
	fd = open(scratch_path("f"), O_PATH);
	snprintf(name, sizeof(name), "%d", fd);
	assert_int_equal(unixfd_io_manager->open(name, 0, &io), EBADF);
	close(fd);
}

static void paths_that_are_no_devices(void **state __attribute__((unused)))
{
	io_channel io;

	assert_int_equal(unix_io_manager->open(scratch_path("none"), 0, &io), ENOENT);
	assert_int_equal(unix_io_manager->open(scratch_dir(), 0, &io), EISDIR);
	assert_int_equal(unix_io_manager->open("/dev/null", 0, &io), ENOTBLK);
	assert_int_equal(unix_io_manager->open("", 0, &io), EXT2_ET_BAD_DEVICE_NAME);
	assert_int_equal(unix_io_manager->open(NULL, 0, &io), EXT2_ET_BAD_DEVICE_NAME);
	/* opening a pipe would wait for a writer */
	assert_int_equal(mkfifo(scratch_path("pipe"), 0600), 0);
	assert_int_equal(unix_io_manager->open(scratch_path("pipe"), 0, &io), ENOTBLK);
}

/* ---- options ---- */

static void offset_moves_the_channel(void **state __attribute__((unused)))
{
	io_channel io = open_file(make_file("f"), IO_FLAG_RW);
	uint8_t buf[4096];
	int fd;

	assert_int_equal(io_channel_get_fd(io, &fd), 0);
	assert_true(fd >= 0);
	assert_int_equal(io_channel_set_options(io, "offset=1536"), 0);
	assert_int_equal(io_channel_read_blk64(io, 2, 1, buf), 0);
	assert_pattern(buf, 4096, 2 * 4096 + 1536);
	fd = 77;
	assert_int_equal(io_channel_get_fd(io, &fd), EINVAL);
	assert_int_equal(fd, -1);
	assert_int_equal(io_channel_set_options(io, "offset=9223372036854775807"), 0);
	assert_int_equal(io_channel_read_blk64(io, 2, 1, buf), EXT2_ET_INVALID_ARGUMENT);
	assert_int_equal(io_channel_set_options(io, "offset=0"), 0);
	assert_int_equal(io_channel_get_fd(io, &fd), 0);
	assert_int_equal(io_channel_close(io), 0);
}

static void bad_options(void **state __attribute__((unused)))
{
	static const char *const bad[] = {
		"offset", "offset=", "offset=-1", "offset=1x", "offset= 1",
		"offset=9223372036854775808", "offset=99999999999999999999999", "cache=on", "x=1",
		"offset=0&nonsense=1",
	};
	io_channel io = open_file(make_file("f"), 0);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (io_channel_set_options(io, bad[i]) != EXT2_ET_INVALID_ARGUMENT)
			fail_msg("%s", bad[i]);
	assert_int_equal(io_channel_set_options(io, NULL), 0);
	assert_int_equal(io_channel_set_options(io, ""), 0);
	assert_int_equal(io_channel_close(io), 0);
}

/* ---- transfers ---- */

static void all_counts(int flags)
{
	io_channel io = open_file(make_file("f"), IO_FLAG_RW | flags);
	static const int counts[] = { 1, 3, 40, -1, -511, -512, -1024, -4097, -300000 };
	uint8_t *buf = malloc(FILE_SIZE + 1);

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		size_t len = counts[i] < 0 ? (size_t)-counts[i] : (size_t)counts[i] * 4096;

		for (int shift = 0; shift < 2; shift++) {
			memset(buf, 0xee, FILE_SIZE + 1);
			assert_int_equal(io_channel_read_blk64(io, 5, counts[i], buf + shift), 0);
			assert_pattern(buf + shift, len, 5 * 4096);
			assert_int_equal(buf[shift + len], 0xee);
			/* writing back what was read must leave the file as it was */
			assert_int_equal(io_channel_write_blk64(io, 5, counts[i], buf + shift), 0);
		}
	}
	assert_int_equal(io_channel_read_blk64(io, 0, -FILE_SIZE, buf), 0);
	assert_pattern(buf, FILE_SIZE, 0);
	assert_int_equal(io_channel_close(io), 0);
	free(buf);
}

static void buffered(void **state __attribute__((unused)))
{
	all_counts(0);
}

static void through_bounce_buffers(void **state __attribute__((unused)))
{
	all_counts(IO_FLAG_FORCE_BOUNCE);
}

static bool have_direct(void)
{
	int fd = open(make_file("probe"), O_RDWR | O_DIRECT);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void direct(void **state __attribute__((unused)))
{
	if (!have_direct())
		skip();
	all_counts(IO_FLAG_DIRECT_IO);
}

/* Bytes written with O_DIRECT change nothing around them. */
static void direct_bytes(void **state __attribute__((unused)))
{
	uint8_t *buf = malloc(FILE_SIZE), mark[5000];
	io_channel io;

	if (!have_direct())
		skip();
	io = open_file(make_file("f"), IO_FLAG_RW | IO_FLAG_DIRECT_IO);
	assert_true(io->align >= 512);
	memset(mark, 0x5a, sizeof(mark));
	assert_int_equal(io_channel_write_byte(io, 1024, 1024, mark), 0);
	assert_int_equal(io_channel_write_byte(io, 70001, 5000, mark), 0);
	assert_int_equal(io_channel_read_blk64(io, 0, -FILE_SIZE, buf), 0);
	for (size_t i = 0; i < FILE_SIZE; i++) {
		bool marked = (i >= 1024 && i < 2048) || (i >= 70001 && i < 75001);

		assert_int_equal(buf[i], marked ? 0x5a : pattern(i));
	}
	free(buf);
	assert_int_equal(io_channel_close(io), 0);
}

struct job {
	io_channel io;
	int number;
};

static void *write_slices(void *arg)
{
	struct job *job = arg;
	uint8_t buf[512];

	memset(buf, job->number, sizeof(buf));
	for (unsigned long i = 0; i < 200; i++)
		io_channel_write_byte(job->io, (i * 4 + (unsigned long)job->number) * 512, 512,
				      buf);
	return NULL;
}

/* Four threads write neighbouring parts of the same sectors through bounce buffers of 4 KiB. */
static void neighbours_do_not_undo_each_other(void **state __attribute__((unused)))
{
	io_channel io = open_file(make_file("f"), IO_FLAG_RW | IO_FLAG_FORCE_BOUNCE);
	uint8_t *buf = malloc(FILE_SIZE);
	pthread_t threads[4];
	struct job jobs[4];

	unix_io_data(io)->align = 4096;
	for (int i = 0; i < 4; i++) {
		jobs[i] = (struct job){ io, i };
		pthread_create(&threads[i], NULL, write_slices, &jobs[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(io_channel_read_blk64(io, 0, -FILE_SIZE, buf), 0);
	for (size_t i = 0; i < 800; i++)
		assert_int_equal(buf[i * 512], i % 4);
	free(buf);
	assert_int_equal(io_channel_close(io), 0);
}

static void end_of_device(void **state __attribute__((unused)))
{
	for (int flags = 0; flags <= IO_FLAG_FORCE_BOUNCE; flags += IO_FLAG_FORCE_BOUNCE) {
		io_channel io = open_file(make_file("f"), flags);
		uint8_t buf[8192];

		memset(buf, 0xee, sizeof(buf));
		assert_int_equal(io_channel_read_blk64(io, FILE_SIZE / 4096 - 1, 2, buf),
				 EXT2_ET_SHORT_READ);
		assert_pattern(buf, 4096, FILE_SIZE - 4096);
		for (int i = 4096; i < 8192; i++)
			assert_int_equal(buf[i], 0);
		assert_int_equal(io_channel_read_blk64(io, 1ULL << 60, 1, buf),
				 EXT2_ET_INVALID_ARGUMENT);
		assert_int_equal(io_channel_read_blk64(io, ~0ULL, 1, buf),
				 EXT2_ET_INVALID_ARGUMENT);
		assert_int_equal(io_channel_close(io), 0);
	}
}

static void read_only_refuses_writes(void **state __attribute__((unused)))
{
	io_channel io = open_file(make_file("f"), 0);
	uint8_t buf[4096] = { 0 };

	assert_int_equal(io_channel_write_blk64(io, 0, 1, buf), EXT2_ET_RO_FILSYS);
	assert_int_equal(io_channel_write_byte(io, 0, 1, buf), EXT2_ET_RO_FILSYS);
	assert_int_equal(io_channel_discard(io, 0, 1), EXT2_ET_RO_FILSYS);
	assert_int_equal(io_channel_zeroout(io, 0, 1), EXT2_ET_RO_FILSYS);
	assert_int_equal(io_channel_flush(io), 0);
	assert_int_equal(io_channel_close(io), 0);
}

/* A descriptor that could write does not, when the channel was not asked to. */
static void read_only_channel_on_rw_descriptor(void **state __attribute__((unused)))
{
	int fd = open(make_file("f"), O_RDWR);
	uint8_t buf[4096] = { 0 };
	io_channel io;
	char name[32];

	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	assert_int_equal(unixfd_io_manager->open(name, 0, &io), 0);
	assert_int_equal(io_channel_write_blk64(io, 0, 1, buf), EXT2_ET_RO_FILSYS);
	assert_int_equal(io_channel_close(io), 0);
	close(fd);
}

static ssize_t short_pread(int fd, void *buf, size_t len, off_t offset)
{
	static int calls;

	if (++calls % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	return pread(fd, buf, len > 700 ? 700 : len, offset);
}

static ssize_t short_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	static int calls;

	if (++calls % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	return pwrite(fd, buf, len > 700 ? 700 : len, offset);
}

static void short_transfers_go_on(void **state __attribute__((unused)))
{
	struct unix_io_calls saved = unix_io_calls;

	unix_io_calls.pread = short_pread;
	unix_io_calls.pwrite = short_pwrite;
	all_counts(0);
	all_counts(IO_FLAG_FORCE_BOUNCE);
	unix_io_calls = saved;
}

/* ---- the rest ---- */

static int callback_bytes;

static errcode_t on_read_error(io_channel channel __attribute__((unused)),
			       unsigned long block __attribute__((unused)),
			       int count __attribute__((unused)),
			       void *data __attribute__((unused)), size_t size,
			       int actual, errcode_t error)
{
	assert_int_equal(size, 8192);
	callback_bytes = actual;
	return error == EXT2_ET_SHORT_READ ? 0 : error;
}

static void error_callbacks(void **state __attribute__((unused)))
{
	io_channel io = open_file(make_file("f"), 0);
	uint8_t buf[8192];

	io->read_error = on_read_error;
	assert_int_equal(io_channel_read_blk64(io, FILE_SIZE / 4096 - 1, 2, buf), 0);
	assert_int_equal(callback_bytes, 4096);
	assert_int_equal(io_channel_close(io), 0);
}

static void statistics(void **state __attribute__((unused)))
{
	io_channel io = open_file(make_file("f"), IO_FLAG_RW);
	uint8_t buf[8192];
	io_stats stats;

	io_channel_read_blk64(io, 0, 2, buf);
	io_channel_write_blk64(io, 0, -100, buf);
	assert_int_equal(io_channel_get_stats(io, &stats), 0);
	assert_int_equal(stats->num_fields, 2);
	assert_int_equal(stats->bytes_read, 8192);
	assert_int_equal(stats->bytes_written, 100);
	assert_int_equal(io_channel_close(io), 0);
}

static void assert_zeroes_between(io_channel io, size_t from, size_t to)
{
	uint8_t *buf = malloc(FILE_SIZE);

	assert_int_equal(io_channel_read_blk64(io, 0, -FILE_SIZE, buf), 0);
	for (size_t i = 0; i < FILE_SIZE; i++)
		assert_int_equal(buf[i], i >= from && i < to ? 0 : pattern(i));
	free(buf);
}

static void zeroout_and_discard(void **state __attribute__((unused)))
{
	io_channel io = open_file(make_file("f"), IO_FLAG_RW);
	errcode_t err;

	assert_int_equal(io_channel_zeroout(io, 3, 20), 0);
	assert_zeroes_between(io, 3 * 4096, 23 * 4096);
	assert_int_equal(io_channel_zeroout(io, 3, 0), 0);
	assert_int_equal(io_channel_zeroout(io, ~0ULL, 2), EXT2_ET_INVALID_ARGUMENT);
	assert_int_equal(io_channel_close(io), 0);

	io = open_file(make_file("f"), IO_FLAG_RW);
	assert_true(io->flags & CHANNEL_FLAGS_DISCARD_ZEROES);
	err = io_channel_discard(io, 5, 2);
	if (err != EXT2_ET_OP_NOT_SUPPORTED) {
		assert_int_equal(err, 0);
		assert_zeroes_between(io, 5 * 4096, 7 * 4096);
	}
	assert_int_equal(io_channel_close(io), 0);
}

/* Zeroes past the end of an image file make it longer, as a write does. */
static void zeroout_past_the_end(void **state __attribute__((unused)))
{
	io_channel io = open_file(make_file("f"), IO_FLAG_RW);
	uint8_t buf[8192];

	assert_int_equal(io_channel_zeroout(io, FILE_SIZE / 4096 - 1, 600), 0);
	assert_int_equal(io_channel_read_blk64(io, FILE_SIZE / 4096 + 597, 2, buf), 0);
	for (size_t i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0);
	assert_int_equal(io_channel_close(io), 0);
}

static void flock_excludes(void **state __attribute__((unused)))
{
	io_channel a = open_file(make_file("f"), IO_FLAG_RW);
	io_channel b = open_file(scratch_path("f"), IO_FLAG_RW);

	assert_int_equal(io_channel_flock(a, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(io_channel_flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	assert_int_equal(io_channel_flock(a, LOCK_UN), 0);
	assert_int_equal(io_channel_flock(b, LOCK_SH | LOCK_NB), 0);
	assert_int_equal(io_channel_close(a), 0);
	assert_int_equal(io_channel_close(b), 0);
}

static void references(void **state __attribute__((unused)))
{
	io_channel io = open_file(make_file("f"), 0);
	uint8_t buf[4096];

	io_channel_addref(io);
	assert_int_equal(io_channel_close(io), 0);
	assert_int_equal(io_channel_read_blk64(io, 0, 1, buf), 0);
	assert_int_equal(io_channel_close(io), 0);
}

static void missing_slots(void **state __attribute__((unused)))
{
	struct struct_io_manager manager = { .magic = EXT2_ET_MAGIC_IO_MANAGER };
	struct struct_io_channel io = { .magic = EXT2_ET_MAGIC_IO_CHANNEL, .manager = &manager };
	int fd = 5;

	assert_int_equal(io_channel_get_fd(&io, &fd), EXT2_ET_OP_NOT_SUPPORTED);
	assert_int_equal(fd, -1);
	assert_int_equal(io_channel_flock(&io, LOCK_EX), EXT2_ET_OP_NOT_SUPPORTED);
	assert_int_equal(io_channel_discard(&io, 0, 1), EXT2_ET_OP_NOT_SUPPORTED);
	assert_int_equal(io_channel_zeroout(&io, 0, 1), EXT2_ET_OP_NOT_SUPPORTED);
	assert_int_equal(io_channel_read_blk64(&io, 0, 1, &fd), EXT2_ET_OP_NOT_SUPPORTED);
	assert_int_equal(io_channel_flush(&io), 0);
	io.magic = 0;
	assert_int_equal(io_channel_flush(&io), EXT2_ET_MAGIC_IO_CHANNEL);
}

static void aligned_memory(void **state __attribute__((unused)))
{
	struct struct_io_channel io = { .block_size = 1024, .align = 4096 };
	void *buf;

	assert_int_equal(io_channel_alloc_buf(&io, 3, &buf), 0);
	assert_int_equal((uintptr_t)buf % 4096, 0);
	memset(buf, 0, 3 * 1024);
	free(buf);
	assert_int_equal(io_channel_alloc_buf(&io, -17, &buf), 0);
	free(buf);
	assert_int_equal(io_channel_alloc_buf(&io, 0, &buf), EXT2_ET_INVALID_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fd_names),
		cmocka_unit_test(closed_descriptor),
		cmocka_unit_test(descriptor_stays_open),
		cmocka_unit_test(descriptor_flags_count),
		cmocka_unit_test(paths_that_are_no_devices),
		cmocka_unit_test(offset_moves_the_channel),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(buffered),
		cmocka_unit_test(through_bounce_buffers),
		cmocka_unit_test(direct),
		cmocka_unit_test(direct_bytes),
		cmocka_unit_test(neighbours_do_not_undo_each_other),
		cmocka_unit_test(end_of_device),
		cmocka_unit_test(read_only_refuses_writes),
		cmocka_unit_test(read_only_channel_on_rw_descriptor),
		cmocka_unit_test(short_transfers_go_on),
		cmocka_unit_test(error_callbacks),
		cmocka_unit_test(statistics),
		cmocka_unit_test(zeroout_and_discard),
		cmocka_unit_test(zeroout_past_the_end),
		cmocka_unit_test(flock_excludes),
		cmocka_unit_test(references),
		cmocka_unit_test(missing_slots),
		cmocka_unit_test(aligned_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
