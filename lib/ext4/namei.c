/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names: creating, linking, removing.  Renaming is in rename.c.
 */
#include <limits.h>
#include "ext4/namei_i.h"

/* ---- checks ---- */

int ext4_check_name(const char *name, size_t len)
{
	if (len > EXT2_NAME_LEN)
		return -ENAMETOOLONG;
	if (!len || memchr(name, '/', len) || memchr(name, '\0', len))
		return -EINVAL;
	return 0;
}

static bool is_dot_name(const char *name, size_t len)
{
	return len <= 2 && name[0] == '.' && (len == 1 || name[1] == '.');
}

/* May names be added to or taken from @dir?  Its lock is held. */
int ext4_check_dir(const struct ext4_inode *dir, bool adding)
{
	if (!S_ISDIR(dir->i_type))
		return -ENOTDIR;
	if (!dir->i_nlink)
		return -ENOENT;
	if (dir->i_flags & EXT2_IMMUTABLE_FL)
		return -EPERM;
	return !adding && (dir->i_flags & EXT2_APPEND_FL) ? -EPERM : 0;
}

static int check_victim(const struct ext4_inode *inode)
{
	return inode->i_flags & (EXT2_IMMUTABLE_FL | EXT2_APPEND_FL) ? -EPERM : 0;
}

/* A name for something new: good, and not taken. */
static int check_new(struct ext4_inode *dir, const char *name, size_t len)
{
	uint8_t ftype;
	uint32_t ino;
	int err;

	err = ext4_check_name(name, len);
	if (!err)
		err = ext4_check_dir(dir, true);
	if (err)
		return err;
	if (is_dot_name(name, len))
		return -EEXIST;
	err = ext4_find_entry(dir, name, len, &ino, &ftype);
	return err == -ENOENT ? 0 : err ? err : -EEXIST;
}

/* ---- link counts ---- */

/* Past the limit a directory's count becomes 1, "unknown", if the feature allows. */
bool ext4_dir_link_full(const struct ext4_inode *dir)
{
	return dir->i_nlink >= EXT2_LINK_MAX &&
	       !(ext2fs_has_feature_dir_nlink(dir->i_fs->sb) && ext4_is_indexed(dir));
}

void ext4_inc_nlink(struct ext4_inode *dir)
{
	/* A count of 1 is already "unknown". */
	if (S_ISDIR(dir->i_type) && ext4_is_indexed(dir) && dir->i_nlink == 1)
		return;
	dir->i_nlink++;
	if (S_ISDIR(dir->i_type) && ext4_is_indexed(dir) && dir->i_nlink > EXT2_LINK_MAX)
		dir->i_nlink = 1;
}

void ext4_dec_nlink(struct ext4_inode *dir)
{
	if (!S_ISDIR(dir->i_type) ? dir->i_nlink > 0 : dir->i_nlink > 2)
		dir->i_nlink--;
}

/* ---- looking up ---- */

/* An entry that points to nothing, or to what has no name, is damage, unlike a stale file handle. */
int ext4_iget_entry(struct ext4_inode *dir, uint32_t ino, struct ext4_inode **ret)
{
	int err = ext4_iget(dir->i_fs, ino, ret);

	if (err == -ESTALE)
		return ext4_corrupt(dir->i_fs, dir->i_ino, 0, "an entry names inode %u, which is not in use or no file",
				    ino);
	return err;
}

int ext4_lookup(struct ext4_inode *dir, const char *name, size_t len, struct ext4_inode **ret)
{
	uint8_t ftype;
	uint32_t ino;
	int err;

	*ret = NULL;
	err = ext4_check_name(name, len);
	if (err)
		return err;
	ext4_lock_shared(dir);
	err = S_ISDIR(dir->i_type) ? ext4_find_entry(dir, name, len, &ino, &ftype) : -ENOTDIR;
	if (!err && ino == dir->i_ino && !is_dot_name(name, len))
		err = ext4_corrupt(dir->i_fs, ino, 0, "the directory contains itself");
	/* Under the lock the entry keeps its inode from being deleted. */
	if (!err)
		err = ext4_iget_entry(dir, ino, ret);
	ext4_unlock(dir);
	return err;
}

