/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine's habits with journal handles: who may start one, what a failed
 * one means, and how buffers are read and changed.
 */
#include "ext4/ext4_i.h"

int ext4_check_rw(struct ext4_fs *fs)
{
	if (__atomic_load_n(&fs->shutdown, __ATOMIC_ACQUIRE))
		return -EIO;
	if (__atomic_load_n(&fs->read_only, __ATOMIC_ACQUIRE))
		return -EROFS;
	return 0;
}

int ext4_journal_start_revoke(struct ext4_fs *fs, int credits, int revokes, handle_t **ret)
{
	int err = ext4_check_rw(fs);

	*ret = NULL;
	if (err)
		return err;
	err = jbd2_journal_start(fs->journal, credits, revokes, ret);
	if (!err)
		ext4_lockdep_enter(EXT4_LOCK_HANDLE, 0);
	return err;
}

int ext4_journal_start(struct ext4_fs *fs, int credits, handle_t **ret)
{
	return ext4_journal_start_revoke(fs, credits, 0, ret);
}

/* An inode is put at most once per handle and thread: the chain is the handle's own word. */
void ext4_put_after(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_inode *first = jbd2_handle_priv(handle), *at;

	for (at = first; at; at = at->i_put_next) {
		if (at == inode) {
			ext4_iput(inode);
			return;
		}
	}
	inode->i_put_next = first;
	jbd2_handle_set_priv(handle, inode);
}

/*
 * Out of memory in the middle of a change, of which a part is made: whatever errors= says, that part must not
 * reach the disk.  Other errors of that kind were recorded where they came up.
 */
static void stop_half_done(handle_t *handle)
{
	struct ext4_fs *fs = jbd2_journal_priv(jbd2_handle_journal(handle));

	ext4_corrupt_at(fs, __func__, __LINE__, -ENOMEM, 0, 0, "memory ran out in the middle of a change");
	ext4_stop_writing(fs, -ENOMEM);
}

int ext4_journal_stop(handle_t *handle, int err)
{
	struct ext4_inode *put = jbd2_handle_priv(handle), *next;
	int stop_err;

	if (err == -ENOMEM && jbd2_handle_changed(handle))
		stop_half_done(handle);
	ext4_lockdep_leave(EXT4_LOCK_HANDLE);
	stop_err = jbd2_journal_stop(handle);
	for (; put; put = next) {
		next = put->i_put_next;
		ext4_iput(put);
	}
	return err ? err : stop_err;
}

int ext4_journal_ensure(handle_t *handle, int credits, int revokes)
{
	int err;

	if (jbd2_handle_credits(handle) >= credits && !revokes)
		return 0;
	err = jbd2_journal_extend(handle, credits, revokes);
	if (err <= 0)
		return err;
	err = jbd2_journal_restart(handle, credits, revokes);
	return err ? err : 1;
}

int ext4_bread(struct ext4_fs *fs, blk64_t blk, struct iocache_buf **ret)
{
	errcode_t err;

	*ret = NULL;
	if (blk >= fs->blocks_count)
		return ext4_corrupt(fs, 0, blk, "a block number is past the end");
	err = iocache_get(fs->cache, blk, 0, ret);
	if (err)
		return ext4_io_error(fs, err, 0, blk, "reading metadata");
	return 0;
}

int ext4_getblk_new(handle_t *handle, struct ext4_fs *fs, blk64_t blk, struct iocache_buf **ret)
{
	errcode_t ret_code = iocache_get(fs->cache, blk, IOCACHE_GET_NEW, ret);
	int err;

	if (ret_code) {
		*ret = NULL;
		return ext4_errno(ret_code);
	}
	err = jbd2_journal_get_create_access(handle, *ret);
	if (err) {
		iocache_put(*ret);
		*ret = NULL;
	}
	return err;
}

int ext4_write_access(handle_t *handle, struct iocache_buf *buf)
{
	return jbd2_journal_get_write_access(handle, buf);
}

int ext4_dirty(handle_t *handle, struct iocache_buf *buf)
{
	return jbd2_journal_dirty_metadata(handle, buf);
}

int ext4_sb_begin(handle_t *handle, struct ext4_fs *fs)
{
	int err = jbd2_journal_get_write_access(handle, fs->sb_buf);

	if (!err)
		pthread_mutex_lock(&fs->sb_lock);
	return err;
}

int ext4_sb_end(handle_t *handle, struct ext4_fs *fs)
{
	ext2fs_superblock_csum_set(fs->sb);
	pthread_mutex_unlock(&fs->sb_lock);
	return jbd2_journal_dirty_metadata(handle, fs->sb_buf);
}

void ext4_update_sync_tid(handle_t *handle, struct ext4_inode *inode, bool datasync)
{
	tid_t tid = jbd2_handle_tid(handle);

	__atomic_store_n(&inode->i_sync_tid, tid, __ATOMIC_RELEASE);
	if (datasync)
		__atomic_store_n(&inode->i_datasync_tid, tid, __ATOMIC_RELEASE);
}
