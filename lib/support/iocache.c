/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The buffer cache: finding, reading, forgetting and evicting buffers.
 * Writing them home is in iocache_write.c, the I/O manager in iocache_io.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "support/iocache_i.h"

#define DEFAULT_DIRTY_BYTES	(128ULL << 20)
#define MIN_BUFFERS		64
/* every buffer has sunk to the ground by then */
#define SHRINK_PASSES		(CACHE_MAX_PRIORITY + 3)
#define READAHEAD_MAX		4096				/* blocks sorted at once */

static struct iocache_buf *buf_of(struct cache_node *node)
{
	return container_of(node, struct iocache_buf, b_node);
}

static uint32_t buf_hash(const void *key)
{
	blk64_t blk = *(const blk64_t *)key;

	return (uint32_t)blk ^ (uint32_t)(blk >> 32) * 0x9e3779b1U;
}

static bool buf_compare(const struct cache_node *node, const void *key)
{
	return container_of(node, const struct iocache_buf, b_node)->b_blocknr ==
		*(const blk64_t *)key;
}

/* The block's bytes follow the structure in the same piece of memory. */
static struct cache_node *buf_alloc(struct cache *cache, const void *key)
{
	struct iocache *ic = cache_priv(cache);
	size_t head = (sizeof(struct iocache_buf) + 63) & ~(size_t)63;
	struct iocache_buf *buf = malloc(head + ic->block_size);

	if (!buf)
		return NULL;
	memset(buf, 0, sizeof(*buf));
	buf->b_cache = ic;
	buf->b_blocknr = *(const blk64_t *)key;
	buf->b_data = (char *)buf + head;
	pthread_mutex_init(&buf->b_lock, NULL);
	INIT_LIST_HEAD(&buf->b_dirty_list);
	iocache_add(&ic->buffers, 1);
	return &buf->b_node;
}

static void buf_relse(struct cache *cache, struct cache_node *node)
{
	struct iocache *ic = cache_priv(cache);
	struct iocache_buf *buf = buf_of(node);

	pthread_mutex_destroy(&buf->b_lock);
	free(buf);
	iocache_add(&ic->buffers, -1);
}

static const struct cache_operations buf_ops = {
	.hash = buf_hash,
	.compare = buf_compare,
	.alloc = buf_alloc,
	.relse = buf_relse,
};

errcode_t iocache_create(io_channel backing, const struct iocache_params *params,
			 struct iocache **ret)
{
	unsigned int bs = params->block_size;
	struct iocache *ic;
	errcode_t err;

	if (bs < 1024 || bs > 65536 || (bs & (bs - 1)) || bs != (unsigned int)backing->block_size)
		return EINVAL;
	ic = aligned_alloc(64, sizeof(*ic));
	if (!ic)
		return ENOMEM;
	memset(ic, 0, sizeof(*ic));
	err = cache_init(&buf_ops, ic, &ic->cache);
	if (err) {
		free(ic);
		return err;
	}
	ic->dev = backing;
	ic->block_size = bs;
	ic->read_only = params->read_only;
	pthread_mutex_init(&ic->balance_lock, NULL);
	iocache_dirty_init(ic);
	iocache_set_max_bytes(ic, params->max_bytes);
	*ret = ic;
	return 0;
}

void iocache_destroy(struct iocache *ic)
{
	if (!ic)
		return;
	iocache_dirty_destroy(ic);
	cache_destroy(ic->cache);
	pthread_mutex_destroy(&ic->balance_lock);
	free(ic);
}

void iocache_set_max_bytes(struct iocache *ic, uint64_t max_bytes)
{
	uint64_t max = max_bytes / ic->block_size;
	uint64_t dirty = DEFAULT_DIRTY_BYTES / ic->block_size;

	if (max_bytes && max < MIN_BUFFERS)
		max = MIN_BUFFERS;
	if (max && dirty > max / 2)
		dirty = max / 2;
	__atomic_store_n(&ic->max_buffers, max, __ATOMIC_RELAXED);
	__atomic_store_n(&ic->dirty_max, dirty, __ATOMIC_RELAXED);
	__atomic_store_n(&ic->next_balance, max, __ATOMIC_RELAXED);
	__atomic_store_n(&ic->next_writeback, dirty, __ATOMIC_RELAXED);
}

static bool over_bounds(struct iocache *ic)
{
	return (iocache_load(&ic->max_buffers) &&
		iocache_load(&ic->buffers) > iocache_load(&ic->next_balance)) ||
	       (int64_t)iocache_load(&ic->dirty) > (int64_t)iocache_load(&ic->next_writeback);
}

static void shrink_to(struct iocache *ic, uint64_t goal)
{
	int pass;

	for (pass = 0; pass < 2 && iocache_load(&ic->buffers) > goal; pass++)
		cache_shrink(ic->cache, iocache_load(&ic->buffers) - goal);
}

/*
 * What could not be freed or written (referenced, pinned, failing) is not
 * tried again before the cache has grown by another sixteenth.
 */
