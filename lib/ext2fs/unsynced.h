/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of a device's sync state: what was written since the last good
 * flush, and what a failed flush may have lost.  Knows nothing of descriptors.
 *
 * After a failed fsync, Linux takes the pages that it could not write for
 * clean, and the next fsync succeeds without having done anything for them.  A
 * later success therefore proves nothing until the same bytes are written again.
 */
#ifndef EXT2FS_UNSYNCED_H
#define EXT2FS_UNSYNCED_H

#include <pthread.h>
#include "ext2fs/ext2_types.h"

/* A set of byte ranges, kept as bitmaps of 1 KiB units */
struct byte_set {
	struct chunk	**buckets;
	size_t		nbuckets, nchunks;
	bool		everything;	/* too much to remember, or out of memory */
};

struct unsynced {
	pthread_mutex_t	lock;		/* innermost */
	struct byte_set	written;	/* since the last flush began */
	struct byte_set	lost;		/* to be written again before a flush may succeed */
	bool		dirty;		/* something to flush */
	uint64_t	failures;
	errcode_t	error;		/* of the first failure, while lost is not empty */
};

void unsynced_init(struct unsynced *us);
void unsynced_destroy(struct unsynced *us);

/*
 * Around every write: begin before it, end after it with what begin returned.
 * @ok tells whether the write succeeded; a failed one counts as a write too.
 * @forget: the bytes need no rewriting if they are lost (a discard).
 */
uint64_t unsynced_begin(struct unsynced *us, uint64_t offset, uint64_t len, bool forget);
void unsynced_end(struct unsynced *us, uint64_t ticket, uint64_t offset, uint64_t len, bool ok,
		  bool forget);

/*
 * Around every fsync; flushes are serialised by the caller.  Begin returns false
 * when there is nothing to do and nothing to complain about; *@flushing is then
 * empty.  End takes the fsync's result and returns the flush's.
 */
bool unsynced_flush_begin(struct unsynced *us, struct byte_set *flushing);
/* The flush that just ended well left the device's own cache alone: there is one to do. */
void unsynced_flush_is_due(struct unsynced *us);
errcode_t unsynced_flush_end(struct unsynced *us, struct byte_set *flushing, errcode_t result);

#endif /* EXT2FS_UNSYNCED_H */
