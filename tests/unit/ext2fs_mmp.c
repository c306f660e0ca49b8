/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multi-mount protection.  A second of the protocol takes a few milliseconds here.
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
#include <sys/utsname.h>
#include <unistd.h>
#include "ext2fs/mmp_i.h"
#include "ext2fs/unix_io_i.h"
#include "scratch.h"

#define SECOND	20	/* ms */

static io_channel io;
static struct ext2fs_super *sup;
static int lost_calls;
static errcode_t lost_error;
static struct ext2fs_mmp_holder lost_to;

static bool broken;	/* atomic: writes fail */

static ssize_t fragile_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	if (!__atomic_load_n(&broken, __ATOMIC_ACQUIRE))
		return pwrite(fd, buf, len, offset);
	errno = EIO;
	return -1;
}

static void set_broken(bool value)
{
	__atomic_store_n(&broken, value, __ATOMIC_RELEASE);
}

static void on_lost(void *priv, errcode_t err, const struct ext2fs_mmp_holder *holder)
{
	assert_ptr_equal(priv, &io);
	lost_error = err;
	lost_to = *holder;
	__atomic_add_fetch(&lost_calls, 1, __ATOMIC_RELEASE);
}

static void seconds(unsigned int n)
{
	usleep(n * SECOND * 1000);
}

static void open_channel(io_manager manager, const char *name)
{
	assert_int_equal(manager->open(name, IO_FLAG_RW, &io), 0);
	assert_int_equal(ext2fs_open_super(io, 0, 0, 0, &sup, NULL), 0);
}

static void close_channel(void)
{
	ext2fs_free_super(sup);
	if (io)
		assert_int_equal(io_channel_close(io), 0);
	sup = NULL;
	io = NULL;
}

static int setup(void **state __attribute__((unused)))
{
	ext2fs_mmp_second = SECOND;
	lost_calls = 0;
	if (!scratch_have("mke2fs"))
		return 0;
	if (scratch_run("rm -f img; mke2fs -q -F -t ext4 -b 1024 -O mmp -E mmp_update_interval=1 "
			"img 8M && cp img orig"))
		return -1;
	open_channel(unix_io_manager, scratch_path("img"));
	return 0;
}

static int teardown(void **state __attribute__((unused)))
{
	close_channel();
	return 0;
}

static void need_image(void)
{
	if (!sup)
		skip();
}

static struct mmp_struct get_block(void)
{
	struct mmp_dev dev = { .io = io, .csum = &sup->csum };
	struct mmp_struct mmp;

	dev.blk = le64_to_cpu(sup->raw.s_mmp_block);
	assert_int_equal(mmp_read(&dev, &mmp), 0);
	return mmp;
}

static void put_block(struct mmp_struct *mmp)
{
	struct mmp_dev dev = { .io = io, .csum = &sup->csum };

	dev.blk = le64_to_cpu(sup->raw.s_mmp_block);
	assert_int_equal(mmp_write(&dev, mmp), 0);
}

static uint32_t get_seq(void)
{
	struct mmp_struct mmp = get_block();

	return le32_to_cpu(mmp.mmp_seq);
}

static struct ext2fs_mmp *start(void)
{
	struct ext2fs_mmp *mmp;

	assert_int_equal(ext2fs_mmp_start(sup, on_lost, NULL, &io, NULL, &mmp), 0);
	return mmp;
}

/* Somebody else's block: sequence number and name as given */
static void pretend(uint32_t seq, const char *node)
{
	struct mmp_struct mmp = get_block();

	mmp.mmp_seq = cpu_to_le32(seq);
	memset(mmp.mmp_nodename, 0, sizeof(mmp.mmp_nodename));
	memcpy(mmp.mmp_nodename, node, strlen(node));
	memcpy(mmp.mmp_bdevname, "sdz9", 5);
	put_block(&mmp);
}