void iocache_balance(struct iocache *ic)
{
	uint64_t max, dirty_max, now;

	if (!over_bounds(ic) || pthread_mutex_trylock(&ic->balance_lock))
		return;
	max = iocache_load(&ic->max_buffers);
	dirty_max = iocache_load(&ic->dirty_max);
	if (iocache_load(&ic->dirty) > dirty_max)
		iocache_write_dirty_nowait(ic);
	if (max && iocache_load(&ic->buffers) > max) {
		shrink_to(ic, max - max / 16);
		if (iocache_load(&ic->buffers) > max) {
			iocache_write_dirty_nowait(ic);
			shrink_to(ic, max - max / 16);
		}
	}
	now = iocache_load(&ic->buffers);
	__atomic_store_n(&ic->next_balance, now > max ? now + max / 16 : max, __ATOMIC_RELAXED);
	now = iocache_load(&ic->dirty);
	__atomic_store_n(&ic->next_writeback,
			 now > dirty_max ? now + dirty_max / 16 : dirty_max, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&ic->balance_lock);
}

/* Fill the buffer from the device, unless someone else has. */
static errcode_t buf_read(struct iocache *ic, struct iocache_buf *buf)
{
	errcode_t err = 0;

	iocache_lock(buf);
	if (!iocache_test(buf, IOCACHE_BUF_UPTODATE)) {
		err = io_channel_read_blk64(ic->dev, buf->b_blocknr, 1, buf->b_data);
		if (!err) {
			iocache_add(&ic->bytes_read, ic->block_size);
			iocache_set(buf, IOCACHE_BUF_UPTODATE);
		}
	}
	iocache_unlock(buf);
	return err;
}

static void buf_make_new(struct iocache *ic, struct iocache_buf *buf)
{
	iocache_lock(buf);
	memset(buf->b_data, 0, ic->block_size);
	iocache_clear(buf, IOCACHE_BUF_VERIFIED | IOCACHE_BUF_ERROR);
	iocache_set(buf, IOCACHE_BUF_UPTODATE);
	iocache_unlock(buf);
}

static errcode_t get_peek(struct iocache *ic, blk64_t blk, struct iocache_buf **ret)
{
	struct cache_node *node;

	*ret = NULL;
	cache_node_get(ic->cache, &blk, CACHE_GET_PEEK, &node, NULL);
	if (!node)
		return 0;
	if (iocache_test(buf_of(node), IOCACHE_BUF_UPTODATE))
		*ret = buf_of(node);
	else
		cache_node_put(ic->cache, node);
	return 0;
}

errcode_t iocache_get(struct iocache *ic, blk64_t blk, unsigned int flags,
		      struct iocache_buf **ret)
{
	struct cache_node *node;
	struct iocache_buf *buf;
	bool created;
	errcode_t err;

	if (flags & IOCACHE_GET_PEEK)
		return get_peek(ic, blk, ret);
	*ret = NULL;
	err = cache_node_get(ic->cache, &blk, 0, &node, &created);
	if (err)
		return err;
	buf = buf_of(node);
	if (created)
		iocache_balance(ic);
	if (flags & IOCACHE_GET_NEW)
		buf_make_new(ic, buf);
	else if (!(flags & IOCACHE_GET_NOREAD) && !iocache_test(buf, IOCACHE_BUF_UPTODATE))
		err = buf_read(ic, buf);
	if (err) {
		cache_node_put(ic->cache, node);
		return err;
	}
	*ret = buf;
	return 0;
}

void iocache_hold(struct iocache_buf *buf)
{
	cache_node_hold(&buf->b_node);
}

void iocache_put(struct iocache_buf *buf)
{
	if (buf)
		cache_node_put(buf->b_cache->cache, &buf->b_node);
}

void iocache_pin(struct iocache_buf *buf)
{
	cache_node_hold(&buf->b_node);
	__atomic_add_fetch(&buf->b_pins, 1, __ATOMIC_ACQ_REL);
}

void iocache_unpin(struct iocache_buf *buf)
{
	__atomic_sub_fetch(&buf->b_pins, 1, __ATOMIC_ACQ_REL);
	iocache_put(buf);
}

/*
 * A buffer to be filled by read-ahead, locked; NULL when it needs no filling
 * or somebody is busy with it.
 */
static struct iocache_buf *readahead_get(struct iocache *ic, blk64_t blk)
{
	struct iocache_buf *buf;

	if (iocache_get(ic, blk, IOCACHE_GET_PEEK, &buf) || buf) {
		iocache_put(buf);
		return NULL;
	}
	if (iocache_get(ic, blk, IOCACHE_GET_NOREAD, &buf))
		return NULL;
	if (!pthread_mutex_trylock(&buf->b_lock)) {
		if (!iocache_test(buf, IOCACHE_BUF_UPTODATE))
			return buf;
		iocache_unlock(buf);
	}
	iocache_put(buf);
	return NULL;
}

