/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The generic cache: shards with a growing hash and lists by priority.  A get
 * takes one shard's lock for a bucket walk; a put takes none.  Recency is a
 * bit that a get sets and the shrinker clears, so that a hit writes to nothing
 * but the node itself.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "support/cache.h"

#define SHARD_BITS	6
#define NR_SHARDS	(1U << SHARD_BITS)
#define FIRST_BUCKETS	16U
#define MAX_BUCKETS	(1U << 26)
#define NR_PRIORITIES	(CACHE_MAX_PRIORITY + 1)
#define SCAN_BATCH	128	/* nodes looked at under one lock hold */
#define WALK_BATCH	256

/* In cn_count: out of the hash; whoever brings the rest to zero frees the node. */
#define NODE_UNHASHED	(1U << 31)

struct shard {
	pthread_mutex_t		lock;
	struct cache_node	**buckets;
	uint32_t		mask;
	uint32_t		nodes;		/* atomic for readers without the lock */
	uint64_t		hits, misses;
	struct list_head	mru[NR_PRIORITIES];
} __attribute__((aligned(64)));

struct cache {
	const struct cache_operations *ops;
	void		*priv;
	unsigned int	next_shard;	/* atomic: where the shrinker begins */
	struct shard	shards[NR_SHARDS];
};

static uint32_t mix(uint32_t h)
{
	h ^= h >> 16;
	h *= 0x85ebca6bU;
	h ^= h >> 13;
	h *= 0xc2b2ae35U;
	return h ^ (h >> 16);
}

static struct shard *shard_of(struct cache *cache, uint32_t hash)
{
	return &cache->shards[hash >> (32 - SHARD_BITS)];
}

static errcode_t shard_init(struct shard *s)
{
	int i;

	s->buckets = calloc(FIRST_BUCKETS, sizeof(*s->buckets));
	if (!s->buckets)
		return ENOMEM;
	s->mask = FIRST_BUCKETS - 1;
	s->nodes = 0;
	s->hits = s->misses = 0;
	pthread_mutex_init(&s->lock, NULL);
	for (i = 0; i < NR_PRIORITIES; i++)
		INIT_LIST_HEAD(&s->mru[i]);
	return 0;
}

static void shard_destroy(struct shard *s)
{
	pthread_mutex_destroy(&s->lock);
	free(s->buckets);
}

errcode_t cache_init(const struct cache_operations *ops, void *priv, struct cache **ret)
{
	struct cache *cache;
	unsigned int i;

	cache = aligned_alloc(64, sizeof(*cache));
	if (!cache)
		return ENOMEM;
	cache->ops = ops;
	cache->priv = priv;
	cache->next_shard = 0;
	for (i = 0; i < NR_SHARDS; i++) {
		if (!shard_init(&cache->shards[i]))
			continue;
		while (i--)
			shard_destroy(&cache->shards[i]);
		free(cache);
		return ENOMEM;
	}
	*ret = cache;
	return 0;
}

void cache_destroy(struct cache *cache)
{
	struct cache_node *node, *next;
	struct shard *s;
	uint32_t b;

	if (!cache)
		return;
	for (s = cache->shards; s < cache->shards + NR_SHARDS; s++) {
		for (b = 0; b <= s->mask; b++) {
			for (node = s->buckets[b]; node; node = next) {
				next = node->cn_next;
				cache->ops->relse(cache, node);
			}
		}
		shard_destroy(s);
	}
	free(cache);
}

void *cache_priv(const struct cache *cache)
{
	return cache->priv;
}

/* Twice as many buckets.  Out of memory only means longer chains. */
static void shard_grow(struct shard *s)
{
	uint32_t mask = s->mask * 2 + 1, b;
	struct cache_node **buckets, *node, *next;

	if (mask >= MAX_BUCKETS)
		return;
	buckets = calloc((size_t)mask + 1, sizeof(*buckets));
	if (!buckets)
		return;
	for (b = 0; b <= s->mask; b++) {
		for (node = s->buckets[b]; node; node = next) {
			next = node->cn_next;
			node->cn_next = buckets[node->cn_hash & mask];
			buckets[node->cn_hash & mask] = node;
		}
	}
	free(s->buckets);
	s->buckets = buckets;
	s->mask = mask;
}

static void shard_insert(struct shard *s, struct cache_node *node)
{
	struct cache_node **bucket;

	if (s->nodes > 2 * s->mask)
		shard_grow(s);
	bucket = &s->buckets[node->cn_hash & s->mask];
	node->cn_next = *bucket;
	*bucket = node;
	list_add(&node->cn_mru, &s->mru[node->cn_priority]);
	__atomic_store_n(&s->nodes, s->nodes + 1, __ATOMIC_RELAXED);
}

static void shard_remove(struct shard *s, struct cache_node *node)
{
	struct cache_node **p = &s->buckets[node->cn_hash & s->mask];

	while (*p != node)
		p = &(*p)->cn_next;
	*p = node->cn_next;
	list_del(&node->cn_mru);
	__atomic_store_n(&s->nodes, s->nodes - 1, __ATOMIC_RELAXED);
}

