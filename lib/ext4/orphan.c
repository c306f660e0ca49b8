/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Orphans: inodes without a name that are still open, and files in the middle
 * of a truncation.  The list on disk is threaded through i_dtime, its head in
 * the superblock; with the orphan file (orphan_file.c) the list is only the
 * overflow.  After a crash the next mount finishes what the list names.
 */
#include "ext4/ext4_i.h"
#include "ext4/orphan_i.h"

static struct ext4_inode *neighbour_before(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;

	if (inode->i_orphan.prev == &fs->orphans)
		return NULL;
	return container_of(inode->i_orphan.prev, struct ext4_inode, i_orphan);
}

static int set_head(handle_t *handle, struct ext4_fs *fs, uint32_t ino)
{
	int err = ext4_sb_begin(handle, fs);

	if (err)
		return err;
	fs->sb->s_last_orphan = cpu_to_le32(ino);
	return ext4_sb_end(handle, fs);
}

static int list_add_first(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	int err;

	inode->i_dtime = le32_to_cpu(fs->sb->s_last_orphan);
	err = set_head(handle, fs, inode->i_ino);
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	if (!err)
		list_add(&inode->i_orphan, &fs->orphans);
	return err;
}

/*
 * The neighbour's link on disk is patched in place: its other fields may be in the middle of a
 * change by whoever holds its lock.
 */
static int patch_next(handle_t *handle, struct ext4_inode *inode, uint32_t next)
{
	struct ext2_inode_large *raw;
	struct iocache_buf *buf;
	int err = ext4_inode_raw(inode, &buf, &raw);

	if (err)
		return err;
	err = ext4_write_access(handle, buf);
	if (!err) {
		pthread_mutex_lock(&inode->i_lock);
		inode->i_dtime = next;
		raw->i_dtime = cpu_to_le32(next);
		ext4_raw_inode_csum(inode, raw);
		pthread_mutex_unlock(&inode->i_lock);
		err = ext4_dirty(handle, buf);
	}
	iocache_put(buf);
	return err;
}

static int list_take_out(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_inode *before = neighbour_before(inode);
	uint32_t next = inode->i_dtime;
	int err;

	err = before ? patch_next(handle, before, next) : set_head(handle, inode->i_fs, next);
	if (err)
		return err;
	list_del_init(&inode->i_orphan);
	inode->i_dtime = 0;
	return ext4_mark_inode_dirty(handle, inode);
}

static void lock_orphans(struct ext4_fs *fs)
{
	ext4_lockdep_enter(EXT4_LOCK_ORPHAN, 0);
	pthread_mutex_lock(&fs->orphan_lock);
}

static void unlock_orphans(struct ext4_fs *fs)
{
	pthread_mutex_unlock(&fs->orphan_lock);
	ext4_lockdep_leave(EXT4_LOCK_ORPHAN);
}

int ext4_orphan_add(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	int err;

	lock_orphans(fs);
	if (ext4_state(inode, EXT4_STATE_ORPHAN)) {
		unlock_orphans(fs);
		return 0;
	}
	err = ext4_orphan_file_add(handle, inode);
	if (err == -ENOSPC)
		err = list_add_first(handle, inode);
	if (!err)
		ext4_state_set(inode, EXT4_STATE_ORPHAN);
	unlock_orphans(fs);
	return err;
}

int ext4_orphan_del(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	int err;

	lock_orphans(fs);
	if (!ext4_state(inode, EXT4_STATE_ORPHAN)) {
		unlock_orphans(fs);
		return 0;
	}
	if (inode->i_orphan_in_file)
		err = ext4_orphan_file_del(handle, inode);
	else
		err = list_take_out(handle, inode);
	if (!err)
		ext4_state_clear(inode, EXT4_STATE_ORPHAN);
	unlock_orphans(fs);
	return err;
}

void ext4_orphan_forget(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;

	pthread_mutex_lock(&fs->orphan_lock);
	if (!list_empty(&inode->i_orphan))
		list_del_init(&inode->i_orphan);
	ext4_state_clear(inode, EXT4_STATE_ORPHAN);
	pthread_mutex_unlock(&fs->orphan_lock);
}

/* ---- at mount ---- */

bool ext4_has_orphans(struct ext4_fs *fs)
{
	return fs->sb->s_last_orphan || ext4_orphan_file_used(fs);
}

/* Deleted, if it has no name; else cut down to its size. */
static int finish(struct ext4_inode *inode, unsigned int *deleted, unsigned int *truncated)
{
	handle_t *handle;
	int err = 0;

	if (!inode->i_nlink) {
		++*deleted;
		ext4_iput(inode);
		return 0;
	}
	++*truncated;
	ext4_lock(inode);
	if (S_ISREG(inode->i_type))
		err = ext4_truncate_blocks(inode);
	ext4_unlock(inode);
	if (!err) {
		err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_ORPHAN + EXT4_CREDITS_INODE, &handle);
		if (!err)
			err = ext4_journal_stop(handle, ext4_orphan_del(handle, inode));
	}
	if (err)
		ext4_orphan_forget(inode);
	ext4_iput(inode);
	return err;
}

/* Bring an inode that the disk names as orphan into memory, in the state it would have had. */
int ext4_orphan_adopt(struct ext4_fs *fs, uint32_t ino, struct ext4_inode **ret)
{
	int err = ext4_iget_flags(fs, ino, EXT4_IGET_ORPHAN, ret);

	if (err == -ESTALE || (!err && ext4_state(*ret, EXT4_STATE_ORPHAN))) {
		if (!err)
			ext4_iput(*ret);
		return ext4_corrupt(fs, ino, 0, "the list of orphans names it wrongly or twice");
	}
	if (!err)
		ext4_state_set((*ret), EXT4_STATE_ORPHAN);
	return err;
}

/*
 * The list is followed only as far as its next element: each one taken out
 * moves the head.  A loop ends since an inode that was finished is no longer in use.
 */
static int finish_list(struct ext4_fs *fs, unsigned int *deleted, unsigned int *truncated)
{
	struct ext4_inode *inode;
	uint32_t ino, last = 0;
	int err;

	while ((ino = le32_to_cpu(fs->sb->s_last_orphan)) != 0) {
		if (ino == last)
			return ext4_corrupt(fs, ino, 0, "the list of orphans does not get shorter");
		last = ino;
		err = ext4_orphan_adopt(fs, ino, &inode);
		if (err)
			return err;
		list_add(&inode->i_orphan, &fs->orphans);
		err = finish(inode, deleted, truncated);
		if (err)
			return err;
	}
	return 0;
}

/* A list that cannot be followed must not be followed again by the next mount: e2fsck finds what it named. */
static void cut_list(struct ext4_fs *fs)
{
	handle_t *handle;

	if (!fs->sb->s_last_orphan || ext4_journal_start(fs, 1, &handle))
		return;
	ext4_journal_stop(handle, set_head(handle, fs, 0));
}

int ext4_orphan_cleanup(struct ext4_fs *fs)
{
	unsigned int deleted = 0, truncated = 0;
	int err;

	if (!ext4_has_orphans(fs))
		return 0;
	err = finish_list(fs, &deleted, &truncated);
	if (err == -EUCLEAN || err == -EBADMSG) {
		cut_list(fs);
		err = 0;
	}
	if (!err)
		err = ext4_orphan_file_finish(fs, finish, &deleted, &truncated);
	if (deleted || truncated)
		ext4_log(fs, EXT4_LOG_INFO, "%s: finished %u deletions and %u truncations that a crash had interrupted",
			 fs->device_name, deleted, truncated);
	return err == -EUCLEAN || err == -EBADMSG ? 0 : err;
}
