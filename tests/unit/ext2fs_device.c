/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unix I/O managers and multi-mount protection on a real block device, a
 * loop device with sectors of 4 KiB.  Needs root; skipped otherwise.
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
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ext2fs/mmp_i.h"
#include "ext2fs/unix_io_i.h"
#include "scratch.h"

#define SIZE	(16 << 20)

static char *device;

static int attach(void **state __attribute__((unused)))
{
	if (geteuid() != 0 || !scratch_have("losetup"))
		return 0;
	if (scratch_run("truncate -s %d disk", SIZE))
		return -1;
	device = scratch_output("losetup -f --show -b 4096 disk");
	device[strcspn(device, "\n")] = '\0';
	if (!*device) {
		free(device);
		device = NULL;
	}
	return 0;
}

static int detach(void **state __attribute__((unused)))
{
	if (device)
		scratch_run("losetup -d %s", device);
	free(device);
	return 0;
}

static io_channel open_device(int flags)
{
	io_channel io;

	if (!device)
		skip();
	assert_int_equal(unix_io_manager->open(device, flags, &io), 0);
	assert_int_equal(io_channel_set_blksize(io, 1024), 0);
	return io;
}

static void exclusive(void **state __attribute__((unused)))
{
	io_channel a = open_device(IO_FLAG_RW | IO_FLAG_EXCLUSIVE), b;

	assert_int_equal(unix_io_manager->open(device, IO_FLAG_RW | IO_FLAG_EXCLUSIVE, &b), EBUSY);
	assert_int_equal(unix_io_manager->open(device, 0, &b), 0);
	assert_true(b->flags & CHANNEL_FLAGS_BLOCK_DEVICE);
	assert_int_equal(io_channel_close(b), 0);
	assert_int_equal(io_channel_close(a), 0);
}

static void size_and_end(void **state __attribute__((unused)))
{
	io_channel io = open_device(IO_FLAG_RW);
	char buf[4096] = { 0 };
	uint64_t size;
	int fd;

	assert_int_equal(io_channel_get_fd(io, &fd), 0);
	assert_int_equal(ext2fs_get_fd_size(fd, &size), 0);
	assert_int_equal(size, SIZE);
	assert_int_equal(io_channel_write_blk64(io, SIZE / 1024 - 2, 4, buf), EXT2_ET_SHORT_WRITE);
	assert_int_equal(io_channel_read_blk64(io, SIZE / 1024 - 2, 4, buf), EXT2_ET_SHORT_READ);
	assert_int_equal(io_channel_close(io), 0);
}

static void fill(io_channel io, char byte)
{
	char *buf = malloc(SIZE);

	memset(buf, byte, SIZE);
	assert_int_equal(io_channel_write_blk64(io, 0, -SIZE, buf), 0);
	free(buf);
}

/* Bytes [from, to) are @inside, the others @outside. */
static void assert_content(io_channel io, int from, int to, char inside, char outside)
{
	char *buf = malloc(SIZE);

	assert_int_equal(io_channel_read_blk64(io, 0, -SIZE, buf), 0);
	for (int i = 0; i < SIZE; i++)
		if (buf[i] != (i >= from && i < to ? inside : outside))
			fail_msg("byte %d is wrong", i);
	free(buf);
}

/* Blocks smaller than a sector, with and without the page cache */
static void small_blocks(void **state __attribute__((unused)))
{
	for (int flags = 0; flags <= IO_FLAG_DIRECT_IO; flags += IO_FLAG_DIRECT_IO) {
		io_channel io = open_device(IO_FLAG_RW | flags);
		char buf[3072];

		assert_int_equal(io->align, flags ? 4096 : 0);
		fill(io, 'a');
		memset(buf, 'b', sizeof(buf));
		assert_int_equal(io_channel_write_blk64(io, 5, 3, buf), 0);
		assert_content(io, 5 * 1024, 8 * 1024, 'b', 'a');
		assert_int_equal(io_channel_flush(io), 0);
		assert_int_equal(io_channel_close(io), 0);
	}
}

static void zeroout_and_discard(void **state __attribute__((unused)))
{
	io_channel io = open_device(IO_FLAG_RW);
	errcode_t err;

	fill(io, 'a');
	assert_int_equal(io_channel_zeroout(io, 8, 64), 0);
	assert_content(io, 8 * 1024, 72 * 1024, 0, 'a');
	/* less than a sector: no ioctl can do that */
	fill(io, 'a');
	assert_int_equal(io_channel_zeroout(io, 9, 1), 0);
	assert_content(io, 9 * 1024, 10 * 1024, 0, 'a');
	err = io_channel_discard(io, 1024, 1024);
	assert_true(err == 0 || err == EXT2_ET_OP_NOT_SUPPORTED);
	assert_int_equal(io_channel_close(io), 0);
}