static void claim_and_release(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;
	struct mmp_struct block;
	struct utsname uts;

	need_image();
	assert_int_equal(get_seq(), EXT4_MMP_SEQ_CLEAN);
	mmp = start();
	block = get_block();
	uname(&uts);
	assert_string_equal(block.mmp_nodename, uts.nodename);
	assert_string_equal(block.mmp_bdevname, "img");
	assert_true(le32_to_cpu(block.mmp_seq) <= EXT4_MMP_SEQ_MAX);
	assert_true(le16_to_cpu(block.mmp_check_interval) >= EXT4_MMP_MIN_CHECK_INTERVAL);
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
	assert_int_equal(get_seq(), EXT4_MMP_SEQ_CLEAN);
	assert_int_equal(lost_calls, 0);
	assert_int_equal(scratch_run("e2fsck -fn img"), 0);
	assert_int_equal(ext2fs_mmp_stop(NULL), 0);
}

/* The claim is renewed: every few seconds, where the disk is not busy with others' writes. */
static bool goes_on(void)
{
	uint32_t before = get_seq();

	for (int i = 0; i < 500 && get_seq() == before; i++)
		seconds(1);
	return get_seq() > before;
}

static void keep_alive(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	mmp = start();
	assert_true(goes_on());
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
	assert_int_equal(lost_calls, 0);
}

static void abandon_leaves_no_trace(void **state __attribute__((unused)))
{
	need_image();
	assert_int_equal(ext2fs_mmp_abandon(start()), 0);
	assert_int_equal(scratch_run("cmp img orig"), 0);
	/* nor where the one before had gone without a word */
	pretend(1234, "gone");
	assert_int_equal(scratch_run("cp img orig"), 0);
	assert_int_equal(ext2fs_mmp_abandon(start()), 0);
	assert_int_equal(scratch_run("cmp img orig"), 0);
}

static void dead_holder_is_outwaited(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	pretend(1234, "gone");
	mmp = start();
	assert_int_not_equal(get_seq(), 1234);
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
}

static void fsck_is_not_disturbed(void **state __attribute__((unused)))
{
	struct ext2fs_mmp_holder holder;
	struct ext2fs_mmp *mmp;

	need_image();
	pretend(EXT4_MMP_SEQ_FSCK, "checker\x1b[2J");
	assert_int_equal(scratch_run("cp img orig"), 0);
	assert_int_equal(ext2fs_mmp_start(sup, NULL, NULL, NULL, &holder, &mmp), EXT2_ET_MMP_FSCK_ON);
	assert_null(mmp);
	assert_string_equal(holder.nodename, "checker?[2J");
	assert_string_equal(holder.bdevname, "sdz9");
	assert_int_equal(scratch_run("cmp img orig"), 0);
}

static void *other_node(void *stop)
{
	for (uint32_t seq = 100; !__atomic_load_n((bool *)stop, __ATOMIC_ACQUIRE); seq++) {
		pretend(seq, "other");
		seconds(2);
	}
	return NULL;
}

static void live_holder_is_respected(void **state __attribute__((unused)))
{
	struct ext2fs_mmp_holder holder;
	struct ext2fs_mmp *mmp;
	pthread_t thread;
	bool stop = false;

	need_image();
	pretend(99, "other");
	pthread_create(&thread, NULL, other_node, &stop);
	assert_int_equal(ext2fs_mmp_start(sup, NULL, NULL, NULL, &holder, &mmp), EXT2_ET_MMP_FAILED);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_null(mmp);
	assert_string_equal(holder.nodename, "other");
	assert_in_range(holder.seq, 100, 200);
}

/* As a host leaves it that has gone, with a check interval that nobody writes. */
static void leave_with_interval(uint16_t interval)
{
	struct mmp_struct block = get_block();

	block.mmp_seq = cpu_to_le32(1234);
	block.mmp_check_interval = cpu_to_le16(interval);
	put_block(&block);
}

static unsigned int first_left, calls, calls_allowed;
static uint32_t stopped_at;	/* what was in the block then */

static bool count_waiting(void *priv, unsigned int left)
{
	assert_ptr_equal(priv, &io);
	if (!calls++)
		first_left = left;
	stopped_at = get_seq();
	return calls <= calls_allowed;
}

static void no_interval_makes_it_wait_for_hours(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	ext2fs_mmp_second = 1;
	leave_with_interval(0xffff);
	calls = 0;
	calls_allowed = ~0U;
	assert_int_equal(ext2fs_mmp_start(sup, NULL, count_waiting, &io, NULL, &mmp), 0);
	assert_in_range(first_left, 300, 360);
	ext2fs_mmp_second = SECOND;
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
}

