/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many readers of one file do not keep those out who change it, and the other way round.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "etest.h"

#define READERS	6
#define SIZE	(1 << 20)
#define ROUNDS	20

static struct ext4_inode *file;
static bool stop;		/* atomic */
static unsigned int reads;	/* atomic */

static void *keep_reading(void *arg)
{
	char *buf = malloc(SIZE);

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		assert_true(ext4_read(file, buf, SIZE, 0) >= 0);
		__atomic_add_fetch(&reads, 1, __ATOMIC_RELAXED);
	}
	free(buf);
	return NULL;
}

static void change_while_read(void **state)
{
	struct etest *t = etest_new("-t ext4 16M");
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE };
	pthread_t threads[READERS];
	char *data = calloc(1, SIZE);
	int i;

	(void)state;
	etest_mount(t);
	file = etest_create(t->root, "file");
	etest_write(file, data, SIZE, 0);
	for (i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_reading, NULL), 0);
	while (__atomic_load_n(&reads, __ATOMIC_RELAXED) < READERS)
		usleep(1000);
	for (i = 0; i < ROUNDS; i++) {
		attr.size = i % 2 ? SIZE : 100;
		assert_int_equal(ext4_setattr(file, &attr), 0);
		etest_write(file, data, 4096, i * 4096);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	free(data);
	ext4_iput(file);
	assert_int_equal(etest_umount(t), 0);
	assert_int_equal(etest_fsck(t), 0);
	etest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(change_while_read),
	};

	/* A failure is that it does not come to an end. */
	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