/* ---- multi-mount protection ---- */

static int lost;

static void on_lost(void *priv __attribute__((unused)), errcode_t err __attribute__((unused)),
		    const struct ext2fs_mmp_holder *holder __attribute__((unused)))
{
	__atomic_add_fetch(&lost, 1, __ATOMIC_RELAXED);
}

static void make_mmp_fs(void)
{
	if (!device)
		skip();
	ext2fs_mmp_second = 20;
	lost = 0;
	if (scratch_run("mke2fs -q -F -t ext4 -b 4096 -O mmp -E mmp_update_interval=1 %s", device))
		skip();
}

static struct ext2fs_super *open_super(io_channel io)
{
	struct ext2fs_super *sup;

	assert_int_equal(ext2fs_open_super(io, 0, 0, 0, &sup, NULL), 0);
	return sup;
}

/* The claim is on the disk, not in a page, while the channel itself is buffered. */
static void mmp_past_the_page_cache(void **state __attribute__((unused)))
{
	struct ext2fs_mmp_holder holder;
	struct ext2fs_super *sup;
	struct mmp_struct *block;
	struct ext2fs_mmp *mmp;
	io_channel io, direct;
	uint32_t seq;

	make_mmp_fs();
	io = open_device(IO_FLAG_RW | IO_FLAG_EXCLUSIVE);
	sup = open_super(io);
	assert_int_equal(ext2fs_mmp_start(sup, on_lost, NULL, NULL, &holder, &mmp), 0);
	direct = open_device(IO_FLAG_DIRECT_IO);
	io_channel_set_blksize(direct, 4096);
	assert_int_equal(io_channel_alloc_buf(direct, 1, &block), 0);
	assert_int_equal(io_channel_read_blk64(direct, le64_to_cpu(sup->raw.s_mmp_block), 1, block),
			 0);
	seq = le32_to_cpu(block->mmp_seq);
	assert_int_not_equal(seq, EXT4_MMP_SEQ_CLEAN);
	assert_string_equal(block->mmp_bdevname, strrchr(device, '/') + 1);
	usleep(200000);
	assert_int_equal(io_channel_read_blk64(direct, le64_to_cpu(sup->raw.s_mmp_block), 1, block),
			 0);
	assert_true(le32_to_cpu(block->mmp_seq) > seq);
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
	assert_int_equal(io_channel_read_blk64(direct, le64_to_cpu(sup->raw.s_mmp_block), 1, block),
			 0);
	assert_int_equal(le32_to_cpu(block->mmp_seq), EXT4_MMP_SEQ_CLEAN);
	assert_int_equal(lost, 0);
	free(block);
	ext2fs_free_super(sup);
	assert_int_equal(io_channel_close(direct), 0);
	assert_int_equal(io_channel_close(io), 0);
}

/* What a child without rights finds; its exit status tells where it failed. */
static int sandboxed(int fd, errcode_t expected)
{
	struct ext2fs_super *sup;
	struct ext2fs_mmp *mmp;
	char name[32];
	io_channel io;

	if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
		return 1;
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	if (unixfd_io_manager->open(name, IO_FLAG_RW, &io))
		return 2;
	if (ext2fs_open_super(io, 0, 0, 0, &sup, NULL))
		return 3;
	if (ext2fs_mmp_start(sup, on_lost, NULL, NULL, NULL, &mmp) != expected)
		return 4;
	usleep(100000);
	if (ext2fs_mmp_stop(mmp) || lost)
		return 5;
	ext2fs_free_super(sup);
	return io_channel_close(io) ? 6 : 0;
}

static void in_child(int open_flags, errcode_t expected)
{
	int fd = open(device, open_flags), status;
	pid_t pid;

	assert_true(fd >= 0);
	pid = fork();
	if (pid == 0)
		_exit(sandboxed(fd, expected));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(fd);
}

/* Where the device cannot be opened again, the descriptor at hand must bypass the page cache. */
static void mmp_in_a_sandbox(void **state __attribute__((unused)))
{
	make_mmp_fs();
	in_child(O_RDWR, EXT2_ET_MMP_OPEN_DIRECT);
	in_child(O_RDWR | O_DIRECT, 0);
	assert_int_equal(scratch_run("dumpe2fs -h %s", device), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exclusive),
		cmocka_unit_test(size_and_end),
		cmocka_unit_test(small_blocks),
		cmocka_unit_test(zeroout_and_discard),
		cmocka_unit_test(mmp_past_the_page_cache),
		cmocka_unit_test(mmp_in_a_sandbox),
	};

	return cmocka_run_group_tests(tests, attach, detach);
}