/* However far it has come, nothing of it stays. */
static void waiting_can_be_ended(void **state __attribute__((unused)))
{
	bool early = false, late = false;
	struct ext2fs_mmp *mmp;

	need_image();
	leave_with_interval(5);
	assert_int_equal(scratch_run("cp img orig"), 0);
	for (calls_allowed = 0; calls_allowed < 6; calls_allowed++) {
		calls = 0;
		assert_int_equal(ext2fs_mmp_start(sup, NULL, count_waiting, &io, NULL, &mmp), EINTR);
		assert_null(mmp);
		assert_int_equal(scratch_run("cmp img orig"), 0);
		early = early || stopped_at == 1234;
		late = late || stopped_at != 1234;
		if (late)
			break;
	}
	assert_true(early && late);
}

static void our_own_holder_is_respected(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *first, *second;
	struct ext2fs_mmp_holder holder;
	struct utsname uts;

	need_image();
	first = start();
	assert_int_equal(ext2fs_mmp_start(sup, NULL, NULL, NULL, &holder, &second), EXT2_ET_MMP_FAILED);
	uname(&uts);
	assert_string_equal(holder.nodename, uts.nodename);
	seconds(3);
	assert_int_equal(lost_calls, 0);
	assert_int_equal(ext2fs_mmp_stop(first), 0);
}

static void theft_is_noticed(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	mmp = start();
	pretend(4711, "thief");
	for (int i = 0; i < 500 && !__atomic_load_n(&lost_calls, __ATOMIC_ACQUIRE); i++)
		seconds(1);
	assert_int_equal(lost_calls, 1);
	assert_int_equal(lost_error, EXT2_ET_MMP_CHANGE_ABORT);
	assert_string_equal(lost_to.nodename, "thief");
	seconds(4);
	assert_int_equal(get_seq(), 4711);
	/* and what is another's is not marked clean */
	assert_int_equal(ext2fs_mmp_stop(mmp), EXT2_ET_MMP_CHANGE_ABORT);
	assert_int_equal(get_seq(), 4711);
	assert_int_equal(lost_calls, 1);
}

static void theft_is_noticed_at_the_end(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	ext2fs_mmp_second = 60000;	/* no keep-alive comes in between */
	mmp = start();
	pretend(4711, "thief");
	assert_int_equal(ext2fs_mmp_stop(mmp), EXT2_ET_MMP_CHANGE_ABORT);
	assert_int_equal(get_seq(), 4711);
}

static void bad_blocks(void **state __attribute__((unused)))
{
	struct ext2fs_mmp_holder holder;
	struct ext2fs_mmp *mmp;
	struct mmp_struct block;
	__le64 where;

	need_image();
	block = get_block();
	where = sup->raw.s_mmp_block;
	block.mmp_checksum ^= 1;
	assert_int_equal(io_channel_write_blk64(io, le64_to_cpu(where), -1024, &block), 0);
	assert_int_equal(ext2fs_mmp_start(sup, NULL, NULL, NULL, NULL, &mmp), EXT2_ET_MMP_CSUM_INVALID);
	assert_int_equal(ext2fs_mmp_peek(sup, &holder), EXT2_ET_MMP_CSUM_INVALID);
	block.mmp_magic = 0;
	put_block(&block);
	assert_int_equal(ext2fs_mmp_start(sup, NULL, NULL, NULL, NULL, &mmp), EXT2_ET_MMP_MAGIC_INVALID);
	for (uint64_t i = 0; i < 2; i++) {
		sup->raw.s_mmp_block = cpu_to_le64(i ? sup->blocks_count : 1);
		assert_int_equal(ext2fs_mmp_start(sup, NULL, NULL, NULL, NULL, &mmp),
				 EXT2_ET_MMP_BAD_BLOCK);
		assert_int_equal(ext2fs_mmp_peek(sup, &holder), EXT2_ET_MMP_BAD_BLOCK);
	}
	sup->raw.s_mmp_block = cpu_to_le64(~0ULL);
	assert_int_equal(ext2fs_mmp_start(sup, NULL, NULL, NULL, NULL, &mmp), EXT2_ET_MMP_BAD_BLOCK);
}