int ext4_get_parent(struct ext4_inode *dir, struct ext4_inode **ret)
{
	uint32_t ino;
	int err;

	*ret = NULL;
	ext4_lock_shared(dir);
	err = S_ISDIR(dir->i_type) ? ext4_parent_ino(dir, &ino) : -ENOTDIR;
	ext4_unlock(dir);
	return err ? err : ext4_iget(dir->i_fs, ino, ret);
}

/* ---- creating ---- */

#define CREATE_CREDITS	(EXT4_CREDITS_IALLOC + EXT4_CREDITS_DIR + EXT4_CREDITS_XATTR + EXT4_CREDITS_ORPHAN + \
			 2 * EXT4_CREDITS_INODE)

/*
 * The new inode could not be named: it becomes an orphan in the same handle,
 * and its last reference deletes it.
 */
static void disown(handle_t *handle, struct ext4_inode *inode)
{
	inode->i_nlink = 0;
	ext4_orphan_add(handle, inode);
	ext4_mark_inode_dirty(handle, inode);
}

/* What makes the new inode more than an empty one; data is for symlinks. */
struct new_spec {
	mode_t			mode, umask;
	dev_t			rdev;
	const char		*target;
	const struct ext4_cred	*cred;
};

static int fill_symlink(handle_t *handle, struct ext4_inode *inode, const char *target)
{
	size_t len = strlen(target);
	struct iocache_buf *buf;
	uint32_t lblk;
	int err;

	if (len < sizeof(inode->i_block)) {
		inode->i_flags &= ~EXT4_EXTENTS_FL;
		memset(inode->i_block, 0, sizeof(inode->i_block));
		memcpy(inode->i_block, target, len);
		ext4_isize_set(inode, len);
		return 0;
	}
	err = ext4_append_block(handle, inode, &lblk, &buf);
	if (err)
		return err;
	memcpy(buf->b_data, target, len + 1);
	err = ext4_dirty(handle, buf);
	iocache_put(buf);
	ext4_isize_set(inode, len);
	return err;
}

static int fill_new(handle_t *handle, struct ext4_inode *inode, struct ext4_inode *dir, const struct new_spec *spec)
{
	int err = ext4_init_acl(handle, inode, dir, spec->umask);

	if (err)
		return err;
	if (S_ISDIR(spec->mode)) {
		inode->i_nlink = 2;
		return ext4_init_dir(handle, inode, dir->i_ino);
	}
	if (S_ISLNK(spec->mode))
		return fill_symlink(handle, inode, spec->target);
	if (S_ISCHR(spec->mode) || S_ISBLK(spec->mode))
		ext4_set_rdev(inode, spec->rdev);
	return 0;
}

static int create_in_handle(handle_t *handle, struct ext4_inode *dir, const char *name, size_t len,
			    const struct new_spec *spec, struct ext4_inode **ret)
{
	struct ext4_inode *inode;
	int err = ext4_prepare_inode(handle, dir);

	if (!err)
		err = ext4_new_inode(handle, dir, spec->mode, spec->cred, &inode);
	if (err)
		return err;
	err = fill_new(handle, inode, dir, spec);
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	if (!err)
		err = ext4_add_entry(handle, dir, name, len, inode->i_ino, spec->mode);
	if (!err && S_ISDIR(spec->mode)) {
		ext4_inc_nlink(dir);
		err = ext4_mark_inode_dirty(handle, dir);
	}
	if (err)
		disown(handle, inode);
	*ret = inode;
	return err;
}

/* The reserve is open to metadata, but not to be filled up with directories and symlinks. */
static bool may_have_block(struct ext4_fs *fs, const struct new_spec *spec)
{
	bool needs_one = spec->target ? strlen(spec->target) >= sizeof(((struct ext4_inode *)0)->i_block) :
			 S_ISDIR(spec->mode) && !ext2fs_has_feature_inline_data(fs->sb);

	return !needs_one || ext4_has_free_blocks(fs, 1, ext4_alloc_flags(fs, spec->cred));
}

