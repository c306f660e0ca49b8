/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which groups need not be looked at: a bit for each group that was found to have no
 * free inode, or no free run of blocks of some size.  Bits are set by those who search and find nothing, and
 * cleared by those who free, so that a search in a file system that is all but full does not
 * read every descriptor again.  Nothing is read to fill it.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

#define BITS	64

static size_t words(const struct ext4_fs *fs)
{
	return (fs->group_count + BITS - 1) / BITS;
}

int ext4_index_init(struct ext4_fs *fs)
{
	size_t n = words(fs);
	int i;

	fs->no_inodes = calloc(n * (1 + EXT4_RUN_CLASSES), sizeof(uint64_t));
	if (!fs->no_inodes)
		return -ENOMEM;
	for (i = 0; i < EXT4_RUN_CLASSES; i++)
		fs->no_run[i] = fs->no_inodes + n * (i + 1);
	return 0;
}

void ext4_index_destroy(struct ext4_fs *fs)
{
	free(fs->no_inodes);
	fs->no_inodes = NULL;
}

static void set_bit(uint64_t *map, uint32_t group)
{
	__atomic_fetch_or(&map[group / BITS], 1ULL << group % BITS, __ATOMIC_SEQ_CST);
}

static void clear_bit(uint64_t *map, uint32_t group)
{
	__atomic_fetch_and(&map[group / BITS], ~(1ULL << group % BITS), __ATOMIC_SEQ_CST);
}

void ext4_index_no_inodes(struct ext4_fs *fs, uint32_t group)
{
	set_bit(fs->no_inodes, group);
}

void ext4_index_inode_freed(struct ext4_fs *fs, uint32_t group)
{
	clear_bit(fs->no_inodes, group);
}

/* Runs of class i have 8^i blocks. */
static uint32_t class_size(int class)
{
	return 1U << 3 * class;
}

void ext4_index_longest_run(struct ext4_fs *fs, uint32_t group, uint32_t len)
{
	int i;

	for (i = EXT4_RUN_CLASSES - 1; i >= 0 && class_size(i) > len; i--)
		set_bit(fs->no_run[i], group);
}

void ext4_index_blocks_freed(struct ext4_fs *fs, uint32_t group)
{
	int i;

	for (i = 0; i < EXT4_RUN_CLASSES; i++)
		clear_bit(fs->no_run[i], group);
}

const uint64_t *ext4_index_for_run(const struct ext4_fs *fs, uint32_t len)
{
	int i = 0;

	while (i + 1 < EXT4_RUN_CLASSES && class_size(i + 1) <= len)
		i++;
	return fs->no_run[i];
}

/* Groups of word @i that neither map has a bit for. */
static uint64_t candidates(const uint64_t *a, const uint64_t *b, size_t i)
{
	return ~(__atomic_load_n(&a[i], __ATOMIC_RELAXED) | __atomic_load_n(&b[i], __ATOMIC_RELAXED));
}

static uint32_t next_between(const uint64_t *a, const uint64_t *b, uint32_t from, uint32_t to)
{
	size_t i = from / BITS;
	uint64_t word;
	uint32_t group;

	if (from >= to)
		return to;
	word = candidates(a, b, i) & ~0ULL << from % BITS;
	while (!word && ++i * BITS < to)
		word = candidates(a, b, i);
	group = word ? i * BITS + __builtin_ctzll(word) : to;
	return group < to ? group : to;
}

bool ext4_index_next(const struct ext4_fs *fs, const uint64_t *a, const uint64_t *b, uint32_t start, uint32_t *step,
		     uint32_t *group)
{
	uint32_t count = fs->group_count, at;

	/* From the start to the end, and then what lies before the start. */
	if (*step < count - start) {
		at = next_between(a, b, start + *step, count);
		if (at < count) {
			*step = at - start + 1;
			*group = at;
			return true;
		}
		*step = count - start;
	}
	at = next_between(a, b, *step - (count - start), start);
	if (at >= start)
		return false;
	*step = count - start + at + 1;
	*group = at;
	return true;
}
