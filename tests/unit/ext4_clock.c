/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wall clock jumps, back and forward and out of what an inode or the superblock can
 * hold, while the engine runs: nothing hangs, nothing spins, what happens by
 * the clock still happens, the times on the disk are valid.  This program has a wall clock of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "craft.h"
/* The libraries are linked with these functions instead of libc's. */
#include "tests/preload/clock.c"

#define YEAR		(INT64_C(31556952))
#define MIN_TIME	(-(INT64_C(1) << 31))
#define MAX_TIME	((INT64_C(1) << 34) - 1 + MIN_TIME)
#define MAX_SB_TIME	((INT64_C(1) << 40) - 1)
#define TIME_LIMIT	60	/* seconds for one file system; a jump that somebody waits for takes years */

static int64_t moved;	/* seconds, atomic */

/* Set the clock to @to seconds since 1970, also the coarse one of inodes' times, which is up to a tick behind. */
static void jump_to(int64_t to)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &ts);
	__atomic_store_n(&moved, to - ts.tv_sec, __ATOMIC_RELAXED);
	offset = &moved;
}

static double processor_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int64_t clamp(int64_t t, int64_t min, int64_t max)
{
	return t < min ? min : t > max ? max : t;
}

static unsigned int writes(struct etest *t)
{
	unsigned int n;

	pthread_mutex_lock(&t->mem->lock);
	n = t->mem->writes;
	pthread_mutex_unlock(&t->mem->lock);
	return n;
}

/* Nobody asks for it, but after a second or two it is written. */
static void written_by_itself(struct etest *t)
{
	unsigned int before = writes(t), i;
	double used = processor_time();

	ext4_iput(etest_create(t->root, "later"));
	for (i = 0; i < 400 && writes(t) == before; i++)
		usleep(10000);
	assert_int_not_equal(writes(t), before);
	assert_true(processor_time() - used < 0.5);
	assert_int_equal(ext4_unlink(t->root, "later", 5), 0);
}

static void has_time(struct ext4_inode *inode, int64_t now)
{
	struct ext4_stat st;
	int64_t want = clamp(now, MIN_TIME, MAX_TIME), last = clamp(now + TIME_LIMIT, MIN_TIME, MAX_TIME);

	ext4_getattr(inode, &st);
	assert_in_range(st.st.st_mtim.tv_sec - want, 0, last - want);
	assert_in_range(st.st.st_ctim.tv_sec - want, 0, last - want);
	assert_in_range(st.st.st_atim.tv_sec - want, 0, last - want);
	assert_in_range(st.btime.tv_sec - want, 0, last - want);
}

static void use(struct etest *t, int64_t now, bool wait)
{
	struct ext4_iattr attr = { .valid = EXT4_ATTR_MODE, .mode = 0600 };
	struct ext4_inode *inode = etest_create(t->root, "file"), *gone = etest_create(t->root, "gone");
	char buf[8];

	etest_write(inode, "content", 8, 0);
	assert_int_equal(ext4_fsync(inode, false), 0);
	assert_int_equal(ext4_read(inode, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(ext4_setattr(inode, &attr), 0);
	assert_int_equal(ext4_setxattr(inode, "user.name", "value", 5, 0), 0);
	has_time(inode, now);
	ext4_iput(inode);
	assert_int_equal(ext4_unlink(t->root, "gone", 4), 0);
	ext4_iput(gone);
	assert_int_equal(ext4_syncfs(t->fs), 0);
	ext4_shrink(t->fs, false);
	if (wait)
		written_by_itself(t);
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
}

static void check_super(struct etest *t, int64_t now)
{
	struct ext2_super_block *sb = craft_super(t);
	int64_t written = ext2fs_get_tstamp(sb, s_wtime), want = clamp(now, 0, MAX_SB_TIME);

	assert_in_range(written - want, 0, TIME_LIMIT);
	assert_int_equal(sb->s_error_count, 0);
}

/* At that time e2fsck, too, finds nothing wrong. */
static void check_disk(struct etest *t, int64_t now)
{
	char value[32];

	check_super(t, now);
	snprintf(value, sizeof(value), "%lld", (long long)clamp(now, 1, MAX_SB_TIME) + TIME_LIMIT);
	setenv("E2FSCK_TIME", value, 1);
	assert_int_equal(etest_fsck(t), 0);
	unsetenv("E2FSCK_TIME");
}

/* From 56: back, forward, before 1970, then what inodes and superblocks cannot hold. */
#define WAITS	3	/* so many of them show what happens by the clock */
static const int64_t jumps[] = {
	55 * YEAR, 65 * YEAR, -10 * YEAR, 1, -1, 69 * YEAR, 138 * YEAR, 137 * YEAR, 600 * YEAR, -600 * YEAR,
};

/* Over all jumps the same mount. */
static void running(const char *mke2fs)
{
	struct etest *t = etest_new(mke2fs);
	size_t i;

	t->opts.commit_interval = t->opts.flush_interval = 1;
	t->opts.lazytime = true;
	jump_to(56 * YEAR);
	alarm(TIME_LIMIT);
	etest_mount(t);
	for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		jump_to(jumps[i]);
		use(t, jumps[i], i < WAITS);
	}
	assert_int_equal(etest_umount(t), 0);
	check_disk(t, jumps[i - 1]);
	alarm(0);
	etest_free(t);
}

static void with_a_journal(void **state __attribute__((unused)))
{
	running("-t ext4 -b 1024 -J size=1 4M");
}

static void without_a_journal(void **state __attribute__((unused)))
{
	running("-t ext4 -O ^has_journal -b 1024 4M");
}

/* Mounted and unmounted at every time, with a deleted inode, and a log and an orphan for the next mount. */
static void mounted_then(const char *mke2fs)
{
	struct etest *t = etest_new(mke2fs), *crashed;
	struct ext4_inode *inode;
	size_t i;

	alarm(TIME_LIMIT);
	for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		jump_to(jumps[i]);
		etest_mount(t);
		inode = etest_create(t->root, "file");
		etest_write(inode, "content", 8, 0);
		ext4_iput(inode);
		assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
		inode = etest_create(t->root, "file");
		assert_int_equal(ext4_syncfs(t->fs), 0);
		assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
		assert_int_equal(ext4_syncfs(t->fs), 0);
		crashed = etest_from(t->mem->data, t->mem->size);
		ext4_iput(inode);
		assert_int_equal(etest_umount(t), 0);
		check_disk(t, jumps[i]);
		if (!strstr(mke2fs, "ext2"))
			etest_mount(crashed);
		if (crashed->fs) {
			assert_int_equal(etest_umount(crashed), 0);
			check_disk(crashed, jumps[i]);
		}
		etest_free(crashed);
	}
	alarm(0);
	etest_free(t);
}

