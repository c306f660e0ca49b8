/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the buffer cache share; not for anybody else.
 */
#ifndef SUPPORT_IOCACHE_I_H
#define SUPPORT_IOCACHE_I_H

#include "support/iocache.h"

#define IOCACHE_RUN_BYTES	(1U << 20)	/* largest single transfer */
/* Locks held during one transfer; ThreadSanitizer knows no more than 64 at once. */
#if defined(__SANITIZE_THREAD__)
#define IOCACHE_RUN_BUFS	32
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IOCACHE_RUN_BUFS	32
#endif
#endif
#ifndef IOCACHE_RUN_BUFS
#define IOCACHE_RUN_BUFS	1024
#endif
#define IOCACHE_DIRTY_SHARDS	16

struct iocache_dirty {
	pthread_mutex_t		lock;
	struct list_head	list;
} __attribute__((aligned(64)));

struct iocache {
	struct cache		*cache;
	io_channel		dev;
	unsigned int		block_size;
	bool			read_only;
	uint64_t		max_buffers;	/* atomic; 0 = none */
	/* atomic: more dirty buffers than this are written back */
	uint64_t		dirty_max;
	uint64_t		buffers, dirty;	/* atomic: now */
	uint64_t		next_balance;	/* atomic: look again at so many buffers */
	uint64_t		next_writeback;	/* atomic: look again at so many dirty ones */
	pthread_mutex_t		balance_lock;
	uint64_t		bytes_read, bytes_written;	/* atomic */
	struct iocache_buf	*watched;	/* before_write is called for it */
	void			(*before_write)(void *priv);
	void			*before_priv;
	struct iocache_dirty	dirty_lists[IOCACHE_DIRTY_SHARDS];
};

static inline uint64_t iocache_load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}
static inline unsigned int iocache_run_bufs(const struct iocache *ic)
{
	unsigned int max = IOCACHE_RUN_BYTES / ic->block_size;

	return max < IOCACHE_RUN_BUFS ? max : IOCACHE_RUN_BUFS;
}
static inline void iocache_add(uint64_t *p, uint64_t n)
{
	__atomic_add_fetch(p, n, __ATOMIC_RELAXED);
}

/* iocache.c: keep the cache within its bounds; called where a buffer was added. */
void iocache_balance(struct iocache *ic);

/* iocache_write.c */
void iocache_dirty_init(struct iocache *ic);
void iocache_dirty_destroy(struct iocache *ic);
/*
 * As iocache_write_dirty(), but skips buffers that somebody has locked: safe for callers with a
 * buffer lock.
 */
errcode_t iocache_write_dirty_nowait(struct iocache *ic);

#endif /* SUPPORT_IOCACHE_I_H */
