/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept from others for a moment, by trimming and by the zeroing of inode tables, is
 * not in use: who finds nothing else waits for that moment.
 */
#include "ext4/ext4_i.h"

void ext4_hold_begin(struct ext4_fs *fs)
{
	pthread_mutex_lock(&fs->hold_lock);
	fs->holders++;
	pthread_mutex_unlock(&fs->hold_lock);
}

void ext4_hold_end(struct ext4_fs *fs)
{
	pthread_mutex_lock(&fs->hold_lock);
	fs->holders--;
	fs->hold_seq++;
	pthread_cond_broadcast(&fs->hold_cond);
	pthread_mutex_unlock(&fs->hold_lock);
}

uint64_t ext4_hold_sequence(struct ext4_fs *fs)
{
	uint64_t seq;

	pthread_mutex_lock(&fs->hold_lock);
	seq = fs->hold_seq;
	pthread_mutex_unlock(&fs->hold_lock);
	return seq;
}

bool ext4_wait_for_holder(struct ext4_fs *fs, uint64_t seen)
{
	bool worth_it;

	pthread_mutex_lock(&fs->hold_lock);
	while (fs->hold_seq == seen && fs->holders)
		pthread_cond_wait(&fs->hold_cond, &fs->hold_lock);
	worth_it = fs->hold_seq != seen;
	pthread_mutex_unlock(&fs->hold_lock);
	return worth_it;
}
