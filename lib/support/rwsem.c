/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fair lock for readers or one writer: see rwsem.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "support/rwsem.h"

void rwsem_init(struct rwsem *sem)
{
	memset(sem, 0, sizeof(*sem));
	pthread_mutex_init(&sem->lock, NULL);
}

void rwsem_destroy(struct rwsem *sem)
{
	pthread_mutex_destroy(&sem->lock);
}

/* lock held, and again afterwards: sleep until *@seq moves on.  Whoever changes it holds the lock, so no change is missed. */
static void sleep_on(struct rwsem *sem, uint32_t *seq)
{
	uint32_t seen = *seq;

	pthread_mutex_unlock(&sem->lock);
	syscall(SYS_futex, seq, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
	pthread_mutex_lock(&sem->lock);
}

static void wake(uint32_t *seq, int how_many)
{
	syscall(SYS_futex, seq, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
}

void rwsem_down_read(struct rwsem *sem)
{
	uint32_t seq;

	pthread_mutex_lock(&sem->lock);
	if (sem->writer || sem->waiting_writers) {
		sem->waiting_readers++;
		/* Whoever moves it on has counted us as inside. */
		seq = sem->reader_seq;
		while (sem->reader_seq == seq)
			sleep_on(sem, &sem->reader_seq);
	} else {
		sem->readers++;
	}
	pthread_mutex_unlock(&sem->lock);
}

void rwsem_down_write(struct rwsem *sem)
{
	pthread_mutex_lock(&sem->lock);
	sem->waiting_writers++;
	while (sem->writer || sem->readers)
		sleep_on(sem, &sem->writer_seq);
	sem->waiting_writers--;
	sem->writer = true;
	pthread_mutex_unlock(&sem->lock);
}

/* lock held, nobody inside any more: let all in who wait as readers. */
static bool admit_readers(struct rwsem *sem)
{
	if (!sem->waiting_readers)
		return false;
	sem->readers = sem->waiting_readers;
	sem->waiting_readers = 0;
	__atomic_add_fetch(&sem->reader_seq, 1, __ATOMIC_RELAXED);
	return true;
}

/*
 * After a writer the waiting readers go first, after the last reader a writer.  The memory may be gone once the lock
 * is let go: waking up is by address only.
 */
void rwsem_up(struct rwsem *sem)
{
	bool wake_readers = false, wake_writer = false;

	pthread_mutex_lock(&sem->lock);
	if (sem->writer) {
		sem->writer = false;
		wake_readers = admit_readers(sem);
		wake_writer = !wake_readers && sem->waiting_writers;
	} else if (--sem->readers == 0) {
		wake_writer = sem->waiting_writers != 0;
	}
	if (wake_writer)
		__atomic_add_fetch(&sem->writer_seq, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&sem->lock);
	if (wake_readers)
		wake(&sem->reader_seq, INT32_MAX);
	else if (wake_writer)
		wake(&sem->writer_seq, 1);
}
