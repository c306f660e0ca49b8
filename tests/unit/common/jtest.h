/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A journal for tests, inside a real file system image made by mke2fs, driven
 * without an engine: it may write the blocks [first, first + count), which
 * the file system has free.
 */
#ifndef UNIT_JTEST_H
#define UNIT_JTEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include "jbd2/jbd2.h"
#include "memio.h"

struct jtest {
	char		dir[64];
	char		image[80];
	struct memio	*mem;
	io_channel	dev;
	struct iocache	*cache;
	journal_t	*journal;
	blk64_t		*map;
	uint32_t	log_blocks;
	unsigned int	block_size;
	blk64_t		first, count;
	struct jbd2_params params;
	int		aborts;		/* calls of the aborted callback */
	bool		loud;
	struct jbd2_recovery_stats stats;
};

/* Make the image (options of mke2fs, 8 or 16 MiB) and load it into memory; recording begins. */
struct jtest *jtest_new(const char *mke2fs_options, unsigned int block_size);
/* The same with an image and a region of so many blocks; the log does not reach into its last part. */
struct jtest *jtest_new_sized(const char *mke2fs_options, unsigned int block_size, unsigned int blocks,
			      unsigned int region);
/* The same device with the content of @data, for another look. */
struct jtest *jtest_copy(const struct jtest *t, const char *data);
/* cache and journal, loaded; t->params may be changed before */
void jtest_open(struct jtest *t);
int jtest_try_open(struct jtest *t);
int jtest_close(struct jtest *t);	/* clean end; the journal's result */
void jtest_kill(struct jtest *t);	/* as if the process had died: abort, nothing written */
void jtest_free(struct jtest *t);
/* One transaction piece: put @value (repeated) into @n blocks of the region beginning at @index. */
void jtest_fill(struct jtest *t, handle_t *h, blk64_t index, uint64_t value);
void jtest_put(struct jtest *t, blk64_t index, unsigned int n, uint64_t value);
/*
 * What block @index of the region holds on the device (in @data, or now): its value, or ~0 if
 * mixed.
 */
uint64_t jtest_value(const struct jtest *t, const char *data, blk64_t index);
/* e2fsck -E journal_only on these bytes; the result replaces them. */
void jtest_e2fsck_replay(const struct jtest *t, char *data);
int jtest_system(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* UNIT_JTEST_H */
