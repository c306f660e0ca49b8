/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock for readers or one writer: it excludes, and neither a stream of readers nor one
 * of writers keeps the others out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include "support/rwsem.h"

#define THREADS	4

static struct rwsem sem;
static bool stop;		/* atomic */
static int inside;		/* of the lock: readers, or -1; atomic */
static long counter;		/* under the lock */

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void read_once(void)
{
	rwsem_down_read(&sem);
	assert_true(__atomic_add_fetch(&inside, 1, __ATOMIC_RELAXED) > 0);
	sched_yield();
	assert_true(__atomic_fetch_sub(&inside, 1, __ATOMIC_RELAXED) > 0);
	rwsem_up(&sem);
}

static void write_once(void)
{
	rwsem_down_write(&sem);
	assert_int_equal(__atomic_fetch_sub(&inside, 1, __ATOMIC_RELAXED), 0);
	counter++;
	sched_yield();
	assert_int_equal(__atomic_fetch_add(&inside, 1, __ATOMIC_RELAXED), -1);
	rwsem_up(&sem);
}

/* There is always one of them inside: each waits for the next to come before it goes. */
static void *keep_reading(void *arg)
{
	(void)arg;
	while (!stopped()) {
		rwsem_down_read(&sem);
		usleep(2000);
		rwsem_up(&sem);
	}
	return NULL;
}

static void *keep_writing(void *arg)
{
	(void)arg;
	while (!stopped()) {
		rwsem_down_write(&sem);
		usleep(1000);
		rwsem_up(&sem);
	}
	return NULL;
}

static void *both(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	int i;

	for (i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		if (seed >> 16 & 1)
			write_once();
		else
			read_once();
	}
	return NULL;
}

static void start(pthread_t *threads, void *(*func)(void *))
{
	uintptr_t i;

	rwsem_init(&sem);
	__atomic_store_n(&stop, false, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, func, (void *)(i + 1)), 0);
}

static void finish(pthread_t *threads)
{
	int i;

	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	rwsem_destroy(&sem);
}

static void excludes(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	counter = 0;
	start(threads, both);
	finish(threads);
	assert_int_equal(inside, 0);
	assert_true(counter > THREADS * 20000 / 4);
}

/* Either would go on for ever, were the others let in first: the test's own time limit would end it. */
static void writers_get_in_among_readers(void **state)
{
	pthread_t threads[THREADS];
	int i;

	(void)state;
	start(threads, keep_reading);
	for (i = 0; i < 50; i++) {
		rwsem_down_write(&sem);
		rwsem_up(&sem);
	}
	finish(threads);
}

static void readers_get_in_among_writers(void **state)
{
	pthread_t threads[THREADS];
	int i;

	(void)state;
	start(threads, keep_writing);
	for (i = 0; i < 50; i++) {
		rwsem_down_read(&sem);
		rwsem_up(&sem);
	}
	finish(threads);
}

/* Readers share, also those who were let in together. */
static void readers_share(void **state)
{
	(void)state;
	rwsem_init(&sem);
	rwsem_down_read(&sem);
	assert_int_equal(sem.readers, 1);
	rwsem_down_read(&sem);	/* no writer waits, so that this is no deadlock */
	assert_int_equal(sem.readers, 2);
	rwsem_up(&sem);
	rwsem_up(&sem);
	rwsem_down_write(&sem);
	rwsem_up(&sem);
	rwsem_destroy(&sem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_share),
		cmocka_unit_test(excludes),
		cmocka_unit_test(writers_get_in_among_readers),
		cmocka_unit_test(readers_get_in_among_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
