/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Zones: blocks that the file system keeps for itself and that no file may
 * map.  Of each flex group (or group) the bitmaps and inode tables, collected
 * from the descriptors when first asked for; the copies of superblock and descriptors; the journal.
 *
 * Not covered is what descriptors place in another flex group than their own,
 * which mke2fs never does: knowing it would take reading all descriptors at mount.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

struct range {
	blk64_t		start;
	uint64_t	len;
};

struct ext4_zone {
	uint32_t	n;
	struct range	r[];	/* sorted, apart from each other */
};

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sort, and join what touches. */
static void tidy(struct ext4_zone *zone)
{
	uint32_t i, n = 0;

	if (!zone->n)
		return;
	qsort(zone->r, zone->n, sizeof(zone->r[0]), by_start);
	for (i = 1; i < zone->n; i++) {
		struct range *last = &zone->r[n];

		if (zone->r[i].start <= last->start + last->len) {
			if (zone->r[i].start + zone->r[i].len > last->start + last->len)
				last->len = zone->r[i].start + zone->r[i].len - last->start;
		} else {
			zone->r[++n] = zone->r[i];
		}
	}
	zone->n = n + 1;
}

/* Does any range of the zone touch [blk, blk + count)? */
static bool touches(const struct ext4_zone *zone, blk64_t blk, uint64_t count)
{
	uint32_t low = 0, high = zone->n, mid;

	/* The first range that ends behind blk. */
	while (low < high) {
		mid = (low + high) / 2;
		if (zone->r[mid].start + zone->r[mid].len > blk)
			high = mid;
		else
			low = mid + 1;
	}
	return low < zone->n && zone->r[low].start < blk + count;
}

/* ---- flex groups ---- */

static void add(const struct ext4_fs *fs, struct ext4_zone *zone, blk64_t start, uint32_t len)
{
	if (start < fs->blocks_count)
		zone->r[zone->n++] = (struct range){ start, len };
}

static int build_zone(struct ext4_fs *fs, uint32_t flex, struct ext4_zone **ret)
{
	uint32_t group = flex << fs->log_groups_per_flex;
	uint64_t end = (uint64_t)group + (1ULL << fs->log_groups_per_flex);
	struct ext4_group_desc *gd;
	struct ext4_zone *zone;
	struct iocache_buf *buf;
	int err;

	if (end > fs->group_count)
		end = fs->group_count;
	zone = malloc(sizeof(*zone) + 3 * (end - group) * sizeof(zone->r[0]));
	if (!zone)
		return -ENOMEM;
	zone->n = 0;
	for (; group < end; group++) {
		err = ext4_group_desc(fs, group, &buf, &gd);
		/* A lost group must not keep those who only read from files elsewhere. */
		if (err == -EUCLEAN && fs->opts.read_only)
			continue;
		if (err) {
			free(zone);
			return err;
		}
		add(fs, zone, ext2fs_bg_block_bitmap_loc(gd, fs->desc_size), 1);
		add(fs, zone, ext2fs_bg_inode_bitmap_loc(gd, fs->desc_size), 1);
		add(fs, zone, ext2fs_bg_inode_table_loc(gd, fs->desc_size), fs->itable_blocks);
		iocache_put(buf);
	}
	tidy(zone);
	*ret = zone;
	return 0;
}

static int zone_of(struct ext4_fs *fs, uint32_t flex, const struct ext4_zone **ret)
{
	struct ext4_zone *zone = __atomic_load_n(&fs->zones[flex], __ATOMIC_ACQUIRE), *new;
	int err;

	*ret = zone;
	if (zone)
		return 0;
	err = build_zone(fs, flex, &new);
	if (err)
		return err;
	pthread_mutex_lock(&fs->groups_lock);
	zone = fs->zones[flex];
	if (!zone) {
		zone = new;
		new = NULL;
		__atomic_store_n(&fs->zones[flex], zone, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&fs->groups_lock);
	free(new);
	*ret = zone;
	return 0;
}

/* ---- the journal ---- */

int ext4_zone_set_journal(struct ext4_fs *fs, const blk64_t *map, uint32_t n)
{
	struct ext4_zone *zone = malloc(sizeof(*zone) + (size_t)n * sizeof(zone->r[0])), *fit;
	uint32_t i;

	if (!zone)
		return -ENOMEM;
	zone->n = n;
	for (i = 0; i < n; i++)
		zone->r[i] = (struct range){ map[i], 1 };
	tidy(zone);
	fit = realloc(zone, sizeof(*zone) + zone->n * sizeof(zone->r[0]));
	free(fs->journal_zone);
	fs->journal_zone = fit ? fit : zone;
	return 0;
}

void ext4_zones_destroy(struct ext4_fs *fs)
{
	uint32_t i;

	for (i = 0; fs->zones && i <= fs->group_count >> fs->log_groups_per_flex; i++)
		free(fs->zones[i]);
	free(fs->zones);
	free(fs->journal_zone);
	fs->zones = NULL;
	fs->journal_zone = NULL;
}

/* ---- asking ---- */

static bool in_journal(const struct ext4_fs *fs, uint32_t ino, blk64_t blk, uint64_t count)
{
	return fs->journal_zone && ino != le32_to_cpu(fs->super->raw.s_journal_inum) &&
	       touches(fs->journal_zone, blk, count);
}

static bool in_descriptors(struct ext4_fs *fs, uint32_t group, blk64_t blk)
{
	return blk < ext4_group_first_block(fs, group) + ext2fs_group_overhead(fs->super, group);
}

int ext4_check_blocks(struct ext4_fs *fs, uint32_t ino, blk64_t blk, uint64_t count)
{
	const struct ext4_zone *zone;
	uint32_t first, last, group;
	int err;

	if (!count || blk <= fs->first_data_block || blk >= fs->blocks_count || count > fs->blocks_count - blk ||
	    in_journal(fs, ino, blk, count))
		return -EUCLEAN;
	first = ext4_group_of(fs, blk);
	last = ext4_group_of(fs, blk + count - 1);
	/* Copies lie at the start of a group: the first group's ends before blk, others' are in the middle. */
	if (in_descriptors(fs, first, blk))
		return -EUCLEAN;
	for (group = first + 1; group <= last; group++)
		if (ext2fs_group_overhead(fs->super, group))
			return -EUCLEAN;
	for (group = first >> fs->log_groups_per_flex; group <= last >> fs->log_groups_per_flex; group++) {
		err = zone_of(fs, group, &zone);
		if (err)
			return err;
		if (touches(zone, blk, count))
			return -EUCLEAN;
	}
	return 0;
}
