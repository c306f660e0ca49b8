/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rename(2) with its flags.  One rename that crosses directories runs at a
 * time, so that the tree above a directory stands still while its ancestors are
 * looked at.
 */
#include <sys/sysmacros.h>
#include "ext4/namei_i.h"

#define TREE_DEPTH_MAX	(1U << 16)	/* a parent chain longer than this is a loop */
#define RETRIES_MAX	1000

struct side {
	struct ext4_inode	*dir;
	const char		*name;
	size_t			len;
	struct ext4_inode	*inode;		/* what the name leads to; NULL = nothing */
};

struct rename {
	struct side		old, new;
	unsigned int		flags;
	const struct ext4_cred	*cred;
	struct ext4_inode	*whiteout;
};

static bool is_dir(const struct ext4_inode *inode)
{
	return inode && S_ISDIR(inode->i_type);
}

/* ---- ancestors; rename_lock held, no inode locked ---- */

/* 1 when @a is @b or lies above it. */
static int is_ancestor(const struct ext4_inode *a, struct ext4_inode *b)
{
	struct ext4_inode *at = ext4_igrab(b), *up;
	unsigned int depth;
	uint32_t parent;
	int err = 0;

	for (depth = 0; depth < TREE_DEPTH_MAX; depth++) {
		if (at == a || at->i_ino == EXT2_ROOT_INO)
			break;
		ext4_lock_shared(at);
		err = ext4_parent_ino(at, &parent);
		ext4_unlock(at);
		if (!err)
			err = ext4_iget(at->i_fs, parent, &up);
		if (err)
			break;
		ext4_iput(at);
		at = up;
	}
	if (!err)
		err = depth == TREE_DEPTH_MAX ? ext4_corrupt(b->i_fs, b->i_ino, 0, "the directory lies in a loop") :
		      at == a;
	ext4_iput(at);
	return err;
}

/* A directory cannot move below itself. */
static int check_loops(const struct rename *r)
{
	int below = is_dir(r->old.inode) ? is_ancestor(r->old.inode, r->new.dir) : 0;

	if (!below && is_dir(r->new.inode) && (r->flags & EXT4_RENAME_EXCHANGE))
		below = is_ancestor(r->new.inode, r->old.dir);
	return below == 1 ? -EINVAL : below;
}

/* Which parent is locked first: an ancestor, else the smaller number.  1 = the old one, 0 or an error. */
static int lock_order(const struct rename *r)
{
	int old_first = is_ancestor(r->old.dir, r->new.dir), new_first;

	if (old_first)
		return old_first;
	new_first = is_ancestor(r->new.dir, r->old.dir);
	if (new_first)
		return new_first < 0 ? new_first : 0;
	return r->old.dir->i_ino < r->new.dir->i_ino;
}

static void lock_parents(const struct rename *r, bool old_first)
{
	if (r->old.dir == r->new.dir) {
		ext4_lock(r->old.dir);
		return;
	}
	ext4_lock(old_first ? r->old.dir : r->new.dir);
	ext4_lock(old_first ? r->new.dir : r->old.dir);
}

/* ---- the two names ---- */

static int look_up(struct side *s, bool may_miss)
{
	int err = ext4_lookup(s->dir, s->name, s->len, &s->inode);

	return err == -ENOENT && may_miss ? 0 : err;
}

/* Parents locked: does the name still lead where it did? 1, 0 or an error. */
static int still_there(const struct side *s)
{
	uint8_t ftype;
	uint32_t ino;
	int err = ext4_find_entry(s->dir, s->name, s->len, &ino, &ftype);

	if (err == -ENOENT)
		return s->inode == NULL;
	return err ? err : s->inode && s->inode->i_ino == ino;
}

static int check_target(const struct rename *r)
{
	const struct ext4_inode *old = r->old.inode, *new = r->new.inode;

	if (r->flags & EXT4_RENAME_NOREPLACE)
		return -EEXIST;
	if (new->i_flags & (EXT2_IMMUTABLE_FL | EXT2_APPEND_FL))
		return -EPERM;
	if (r->flags & EXT4_RENAME_EXCHANGE)
		return 0;
	if (is_dir(old) != is_dir(new))
		return is_dir(new) ? -EISDIR : -ENOTDIR;
	return is_dir(new) ? ext4_check_empty(r->new.inode) : 0;
}

static int check_projects(const struct rename *r)
{
	if ((r->new.dir->i_flags & EXT4_PROJINHERIT_FL) && r->new.dir->i_projid != r->old.inode->i_projid)
		return -EXDEV;
	if ((r->flags & EXT4_RENAME_EXCHANGE) && (r->old.dir->i_flags & EXT4_PROJINHERIT_FL) &&
	    r->old.dir->i_projid != r->new.inode->i_projid)
		return -EXDEV;
	return 0;
}