/* Fill @n locked buffers of adjacent blocks, unlock and put them. */
static void readahead_run(struct iocache *ic, struct iocache_buf **bufs, unsigned int n, char *mem)
{
	unsigned int i;
	bool ok;

	ok = n && !io_channel_read_blk64(ic->dev, bufs[0]->b_blocknr, n, mem);
	if (ok)
		iocache_add(&ic->bytes_read, (uint64_t)n * ic->block_size);
	for (i = 0; i < n; i++) {
		if (ok) {
			memcpy(bufs[i]->b_data, mem + (size_t)i * ic->block_size, ic->block_size);
			iocache_set(bufs[i], IOCACHE_BUF_UPTODATE);
		}
		iocache_unlock(bufs[i]);
		iocache_put(bufs[i]);
	}
}

static int compare_blks(const void *a, const void *b)
{
	blk64_t x = *(const blk64_t *)a, y = *(const blk64_t *)b;

	return x < y ? -1 : x > y;
}

static void readahead_sorted(struct iocache *ic, const blk64_t *blks, size_t count, char *mem)
{
	unsigned int max = iocache_run_bufs(ic), n = 0;
	struct iocache_buf *run[IOCACHE_RUN_BUFS], *buf;
	size_t i;

	for (i = 0; i < count; i++) {
		buf = readahead_get(ic, blks[i]);
		if (n && (n == max || !buf || blks[i] != run[n - 1]->b_blocknr + 1)) {
			readahead_run(ic, run, n, mem);
			n = 0;
		}
		if (buf)
			run[n++] = buf;
	}
	readahead_run(ic, run, n, mem);
}

void iocache_readahead(struct iocache *ic, const blk64_t *blks, size_t count)
{
	size_t n = count < READAHEAD_MAX ? count : READAHEAD_MAX;
	size_t max = iocache_run_bufs(ic);
	blk64_t *sorted;
	void *mem;

	if (!n)
		return;
	sorted = malloc(n * sizeof(*sorted));
	if (!sorted)
		return;
	if (!posix_memalign(&mem, 4096, (n < max ? n : max) * ic->block_size)) {
		for (; count; blks += n, count -= n) {
			if (n > count)
				n = count;
			memcpy(sorted, blks, n * sizeof(*sorted));
			qsort(sorted, n, sizeof(*sorted), compare_blks);
			readahead_sorted(ic, sorted, n, mem);
		}
		free(mem);
	}
	free(sorted);
}

static void forget_buf(struct iocache *ic, struct iocache_buf *buf)
{
	iocache_lock(buf);
	iocache_clear_dirty(buf);
	iocache_clear(buf, IOCACHE_BUF_UPTODATE | IOCACHE_BUF_VERIFIED | IOCACHE_BUF_ERROR);
	iocache_unlock(buf);
	cache_node_unhash_idle(ic->cache, &buf->b_node);
}

struct forget_range {
	struct iocache	*ic;
	blk64_t		first, count;
};

static int forget_if_inside(struct cache_node *node, void *data)
{
	struct forget_range *range = data;
	struct iocache_buf *buf = buf_of(node);

	if (buf->b_blocknr >= range->first && buf->b_blocknr - range->first < range->count)
		forget_buf(range->ic, buf);
	return 0;
}

void iocache_forget(struct iocache *ic, blk64_t blk, blk64_t count)
{
	struct forget_range range = { ic, blk, count };
	struct cache_node *node;

	/* Looking up each block of a large range costs more than looking at each buffer. */
	if (count > 1024 && count > 4 * iocache_load(&ic->buffers)) {
		cache_walk(ic->cache, forget_if_inside, &range);
		return;
	}
	for (; count; blk++, count--) {
		cache_node_get(ic->cache, &blk, CACHE_GET_PEEK, &node, NULL);
		if (!node)
			continue;
		forget_buf(ic, buf_of(node));
		cache_node_put(ic->cache, node);
	}
}

size_t iocache_shrink(struct iocache *ic, size_t target_bytes)
{
	size_t want = (target_bytes + ic->block_size - 1) / ic->block_size, done = 0;
	int pass;

	for (pass = 0; pass < SHRINK_PASSES && done < want; pass++)
		done += cache_shrink(ic->cache, want - done);
	return done * ic->block_size;
}

void iocache_keep_bounds(struct iocache *ic)
{
	uint64_t max = iocache_load(&ic->max_buffers), now = iocache_load(&ic->buffers);

	if (max && now > max)
		iocache_shrink(ic, (now - max) * ic->block_size);
}

void iocache_get_stats(struct iocache *ic, struct iocache_stats *stats)
{
	struct cache_stats cs;

	cache_get_stats(ic->cache, &cs);
	stats->hits = cs.hits;
	stats->misses = cs.misses;
	stats->buffers = cs.nodes;
	stats->bytes_read = iocache_load(&ic->bytes_read);
	stats->bytes_written = iocache_load(&ic->bytes_written);
	stats->dirty = iocache_load(&ic->dirty);
}

io_channel iocache_backing(struct iocache *ic)
{
	return ic->dev;
}
