/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding free blocks.  Works on the groups' busy maps in memory and reserves
 * there; nothing on disk changes (that is balloc.c).  A reservation is how
 * file data reaches the disk before anything points to it: the blocks are
 * taken here, written, and only then marked used in a handle.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

/* ---- what is available ---- */

/*
 * As the kernel: the last blocks are for trees of extents alone, so that space which was allocated ahead can be written
 * when everything else is full; above them lie those that only the privileged may have.
 * @held: those that are free on disk, and not to be had before something else happens.
 */
static int64_t available_blocks(struct ext4_fs *fs, int64_t held, unsigned int flags)
{
	int64_t avail = __atomic_load_n(&fs->free_blocks, __ATOMIC_RELAXED) - held;

	if (!(flags & EXT4_ALLOC_TREE))
		avail -= fs->resv_clusters << fs->super->cluster_ratio_bits;
	if (!(flags & (EXT4_ALLOC_PRIVILEGED | EXT4_ALLOC_TREE)))
		avail -= __atomic_load_n(&fs->reserved_blocks, __ATOMIC_RELAXED);
	return avail;
}

static int64_t available_now(struct ext4_fs *fs, unsigned int flags)
{
	return available_blocks(fs, __atomic_load_n(&fs->held_blocks, __ATOMIC_RELAXED), flags);
}

bool ext4_has_free_blocks(struct ext4_fs *fs, uint64_t n, unsigned int flags)
{
	return available_now(fs, flags) >= (int64_t)n;
}

static uint64_t to_bytes(const struct ext4_fs *fs, int64_t blocks)
{
	return blocks > 0 ? (uint64_t)blocks << fs->block_bits : 0;
}

uint64_t ext4_free_bytes(struct ext4_fs *fs, const struct ext4_cred *cred)
{
	return to_bytes(fs, available_blocks(fs, 0, ext4_alloc_flags(fs, cred)));
}

uint64_t ext4_free_bytes_now(struct ext4_fs *fs, const struct ext4_cred *cred)
{
	return to_bytes(fs, available_now(fs, ext4_alloc_flags(fs, cred)));
}

void ext4_reclaim_space(struct ext4_fs *fs)
{
	int tries = 0;

	if (!ext4_check_rw(fs))
		ext4_should_retry_alloc(fs, &tries);
}

/* How many of @want the caller may have: halves until it fits. */
static uint32_t affordable(struct ext4_fs *fs, uint32_t want, unsigned int flags)
{
	while (want && !ext4_has_free_blocks(fs, want, flags))
		want /= 2;
	return want;
}

/* Root, the reserve's user and its group may use the reserved blocks. */
unsigned int ext4_alloc_flags(struct ext4_fs *fs, const struct ext4_cred *cred)
{
	if (!cred)
		return 0;
	if (cred->privileged || cred->uid == fs->resuid ||
	    (fs->resgid != 0 && cred->gid == fs->resgid))
		return EXT4_ALLOC_PRIVILEGED;
	return 0;
}

/* ---- searching one group; gi->lock held ---- */

struct run {
	uint32_t start, len;
};

/* The first free run of at least @need bits in [from, to), else the longest; cut at @want. */
static struct run find_run(const void *map, uint32_t from, uint32_t to, uint32_t need, uint32_t want)
{
	struct run best = { 0, 0 };
	uint32_t start = from, end;

	while ((start = ext4_next_zero(map, to, start)) < to) {
		end = ext4_next_set(map, start + want < to ? start + want : to, start);
		if (end - start > best.len)
			best = (struct run){ start, end - start };
		if (best.len >= need)
			break;
		start = end;
	}
	return best;
}

static struct run search_group(struct ext4_fs *fs, uint32_t group, struct ext4_group *gi, uint32_t from,
			       uint32_t need, uint32_t want)
{
	uint32_t size = ext4_group_blocks(fs, group), back;
	struct run run = find_run(gi->busy, from, size, need, want), other;

	if (run.len >= need)
		return run;
	/* The wrapped part overlaps by the length sought, for runs across @from. */
	back = from + need < size ? from + need : size;
	other = find_run(gi->busy, 0, back, need, want);
	if (other.len > run.len)
		run = other;
	if (run.len < need && run.len < gi->largest)
		gi->largest = run.len;
	return run;
}

void ext4_hold_run(struct ext4_group *gi, uint32_t bit, uint32_t n)
{
	ext4_set_bits(gi->busy, bit, n);
	gi->busy_free -= n;
	gi->held += n;
}

static void take_run(struct ext4_fs *fs, uint32_t group, struct ext4_group *gi, struct run run,
		     struct ext4_resv *resv)
{
	ext4_hold_run(gi, run.start, run.len);
	gi->cursor = run.start + run.len;
	resv->start = ext4_group_first_block(fs, group) + run.start;
	resv->len = run.len;
	__atomic_add_fetch(&fs->held_blocks, run.len, __ATOMIC_RELAXED);
}

