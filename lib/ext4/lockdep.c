/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The locks of inodes, and, in builds with EXT4_DEBUG, the assertion that each
 * thread takes its locks in the order that ext4_i.h states.
 */
#include <assert.h>
#include "ext4/ext4_i.h"

#ifdef EXT4_DEBUG
static __thread unsigned int held[EXT4_LOCK_LEVELS];

/* @nest: how many locks of the same level may be held already. */
void ext4_lockdep_enter(enum ext4_lock_level level, unsigned int nest)
{
	unsigned int above;

	assert(held[level] <= nest);
	for (above = level + 1; above < EXT4_LOCK_LEVELS; above++)
		assert(!held[above]);
	held[level]++;
}

void ext4_lockdep_leave(enum ext4_lock_level level)
{
	assert(held[level]);
	held[level]--;
}
#endif

/* A rename holds four inodes; an EA inode may come below. */
#define MAX_INODES_HELD 5

#ifdef EXT4_DEBUG
static __thread const struct ext4_inode *mine[MAX_INODES_HELD];

/* Nobody locks what he has locked, not even shared: somebody who waits to lock it alone may stand in between. */
static void note_locked(const struct ext4_inode *inode)
{
	int i, free = -1;

	for (i = 0; i < MAX_INODES_HELD; i++) {
		assert(mine[i] != inode);
		if (!mine[i])
			free = i;
	}
	assert(free >= 0);
	mine[free] = inode;
}

static void note_unlocked(const struct ext4_inode *inode)
{
	int i = 0;

	while (mine[i] != inode)
		assert(++i < MAX_INODES_HELD);
	mine[i] = NULL;
}
#else
static inline void note_locked(const struct ext4_inode *inode __attribute__((unused))) { }
static inline void note_unlocked(const struct ext4_inode *inode __attribute__((unused))) { }
#endif

void ext4_lock(struct ext4_inode *inode)
{
	ext4_lockdep_enter(EXT4_LOCK_INODE, MAX_INODES_HELD - 1);
	note_locked(inode);
	rwsem_down_write(&inode->i_rwsem);
}

void ext4_lock_shared(struct ext4_inode *inode)
{
	ext4_lockdep_enter(EXT4_LOCK_INODE, MAX_INODES_HELD - 1);
	note_locked(inode);
	rwsem_down_read(&inode->i_rwsem);
}

void ext4_unlock(struct ext4_inode *inode)
{
	rwsem_up(&inode->i_rwsem);
	note_unlocked(inode);
	ext4_lockdep_leave(EXT4_LOCK_INODE);
}

static bool goes_first(const struct ext4_inode *a, const struct ext4_inode *b)
{
	bool dir_a = S_ISDIR(a->i_type), dir_b = S_ISDIR(b->i_type);

	return dir_a != dir_b ? dir_a : a->i_ino < b->i_ino;
}

void ext4_lock_two(struct ext4_inode *a, struct ext4_inode *b)
{
	if (a == b) {
		ext4_lock(a);
		return;
	}
	ext4_lock(goes_first(a, b) ? a : b);
	ext4_lock(goes_first(a, b) ? b : a);
}

void ext4_unlock_two(struct ext4_inode *a, struct ext4_inode *b)
{
	ext4_unlock(a);
	if (a != b)
		ext4_unlock(b);
}
