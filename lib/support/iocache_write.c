/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The buffer cache's way home: the dirty state, and writing dirty buffers,
 * sorted and neighbours together.
 *
 * A buffer is on a dirty list from the moment it becomes dirty until a write
 * has succeeded (or the dirty state was dropped), so whoever collects the
 * lists also meets the buffers that another thread is writing right now, and
 * waits for them by taking their lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "support/iocache_i.h"

void iocache_dirty_init(struct iocache *ic)
{
	int i;

	for (i = 0; i < IOCACHE_DIRTY_SHARDS; i++) {
		pthread_mutex_init(&ic->dirty_lists[i].lock, NULL);
		INIT_LIST_HEAD(&ic->dirty_lists[i].list);
	}
}

void iocache_dirty_destroy(struct iocache *ic)
{
	struct iocache_buf *buf, *next;
	struct iocache_dirty *d;
	int i;

	for (i = 0; i < IOCACHE_DIRTY_SHARDS; i++) {
		d = &ic->dirty_lists[i];
		list_for_each_entry_safe(buf, next, &d->list, b_dirty_list) {
			list_del_init(&buf->b_dirty_list);
			iocache_put(buf);
		}
		pthread_mutex_destroy(&d->lock);
	}
}

static struct iocache_dirty *dirty_list_of(struct iocache_buf *buf)
{
	return &buf->b_cache->dirty_lists[(buf->b_blocknr >> 6) % IOCACHE_DIRTY_SHARDS];
}

void iocache_mark_dirty(struct iocache_buf *buf)
{
	struct iocache_dirty *d;

	/*
	 * Sequentially consistent: what the caller has changed is seen by the writer
	 * who clears the bit that this call found set.
	 */
	if (__atomic_fetch_or(&buf->b_state, IOCACHE_BUF_DIRTY, __ATOMIC_SEQ_CST) &
	    IOCACHE_BUF_DIRTY)
		return;
	iocache_add(&buf->b_cache->dirty, 1);
	d = dirty_list_of(buf);
	pthread_mutex_lock(&d->lock);
	if (list_empty(&buf->b_dirty_list)) {
		list_add_tail(&buf->b_dirty_list, &d->list);
		iocache_hold(buf);
	}
	pthread_mutex_unlock(&d->lock);
}

/* Clear the bit; false when it was not set. */
static bool dirty_test_clear(struct iocache_buf *buf)
{
	if (!(__atomic_fetch_and(&buf->b_state, ~IOCACHE_BUF_DIRTY, __ATOMIC_SEQ_CST) &
	      IOCACHE_BUF_DIRTY))
		return false;
	iocache_add(&buf->b_cache->dirty, -1);
	return true;
}

static void leave_dirty_list(struct iocache_buf *buf)
{
	struct iocache_dirty *d = dirty_list_of(buf);
	bool off = false;

	pthread_mutex_lock(&d->lock);
	if (!iocache_test(buf, IOCACHE_BUF_DIRTY) && !list_empty(&buf->b_dirty_list)) {
		list_del_init(&buf->b_dirty_list);
		off = true;
	}
	pthread_mutex_unlock(&d->lock);
	if (off)
		iocache_put(buf);
}

void iocache_clear_dirty(struct iocache_buf *buf)
{
	if (dirty_test_clear(buf))
		leave_dirty_list(buf);
}

/* Lock a buffer that is to be written; false (and unlocked) when it is not, or not now. */
static bool lock_for_write(struct iocache_buf *buf, bool wait)
{
	if (!wait) {
		if (pthread_mutex_trylock(&buf->b_lock))
			return false;
	} else {
		iocache_lock(buf);
	}
	if (!__atomic_load_n(&buf->b_pins, __ATOMIC_ACQUIRE) && dirty_test_clear(buf))
		return true;
	iocache_unlock(buf);
	return false;
}

static void finish_write(struct iocache_buf *buf, errcode_t err)
{
	if (err) {
		iocache_set(buf, IOCACHE_BUF_ERROR);
		iocache_mark_dirty(buf);
		iocache_unlock(buf);
	} else {
		iocache_clear(buf, IOCACHE_BUF_ERROR);
		iocache_unlock(buf);
		leave_dirty_list(buf);
	}
}

static errcode_t write_some(struct iocache *ic, struct iocache_buf **bufs, unsigned int n,
			    char *mem)
{
	errcode_t err;
	unsigned int i;

	for (i = 0; n > 1 && i < n; i++)
		memcpy(mem + (size_t)i * ic->block_size, bufs[i]->b_data, ic->block_size);
	err = io_channel_write_blk64(ic->dev, bufs[0]->b_blocknr, n, n > 1 ? mem : bufs[0]->b_data);
	if (!err)
		iocache_add(&ic->bytes_written, (uint64_t)n * ic->block_size);
	return err;
}

/*
 * Write @n locked buffers of adjacent blocks and unlock them.  When the
 * transfer of many fails, each is tried alone, so that one bad block keeps
 * only itself from getting home.
 */
