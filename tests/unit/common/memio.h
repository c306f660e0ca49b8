/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device in memory for tests: records every write and flush, so that the
 * device can be put back to what a power cut at any moment would have left,
 * and fails on demand.
 */
#ifndef UNIT_MEMIO_H
#define UNIT_MEMIO_H

#include <pthread.h>
#include <stdbool.h>
#include "ext2fs/ext2_io.h"

struct memio_event {
	bool		flush;
	uint64_t	off, len;
	char		*data;		/* of a write, with recording on */
};

struct memio {
	pthread_mutex_t		lock;
	char			*data, *base;	/* now, and when recording began */
	uint64_t		size;
	struct memio_event	*events;
	size_t			nr_events, room;
	bool			record;
	unsigned int		writes, reads, flushes, write_outs;
	size_t			last_write_out;	/* nr_events at that time */
	/*
	 * faults: a write that touches [fail_from, fail_to) bytes, reads likewise, the next
	 * flushes
	 */
	uint64_t		fail_from, fail_to;
	uint64_t		fail_read_from, fail_read_to;
	bool			fail_flush;
	/* every write after so many more fails; -1 = none */
	int			fail_after;
	unsigned int		write_delay_us, flush_delay_us, zero_delay_us;	/* the latter of discards too */
	bool			zeroing;	/* one of these is under way; atomic */
};

struct memio *memio_new(uint64_t size);
struct memio *memio_load(const char *path);
void memio_free(struct memio *m);
/* A channel over it, with this block size; several may be open. */
io_channel memio_channel(struct memio *m, int block_size);
/* Begin recording: what is there now is durable. */
void memio_start(struct memio *m);
/*
 * Into @image (m->size bytes): all up to the flush that event @upto - 1 is at or before, plus
 * of the writes between it and
 * event @upto each 512-byte sector (the superblock: all of it) with chance @percent, by random generator *seed.
 */
void memio_crash(struct memio *m, size_t upto, int percent, unsigned int *seed, char *image);
void memio_save(const struct memio *m, const char *path);
void memio_save_bytes(const char *path, const char *data, uint64_t size);

#endif /* UNIT_MEMIO_H */