static struct cache_node *shard_find(struct cache *cache, struct shard *s, uint32_t hash,
				     const void *key)
{
	struct cache_node *node;

	for (node = s->buckets[hash & s->mask]; node; node = node->cn_next)
		if (node->cn_hash == hash && cache->ops->compare(node, key))
			return node;
	return NULL;
}

static void count_hit(struct shard *s, struct cache_node *node)
{
	s->hits++;
	node->cn_used = 1;
	if (++node->cn_hits < CACHE_HITS_PER_LEVEL)
		return;
	node->cn_hits = 0;
	if (node->cn_priority < CACHE_MAX_PRIORITY) {
		node->cn_priority++;
		list_move(&node->cn_mru, &s->mru[node->cn_priority]);
	}
}

static void node_init(struct cache_node *node, uint32_t hash)
{
	node->cn_hash = hash;
	node->cn_count = 1;
	node->cn_hits = 0;
	node->cn_priority = CACHE_BASE_PRIORITY;
	node->cn_used = 0;
}

/* The slow half of a get: make the node, unless another thread did meanwhile. */
static errcode_t node_create(struct cache *cache, struct shard *s, uint32_t hash,
			     const void *key, struct cache_node **ret, bool *created)
{
	struct cache_node *node, *other;

	node = cache->ops->alloc(cache, key);
	if (!node)
		return ENOMEM;
	node_init(node, hash);
	pthread_mutex_lock(&s->lock);
	other = shard_find(cache, s, hash, key);
	if (other) {
		__atomic_add_fetch(&other->cn_count, 1, __ATOMIC_RELAXED);
		count_hit(s, other);
	} else {
		shard_insert(s, node);
		s->misses++;
	}
	pthread_mutex_unlock(&s->lock);
	if (other)
		cache->ops->relse(cache, node);
	*ret = other ? other : node;
	if (created)
		*created = !other;
	return 0;
}

errcode_t cache_node_get(struct cache *cache, const void *key, unsigned int flags,
			 struct cache_node **ret, bool *created)
{
	uint32_t hash = mix(cache->ops->hash(key));
	struct shard *s = shard_of(cache, hash);
	struct cache_node *node;

	pthread_mutex_lock(&s->lock);
	node = shard_find(cache, s, hash, key);
	if (node) {
		__atomic_add_fetch(&node->cn_count, 1, __ATOMIC_RELAXED);
		if (!(flags & CACHE_GET_PEEK))
			count_hit(s, node);
	}
	pthread_mutex_unlock(&s->lock);
	if (!node && !(flags & CACHE_GET_PEEK))
		return node_create(cache, s, hash, key, ret, created);
	*ret = node;
	if (created)
		*created = false;
	return 0;
}

void cache_node_hold(struct cache_node *node)
{
	__atomic_add_fetch(&node->cn_count, 1, __ATOMIC_RELAXED);
}

void cache_node_put(struct cache *cache, struct cache_node *node)
{
	/* After the decrement the node may be somebody else's: look at the result only. */
	if (__atomic_sub_fetch(&node->cn_count, 1, __ATOMIC_ACQ_REL) == NODE_UNHASHED)
		cache->ops->relse(cache, node);
}

