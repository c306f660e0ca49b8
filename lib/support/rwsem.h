/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lock for readers or one writer that starves neither: readers who come while a
 * writer waits wait behind it, and when it is done, those readers who waited go before the
 * next writer.  pthread's lock lets readers pass a waiting writer for as long as they
 * keep coming, or else writers pass readers.
 *
 * A thread that holds it must not take it again, not even as a reader: a writer may wait in between.
 */
#ifndef SUPPORT_RWSEM_H
#define SUPPORT_RWSEM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct rwsem {
	pthread_mutex_t	lock;		/* innermost; held for a moment only */
	uint32_t	readers;	/* inside */
	uint32_t	waiting_readers, waiting_writers;
	uint32_t	reader_seq;	/* moves on when all waiting readers are let in; a futex, as the next */
	uint32_t	writer_seq;
	bool		writer;		/* inside */
};

void rwsem_init(struct rwsem *sem);
void rwsem_destroy(struct rwsem *sem);
void rwsem_down_read(struct rwsem *sem);
void rwsem_down_write(struct rwsem *sem);
/* What the caller holds, of whichever kind. */
void rwsem_up(struct rwsem *sem);

#endif /* SUPPORT_RWSEM_H */