/* ---- choosing a group ---- */

struct search {
	uint32_t	goal_group, goal_bit;
	uint32_t	groups;		/* only those below */
	uint32_t	want;
	unsigned int	flags;
};

/* At the goal itself: a run that continues the caller's is welcome at any length. */
static bool take_at_goal(struct ext4_fs *fs, const struct search *s, struct ext4_resv *resv)
{
	struct ext4_group *gi;
	struct run run = { 0, 0 };
	uint32_t size, end;

	if (ext4_lock_loaded_group(fs, s->goal_group, &gi))
		return false;
	size = ext4_group_blocks(fs, s->goal_group);
	end = s->goal_bit + s->want < size ? s->goal_bit + s->want : size;
	run = (struct run){ s->goal_bit, ext4_next_set(gi->busy, end, s->goal_bit) - s->goal_bit };
	if (run.len)
		take_run(fs, s->goal_group, gi, run, resv);
	pthread_mutex_unlock(&gi->lock);
	return run.len > 0;
}

/* The descriptor alone says that there are too few: remembered, unless somebody frees this moment. */
static bool too_few_on_disk(struct ext4_fs *fs, uint32_t group, const struct ext4_group_desc *gd, uint32_t need)
{
	uint32_t free = ext2fs_bg_free_blocks_count(gd, fs->desc_size);

	if (free >= need)
		return false;
	ext4_index_longest_run(fs, group, free);
	if (ext2fs_bg_free_blocks_count(gd, fs->desc_size) > free)
		ext4_index_blocks_freed(fs, group);
	return true;
}

static bool may_have_run(struct ext4_fs *fs, uint32_t group, struct ext4_group *gi, uint32_t need)
{
	uint32_t bound;

	pthread_mutex_lock(&gi->lock);
	bound = gi->block_bitmap_bad ? 0 : gi->largest;
	if (gi->busy && gi->busy_free < bound)
		bound = gi->busy_free;
	if (bound < need)
		ext4_index_longest_run(fs, group, bound);
	pthread_mutex_unlock(&gi->lock);
	return bound >= need;
}

/* A cheap look, without reading the bitmap: 0 when @group can have a free run of @need, -ENOSPC or an error. */
static int check_worth(struct ext4_fs *fs, uint32_t group, uint32_t need)
{
	struct ext4_group *gi;
	struct ext4_group_desc *gd;
	struct iocache_buf *buf;
	int err;

	err = ext4_group_desc(fs, group, &buf, &gd);
	if (err)
		return err;
	if (too_few_on_disk(fs, group, gd, need)) {
		err = -ENOSPC;
	} else {
		gi = ext4_group(fs, group);
		err = !gi ? -ENOMEM : may_have_run(fs, group, gi, need) ? 0 : -ENOSPC;
	}
	iocache_put(buf);
	return err;
}

/* 0: taken, -ENOSPC: there is no such run, or why that is not known. */
static int take_in_group(struct ext4_fs *fs, const struct search *s, uint32_t group, uint32_t need,
			  struct ext4_resv *resv)
{
	struct ext4_group *gi;
	struct run run = { 0, 0 };
	uint32_t from = 0;
	int err = check_worth(fs, group, need);

	if (!err)
		err = ext4_lock_loaded_group(fs, group, &gi);
	if (err)
		return err;
	if (gi->busy_free >= need) {
		if (s->flags & EXT4_ALLOC_PACK)
			from = gi->cursor;
		else if (group == s->goal_group)
			from = s->goal_bit;
		if (from >= ext4_group_blocks(fs, group))
			from = 0;
		run = search_group(fs, group, gi, from, need, s->want);
		if (run.len >= need)
			take_run(fs, group, gi, run, resv);
	}
	pthread_mutex_unlock(&gi->lock);
	return run.len >= need ? 0 : -ENOSPC;
}

static int search_groups(struct ext4_fs *fs, const struct search *s, struct ext4_resv *resv)
{
	uint32_t need = s->want, step, group;
	const uint64_t *known;
	int err;

	/* Whole runs first, then ever shorter ones.  A damaged group, which was told, is passed over. */
	for (;;) {
		known = ext4_index_for_run(fs, need);
		for (step = 0; ext4_index_next(fs, known, known, s->goal_group, &step, &group);) {
			if (group >= s->groups)
				continue;
			err = take_in_group(fs, s, group, need, resv);
			if (!err || err == -ENOMEM)
				return err;
			if (err == -EUCLEAN || err == -EBADMSG)
				ext4_index_longest_run(fs, group, 0);
		}
		if (need == 1)
			return -ENOSPC;
		need = need >= 8 ? need / 8 : 1;
	}
}

/* How many groups lie below the limit that @flags set. */
static uint32_t groups_within(const struct ext4_fs *fs, unsigned int flags)
{
	uint64_t below = ((1ULL << 32) - fs->first_data_block) / fs->blocks_per_group;

	return (flags & EXT4_ALLOC_32BIT) && below < fs->group_count ? below : fs->group_count;
}

