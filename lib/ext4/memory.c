/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much memory the engine may keep, and what each of its parts gets of it.  The parts keep to their bounds
 * by themselves, when they grow.
 */
#include "ext4/ext4_i.h"

/* What a piece takes besides its bytes: the allocator's, the hash's, and what the journal knows of it. */
#define OVERHEAD	64
#define BUFFER_HEAD	(sizeof(struct iocache_buf) + OVERHEAD)
#define JOURNAL_HEAD	128
#define INODE_BYTES	(sizeof(struct ext4_inode) + OVERHEAD)

#define ENGINE_MIN	(UINT64_C(2) << 20)	/* with less it would only run in circles */
#define IDLE_INODES_MAX	(1U << 16)		/* more are no use: their buffers are cached as well */
#define IDLE_INODES_MIN	256
#define GROUP_MAPS_MIN	16

static uint64_t at_most(uint64_t value, uint64_t max)
{
	return value < max ? value : max;
}

static uint64_t at_least(uint64_t value, uint64_t min)
{
	return value > min ? value : min;
}

/* A quarter to inodes, an eighth to groups, the rest to buffers; half of those may be the journal's. */
void ext4_divide_memory(struct ext4_fs *fs)
{
	uint64_t bytes = __atomic_load_n(&fs->memory_bytes, __ATOMIC_RELAXED), buffers;
	uint64_t taken = ext4_lookups_bytes(fs), with_head = fs->block_size + BUFFER_HEAD;

	bytes = bytes ? at_least(bytes > taken ? bytes - taken : 0, ENGINE_MIN) : UINT64_MAX;
	__atomic_store_n(&fs->icache_idle_max,
			 at_least(at_most(bytes / 4 / INODE_BYTES, IDLE_INODES_MAX), IDLE_INODES_MIN), __ATOMIC_RELAXED);
	__atomic_store_n(&fs->group_maps_max,
			 at_least(at_most(bytes / 8 / (fs->block_size + OVERHEAD), UINT32_MAX), GROUP_MAPS_MIN),
			 __ATOMIC_RELAXED);
	buffers = bytes / 8 * 5 / with_head;
	if (fs->opts.cache_bytes)
		buffers = fs->opts.cache_bytes / fs->block_size;
	iocache_set_max_bytes(fs->cache, bytes == UINT64_MAX && !fs->opts.cache_bytes ? 0 : buffers * fs->block_size);
	if (fs->journal)
		jbd2_journal_set_memory(fs->journal, bytes / 16 * 5 / (with_head + JOURNAL_HEAD));
}

/* The parts look at their bounds when they grow, which may not be soon. */
static void drop_surplus(struct ext4_fs *fs)
{
	int64_t inodes = __atomic_load_n(&fs->icache_idle, __ATOMIC_RELAXED) -
			 __atomic_load_n(&fs->icache_idle_max, __ATOMIC_RELAXED);

	if (inodes > 0)
		ext4_icache_shrink(fs, inodes);
	ext4_groups_trim(fs);
	iocache_keep_bounds(fs->cache);
}

void ext4_set_memory(struct ext4_fs *fs, uint64_t bytes)
{
	__atomic_store_n(&fs->memory_bytes, bytes, __ATOMIC_RELAXED);
	ext4_divide_memory(fs);
	drop_surplus(fs);
}

size_t ext4_shrink(struct ext4_fs *fs, bool pressure)
{
	struct iocache_stats stats;
	size_t freed;

	iocache_get_stats(fs->cache, &stats);
	ext4_icache_shrink(fs, pressure ? 1 << 16 : 1 << 12);
	freed = ext4_groups_shrink(fs);
	/* Under pressure half goes; the timer takes back only what is idle. */
	return freed + iocache_shrink(fs->cache, stats.buffers * fs->block_size / (pressure ? 2 : 8));
}

void ext4_get_metrics(struct ext4_fs *fs, struct ext4_metrics *m)
{
	struct iocache_stats stats;

	iocache_get_stats(fs->cache, &stats);
	*m = (struct ext4_metrics){
		.memory = stats.buffers * (fs->block_size + BUFFER_HEAD) + cache_count(fs->icache) * INODE_BYTES +
			  (uint64_t)__atomic_load_n(&fs->group_maps, __ATOMIC_RELAXED) * fs->block_size +
			  ext4_lookups_bytes(fs),
		.cache_hits = stats.hits,
		.cache_misses = stats.misses,
		.cache_bytes = stats.buffers * fs->block_size,
		.inodes_cached = cache_count(fs->icache),
	};
}
