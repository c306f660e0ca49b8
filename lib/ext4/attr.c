/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes of inodes: stat(2) and what chmod, chown, utimens and truncate
 * change.
 */
#include <sys/sysmacros.h>
#include "ext4/ext4_i.h"

/* ---- device numbers: a short old form and a long new one ---- */

static dev_t decode_rdev(const struct ext4_inode *inode)
{
	uint32_t v = le32_to_cpu(inode->i_block[0]);

	if (v)
		return makedev(v >> 8 & 0xff, v & 0xff);
	v = le32_to_cpu(inode->i_block[1]);
	return makedev(v >> 8 & 0xfff, (v & 0xff) | (v >> 12 & 0xfff00));
}

void ext4_set_rdev(struct ext4_inode *inode, dev_t rdev)
{
	uint32_t ma = major(rdev), mi = minor(rdev);

	memset(inode->i_block, 0, sizeof(inode->i_block));
	if (ma < 256 && mi < 256)
		inode->i_block[0] = cpu_to_le32(ma << 8 | mi);
	else
		inode->i_block[1] = cpu_to_le32((mi & 0xff) | ma << 8 | (mi & ~0xffU) << 12);
}

static bool is_device(const struct ext4_inode *inode)
{
	return S_ISCHR(inode->i_type) || S_ISBLK(inode->i_type);
}

void ext4_getattr(struct ext4_inode *inode, struct ext4_stat *st)
{
	struct ext4_fs *fs = inode->i_fs;

	memset(st, 0, sizeof(*st));
	ext4_lock_shared(inode);
	st->st.st_ino = inode->i_ino;
	st->st.st_mode = inode->i_mode;
	st->st.st_nlink = inode->i_nlink;
	st->st.st_uid = inode->i_uid;
	st->st.st_gid = inode->i_gid;
	st->st.st_rdev = is_device(inode) ? decode_rdev(inode) : 0;
	st->st.st_size = ext4_isize(inode);
	st->st.st_blksize = fs->block_size;
	st->st.st_blocks = inode->i_blocks;
	/* As the kernel: tools take a file without blocks for a sparse one. */
	if (ext4_has_inline_data(inode))
		st->st.st_blocks += (st->st.st_size + 511) >> 9;
	st->st.st_mtim = inode->i_mtime;
	st->st.st_ctim = inode->i_ctime;
	st->btime = inode->i_crtime;
	st->has_btime = inode->i_extra_isize >=
			offsetof(struct ext2_inode_large, i_version_hi) - EXT2_GOOD_OLD_INODE_SIZE;
	st->flags = inode->i_flags & EXT4_FL_USER_VISIBLE;
	pthread_mutex_lock(&inode->i_lock);
	st->st.st_atim = inode->i_atime;
	pthread_mutex_unlock(&inode->i_lock);
	ext4_unlock(inode);
}

/* ---- changes ---- */

/*
 * The times of an append-only inode may become the current ones, and those of a file may follow its data: that is how the
 * kernel's cache reports a write (mtime and ctime, never atime).
 */
static int check_flags(const struct ext4_inode *inode, unsigned int valid)
{
	unsigned int refused = EXT4_ATTR_MODE | EXT4_ATTR_UID | EXT4_ATTR_GID | EXT4_ATTR_SIZE;
	bool both_now;

	if (inode->i_flags & EXT2_IMMUTABLE_FL)
		return -EPERM;
	/* A file's mtime may be the kernel's own, which is then told as a value. */
	both_now = (valid & EXT4_ATTR_ATIME_NOW) && (valid & EXT4_ATTR_MTIME) &&
		   ((valid & EXT4_ATTR_MTIME_NOW) || S_ISREG(inode->i_type));
	if (!both_now)
		refused |= EXT4_ATTR_ATIME | (S_ISREG(inode->i_type) ? 0 : EXT4_ATTR_MTIME);
	return (inode->i_flags & EXT2_APPEND_FL) && (valid & refused) ? -EPERM : 0;
}

static void set_times(struct ext4_inode *inode, const struct ext4_iattr *attr)
{
	if (attr->valid & EXT4_ATTR_ATIME) {
		pthread_mutex_lock(&inode->i_lock);
		inode->i_atime = ext4_storable_time(inode, attr->atime);
		pthread_mutex_unlock(&inode->i_lock);
	}
	if (attr->valid & EXT4_ATTR_MTIME)
		inode->i_mtime = ext4_storable_time(inode, attr->mtime);
	inode->i_ctime = attr->valid & EXT4_ATTR_CTIME ? ext4_storable_time(inode, attr->ctime) : ext4_now(inode);
	inode->i_version++;
}

static int change(handle_t *handle, struct ext4_inode *inode, const struct ext4_iattr *attr)
{
	int err = 0;

	if (attr->valid & EXT4_ATTR_UID)
		inode->i_uid = attr->uid;
	if (attr->valid & EXT4_ATTR_GID)
		inode->i_gid = attr->gid;
	if (attr->valid & EXT4_ATTR_MODE)
		ext4_mode_set(inode, inode->i_type | (attr->mode & 07777));
	set_times(inode, attr);
	if (attr->valid & EXT4_ATTR_MODE)
		err = ext4_acl_chmod(handle, inode);
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

static int change_in_handle(struct ext4_inode *inode, const struct ext4_iattr *attr)
{
	uint32_t uid = inode->i_uid, gid = inode->i_gid;
	struct timespec mtime = inode->i_mtime, ctime = inode->i_ctime;
	uint16_t mode = inode->i_mode;
	handle_t *handle;
	int err;

	err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_INODE + EXT4_CREDITS_XATTR, &handle);
	if (err)
		return err;
	err = change(handle, inode, attr);
	if (err) {
		inode->i_uid = uid;
		inode->i_gid = gid;
		ext4_mode_set(inode, mode);
		inode->i_mtime = mtime;
		inode->i_ctime = ctime;
	}
	return ext4_journal_stop(handle, err);
}

static int change_size(struct ext4_inode *inode, uint64_t size)
{
	if (S_ISDIR(inode->i_type))
		return -EISDIR;
	if (!S_ISREG(inode->i_type))
		return -EINVAL;
	return ext4_truncate(inode, size);
}

int ext4_setattr(struct ext4_inode *inode, const struct ext4_iattr *attr)
{
	unsigned int rest = attr->valid & ~(EXT4_ATTR_SIZE | EXT4_ATTR_KILL_SUIDGID | EXT4_ATTR_ATIME_NOW |
					    EXT4_ATTR_MTIME_NOW);
	int err = ext4_check_rw(inode->i_fs);

	if (err || !attr->valid)
		return err;
	ext4_lock(inode);
	err = check_flags(inode, attr->valid);
	if (!err && (attr->valid & EXT4_ATTR_KILL_SUIDGID))
		err = ext4_kill_suidgid(inode, attr->who);
	if (!err && (attr->valid & EXT4_ATTR_SIZE))
		err = attr->size < 0 ? -EINVAL : change_size(inode, attr->size);
	if (!err && rest)
		err = change_in_handle(inode, attr);
	ext4_unlock(inode);
	return ext4_finish_sync(inode, err);
}
