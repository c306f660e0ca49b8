/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread for what happens by the clock: writing back the metadata of file
 * systems without a journal, putting errors into the superblock, zeroing inode
 * tables that mkfs left for later.
 */
#include "ext4/ext4_i.h"

#define ITABLE_PAUSE	1	/* seconds between two groups */

/* ---- inode tables ---- */

/*
 * The blocks behind the last used inode.  While zeroing is set no inode of
 * this group is given out, so that none of them is in use; who needs one waits, maybe with a handle open, so
 * that none may be started here.
 */
static int zero_table(struct ext4_fs *fs, uint32_t group, struct ext4_group *gi)
{
	struct ext4_group_desc *gd;
	struct iocache_buf *buf;
	uint32_t used, first;
	blk64_t table;
	errcode_t io = 0;
	int err;

	err = ext4_group_desc(fs, group, &buf, &gd);
	if (err)
		return err;
	ext4_hold_begin(fs);
	pthread_mutex_lock(&gi->lock);
	gi->zeroing = true;
	used = fs->inodes_per_group - ext2fs_bg_itable_unused(gd, fs->desc_size);
	if (le16_to_cpu(gd->bg_flags) & EXT2_BG_INODE_UNINIT)
		used = 0;
	pthread_mutex_unlock(&gi->lock);
	first = (used + fs->inodes_per_block - 1) / fs->inodes_per_block;
	table = ext2fs_bg_inode_table_loc(gd, fs->desc_size);
	if (first < fs->itable_blocks) {
		io = io_channel_zeroout(fs->dev, table + first, fs->itable_blocks - first);
		iocache_forget(fs->cache, table + first, fs->itable_blocks - first);
	}
	iocache_put(buf);
	pthread_mutex_lock(&gi->lock);
	gi->zeroing = false;
	pthread_mutex_unlock(&gi->lock);
	ext4_hold_end(fs);
	return io ? ext4_io_error(fs, io, 0, table + first, "zeroing an inode table") : 0;
}

static int set_zeroed(struct ext4_fs *fs, uint32_t group)
{
	struct ext4_group_desc *gd;
	struct iocache_buf *buf;
	struct ext4_group *gi = fs->groups[group];
	handle_t *handle;
	int err;

	err = ext4_group_desc(fs, group, &buf, &gd);
	if (err)
		return err;
	err = ext4_journal_start(fs, 1, &handle);
	if (!err) {
		err = ext4_write_access(handle, buf);
		if (!err) {
			pthread_mutex_lock(&gi->lock);
			gd->bg_flags |= cpu_to_le16(EXT2_BG_INODE_ZEROED);
			ext4_bg_set_csum(fs, group, gd);
			pthread_mutex_unlock(&gi->lock);
			err = ext4_dirty(handle, buf);
		}
		err = ext4_journal_stop(handle, err);
	}
	iocache_put(buf);
	return err;
}

static void init_group(struct ext4_fs *fs, uint32_t group)
{
	struct ext4_group *gi = ext4_group(fs, group);
	int err;

	if (!gi)
		return;
	err = zero_table(fs, group, gi);
	if (!err)
		set_zeroed(fs, group);
}

/* The next group to zero from *group on; false when there is none. */
static bool next_group(struct ext4_fs *fs, uint32_t *group)
{
	struct ext4_group_desc *gd;
	struct iocache_buf *buf;
	bool wanted;

	for (; *group < fs->group_count; ++*group) {
		if (ext4_group_desc(fs, *group, &buf, &gd))
			return false;
		wanted = !(le16_to_cpu(gd->bg_flags) & EXT2_BG_INODE_ZEROED);
		iocache_put(buf);
		if (wanted)
			return true;
	}
	return false;
}

/* ---- the thread ---- */

/* Not the wall clock, which jumps. */
static struct timespec seconds_from_now(unsigned int seconds)
{
	struct timespec when;

	clock_gettime(CLOCK_MONOTONIC, &when);
	when.tv_sec += seconds;
	return when;
}

static void sleep_for(struct ext4_fs *fs, unsigned int seconds)
{
	struct timespec when = seconds_from_now(seconds);

	while (!fs->worker_stop && !fs->error_pending) {
		if (pthread_cond_timedwait(&fs->worker_cond, &fs->worker_lock, &when))
			break;
	}
}

static void *worker_main(void *arg)
{
	struct ext4_fs *fs = arg;
	bool init = fs->opts.init_itable && (fs->gdt_csum || fs->metadata_csum);
	unsigned int flush = fs->has_journal ? 0 : fs->opts.flush_interval;
	uint32_t group = 0;
	time_t next_flush = seconds_from_now(flush).tv_sec;
	bool stop;

	pthread_setname_np(pthread_self(), "ext4-worker");
	for (;;) {
		pthread_mutex_lock(&fs->worker_lock);
		sleep_for(fs, init ? ITABLE_PAUSE : flush ? flush : 60);
		stop = fs->worker_stop;
		pthread_mutex_unlock(&fs->worker_lock);
		if (stop)
			return NULL;
		ext4_write_error_record(fs);
		ext4_take_tuned(fs);
		if (flush && seconds_from_now(0).tv_sec >= next_flush) {
			iocache_flush(fs->cache);
			next_flush = seconds_from_now(flush).tv_sec;
		}
		init = init && !ext4_check_rw(fs) && next_group(fs, &group);
		if (init)
			init_group(fs, group++);
	}
}

int ext4_worker_start(struct ext4_fs *fs)
{
	int err = pthread_create(&fs->worker, NULL, worker_main, fs);

	fs->worker_runs = !err;
	return -err;
}

void ext4_worker_stop(struct ext4_fs *fs)
{
	if (!fs->worker_runs)
		return;
	pthread_mutex_lock(&fs->worker_lock);
	fs->worker_stop = true;
	pthread_cond_signal(&fs->worker_cond);
	pthread_mutex_unlock(&fs->worker_lock);
	pthread_join(fs->worker, NULL);
	fs->worker_runs = false;
}
