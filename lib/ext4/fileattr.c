/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What ioctl(2) asks of an inode: flags, extended flags, project, version.
 */
#include <linux/fs.h>
#include "ext4/ext4_i.h"

/* ---- flags ---- */

/* Flags that mean something for this type of file. */
static uint32_t mask_flags(const struct ext4_inode *inode, uint32_t flags)
{
	if (S_ISDIR(inode->i_type))
		return flags;
	if (S_ISREG(inode->i_type))
		return flags & ~(EXT2_DIRSYNC_FL | EXT2_TOPDIR_FL | EXT4_CASEFOLD_FL | EXT4_PROJINHERIT_FL);
	return flags & (EXT2_NODUMP_FL | EXT2_NOATIME_FL);
}

uint32_t ext4_get_flags(struct ext4_inode *inode)
{
	uint32_t flags;

	ext4_lock_shared(inode);
	flags = inode->i_flags & EXT4_FL_USER_VISIBLE;
	ext4_unlock(inode);
	return S_ISREG(inode->i_type) ? flags & ~EXT4_PROJINHERIT_FL : flags;
}

/* DAX is only a wish that is kept for the kernel; an inline directory may hand it down. */
static bool dax_possible(const struct ext4_inode *inode)
{
	return !(inode->i_flags & (EXT4_VERITY_FL | EXT4_ENCRYPT_FL | EXT3_JOURNAL_DATA_FL)) &&
	       (S_ISDIR(inode->i_type) || !ext4_has_inline_data(inode));
}

static int check_flags(const struct ext4_inode *inode, uint32_t flags, const struct ext4_cred *cred)
{
	uint32_t changed = flags ^ inode->i_flags;

	if (mask_flags(inode, flags & EXT4_FL_USER_MODIFIABLE) != (flags & EXT4_FL_USER_MODIFIABLE))
		return -EOPNOTSUPP;
	if (!cred->privileged && (changed & (EXT2_IMMUTABLE_FL | EXT2_APPEND_FL | EXT3_JOURNAL_DATA_FL)))
		return -EPERM;
	if (!cred->privileged && cred->uid != inode->i_uid)
		return -EPERM;
	/* What is not simply in blocks cannot be had without a cache. */
	if ((changed & flags & EXT4_DAX_FL) && (flags & EXT3_JOURNAL_DATA_FL || !dax_possible(inode)))
		return -EOPNOTSUPP;
	if ((changed & flags & EXT3_JOURNAL_DATA_FL) && (flags & EXT4_DAX_FL))
		return -EOPNOTSUPP;
	/* Moving a file between the two kinds of mapping is not a matter of a flag. */
	if ((changed & EXT4_EXTENTS_FL) || (flags & EXT4_CASEFOLD_FL & changed))
		return -EOPNOTSUPP;
	return 0;
}

static int store_flags(struct ext4_inode *inode, uint32_t flags)
{
	handle_t *handle;
	int err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_INODE, &handle);

	if (err)
		return err;
	inode->i_flags = flags;
	ext4_inode_touch(inode, false);
	return ext4_journal_stop(handle, ext4_mark_inode_dirty(handle, inode));
}

/* What the cache holds of the file's data is on the device after a checkpoint, and must not be found later. */
static int forget_data(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	uint64_t lblk = 0, n = (ext4_isize(inode) + fs->block_size - 1) >> fs->block_bits;
	struct ext4_map map;
	int err = jbd2_journal_flush(fs->journal);

	while (!err && lblk < n && !ext4_has_inline_data(inode)) {
		map = (struct ext4_map){ .lblk = lblk, .len = n - lblk };
		err = ext4_map_blocks(inode, &map);
		if (!err && map.pblk)
			iocache_forget(fs->cache, map.pblk, map.len);
		lblk += map.len;
	}
	return err;
}

static int change_flags(struct ext4_inode *inode, uint32_t flags)
{
	uint32_t keep = ~EXT4_FL_USER_MODIFIABLE;
	int err = 0;

	flags = (flags & EXT4_FL_USER_MODIFIABLE) | (inode->i_flags & keep);
	if (flags == inode->i_flags)
		return 0;
	if (((flags ^ inode->i_flags) & EXT3_JOURNAL_DATA_FL) && S_ISREG(inode->i_type))
		err = forget_data(inode);
	return err ? err : store_flags(inode, flags);
}

int ext4_set_flags(struct ext4_inode *inode, uint32_t flags, const struct ext4_cred *cred)
{
	int err = ext4_check_rw(inode->i_fs);

	if (err)
		return err;
	ext4_lock(inode);
	err = check_flags(inode, flags, cred);
	if (!err)
		err = change_flags(inode, flags);
	ext4_unlock(inode);
	return ext4_finish_sync(inode, err);
}

/* ---- extended flags and the project ---- */

static const struct {
	uint32_t flag, xflag;
} xflags[] = {
	{ EXT2_SYNC_FL, FS_XFLAG_SYNC },
	{ EXT2_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE },
	{ EXT2_APPEND_FL, FS_XFLAG_APPEND },
	{ EXT2_NODUMP_FL, FS_XFLAG_NODUMP },
	{ EXT2_NOATIME_FL, FS_XFLAG_NOATIME },
	{ EXT4_PROJINHERIT_FL, FS_XFLAG_PROJINHERIT },
	{ EXT4_DAX_FL, FS_XFLAG_DAX },
};
#define N_XFLAGS (sizeof(xflags) / sizeof(xflags[0]))

int ext4_get_fsxattr(struct ext4_inode *inode, struct ext4_fsxattr *fa)
{
	uint32_t flags = ext4_get_flags(inode);
	unsigned int i;

	memset(fa, 0, sizeof(*fa));
	for (i = 0; i < N_XFLAGS; i++)
		if (flags & xflags[i].flag)
			fa->xflags |= xflags[i].xflag;
	if (ext2fs_has_feature_project(inode->i_fs->sb))
		fa->projid = inode->i_projid;
	return 0;
}

int ext4_set_fsxattr(struct ext4_inode *inode, const struct ext4_fsxattr *fa, const struct ext4_cred *cred)
{
	uint32_t flags = ext4_get_flags(inode), known = 0;
	unsigned int i;

	for (i = 0; i < N_XFLAGS; i++) {
		known |= xflags[i].xflag;
		flags &= ~xflags[i].flag;
		if (fa->xflags & xflags[i].xflag)
			flags |= xflags[i].flag;
	}
	if ((fa->xflags & ~known) || fa->extsize || fa->cowextsize)
		return -EOPNOTSUPP;
	/* A project needs the feature, whose accounting this engine does not write. */
	if (fa->projid)
		return -EOPNOTSUPP;
	return ext4_set_flags(inode, flags, cred);
}

/* ---- version ---- */

uint32_t ext4_get_version(struct ext4_inode *inode)
{
	return inode->i_generation;
}

int ext4_set_version(struct ext4_inode *inode, uint32_t version)
{
	struct ext4_fs *fs = inode->i_fs;
	handle_t *handle;
	int err = ext4_check_rw(fs);

	/* Every checksum of the inode's blocks depends on it. */
	if (fs->metadata_csum)
		return -ENOTTY;
	if (err)
		return err;
	ext4_lock(inode);
	err = ext4_journal_start(fs, EXT4_CREDITS_INODE, &handle);
	if (!err) {
		inode->i_generation = version;
		ext4_inode_touch(inode, false);
		err = ext4_journal_stop(handle, ext4_mark_inode_dirty(handle, inode));
	}
	ext4_unlock(inode);
	return err;
}
