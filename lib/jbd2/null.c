/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal that is none: what a handle dirties goes to the cache at once.
 * A buffer is still pinned from write access to the end of the handle, so
 * that the cache does not write it while it changes.  Also used while
 * fast-commit records are applied.
 */
#include <stdlib.h>
#include "jbd2/jbd2_i.h"

#define RECENT	8	/* buffers looked at for one that is pinned already */

int jbd2_null_start(journal_t *journal, int nblocks, handle_t **ret)
{
	handle_t *handle;
	int err;

	if (journal_errno(journal))
		return -EROFS;
	handle = calloc(1, sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	err = jbd2_null_enter(journal);
	if (err) {
		free(handle);
		return err;
	}
	handle->entered = true;
	handle->journal = journal;
	handle->credits = nblocks;
	INIT_LIST_HEAD(&handle->callbacks);
	*ret = handle;
	return 0;
}

int jbd2_null_stop(handle_t *handle)
{
	journal_t *journal = handle->journal;
	int err = journal_errno(journal) || !journal->null ? -EIO : 0;
	unsigned int i;

	for (i = 0; i < handle->nr_pinned; i++)
		iocache_unpin(handle->pinned[i]);
	if (handle->entered)
		jbd2_null_leave(journal);
	if (!err && handle->sync)
		err = jbd2_null_commit(journal);
	jbd2_run_callbacks(&handle->callbacks, err);
	free(handle->pinned);
	free(handle);
	return err;
}

static bool pinned_recently(const handle_t *handle, const struct iocache_buf *buf)
{
	unsigned int i, n = handle->nr_pinned;

	for (i = 0; i < RECENT && i < n; i++)
		if (handle->pinned[n - 1 - i] == buf)
			return true;
	return false;
}

int jbd2_null_access(handle_t *handle, struct iocache_buf *buf)
{
	struct iocache_buf **more;
	unsigned int room;

	if (journal_errno(handle->journal) || !handle->journal->null)
		return -EROFS;
	if (pinned_recently(handle, buf))
		return 0;
	if (handle->nr_pinned == handle->room_pinned) {
		room = handle->room_pinned ? handle->room_pinned * 2 : 16;
		more = realloc(handle->pinned, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		handle->pinned = more;
		handle->room_pinned = room;
	}
	/* Under the lock: a transfer that has begun is over then. */
	iocache_lock(buf);
	iocache_pin(buf);
	iocache_unlock(buf);
	handle->pinned[handle->nr_pinned++] = buf;
	return 0;
}

int jbd2_null_dirty(handle_t *handle, struct iocache_buf *buf)
{
	if (!handle->journal->null)
		return -EROFS;
	iocache_mark_dirty(buf);
	return 0;
}

int jbd2_null_forget(handle_t *handle, blk64_t blk)
{
	if (!handle->journal->null)
		return -EROFS;
	iocache_forget(handle->journal->cache, blk, 1);
	return 0;
}

/* A commit is a flush. */
int jbd2_null_commit(journal_t *journal)
{
	errcode_t io;

	if (journal_errno(journal))
		return -EIO;
	if (journal->read_only)
		return 0;
	io = journal->barrier ? iocache_flush(journal->cache) : iocache_write_dirty(journal->cache);
	return jbd2_errno(io);
}
