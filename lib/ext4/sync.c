/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making things durable: fsync of one inode, of the file system, and the
 * options that ask for it with every change.
 */
#include "ext4/ext4_i.h"

/* The transaction that has to be durable. */
static tid_t tid_of(const struct ext4_sync *sync)
{
	struct ext4_inode *inode = sync->inode;

	if (ext4_state(inode, EXT4_STATE_DIRTY_TIME) && !sync->datasync)
		ext4_write_times(inode);
	return __atomic_load_n(sync->datasync ? &inode->i_datasync_tid : &inode->i_sync_tid, __ATOMIC_ACQUIRE);
}

/*
 * Data was written to the device before this call; the commit that carries an inode flushes it, and all the others'.
 * Where no commit was needed, one flush is.  The first that waits for the running transaction has it committed, which then
 * is done for the rest.
 */
int ext4_fsync_many(struct ext4_fs *fs, const struct ext4_sync *syncs, size_t n)
{
	bool flushed = false, now;
	errcode_t io;
	int err;

	if (__atomic_load_n(&fs->shutdown, __ATOMIC_ACQUIRE))
		return -EIO;
	if (fs->opts.read_only || !n)
		return 0;
	for (size_t i = 0; i < n; i++) {
		err = jbd2_complete_transaction(fs->journal, tid_of(&syncs[i]), &now);
		if (err)
			return err;
		flushed = flushed || now;
	}
	if (flushed)
		return 0;
	io = io_channel_flush(fs->dev);
	return io ? ext4_io_error(fs, io, syncs[0].inode->i_ino, 0, "flushing the device") : 0;
}

int ext4_fsync(struct ext4_inode *inode, bool datasync)
{
	const struct ext4_sync sync = { inode, datasync };

	return ext4_fsync_many(inode->i_fs, &sync, 1);
}

static int write_dirty_times(struct ext4_inode *inode, void *data __attribute__((unused)))
{
	if (ext4_state(inode, EXT4_STATE_DIRTY_TIME))
		ext4_write_times(inode);
	return 0;
}

/*
 * syncfs(2), and all that comes before a remount to read-only, of which nobody tells us: what is on the device
 * afterwards is clean, until something changes.
 */
int ext4_syncfs(struct ext4_fs *fs)
{
	bool was_quiet;
	errcode_t io;
	int err;

	if (__atomic_load_n(&fs->shutdown, __ATOMIC_ACQUIRE))
		return -EIO;
	if (fs->opts.read_only)
		return 0;
	if (fs->opts.lazytime)
		ext4_icache_walk(fs, write_dirty_times, NULL);
	err = jbd2_journal_quiesce(fs->journal, &was_quiet);
	if (err || !was_quiet)
		return err;
	/* File data may have changed in place. */
	io = io_channel_flush(fs->dev);
	return io ? ext4_io_error(fs, io, 0, 0, "flushing the device") : 0;
}

bool ext4_wants_sync(const struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;

	if (fs->opts.sync || (inode->i_flags & EXT2_SYNC_FL))
		return true;
	return S_ISDIR(inode->i_type) && (fs->opts.dirsync || (inode->i_flags & EXT2_DIRSYNC_FL));
}

int ext4_finish_sync(struct ext4_inode *inode, int err)
{
	bool wanted;

	if (err)
		return err;
	ext4_lock_shared(inode);
	wanted = ext4_wants_sync(inode);
	ext4_unlock(inode);
	return wanted ? ext4_fsync(inode, false) : 0;
}
