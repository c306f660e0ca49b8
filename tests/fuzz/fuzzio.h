/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device in memory for the fuzzers: what was changed is put back from the
 * base image block by block, so that an input costs what it touches.
 */
#ifndef FUZZ_FUZZIO_H
#define FUZZ_FUZZIO_H

#include <pthread.h>
#include <stdbool.h>
#include "ext2fs/ext2_io.h"

#define FUZZIO_UNIT	1024	/* bytes: what is put back at once */

struct fuzzio {
	pthread_mutex_t	lock;
	char		*data, *base;
	uint64_t	size;
	unsigned char	*dirty;		/* one byte for each unit */
	int		fd;		/* as large as the device and empty: it tells the size */
	bool		hide_size;	/* the device does not tell its size */
};

/* Takes @base (malloc) over. */
struct fuzzio *fuzzio_new(char *base, uint64_t size);
struct fuzzio *fuzzio_load(const char *path);
/* Change the bytes before the test; what lies outside is dropped. */
void fuzzio_patch(struct fuzzio *d, uint64_t off, const void *data, uint64_t len);
void fuzzio_restore(struct fuzzio *d);
io_channel fuzzio_channel(struct fuzzio *d, int block_size);

#endif /* FUZZ_FUZZIO_H */
