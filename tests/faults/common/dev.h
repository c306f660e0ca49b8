/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device in memory that fails as it is told: the n-th read, write or flush, once or
 * from then on.  It remembers what a failed flush may have lost.
 */
#ifndef FAULTS_DEV_H
#define FAULTS_DEV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "ext2fs/ext2_io.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_READ,
	FAULT_WRITE,
	FAULT_FLUSH,
	FAULT_SHORT_READ,	/* half of it is read, then an error */
	FAULT_SHORT_WRITE,	/* half of it is written, then an error */
	FAULT_FLIP_READ,	/* one bit is wrong, and nobody says so */
	FAULT_FLIP_WRITE,
	FAULT_ALLOC,		/* not the device's: memory runs out */
};

struct fault {
	enum fault_kind	kind;
	unsigned long	at;		/* counted from 0 */
	bool		stays;		/* all after it as well */
};

#define DEV_MAX_SIZE	(16U << 20)
/* File data is full of this, so that a wrong bit in them is known to be nobody's to find. */
#define DEV_DATA_MARK	0x41544144U

struct dev {
	pthread_mutex_t	lock;
	uint64_t	size;
	struct fault	fault;
	unsigned long	reads, writes, flushes;
	unsigned long	hits;			/* faults that happened */
	bool		hit_journal;		/* one of them was a write into the log */
	bool		unprotected;		/* the wrong bit is in file data, or may be in the torn end of the log */
	bool		journal[DEV_MAX_SIZE / 1024];
	char		*data;			/* what reads see */
	char		*durable;		/* what the last good flush made sure of */
	bool		unflushed[DEV_MAX_SIZE / 1024];
};

/* One at a time; it begins as a copy of @image. */
struct dev *dev_new(const char *image, uint64_t size, const bool *journal);
void dev_free(struct dev *d);
/* What has not been flushed, or failed to be, is gone. */
void dev_power_cut(struct dev *d);
io_channel dev_channel(struct dev *d);

#endif /* FAULTS_DEV_H */