int ext4_resv_get(struct ext4_fs *fs, blk64_t goal, uint32_t want, unsigned int flags,
		  struct ext4_resv *resv)
{
	struct search s = { .flags = flags };
	uint64_t seen;
	int err;

	want = affordable(fs, want, flags);
	if (!want)
		return -ENOSPC;
	if (goal <= fs->first_data_block || goal >= fs->blocks_count)
		goal = fs->first_data_block + 1;
	s.groups = groups_within(fs, flags);
	s.goal_group = ext4_group_of(fs, goal);
	s.goal_bit = goal - ext4_group_first_block(fs, s.goal_group);
	if (s.goal_group >= s.groups) {
		s.goal_group %= s.groups;
		flags &= ~EXT4_ALLOC_APPEND;
	}
	s.want = want < fs->blocks_per_group ? want : fs->blocks_per_group;
	if ((flags & EXT4_ALLOC_APPEND) && take_at_goal(fs, &s, resv))
		return 0;
	do {
		seen = ext4_hold_sequence(fs);
		err = search_groups(fs, &s, resv);
	} while (err == -ENOSPC && ext4_wait_for_holder(fs, seen));
	return err;
}

void ext4_unhold_run(struct ext4_fs *fs, uint32_t group, uint32_t bit, uint32_t n)
{
	struct ext4_group *gi = fs->groups[group];

	pthread_mutex_lock(&gi->lock);
	ext4_clear_bits(gi->busy, bit, n);
	gi->busy_free += n;
	gi->held -= n;
	gi->largest = gi->busy_free;
	ext4_index_blocks_freed(fs, group);
	if (gi->cursor == bit + n)
		gi->cursor = bit;
	pthread_mutex_unlock(&gi->lock);
}

void ext4_resv_release(struct ext4_fs *fs, blk64_t start, uint32_t len)
{
	uint32_t group, bit, n;

	while (len) {
		group = ext4_group_of(fs, start);
		bit = start - ext4_group_first_block(fs, group);
		n = ext4_group_blocks(fs, group) - bit;
		if (n > len)
			n = len;
		ext4_unhold_run(fs, group, bit, n);
		__atomic_sub_fetch(&fs->held_blocks, n, __ATOMIC_RELAXED);
		start += n;
		len -= n;
	}
}

bool ext4_should_retry_alloc(struct ext4_fs *fs, int *tries)
{
	if (__atomic_load_n(&fs->held_blocks, __ATOMIC_RELAXED) <= 0 || ++*tries > 3)
		return false;
	ext4_drop_all_prealloc(fs);
	return jbd2_journal_force_commit(fs->journal) == 0;
}

/* ---- memory ---- */

static bool drop_map(struct ext4_fs *fs, struct ext4_group *gi)
{
	bool dropped = false;

	pthread_mutex_lock(&gi->lock);
	if (gi->busy && !gi->held) {
		free(gi->busy);
		gi->busy = NULL;
		dropped = true;
		__atomic_sub_fetch(&fs->group_maps, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&gi->lock);
	return dropped;
}

size_t ext4_groups_shrink(struct ext4_fs *fs)
{
	struct ext4_group *gi;
	size_t freed = 0;
	uint32_t i;

	for (i = 0; i < fs->group_count; i++) {
		gi = __atomic_load_n(&fs->groups[i], __ATOMIC_ACQUIRE);
		if (gi && drop_map(fs, gi))
			freed += fs->block_size;
	}
	return freed;
}

/* A quarter goes, the hand round the groups: whoever comes past all of them reads each map once per round. */
void ext4_groups_trim(struct ext4_fs *fs)
{
	uint32_t max = __atomic_load_n(&fs->group_maps_max, __ATOMIC_RELAXED), left = fs->group_count, at;
	struct ext4_group *gi;

	if (__atomic_load_n(&fs->group_maps, __ATOMIC_RELAXED) < max)
		return;
	while (left-- && __atomic_load_n(&fs->group_maps, __ATOMIC_RELAXED) > max - max / 4) {
		at = __atomic_fetch_add(&fs->group_hand, 1, __ATOMIC_RELAXED) % fs->group_count;
		gi = __atomic_load_n(&fs->groups[at], __ATOMIC_ACQUIRE);
		if (gi)
			drop_map(fs, gi);
	}
}

void ext4_groups_destroy(struct ext4_fs *fs)
{
	uint32_t i;

	for (i = 0; fs->groups && i < fs->group_count; i++) {
		if (!fs->groups[i])
			continue;
		free(fs->groups[i]->busy);
		pthread_mutex_destroy(&fs->groups[i]->lock);
		free(fs->groups[i]);
	}
	free(fs->groups);
	fs->groups = NULL;
	fs->group_maps = 0;
	ext4_index_destroy(fs);
}