static int check(const struct rename *r)
{
	int err = ext4_check_dir(r->old.dir, false);

	if (!err)
		err = ext4_check_dir(r->new.dir, !r->new.inode);
	if (!err && r->old.inode->i_flags & (EXT2_IMMUTABLE_FL | EXT2_APPEND_FL))
		err = -EPERM;
	if (!err && (r->flags & EXT4_RENAME_EXCHANGE) && !r->new.inode)
		err = -ENOENT;
	if (!err)
		err = check_projects(r);
	if (!err && r->new.inode)
		err = check_target(r);
	if (!err && is_dir(r->old.inode) && !is_dir(r->new.inode) && r->old.dir != r->new.dir &&
	    ext4_dir_link_full(r->new.dir))
		err = -EMLINK;
	return err;
}

/* ---- the change ---- */

static int make_whiteout(handle_t *handle, struct rename *r)
{
	int err = ext4_new_inode(handle, r->old.dir, S_IFCHR, r->cred, &r->whiteout);

	if (err)
		return err;
	ext4_set_rdev(r->whiteout, makedev(0, 0));
	return ext4_mark_inode_dirty(handle, r->whiteout);
}

static void disown_whiteout(handle_t *handle, struct rename *r)
{
	if (!r->whiteout)
		return;
	r->whiteout->i_nlink = 0;
	ext4_orphan_add(handle, r->whiteout);
	ext4_mark_inode_dirty(handle, r->whiteout);
}

static int point(handle_t *handle, const struct side *s, const struct ext4_inode *to, bool exists)
{
	if (exists)
		return ext4_set_entry(handle, s->dir, s->name, s->len, to->i_ino, to->i_mode);
	return ext4_add_entry(handle, s->dir, s->name, s->len, to->i_ino, to->i_mode);
}

/* What was behind the new name loses it. */
static int drop_target(handle_t *handle, const struct rename *r)
{
	struct ext4_inode *victim = r->new.inode;
	int err;

	if (is_dir(victim))
		return ext4_remove_dir(handle, r->new.dir, victim);
	ext4_dec_nlink(victim);
	ext4_inode_touch(victim, false);
	err = victim->i_nlink ? 0 : ext4_orphan_add(handle, victim);
	return err ? err : ext4_mark_inode_dirty(handle, victim);
}

/* @inode, a directory, moves from one parent to another. */
static int change_parent(handle_t *handle, struct ext4_inode *inode, struct ext4_inode *from, struct ext4_inode *to)
{
	int err;

	if (!is_dir(inode) || from == to)
		return 0;
	err = ext4_set_parent(handle, inode, to->i_ino);
	if (err)
		return err;
	ext4_dec_nlink(from);
	ext4_inc_nlink(to);
	err = ext4_mark_inode_dirty(handle, from);
	return err ? err : ext4_mark_inode_dirty(handle, to);
}

/* The new name first: a file is never without any. */
static int move(handle_t *handle, struct rename *r)
{
	struct side *old = &r->old, *new = &r->new;
	int err = 0;

	if (r->flags & EXT4_RENAME_WHITEOUT)
		err = make_whiteout(handle, r);
	if (!err)
		err = point(handle, new, old->inode, new->inode != NULL);
	if (err) {
		disown_whiteout(handle, r);
		return err;
	}
	if (r->whiteout)
		err = point(handle, old, r->whiteout, true);
	else
		err = ext4_delete_entry(handle, old->dir, old->name, old->len, old->inode->i_ino);
	if (!err)
		err = change_parent(handle, old->inode, old->dir, new->dir);
	if (!err && new->inode)
		err = drop_target(handle, r);
	ext4_inode_touch(old->inode, false);
	return err ? err : ext4_mark_inode_dirty(handle, old->inode);
}

static int exchange(handle_t *handle, struct rename *r)
{
	struct side *old = &r->old, *new = &r->new;
	int err;

	err = point(handle, new, old->inode, true);
	if (!err)
		err = point(handle, old, new->inode, true);
	if (!err)
		err = change_parent(handle, old->inode, old->dir, new->dir);
	if (!err)
		err = change_parent(handle, new->inode, new->dir, old->dir);
	ext4_inode_touch(old->inode, false);
	ext4_inode_touch(new->inode, false);
	if (!err)
		err = ext4_mark_inode_dirty(handle, old->inode);
	return err ? err : ext4_mark_inode_dirty(handle, new->inode);
}

static int credits(const struct rename *r)
{
	int n = EXT4_CREDITS_DIR + 4 + EXT4_CREDITS_ORPHAN + 4 * EXT4_CREDITS_INODE;

	return r->flags & EXT4_RENAME_WHITEOUT ? n + EXT4_CREDITS_IALLOC + EXT4_CREDITS_ORPHAN : n;
}