static void mounted_ext4(void **state __attribute__((unused)))
{
	mounted_then("-t ext4 -b 1024 -J size=1 4M");
}

static void mounted_ext2(void **state __attribute__((unused)))
{
	mounted_then("-t ext2 -I 256 -b 1024 4M");
}

/* What was deleted soon after 1970 does not look like a link of the list of orphans later. */
static void deleted_in_1970(void **state __attribute__((unused)))
{
	struct etest *t = etest_new("-t ext4 -b 1024 -J size=1 4M");

	jump_to(1);
	etest_mount(t);
	ext4_iput(etest_create(t->root, "file"));
	assert_int_equal(ext4_unlink(t->root, "file", 4), 0);
	assert_int_equal(etest_umount(t), 0);
	jump_to(56 * YEAR);
	etest_mount(t);
	assert_int_equal(etest_umount(t), 0);
	check_disk(t, 56 * YEAR);
	etest_free(t);
}

/* An inode is damaged: the time of the error is kept within bounds. */
static void error_then(void **state __attribute__((unused)))
{
	struct etest *t = etest_new("-t ext4 -b 1024 -J size=1 4M");
	struct ext4_inode *inode;
	uint32_t ino;
	size_t i;

	etest_mount(t);
	inode = etest_create(t->root, "file");
	ino = ext4_ino(inode);
	ext4_iput(inode);
	assert_int_equal(etest_umount(t), 0);
	craft_inode(t, ino)->i_mode ^= cpu_to_le16(1);
	t->opts.errors = EXT4_ERRORS_CONTINUE;
	t->opts.log = NULL;
	for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		jump_to(jumps[i]);
		etest_mount(t);
		assert_int_equal(ext4_lookup(t->root, "file", 4, &inode), -EBADMSG);
		assert_int_equal(etest_umount(t), 0);
		assert_in_range(ext2fs_get_tstamp(craft_super(t), s_last_error_time) -
				clamp(jumps[i], 0, MAX_SB_TIME), 0, TIME_LIMIT);
		assert_int_equal(craft_errors(t), i + 1);
	}
	etest_free(t);
}

/* Multi-mount protection goes on checking, and knows its own block again. */
static void protected(void **state __attribute__((unused)))
{
	running("-t ext4 -O mmp -E mmp_update_interval=1 -b 1024 -J size=1 4M");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_journal),
		cmocka_unit_test(without_a_journal),
		cmocka_unit_test(mounted_ext4),
		cmocka_unit_test(mounted_ext2),
		cmocka_unit_test(deleted_in_1970),
		cmocka_unit_test(error_then),
		cmocka_unit_test(protected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