static int create_once(struct ext4_inode *dir, const char *name, size_t len, const struct new_spec *spec,
		       struct ext4_inode **ret)
{
	handle_t *handle;
	int err;

	*ret = NULL;
	if (!may_have_block(dir->i_fs, spec))
		return -ENOSPC;
	err = ext4_journal_start(dir->i_fs, CREATE_CREDITS, &handle);
	if (err)
		return err;
	return ext4_journal_stop(handle, create_in_handle(handle, dir, name, len, spec, ret));
}

static int create(struct ext4_inode *dir, const char *name, size_t len, const struct new_spec *spec,
		  struct ext4_inode **ret)
{
	struct ext4_inode *inode = NULL;
	int err, tries = 0;

	*ret = NULL;
	err = ext4_check_rw(dir->i_fs);
	if (err)
		return err;
	do {
		ext4_lock(dir);
		err = check_new(dir, name, len);
		if (!err && S_ISDIR(spec->mode) && ext4_dir_link_full(dir))
			err = -EMLINK;
		if (!err)
			err = create_once(dir, name, len, spec, &inode);
		ext4_unlock(dir);
		if (err) {
			ext4_iput(inode);
			inode = NULL;
		}
	} while (err == -ENOSPC && ext4_should_retry_alloc(dir->i_fs, &tries));
	err = ext4_finish_sync(dir, err);
	if (err)
		ext4_iput(inode);
	else
		*ret = inode;
	return err;
}

int ext4_create(struct ext4_inode *dir, const char *name, size_t len, mode_t mode, mode_t umask, dev_t rdev,
		const struct ext4_cred *cred, struct ext4_inode **ret)
{
	struct new_spec spec = { .mode = mode, .umask = umask, .rdev = rdev, .cred = cred };

	if (!(mode & S_IFMT))
		spec.mode |= S_IFREG;
	if (S_ISDIR(spec.mode) || S_ISLNK(spec.mode))
		return -EINVAL;
	return create(dir, name, len, &spec, ret);
}

int ext4_mkdir(struct ext4_inode *dir, const char *name, size_t len, mode_t mode, mode_t umask,
	       const struct ext4_cred *cred, struct ext4_inode **ret)
{
	struct new_spec spec = { .mode = (mode & 07777) | S_IFDIR, .umask = umask, .cred = cred };

	return create(dir, name, len, &spec, ret);
}

int ext4_symlink(struct ext4_inode *dir, const char *name, size_t len, const char *target,
		 const struct ext4_cred *cred, struct ext4_inode **ret)
{
	struct new_spec spec = { .mode = S_IFLNK | 0777, .target = target, .cred = cred };

	if (!*target)
		return -ENOENT;
	if (strlen(target) >= dir->i_fs->block_size || strlen(target) >= PATH_MAX)
		return -ENAMETOOLONG;
	return create(dir, name, len, &spec, ret);
}

static int tmpfile_in_handle(handle_t *handle, struct ext4_inode *dir, const struct new_spec *spec,
			     struct ext4_inode **ret)
{
	struct ext4_inode *inode;
	int err = ext4_new_inode(handle, dir, spec->mode, spec->cred, &inode);

	if (err)
		return err;
	*ret = inode;
	inode->i_nlink = 0;
	err = ext4_orphan_add(handle, inode);
	if (!err)
		err = fill_new(handle, inode, dir, spec);
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

int ext4_tmpfile(struct ext4_inode *dir, mode_t mode, mode_t umask, const struct ext4_cred *cred,
		 struct ext4_inode **ret)
{
	struct new_spec spec = { .mode = (mode & 07777) | S_IFREG, .umask = umask, .cred = cred };
	handle_t *handle;
	int err;

