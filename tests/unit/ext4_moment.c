/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is held for a moment, free blocks that are being trimmed or inodes whose table is being
 * zeroed, is not used up: who has nothing else waits for it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "etest.h"

static bool stop;	/* atomic */

static void *keep_trimming(void *arg)
{
	struct etest *t = arg;
	uint64_t trimmed;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		assert_int_equal(ext4_trim(t->fs, 0, UINT64_MAX, 0, &trimmed), 0);
	return NULL;
}

static void wait_for_zeroing(struct etest *t)
{
	while (!__atomic_load_n(&t->mem->zeroing, __ATOMIC_ACQUIRE))
		usleep(1000);
}

static void finish(struct etest *t)
{
	t->mem->zero_delay_us = 0;
	assert_int_equal(etest_umount(t), 0);
	assert_int_equal(etest_fsck(t), 0);
	etest_free(t);
}

/* All free blocks are one run in one group. */
static void blocks_while_trimming(void **state)
{
	struct etest *t = etest_new("-t ext4 -b 4096 -J size=4 64M");
	char *data = calloc(1, 1 << 20), name[16];
	struct ext4_inode *file;
	pthread_t thread;
	int i;

	(void)state;
	memset(data, 'd', 1 << 20);
	etest_mount(t);
	t->mem->zero_delay_us = 20000;
	assert_int_equal(pthread_create(&thread, NULL, keep_trimming, t), 0);
	for (i = 0; i < 20; i++) {
		wait_for_zeroing(t);
		snprintf(name, sizeof(name), "%d", i);
		file = etest_create(t->root, name);
		etest_write(file, data, 1 << 20, 0);
		ext4_iput(file);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	/* And nothing of it was discarded. */
	for (i = 0; i < 20; i++) {
		char *got = malloc(1 << 20);

		snprintf(name, sizeof(name), "%d", i);
		file = etest_lookup(t->root, name);
		assert_int_equal(ext4_read(file, got, 1 << 20, 0), 1 << 20);
		assert_memory_equal(got, data, 1 << 20);
		ext4_iput(file);
		free(got);
	}
	free(data);
	finish(t);
}

/* The only group with free inodes is the one whose table is being zeroed. */
static void inodes_while_zeroing(void **state)
{
	struct etest *t = etest_new("-t ext4 -b 1024 -O ^flex_bg -N 64 -E nodiscard,lazy_itable_init=1 16M");
	struct ext4_inode *file;
	char name[16];
	int i;

	(void)state;
	t->opts.init_itable = true;
	t->mem->zero_delay_us = 300000;
	etest_mount(t);
	for (i = 0; i < 32 - 11; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ext4_iput(etest_create(t->root, name));
	}
	wait_for_zeroing(t);
	file = etest_create(t->root, "file");
	ext4_iput(file);
	ext4_iput(etest_mkdir(t->root, "dir"));
	finish(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_while_trimming),
		cmocka_unit_test(inodes_while_zeroing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
