/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small model of a file system: blocks are metadata, data or free, change
 * from one to the other, and each thread's table (a metadata block) says what
 * each of its blocks is and holds.  After a power cut at any moment and replay, tables
 * and blocks agree: no log copy over data, no lost metadata, no early reuse.
 */
#include <stdlib.h>
#include <string.h>
#include "jtest.h"

#define THREADS	4
#define BLOCKS	12	/* of each thread, behind its table */
#define ROUNDS	250
#define META	(1ULL << 32)
#define DATA	(2ULL << 32)

struct block {
	struct jbd2_commit_cb	cb;
	int			free;	/* atomic: may be used again */
	uint64_t		holds;	/* META | value, DATA | value, 0 */
};

struct worker {
	struct jtest	*t;
	unsigned int	id, seed;
	struct block	blocks[BLOCKS];
};

static blk64_t index_of(unsigned int thread, unsigned int i)
{
	return thread * (BLOCKS + 1) + 1 + i;
}

static void on_freed(struct jbd2_commit_cb *cb, int err)
{
	assert_int_equal(err, 0);
	__atomic_store_n(&container_of(cb, struct block, cb)->free, 1, __ATOMIC_RELEASE);
}

static void set_table(struct worker *w, handle_t *h, unsigned int i, uint64_t holds)
{
	struct iocache_buf *buf;

	assert_int_equal(iocache_get(w->t->cache, w->t->first + index_of(w->id, 0) - 1, 0, &buf), 0);
	assert_int_equal(jbd2_journal_get_write_access(h, buf), 0);
	((uint64_t *)(void *)buf->b_data)[i] = holds;
	assert_int_equal(jbd2_journal_dirty_metadata(h, buf), 0);
	iocache_put(buf);
	w->blocks[i].holds = holds;
}

static void fill(void *data, size_t size, uint64_t value)
{
	size_t i;

	for (i = 0; i < size / 8; i++)
		((uint64_t *)data)[i] = value;
}

static void make_meta(struct worker *w, handle_t *h, unsigned int i, uint64_t value)
{
	struct iocache_buf *buf;

	assert_int_equal(iocache_get(w->t->cache, w->t->first + index_of(w->id, i),
				     IOCACHE_GET_NEW, &buf), 0);
	assert_int_equal(jbd2_journal_get_create_access(h, buf), 0);
	fill(buf->b_data, w->t->block_size, META | value);
	assert_int_equal(jbd2_journal_dirty_metadata(h, buf), 0);
	iocache_put(buf);
	set_table(w, h, i, META | value);
}

static void free_block(struct worker *w, handle_t *h, unsigned int i)
{
	struct block *b = &w->blocks[i];
	struct iocache_buf *buf = NULL;
	blk64_t blk = w->t->first + index_of(w->id, i);

	if (b->holds & META) {
		if (rand_r(&w->seed) % 2)
			assert_int_equal(iocache_get(w->t->cache, blk, 0, &buf), 0);
		assert_int_equal(jbd2_journal_forget(h, blk, buf), 0);
		iocache_put(buf);
	}
	set_table(w, h, i, 0);
	b->free = 0;
	b->cb.func = on_freed;
	jbd2_handle_on_commit(h, &b->cb);
}

/* One block takes its next step. */
static void step(struct worker *w, unsigned int i, uint64_t value)
{
	struct block *b = &w->blocks[i];
	bool data = rand_r(&w->seed) % 2;
	char bytes[4096];
	handle_t *h;

	if (!b->holds && !__atomic_load_n(&b->free, __ATOMIC_ACQUIRE))
		return;
	if (!b->holds && data) {
		/* data is on its way to the device before the handle that points to it */
		fill(bytes, w->t->block_size, DATA | value);
		assert_int_equal(io_channel_write_blk64(w->t->dev,
							w->t->first + index_of(w->id, i), 1, bytes), 0);
	}
	assert_int_equal(jbd2_journal_start(w->t->journal, 4, 1, &h), 0);
	if (!b->holds && data) {
		set_table(w, h, i, DATA | value);
	} else if (!b->holds) {
		make_meta(w, h, i, value);
	} else if ((b->holds & META) && rand_r(&w->seed) % 3) {
		jtest_fill(w->t, h, index_of(w->id, i), META | value);
		set_table(w, h, i, META | value);
	} else {
		free_block(w, h, i);
	}
	if (rand_r(&w->seed) % 12 == 0)
		jbd2_handle_set_sync(h);
	assert_int_equal(jbd2_journal_stop(h), 0);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned int round;

	for (round = 1; round <= ROUNDS; round++)
		step(w, rand_r(&w->seed) % BLOCKS, round);
	return NULL;
}

static void check(const struct jtest *t, const char *image, size_t event)
{
	unsigned int thread, i;
	const uint64_t *table;

	for (thread = 0; thread < THREADS; thread++) {
		table = (const void *)(image + (t->first + index_of(thread, 0) - 1) * t->block_size);
		for (i = 0; i < BLOCKS; i++)
			if (table[i] && jtest_value(t, image, index_of(thread, i)) != table[i])
				fail_msg("cut at event %zu: block %u of %u is %llx, not %llx", event, i,
					 thread,
					 (long long)jtest_value(t, image, index_of(thread, i)),
					 (long long)table[i]);
	}
}

static void cut(struct jtest *t, size_t event, int percent, unsigned int *seed)
{
	char *image = malloc(t->mem->size);
	struct jtest *after;

	memio_crash(t->mem, event, percent, seed, image);
	after = jtest_copy(t, image);
	jtest_open(after);
	assert_int_equal(jtest_close(after), 0);
	check(after, after->mem->data, event);
	jtest_free(after);
	free(image);
}

static void run(const char *options, bool v3)
{
	struct jtest *t = jtest_new(options, 1024);
	struct worker *w = calloc(THREADS, sizeof(*w));
	pthread_t threads[THREADS];
	unsigned int seed = 7, i, k, n = 0;
	size_t event;

	t->params.csum_v3 = t->params.csum_64bit_tags = v3;
	jtest_open(t);
	for (i = 0; i < THREADS; i++) {
		w[i].t = t;
		w[i].id = w[i].seed = i;
		for (k = 0; k < BLOCKS; k++)
			w[i].blocks[k].free = 1;
		assert_int_equal(pthread_create(&threads[i], NULL, work, &w[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(jtest_close(t), 0);
	check(t, t->mem->data, t->mem->nr_events);
	for (event = 1; event <= t->mem->nr_events; event++) {
		if (!t->mem->events[event - 1].flush || n++ % 2)
			continue;
		cut(t, event, 0, &seed);
		cut(t, event - 1, (int[]){ 50, 90, 10, 100 }[n / 2 % 4], &seed);
	}
	jtest_free(t);
	free(w);
}

static void test_with_checksums(void **state)
{
	(void)state;
	run("-J size=1", true);
}

static void test_without_checksums(void **state)
{
	(void)state;
	run("-J size=1 -O ^metadata_csum,^64bit", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_checksums),
		cmocka_unit_test(test_without_checksums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