	*ret = NULL;
	ext4_lock_shared(dir);
	err = ext4_check_dir(dir, true);
	if (!err)
		err = ext4_journal_start(dir->i_fs, CREATE_CREDITS, &handle);
	if (!err)
		err = ext4_journal_stop(handle, tmpfile_in_handle(handle, dir, &spec, ret));
	ext4_unlock(dir);
	if (err) {
		ext4_iput(*ret);
		*ret = NULL;
	}
	return err;
}

ssize_t ext4_readlink(struct ext4_inode *inode, char *buf, size_t size)
{
	struct iocache_buf *block = NULL;
	uint64_t len;
	int err = 0;

	if (!S_ISLNK(inode->i_type))
		return -EINVAL;
	ext4_lock_shared(inode);
	len = ext4_isize(inode);
	if (!size) {
		err = -ERANGE;
	} else if (ext4_has_inline_data(inode)) {
		len = len < size - 1 ? len : size - 1;
		err = ext4_inline_read(inode, buf, len, 0);
	} else if (ext4_is_fast_symlink(inode)) {
		len = len < size - 1 ? len : size - 1;
		memcpy(buf, inode->i_block, len);
	} else {
		err = ext4_bread_inode(NULL, inode, 0, NULL, &block);
		if (!err && (!block || len > inode->i_fs->block_size))
			err = ext4_corrupt(inode->i_fs, inode->i_ino, 0, "the symlink has no target");
		len = len < size - 1 ? len : size - 1;
		if (!err)
			memcpy(buf, block->b_data, len);
		iocache_put(block);
	}
	if (!err)
		buf[len] = '\0';
	ext4_unlock(inode);
	return err ? err : (ssize_t)len;
}

/* ---- linking ---- */

static int link_in_handle(handle_t *handle, struct ext4_inode *inode, struct ext4_inode *dir, const char *name,
			  size_t len)
{
	bool was_nameless = inode->i_nlink == 0;
	int err = ext4_prepare_inode(handle, inode);

	if (!err)
		err = ext4_prepare_inode(handle, dir);
	if (!err)
		err = ext4_add_entry(handle, dir, name, len, inode->i_ino, inode->i_mode);
	if (err)
		return err;
	inode->i_nlink++;
	ext4_inode_touch(inode, false);
	if (was_nameless)
		err = ext4_orphan_del(handle, inode);
	if (err)
		ext4_orphan_forget(inode);
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

static int check_link(const struct ext4_inode *inode, const struct ext4_inode *dir)
{
	if (S_ISDIR(inode->i_type) || (inode->i_flags & (EXT2_IMMUTABLE_FL | EXT2_APPEND_FL)))
		return -EPERM;
	if (inode->i_nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	/* Only O_TMPFILE leaves an inode that has no name and may get one. */
	if (!inode->i_nlink && !ext4_state(inode, EXT4_STATE_ORPHAN))
		return -ENOENT;
	if ((dir->i_flags & EXT4_PROJINHERIT_FL) && dir->i_projid != inode->i_projid)
		return -EXDEV;
	return 0;
}

int ext4_link(struct ext4_inode *inode, struct ext4_inode *dir, const char *name, size_t len)
{
	handle_t *handle;
	int err, tries = 0;

	err = ext4_check_rw(dir->i_fs);
	if (err)
		return err;
	do {
		ext4_lock_two(dir, inode);
		err = check_new(dir, name, len);
		if (!err)
			err = check_link(inode, dir);
		if (!err)
			err = ext4_journal_start(dir->i_fs, EXT4_CREDITS_DIR + EXT4_CREDITS_ORPHAN + 1, &handle);
		if (!err)
			err = ext4_journal_stop(handle, link_in_handle(handle, inode, dir, name, len));
		ext4_unlock_two(dir, inode);
	} while (err == -ENOSPC && ext4_should_retry_alloc(dir->i_fs, &tries));
	return ext4_finish_sync(dir, err);
}

/* ---- removing ---- */

#define REMOVE_CREDITS	(2 + EXT4_CREDITS_ORPHAN + 2 * EXT4_CREDITS_INODE + EXT4_CREDITS_XATTR)

/* The inode behind @name, with both locked; the name still leads there. */
static int lock_victim(struct ext4_inode *dir, const char *name, size_t len, struct ext4_inode **ret)
{
	struct ext4_inode *inode;
	uint8_t ftype;
	uint32_t ino;
	int err;

	ext4_lock(dir);
	err = ext4_check_dir(dir, false);
	if (!err)
		err = ext4_find_entry(dir, name, len, &ino, &ftype);
	if (!err && ino == dir->i_ino)
		err = ext4_corrupt(dir->i_fs, ino, 0, "the directory contains itself");
	if (!err)
		err = ext4_iget_entry(dir, ino, &inode);
	if (err) {
		ext4_unlock(dir);
		return err;
	}
	ext4_lock(inode);
	*ret = inode;
	return 0;
}

static int drop_link(handle_t *handle, struct ext4_inode *inode)
{
	int err = 0;

	ext4_inode_touch(inode, false);
	if (!inode->i_nlink)
		err = ext4_orphan_add(handle, inode);
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

static int unlink_in_handle(handle_t *handle, struct ext4_inode *dir, struct ext4_inode *inode, const char *name,
			    size_t len)
{
	int err = ext4_prepare_inode(handle, inode);

	if (!err)
		err = ext4_prepare_inode(handle, dir);
	if (!err)
		err = ext4_delete_entry(handle, dir, name, len, inode->i_ino);
	if (err)
		return err;
	ext4_dec_nlink(inode);
	return drop_link(handle, inode);
}

typedef int (*remove_fn)(handle_t *handle, struct ext4_inode *dir, struct ext4_inode *inode,
			 const char *name, size_t len);

/* What unlink and rmdir share: find, let @check refuse it, remove in one transaction. */
static int remove_name(struct ext4_inode *dir, const char *name, size_t len,
		       int (*check)(struct ext4_inode *inode), remove_fn remove)
{
	struct ext4_inode *inode;
	handle_t *handle;
	int err;

	err = ext4_check_rw(dir->i_fs);
	if (!err)
		err = lock_victim(dir, name, len, &inode);
	if (err)
		return err;
	err = check(inode);
	if (!err)
		err = ext4_journal_start(dir->i_fs, REMOVE_CREDITS, &handle);
	if (!err)
		err = ext4_journal_stop(handle, remove(handle, dir, inode, name, len));
	ext4_unlock_two(dir, inode);
	ext4_iput(inode);
	return ext4_finish_sync(dir, err);
}

static int check_unlink(struct ext4_inode *inode)
{
	int err = S_ISDIR(inode->i_type) ? -EISDIR : check_victim(inode);

	if (!err && !inode->i_nlink)
		err = ext4_corrupt(inode->i_fs, inode->i_ino, 0, "a named file has no links");
	return err;
}

int ext4_unlink(struct ext4_inode *dir, const char *name, size_t len)
{
	int err = ext4_check_name(name, len);

	return err ? err : remove_name(dir, name, len, check_unlink, unlink_in_handle);
}

/* An emptied directory keeps no link, and its parent loses the one of "..". */
int ext4_remove_dir(handle_t *handle, struct ext4_inode *dir, struct ext4_inode *inode)
{
	int err;

	inode->i_nlink = 0;
	err = drop_link(handle, inode);
	if (err)
		return err;
	ext4_dec_nlink(dir);
	return ext4_mark_inode_dirty(handle, dir);
}

static int rmdir_in_handle(handle_t *handle, struct ext4_inode *dir, struct ext4_inode *inode, const char *name,
			   size_t len)
{
	int err = ext4_prepare_inode(handle, inode);

	if (!err)
		err = ext4_prepare_inode(handle, dir);
	if (!err)
		err = ext4_delete_entry(handle, dir, name, len, inode->i_ino);
	return err ? err : ext4_remove_dir(handle, dir, inode);
}

int ext4_check_empty(struct ext4_inode *inode)
{
	int empty = ext4_dir_empty(inode);

	return empty < 0 ? empty : empty ? 0 : -ENOTEMPTY;
}

static int check_rmdir(struct ext4_inode *inode)
{
	int err = S_ISDIR(inode->i_type) ? check_victim(inode) : -ENOTDIR;

	return err ? err : ext4_check_empty(inode);
}

int ext4_rmdir(struct ext4_inode *dir, const char *name, size_t len)
{
	int err = ext4_check_name(name, len);

	if (!err && is_dot_name(name, len))
		err = len == 1 ? -EINVAL : -ENOTEMPTY;
	return err ? err : remove_name(dir, name, len, check_rmdir, rmdir_in_handle);
}