static void peek_changes_nothing(void **state __attribute__((unused)))
{
	struct ext2fs_mmp_holder holder;

	need_image();
	assert_int_equal(ext2fs_mmp_peek(sup, &holder), 0);
	assert_int_equal(holder.seq, EXT4_MMP_SEQ_CLEAN);
	assert_int_equal(scratch_run("cmp img orig"), 0);
}

/* A descriptor that was handed to us: it is reopened, and its number may be 0. */
static void adopted_descriptor(void **state __attribute__((unused)))
{
	char name[32];
	int fd, saved;

	need_image();
	close_channel();
	fd = open(scratch_path("img"), O_RDWR);
	saved = dup(0);
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "/dev/fd/%d", i ? dup2(fd, 0) : fd);
		open_channel(unixfd_io_manager, name);
		claim_and_release(NULL);
		close_channel();
	}
	dup2(saved, 0);
	close(saved);
	close(fd);
}

/* A file that has no name any more cannot be opened by it, and need not be, being a file. */
static void deleted_file(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	assert_int_equal(scratch_run("mv img img2; cp img2 img"), 0);
	/* by now the path leads to another file: the claim must go to the one that is open */
	mmp = start();
	assert_int_not_equal(get_seq(), EXT4_MMP_SEQ_CLEAN);
	assert_int_equal(scratch_run("cmp img orig"), 0);
	assert_int_equal(scratch_run("rm img img2"), 0);
	seconds(4);
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
	assert_int_equal(lost_calls, 0);
	mmp = start();
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
	assert_int_equal(get_seq(), EXT4_MMP_SEQ_CLEAN);
}

static void image_at_an_offset(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	close_channel();
	assert_int_equal(scratch_run("head -c 1536 /dev/zero > shifted; cat orig >> shifted"), 0);
	assert_int_equal(unix_io_manager->open(scratch_path("shifted"), IO_FLAG_RW, &io), 0);
	assert_int_equal(io_channel_set_options(io, "offset=1536"), 0);
	assert_int_equal(ext2fs_open_super(io, 0, 0, 0, &sup, NULL), 0);
	mmp = start();
	assert_int_not_equal(get_seq(), EXT4_MMP_SEQ_CLEAN);
	assert_int_equal(ext2fs_mmp_abandon(mmp), 0);
	assert_int_equal(scratch_run("tail -c +1537 shifted | cmp - orig"), 0);
}

/* A claim that cannot be renewed is worth nothing after a while, and its owner must know. */
static void failing_device(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	mmp = start();
	set_broken(true);
	for (int i = 0; i < 500 && !__atomic_load_n(&lost_calls, __ATOMIC_ACQUIRE); i++)
		seconds(1);
	assert_int_equal(lost_calls, 1);
	assert_int_equal(lost_error, EIO);
	set_broken(false);
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
	assert_int_equal(get_seq(), EXT4_MMP_SEQ_CLEAN);
}

static void short_trouble_is_survived(void **state __attribute__((unused)))
{
	struct ext2fs_mmp *mmp;

	need_image();
	mmp = start();
	set_broken(true);
	seconds(3);
	set_broken(false);
	assert_true(goes_on());
	assert_int_equal(lost_calls, 0);
	assert_int_equal(ext2fs_mmp_stop(mmp), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(claim_and_release),
		TEST(keep_alive),
		TEST(abandon_leaves_no_trace),
		TEST(dead_holder_is_outwaited),
		TEST(fsck_is_not_disturbed),
		TEST(live_holder_is_respected),
		TEST(no_interval_makes_it_wait_for_hours),
		TEST(waiting_can_be_ended),
		TEST(our_own_holder_is_respected),
		TEST(theft_is_noticed),
		TEST(theft_is_noticed_at_the_end),
		TEST(bad_blocks),
		TEST(peek_changes_nothing),
		TEST(adopted_descriptor),
		TEST(deleted_file),
		TEST(image_at_an_offset),
		TEST(failing_device),
		TEST(short_trouble_is_survived),
	};

	unix_io_calls.pwrite = fragile_pwrite;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
