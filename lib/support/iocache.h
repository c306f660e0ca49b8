/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The buffer cache, seen from both of its sides: buffer handles for a file
 * system engine, and an I/O manager that any io_channel user can stack on
 * another manager.  What a block means is not known here.
 */
#ifndef SUPPORT_IOCACHE_H
#define SUPPORT_IOCACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ext2fs/ext2_io.h"
#include "support/cache.h"
#include "support/list.h"

struct iocache;

/* Bits of b_state; changed with atomic operations only. */
enum iocache_buf_state {
	IOCACHE_BUF_UPTODATE	= 1U << 0,	/* b_data holds the block */
	IOCACHE_BUF_DIRTY	= 1U << 1,	/* must be written home */
	IOCACHE_BUF_ERROR	= 1U << 2,	/* the last write home failed */
	IOCACHE_BUF_VERIFIED	= 1U << 3,	/* the owner has checked the content */
	IOCACHE_BUF_OWNER1	= 1U << 8,	/* free for the owner's use */
	IOCACHE_BUF_OWNER2	= 1U << 9,
};

/*
 * One cached block.  b_blocknr and b_data never change while a reference is
 * held.  b_lock is held by the cache during the transfer of this buffer (read
 * fill, write home), so whoever holds it knows that b_data is not on its way
 * to the device.  b_private belongs to the layer above (the journal) and must
 * be NULL before the last reference goes, unless the buffer is pinned.
 */
struct iocache_buf {
	struct cache_node	b_node;
	struct iocache		*b_cache;
	blk64_t			b_blocknr;
	char			*b_data;
	pthread_mutex_t		b_lock;
	unsigned int		b_state;
	/* atomic: > 0 = may neither be written home nor evicted */
	unsigned int		b_pins;
	void			*b_private;
	struct list_head	b_dirty_list;	/* private to the cache; holds a reference */
};

struct iocache_params {
	unsigned int	block_size;	/* bytes, power of two, 1 KiB to 64 KiB */
	/* upper bound of cached bytes; 0 = none (pressure decides) */
	uint64_t	max_bytes;
	/* dirty buffers are kept and never written (replay into memory) */
	bool		read_only;
};

struct iocache_stats {
	uint64_t	hits, misses;
	uint64_t	bytes_read, bytes_written;
	uint64_t	buffers, dirty;	/* now */
};

/*
 * Make a cache over @backing, whose block size must already be
 * @params->block_size and which must outlive the cache.
 */
errcode_t iocache_create(io_channel backing, const struct iocache_params *params,
			 struct iocache **ret);
/* Drop everything.  Dirty buffers are lost: call iocache_flush() before. */
void iocache_destroy(struct iocache *ic);

/* the caller will fill it: zeroed, up to date, never read */
#define IOCACHE_GET_NEW		0x1
/* only if cached and up to date; else *ret = NULL, success */
#define IOCACHE_GET_PEEK	0x2
#define IOCACHE_GET_NOREAD	0x4	/* whatever is cached, maybe not up to date; never read */

/*
 * Get a referenced buffer of block @blk, read from the device unless cached.
 * A buffer whose last reading failed is read again.  Locks: none held; takes
 * the buffer's own during the transfer.
 */
errcode_t iocache_get(struct iocache *ic, blk64_t blk, unsigned int flags,
		      struct iocache_buf **ret);
void iocache_hold(struct iocache_buf *buf);	/* one more reference */
void iocache_put(struct iocache_buf *buf);	/* NULL is allowed */

static inline void iocache_lock(struct iocache_buf *buf) { pthread_mutex_lock(&buf->b_lock); }
static inline void iocache_unlock(struct iocache_buf *buf) { pthread_mutex_unlock(&buf->b_lock); }

static inline bool iocache_test(const struct iocache_buf *buf, unsigned int bits)
{
	return __atomic_load_n(&buf->b_state, __ATOMIC_ACQUIRE) & bits;
}
static inline void iocache_set(struct iocache_buf *buf, unsigned int bits)
{
	__atomic_or_fetch(&buf->b_state, bits, __ATOMIC_RELEASE);
}
static inline void iocache_clear(struct iocache_buf *buf, unsigned int bits)
{
	__atomic_and_fetch(&buf->b_state, ~bits, __ATOMIC_RELEASE);
}

/*
 * Dirty: will be written home by the next flush, by write-back, or before
 * eviction, as soon as it is not pinned.  Callers hold a reference; b_lock may be held or not.
 */
void iocache_mark_dirty(struct iocache_buf *buf);
void iocache_clear_dirty(struct iocache_buf *buf);

/*
 * Pins nest.  A pin taken while holding b_lock also guarantees that no
 * transfer home of the old content is under way.  A pin keeps the buffer
 * cached even without references.
 */
void iocache_pin(struct iocache_buf *buf);
void iocache_unpin(struct iocache_buf *buf);

/*
 * Start reading blocks that are not cached: adjacent ones in one transfer. Errors are not
 * reported here.
 */
void iocache_readahead(struct iocache *ic, const blk64_t *blks, size_t count);

/*
 * The blocks [blk, blk + count) no longer hold what the cache knows (freed,
 * or now file data): drop their buffers, dirty or not.  A buffer that is
 * referenced or pinned elsewhere loses its dirty and up-to-date state instead.
 * Waits for transfers of these buffers that are under way.
 */
void iocache_forget(struct iocache *ic, blk64_t blk, blk64_t count);

/*
 * Write home those of @bufs that are dirty and not pinned, sorted, adjacent ones in one
 * transfer.  No flush of the device.  A buffer whose write failed stays
 * dirty; the first error is returned.
 */
errcode_t iocache_write_bufs(struct iocache *ic, struct iocache_buf **bufs, size_t count);
/*
 * Call @func, with @buf locked, each time before it is written to the device: it may change the content, and read the device past the
 * cache, and takes no buffer's lock.  One per cache, set while nobody else uses it; the caller's reference keeps @buf.
 */
void iocache_before_write(struct iocache *ic, struct iocache_buf *buf, void (*func)(void *priv), void *priv);
/* Write home every dirty unpinned buffer; no flush of the device. */
errcode_t iocache_write_dirty(struct iocache *ic);
/*
 * iocache_write_dirty(), then io_channel_flush() of the backing channel even when that failed;
 * first error.
 */
errcode_t iocache_flush(struct iocache *ic);

/*
 * Give back memory: evict clean unreferenced unpinned buffers, lowest priority first. Returns
 * the number of bytes freed.
 */
size_t iocache_shrink(struct iocache *ic, size_t target_bytes);
/* Change the upper bound of cached bytes; 0 = none.  It is heeded when a buffer is added ... */
void iocache_set_max_bytes(struct iocache *ic, uint64_t max_bytes);
/* ... or now: evicts what is clean and not in use. */
void iocache_keep_bounds(struct iocache *ic);

void iocache_get_stats(struct iocache *ic, struct iocache_stats *stats);
io_channel iocache_backing(struct iocache *ic);

/* The I/O manager face: stacks on the manager set here (process-wide; set before opening). */
extern io_manager iocache_io_manager;
void iocache_set_backing_manager(io_manager manager);
/* The cache behind a channel opened by iocache_io_manager. */
struct iocache *iocache_from_channel(io_channel channel);

#endif /* SUPPORT_IOCACHE_H */
