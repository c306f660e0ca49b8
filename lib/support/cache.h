/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A generic cache of reference-counted nodes: a growing hash, lists by
 * priority and recency, and a shrinker.  What a node holds is its owner's:
 * the node is embedded in the owner's structure.
 *
 * Locking is per shard of the hash and held for a few instructions, so threads
 * with different keys do not meet.  No callback runs under a lock, except
 * hash and compare (and reclaim, see there).
 */
#ifndef SUPPORT_CACHE_H
#define SUPPORT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <et/com_err.h>
#include "support/list.h"

struct cache;

#define CACHE_MIN_PRIORITY	0
#define CACHE_BASE_PRIORITY	0	/* of a new node */
#define CACHE_MAX_PRIORITY	7
#define CACHE_HITS_PER_LEVEL	50	/* hits that earn a node one more level */

/* Private to the cache.  Embed it; cache_node_get() initialises it. */
struct cache_node {
	struct cache_node	*cn_next;	/* chain of the hash bucket */
	/* the shard's list of this priority, newest first */
	struct list_head	cn_mru;
	uint32_t		cn_hash;
	/* atomic: references, and a bit "not in the hash" */
	uint32_t		cn_count;
	uint16_t		cn_hits;	/* since the last level */
	uint8_t			cn_priority;
	uint8_t			cn_used;	/* found again since the shrinker last looked */
};

struct cache_operations {
	/* A hash of *key; all 32 bits count. */
	uint32_t (*hash)(const void *key);
	/* Is @node the one of *key? */
	bool (*compare)(const struct cache_node *node, const void *key);
	/*
	 * A new node's owner for *key, still unknown to others; NULL when out of memory.  May
	 * block. When another thread was faster, relse() gets it back.
	 */
	struct cache_node *(*alloc)(struct cache *cache, const void *key);
	/* Free it: nobody has a reference, nobody can find it. */
	void (*relse)(struct cache *cache, struct cache_node *node);
	/*
	 * May this unreferenced node go now?  Called by the shrinker under the shard's lock:
	 * must not block nor call the cache.  NULL = always.
	 */
	bool (*reclaim)(struct cache *cache, const struct cache_node *node);
};

struct cache_stats {
	uint64_t	hits, misses;
	uint64_t	nodes;	/* now */
};

/* @priv is for cache_priv().  @ops must outlive the cache.  ENOMEM. */
errcode_t cache_init(const struct cache_operations *ops, void *priv, struct cache **ret);
/* relse() every node.  No references may be left and no thread may be inside. */
void cache_destroy(struct cache *cache);
void *cache_priv(const struct cache *cache);

#define CACHE_GET_PEEK	0x1	/* only if it is there: else *ret = NULL and success; not a hit */

/*
 * A reference to the node of *key, made with alloc() if there is none.
 * @created (may be NULL) tells whether this call made it: then its owner
 * fills it under a lock of its own, since others can find it already.
 */
errcode_t cache_node_get(struct cache *cache, const void *key, unsigned int flags,
			 struct cache_node **ret, bool *created);
/* One more reference; the caller has one. */
void cache_node_hold(struct cache_node *node);
/* Give a reference back; the node may be gone afterwards. */
void cache_node_put(struct cache *cache, struct cache_node *node);
/* Give a reference back unless it is the last one: false = the caller still has it. */
bool cache_node_put_unless_last(struct cache_node *node);
/* References now; only a hint unless the caller knows more. */
unsigned int cache_node_count(const struct cache_node *node);

/*
 * Take a referenced node out of the hash, so that nobody finds it any more and the
 * next get of its key makes a new one.  It is freed when its last reference goes.
 */
void cache_node_unhash(struct cache *cache, struct cache_node *node);
/* The same, if the caller's reference is the only one; else false and nothing happens. */
bool cache_node_unhash_idle(struct cache *cache, struct cache_node *node);
bool cache_node_unhashed(const struct cache_node *node);

/* Priority of a referenced node; the shrinker takes lower ones first. */
void cache_node_set_priority(struct cache *cache, struct cache_node *node, unsigned int priority);
unsigned int cache_node_get_priority(const struct cache_node *node);

/*
 * Free up to @count unreferenced nodes, lowest priority and longest unused first.
 * Returns how many went.  Nodes that were used since the last call are spared once,
 * and high priorities sink slowly, so call again for more.
 */
size_t cache_shrink(struct cache *cache, size_t count);

/*
 * Call @func with every node, referenced but without a lock held.  Nodes that
 * come or go meanwhile may be missed.  A non-zero return ends the walk and is returned.
 */
int cache_walk(struct cache *cache, int (*func)(struct cache_node *node, void *data), void *data);

size_t cache_count(const struct cache *cache);
void cache_get_stats(struct cache *cache, struct cache_stats *stats);

#endif /* SUPPORT_CACHE_H */