bool cache_node_put_unless_last(struct cache_node *node)
{
	uint32_t count = __atomic_load_n(&node->cn_count, __ATOMIC_RELAXED);

	while ((count & ~NODE_UNHASHED) > 1)
		if (__atomic_compare_exchange_n(&node->cn_count, &count, count - 1, true,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	return false;
}

unsigned int cache_node_count(const struct cache_node *node)
{
	return __atomic_load_n(&node->cn_count, __ATOMIC_ACQUIRE) & ~NODE_UNHASHED;
}

bool cache_node_unhashed(const struct cache_node *node)
{
	return __atomic_load_n(&node->cn_count, __ATOMIC_ACQUIRE) & NODE_UNHASHED;
}

static bool unhash(struct cache *cache, struct cache_node *node, bool only_idle)
{
	struct shard *s = shard_of(cache, node->cn_hash);
	uint32_t count;
	bool done = false;

	pthread_mutex_lock(&s->lock);
	count = __atomic_load_n(&node->cn_count, __ATOMIC_ACQUIRE);
	if (!(count & NODE_UNHASHED) && (!only_idle || count == 1)) {
		shard_remove(s, node);
		__atomic_or_fetch(&node->cn_count, NODE_UNHASHED, __ATOMIC_ACQ_REL);
		done = true;
	}
	pthread_mutex_unlock(&s->lock);
	return done;
}

void cache_node_unhash(struct cache *cache, struct cache_node *node)
{
	unhash(cache, node, false);
}

bool cache_node_unhash_idle(struct cache *cache, struct cache_node *node)
{
	return unhash(cache, node, true);
}

void cache_node_set_priority(struct cache *cache, struct cache_node *node, unsigned int priority)
{
	struct shard *s = shard_of(cache, node->cn_hash);

	if (priority > CACHE_MAX_PRIORITY)
		priority = CACHE_MAX_PRIORITY;
	pthread_mutex_lock(&s->lock);
	__atomic_store_n(&node->cn_priority, priority, __ATOMIC_RELAXED);
	if (!cache_node_unhashed(node))
		list_move(&node->cn_mru, &s->mru[priority]);
	pthread_mutex_unlock(&s->lock);
}

unsigned int cache_node_get_priority(const struct cache_node *node)
{
	return __atomic_load_n(&node->cn_priority, __ATOMIC_RELAXED);
}

/*
 * Look at one node from the old end of its list.  It leaves that end in any
 * case: freed (put on @victims), one level down, or back to the young end.
 */
static bool shrink_one(struct cache *cache, struct shard *s, struct cache_node *node,
		       struct cache_node **victims)
{
	const struct cache_operations *ops = cache->ops;
	bool busy = __atomic_load_n(&node->cn_count, __ATOMIC_ACQUIRE) != 0;

	if (busy || node->cn_used) {
		node->cn_used = 0;
		list_move(&node->cn_mru, &s->mru[node->cn_priority]);
		return false;
	}
	if (node->cn_priority > CACHE_MIN_PRIORITY) {
		node->cn_priority--;
		list_move(&node->cn_mru, &s->mru[node->cn_priority]);
		return false;
	}
	if (ops->reclaim && !ops->reclaim(cache, node)) {
		list_move(&node->cn_mru, &s->mru[node->cn_priority]);
		return false;
	}
	shard_remove(s, node);
	node->cn_next = *victims;
	*victims = node;
	return true;
}

/* One level of one shard; every node there is looked at no more than once. */
static size_t shrink_level(struct cache *cache, struct shard *s, unsigned int priority,
			   size_t count)
{
	struct cache_node *victims, *node, *next;
	uint32_t left = __atomic_load_n(&s->nodes, __ATOMIC_RELAXED), batch;
	struct list_head *mru = &s->mru[priority];
	size_t done = 0;

	while (left && done < count) {
		victims = NULL;
		pthread_mutex_lock(&s->lock);
		for (batch = SCAN_BATCH; batch && left && done < count; batch--, left--) {
			if (list_empty(mru)) {
				left = 0;
				break;
			}
			node = list_last_entry(mru, struct cache_node, cn_mru);
			done += shrink_one(cache, s, node, &victims);
		}
		pthread_mutex_unlock(&s->lock);
		for (; victims; victims = next) {
			next = victims->cn_next;
			cache->ops->relse(cache, victims);
		}
	}
	return done;
}

size_t cache_shrink(struct cache *cache, size_t count)
{
	unsigned int first, priority, i;
	size_t done = 0;

	first = __atomic_fetch_add(&cache->next_shard, 1, __ATOMIC_RELAXED);
	for (priority = CACHE_MIN_PRIORITY; priority <= CACHE_MAX_PRIORITY; priority++)
		for (i = 0; i < NR_SHARDS && done < count; i++)
			done += shrink_level(cache, &cache->shards[(first + i) % NR_SHARDS],
					     priority, count - done);
	return done;
}

/*
 * References to up to WALK_BATCH nodes of @s, from bucket *@bucket on (whole buckets, unless
 * one is longer).
 */
static size_t walk_collect(struct shard *s, uint32_t *bucket, struct cache_node **nodes)
{
	struct cache_node *node;
	size_t n = 0, first;

	pthread_mutex_lock(&s->lock);
	for (; *bucket <= s->mask; (*bucket)++) {
		first = n;
		for (node = s->buckets[*bucket]; node && n < WALK_BATCH; node = node->cn_next)
			nodes[n++] = node;
		if (node && first) {
			n = first;
			break;
		}
	}
	for (first = 0; first < n; first++)
		cache_node_hold(nodes[first]);
	pthread_mutex_unlock(&s->lock);
	return n;
}

int cache_walk(struct cache *cache, int (*func)(struct cache_node *node, void *data), void *data)
{
	struct cache_node *nodes[WALK_BATCH];
	struct shard *s;
	uint32_t bucket;
	size_t n, i;
	int ret = 0;

	for (s = cache->shards; s < cache->shards + NR_SHARDS; s++) {
		bucket = 0;
		while (!ret && (n = walk_collect(s, &bucket, nodes))) {
			for (i = 0; i < n; i++) {
				if (!ret)
					ret = func(nodes[i], data);
				cache_node_put(cache, nodes[i]);
			}
		}
	}
	return ret;
}

size_t cache_count(const struct cache *cache)
{
	const struct shard *s;
	size_t n = 0;

	for (s = cache->shards; s < cache->shards + NR_SHARDS; s++)
		n += __atomic_load_n(&s->nodes, __ATOMIC_RELAXED);
	return n;
}

void cache_get_stats(struct cache *cache, struct cache_stats *stats)
{
	struct shard *s;

	stats->hits = stats->misses = stats->nodes = 0;
	for (s = cache->shards; s < cache->shards + NR_SHARDS; s++) {
		pthread_mutex_lock(&s->lock);
		stats->hits += s->hits;
		stats->misses += s->misses;
		stats->nodes += s->nodes;
		pthread_mutex_unlock(&s->lock);
	}
}