static errcode_t write_run(struct iocache *ic, struct iocache_buf **bufs, unsigned int n, char *mem)
{
	errcode_t err, first = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (bufs[i] == ic->watched)
			ic->before_write(ic->before_priv);
	err = write_some(ic, bufs, n, mem);
	for (i = 0; i < n; i++) {
		if (err && n > 1) {
			errcode_t single = write_some(ic, &bufs[i], 1, mem);

			finish_write(bufs[i], single);
			first = first ? first : single;
		} else {
			finish_write(bufs[i], err);
			first = err;
		}
	}
	return first;
}

static int compare_bufs(const void *a, const void *b)
{
	blk64_t x = (*(struct iocache_buf *const *)a)->b_blocknr;
	blk64_t y = (*(struct iocache_buf *const *)b)->b_blocknr;

	return x < y ? -1 : x > y;
}

/*
 * Only the first buffer of a run is waited for, with no other lock held: so no order
 * among buffer locks is needed.  A later one that is locked begins a run of its own.
 */
static errcode_t write_sorted(struct iocache *ic, struct iocache_buf **bufs, size_t count,
			      char *mem, unsigned int max, bool wait)
{
	errcode_t err, first = 0;
	unsigned int n;
	size_t i = 0;

	while (i < count) {
		if (!lock_for_write(bufs[i], wait)) {
			i++;
			continue;
		}
		for (n = 1; n < max && i + n < count; n++)
			if (bufs[i + n]->b_blocknr != bufs[i]->b_blocknr + n ||
			    !lock_for_write(bufs[i + n], false))
				break;
		err = write_run(ic, bufs + i, n, mem);
		first = first ? first : err;
		i += n;
	}
	return first;
}

/* Sorts @bufs in place. */
static errcode_t write_array(struct iocache *ic, struct iocache_buf **bufs, size_t count, bool wait)
{
	unsigned int max = iocache_run_bufs(ic);
	void *mem = NULL;
	errcode_t err;

	if (!count || ic->read_only)
		return 0;
	if (count < max)
		max = count;
	if (max > 1 && posix_memalign(&mem, 4096, (size_t)max * ic->block_size)) {
		mem = NULL;
		max = 1;
	}
	qsort(bufs, count, sizeof(*bufs), compare_bufs);
	err = write_sorted(ic, bufs, count, mem, max, wait);
	free(mem);
	return err;
}

void iocache_before_write(struct iocache *ic, struct iocache_buf *buf, void (*func)(void *priv), void *priv)
{
	ic->before_write = func;
	ic->before_priv = priv;
	ic->watched = buf;
}

errcode_t iocache_write_bufs(struct iocache *ic, struct iocache_buf **bufs, size_t count)
{
	struct iocache_buf **copy;
	errcode_t err;

	if (!count)
		return 0;
	copy = malloc(count * sizeof(*copy));
	if (!copy)
		return ENOMEM;
	memcpy(copy, bufs, count * sizeof(*copy));
	err = write_array(ic, copy, count, true);
	free(copy);
	return err;
}

/* References to everything on the dirty lists that is not pinned. */
static errcode_t collect_dirty(struct iocache *ic, struct iocache_buf ***ret, size_t *count)
{
	struct iocache_buf **bufs = NULL, **more, *buf;
	struct iocache_dirty *d;
	size_t n = 0, room = 0;
	errcode_t err = 0;
	int i;

	for (i = 0; i < IOCACHE_DIRTY_SHARDS && !err; i++) {
		d = &ic->dirty_lists[i];
		pthread_mutex_lock(&d->lock);
		list_for_each_entry(buf, &d->list, b_dirty_list) {
			if (__atomic_load_n(&buf->b_pins, __ATOMIC_ACQUIRE))
				continue;
			if (n == room) {
				room = room ? room * 2 : 256;
				more = realloc(bufs, room * sizeof(*bufs));
				if (!more) {
					err = ENOMEM;
					break;
				}
				bufs = more;
			}
			iocache_hold(buf);
			bufs[n++] = buf;
		}
		pthread_mutex_unlock(&d->lock);
	}
	*ret = bufs;
	*count = n;
	return err;
}

static errcode_t write_dirty(struct iocache *ic, bool wait)
{
	struct iocache_buf **bufs;
	errcode_t err, err2;
	size_t count, i;

	if (ic->read_only)
		return 0;
	err = collect_dirty(ic, &bufs, &count);
	err2 = write_array(ic, bufs, count, wait);
	for (i = 0; i < count; i++)
		iocache_put(bufs[i]);
	free(bufs);
	return err ? err : err2;
}

errcode_t iocache_write_dirty(struct iocache *ic)
{
	return write_dirty(ic, true);
}

errcode_t iocache_write_dirty_nowait(struct iocache *ic)
{
	return write_dirty(ic, false);
}

errcode_t iocache_flush(struct iocache *ic)
{
	errcode_t err, err2;

	if (ic->read_only)
		return 0;
	err = iocache_write_dirty(ic);
	err2 = io_channel_flush(ic->dev);
	return err ? err : err2;
}
