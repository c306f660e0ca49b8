/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generic cache: finding, references, priorities, shrinking, taking out of
 * the hash, and many threads at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include "support/cache.h"

struct item {
	struct cache_node	node;
	unsigned int		key;
	bool			keep;
};

static unsigned int live;	/* atomic */

static struct item *item_of(struct cache_node *node)
{
	return container_of(node, struct item, node);
}

static uint32_t item_hash(const void *key)
{
	return *(const unsigned int *)key;
}

static bool item_compare(const struct cache_node *node, const void *key)
{
	return container_of(node, const struct item, node)->key == *(const unsigned int *)key;
}

static struct cache_node *item_alloc(struct cache *cache, const void *key)
{
	struct item *item = calloc(1, sizeof(*item));

	(void)cache;
	item->key = *(const unsigned int *)key;
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return &item->node;
}

static void item_relse(struct cache *cache, struct cache_node *node)
{
	(void)cache;
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	free(item_of(node));
}

static bool item_reclaim(struct cache *cache, const struct cache_node *node)
{
	(void)cache;
	return !container_of(node, const struct item, node)->keep;
}

static const struct cache_operations ops = {
	.hash = item_hash,
	.compare = item_compare,
	.alloc = item_alloc,
	.relse = item_relse,
	.reclaim = item_reclaim,
};

static struct item *get(struct cache *cache, unsigned int key, bool *created)
{
	struct cache_node *node;

	assert_int_equal(cache_node_get(cache, &key, 0, &node, created), 0);
	assert_int_equal(item_of(node)->key, key);
	return item_of(node);
}

static bool cached(struct cache *cache, unsigned int key)
{
	struct cache_node *node;

	assert_int_equal(cache_node_get(cache, &key, CACHE_GET_PEEK, &node, NULL), 0);
	if (node)
		cache_node_put(cache, node);
	return node != NULL;
}

static struct cache *filled(unsigned int n)
{
	struct cache *cache;
	unsigned int i;

	assert_int_equal(cache_init(&ops, NULL, &cache), 0);
	for (i = 0; i < n; i++)
		cache_node_put(cache, &get(cache, i, NULL)->node);
	return cache;
}

static void test_get_finds_what_was_put(void **state)
{
	struct cache *cache = filled(0);
	struct cache_stats stats;
	struct item *a, *b;
	bool created;

	(void)state;
	assert_false(cached(cache, 7));
	a = get(cache, 7, &created);
	assert_true(created);
	b = get(cache, 7, &created);
	assert_false(created);
	assert_ptr_equal(a, b);
	assert_int_equal(cache_node_count(&a->node), 2);
	assert_true(cache_node_put_unless_last(&a->node));
	assert_false(cache_node_put_unless_last(&a->node));
	cache_node_put(cache, &a->node);
	cache_get_stats(cache, &stats);
	assert_int_equal(stats.hits, 1);
	assert_int_equal(stats.misses, 1);
	assert_int_equal(stats.nodes, 1);
	cache_destroy(cache);
	assert_int_equal(live, 0);
}

static void test_it_grows(void **state)
{
	struct cache *cache = filled(100000);
	unsigned int i;

	(void)state;
	assert_int_equal(cache_count(cache), 100000);
	for (i = 0; i < 100000; i += 997)
		assert_true(cached(cache, i));
	cache_destroy(cache);
	assert_int_equal(live, 0);
}

static void test_shrink_spares_references(void **state)
{
	struct cache *cache = filled(1000);
	struct item *held = get(cache, 5, NULL);

	(void)state;
	assert_int_equal(cache_shrink(cache, 100), 100);
	assert_int_equal(cache_count(cache), 900);
	while (cache_shrink(cache, 1000))
		;
	assert_int_equal(cache_count(cache), 1);
	assert_true(cached(cache, 5));
	held->keep = true;
	cache_node_put(cache, &held->node);
	assert_int_equal(cache_shrink(cache, 10) + cache_shrink(cache, 10), 0);
	held->keep = false;
	assert_int_equal(cache_shrink(cache, 10), 1);
	cache_destroy(cache);
}

/* Used again: spared once.  Used often: survives a scan of everything else. */
static void test_hot_nodes_stay(void **state)
{
	struct cache *cache = filled(1000);
	struct item *hot = NULL;
	int i;

	(void)state;
	for (i = 0; i < 3 * CACHE_HITS_PER_LEVEL; i++) {
		hot = get(cache, 77, NULL);
		cache_node_put(cache, &hot->node);
	}
	assert_int_equal(cache_node_get_priority(&hot->node), 3);
	cache_node_put(cache, &get(cache, 78, NULL)->node);
	assert_int_equal(cache_shrink(cache, 998), 998);
	assert_true(cached(cache, 77));
	assert_true(cached(cache, 78));
	cache_shrink(cache, 10);
	assert_true(cached(cache, 77));
	assert_false(cached(cache, 78));
	for (i = 0; i < 8; i++)
		cache_shrink(cache, 10);
	assert_false(cached(cache, 77));
	cache_destroy(cache);
}

static void test_unhashed_node_lives_until_put(void **state)
{
	struct cache *cache = filled(1);
	struct item *old = get(cache, 0, NULL), *new;
	bool created;

	(void)state;
	cache_node_hold(&old->node);
	assert_false(cache_node_unhash_idle(cache, &old->node));
	cache_node_unhash(cache, &old->node);
	assert_true(cache_node_unhashed(&old->node));
	assert_false(cached(cache, 0));
	new = get(cache, 0, &created);
	assert_true(created);
	assert_ptr_not_equal(old, new);
	cache_node_put(cache, &old->node);
	assert_int_equal(live, 2);
	cache_node_put(cache, &old->node);
	assert_int_equal(live, 1);
	assert_true(cache_node_unhash_idle(cache, &new->node));
	cache_node_put(cache, &new->node);
	assert_int_equal(live, 0);
	cache_destroy(cache);
}

static int count_node(struct cache_node *node, void *data)
{
	(void)node;
	++*(unsigned int *)data;
	return 0;
}

static void test_walk_sees_all(void **state)
{
	struct cache *cache = filled(5000);
	unsigned int n = 0;

	(void)state;
	assert_int_equal(cache_walk(cache, count_node, &n), 0);
	assert_int_equal(n, 5000);
	cache_destroy(cache);
}

static void *hammer(void *arg)
{
	struct cache *cache = arg;
	unsigned int seed = (unsigned int)(size_t)&seed, i, n = 0;
	struct item *item;

	for (i = 0; i < 20000; i++) {
		item = get(cache, rand_r(&seed) % 300, NULL);
		if (rand_r(&seed) % 16 == 0)
			cache_node_unhash(cache, &item->node);
		cache_node_put(cache, &item->node);
		if (rand_r(&seed) % 64 == 0)
			cache_shrink(cache, 20);
		if (rand_r(&seed) % 2048 == 0)
			cache_walk(cache, count_node, &n);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct cache *cache = filled(0);
	pthread_t threads[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, cache), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cache_destroy(cache);
	assert_int_equal(live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_finds_what_was_put),
		cmocka_unit_test(test_it_grows),
		cmocka_unit_test(test_shrink_spares_references),
		cmocka_unit_test(test_hot_nodes_stay),
		cmocka_unit_test(test_unhashed_node_lives_until_put),
		cmocka_unit_test(test_walk_sees_all),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