/* So that little can fail once the first of them has changed. */
static int prepare_inodes(handle_t *handle, const struct rename *r)
{
	int err = ext4_prepare_inode(handle, r->old.dir);

	if (!err)
		err = ext4_prepare_inode(handle, r->new.dir);
	if (!err)
		err = ext4_prepare_inode(handle, r->old.inode);
	return err ? err : ext4_prepare_inode(handle, r->new.inode);
}

static int change(struct rename *r)
{
	handle_t *handle;
	int err = check(r);

	if (!err)
		err = ext4_journal_start(r->old.dir->i_fs, credits(r), &handle);
	if (err)
		return err;
	err = prepare_inodes(handle, r);
	if (!err)
		err = r->flags & EXT4_RENAME_EXCHANGE ? exchange(handle, r) : move(handle, r);
	return ext4_journal_stop(handle, err);
}

static void lock_inodes(const struct rename *r)
{
	if (r->new.inode && r->new.inode != r->old.inode)
		ext4_lock_two(r->old.inode, r->new.inode);
	else
		ext4_lock(r->old.inode);
}

static void unlock_inodes(const struct rename *r)
{
	if (r->new.inode && r->new.inode != r->old.inode)
		ext4_unlock(r->new.inode);
	ext4_unlock(r->old.inode);
}

/* -EAGAIN: the names changed between looking and locking. */
static int change_locked(struct rename *r)
{
	int err;

	err = still_there(&r->old);
	if (err == 1)
		err = still_there(&r->new);
	if (err != 1)
		return err ? err : -EAGAIN;
	/* Two names of one file: nothing happens, as POSIX has it. */
	if (r->old.inode == r->new.inode)
		return r->flags & EXT4_RENAME_NOREPLACE ? -EEXIST : 0;
	/* A damaged tree may have a directory as its own child. */
	if (r->old.inode == r->old.dir || r->old.inode == r->new.dir ||
	    (r->new.inode && (r->new.inode == r->old.dir || r->new.inode == r->new.dir)))
		return is_dir(r->new.inode) && r->new.inode == r->old.dir ? -ENOTEMPTY : -EINVAL;
	lock_inodes(r);
	err = change(r);
	unlock_inodes(r);
	return err;
}

static int try_rename(struct rename *r)
{
	bool across = r->old.dir != r->new.dir;
	int err, old_first = 1;

	err = look_up(&r->old, false);
	if (!err)
		err = look_up(&r->new, true);
	if (!err && across) {
		err = check_loops(r);
		if (!err)
			old_first = lock_order(r);
		if (old_first < 0)
			err = old_first;
	}
	if (!err) {
		lock_parents(r, old_first);
		err = change_locked(r);
		ext4_unlock_two(r->old.dir, r->new.dir);
	}
	ext4_iput(r->old.inode);
	ext4_iput(r->new.inode);
	ext4_iput(r->whiteout);
	r->old.inode = r->new.inode = r->whiteout = NULL;
	return err;
}

static int check_call(const struct rename *r)
{
	unsigned int flags = r->flags;
	int err = ext4_check_name(r->old.name, r->old.len);

	if (!err)
		err = ext4_check_name(r->new.name, r->new.len);
	if (!err && (flags & ~(EXT4_RENAME_NOREPLACE | EXT4_RENAME_EXCHANGE | EXT4_RENAME_WHITEOUT)))
		err = -EINVAL;
	if (!err && (flags & EXT4_RENAME_EXCHANGE) && (flags & (EXT4_RENAME_NOREPLACE | EXT4_RENAME_WHITEOUT)))
		err = -EINVAL;
	return err ? err : ext4_check_rw(r->old.dir->i_fs);
}

int ext4_rename(struct ext4_inode *olddir, const char *oldname, size_t oldlen, struct ext4_inode *newdir,
		const char *newname, size_t newlen, unsigned int flags, const struct ext4_cred *cred)
{
	struct rename r = { .old = { olddir, oldname, oldlen, NULL }, .new = { newdir, newname, newlen, NULL },
			    .flags = flags, .cred = cred };
	struct ext4_fs *fs = olddir->i_fs;
	bool across = olddir != newdir;
	int err, tries = 0, races = 0;

	err = check_call(&r);
	if (err)
		return err;
	do {
		if (across) {
			ext4_lockdep_enter(EXT4_LOCK_RENAME, 0);
			pthread_mutex_lock(&fs->rename_lock);
		}
		err = try_rename(&r);
		if (across) {
			pthread_mutex_unlock(&fs->rename_lock);
			ext4_lockdep_leave(EXT4_LOCK_RENAME);
		}
	} while ((err == -EAGAIN && ++races < RETRIES_MAX) ||
		 (err == -ENOSPC && ext4_should_retry_alloc(fs, &tries)));
	err = ext4_finish_sync(olddir, err);
	return across ? ext4_finish_sync(newdir, err) : err;
}
