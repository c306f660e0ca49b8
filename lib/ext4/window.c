/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Windows: blocks reserved around where a file grows, each for one logical
 * block.  The kernel writes a file back in many requests at once, in any order; a window
 * gives every one of them the place that makes the file one run.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

#define PARTS_MAX	8
#define ATTEMPTS	6	/* to fill a window when free space is in pieces */

/* Logical blocks [lblk, lblk + len) have a place at pblk. */
struct part {
	uint32_t	lblk, len;
	blk64_t		pblk;
};

struct ext4_windows {
	struct list_head	list;
	struct ext4_inode	*inode;
	unsigned int		n;
	struct part		part[PARTS_MAX];
};

/* ---- the parts of one inode; fs->resv_lock held ---- */

static struct part *part_with(struct ext4_windows *win, uint32_t lblk)
{
	unsigned int i;

	for (i = 0; i < win->n; i++)
		if (lblk >= win->part[i].lblk && lblk - win->part[i].lblk < win->part[i].len)
			return &win->part[i];
	return NULL;
}

/* Add a part; the smallest one falls out when there are too many, and is returned. */
static struct part add_part(struct ext4_windows *win, struct part new)
{
	struct part out = { 0, 0, 0 }, *smallest = &win->part[0];
	unsigned int i;

	if (!new.len)
		return out;
	if (win->n < PARTS_MAX) {
		win->part[win->n++] = new;
		return out;
	}
	for (i = 1; i < win->n; i++)
		if (win->part[i].len < smallest->len)
			smallest = &win->part[i];
	out = *smallest;
	*smallest = new;
	return out;
}

/* Take [lblk, +want) out of @part, as much of it as lies in; what is left over before and behind stays. */
static struct part split_part(struct ext4_windows *win, struct part *part, uint32_t lblk, uint32_t want,
			      struct ext4_resv *resv)
{
	struct part whole = *part, before, behind;
	uint32_t skip = lblk - whole.lblk;

	resv->start = whole.pblk + skip;
	resv->len = whole.len - skip < want ? whole.len - skip : want;
	before = (struct part){ whole.lblk, skip, whole.pblk };
	behind = (struct part){ lblk + resv->len, whole.len - skip - resv->len, resv->start + resv->len };
	*part = win->part[--win->n];
	add_part(win, behind);
	return add_part(win, before);
}

/* ---- from windows ---- */

static bool take_reserved(struct ext4_inode *inode, uint32_t lblk, uint32_t want, struct ext4_resv *resv)
{
	struct ext4_fs *fs = inode->i_fs;
	struct part *part, out = { 0, 0, 0 };
	bool found = false;

	pthread_mutex_lock(&fs->resv_lock);
	part = inode->i_windows ? part_with(inode->i_windows, lblk) : NULL;
	if (part) {
		out = split_part(inode->i_windows, part, lblk, want, resv);
		found = true;
	}
	pthread_mutex_unlock(&fs->resv_lock);
	if (out.len)
		ext4_resv_release(fs, out.pblk, out.len);
	return found;
}

static int keep_window(struct ext4_inode *inode, uint32_t lblk, const struct ext4_resv *resv)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext4_windows *win, *new = NULL;
	struct part out;

	pthread_mutex_lock(&fs->resv_lock);
	win = inode->i_windows;
	if (!win) {
		new = calloc(1, sizeof(*new));
		if (!new) {
			pthread_mutex_unlock(&fs->resv_lock);
			return -ENOMEM;
		}
		new->inode = inode;
		list_add_tail(&new->list, &fs->resv_list);
		win = inode->i_windows = new;
	}
	out = add_part(win, (struct part){ lblk, resv->len, resv->start });
	pthread_mutex_unlock(&fs->resv_lock);
	if (out.len)
		ext4_resv_release(fs, out.pblk, out.len);
	return 0;
}

/* Keep a new window's bounds clear of the parts that there are. */
static void clip_to_parts(struct ext4_inode *inode, uint32_t lblk, uint64_t *start, uint64_t *end)
{
	struct ext4_fs *fs = inode->i_fs;
	const struct part *p;
	unsigned int i;

	pthread_mutex_lock(&fs->resv_lock);
	for (i = 0; inode->i_windows && i < inode->i_windows->n; i++) {
		p = &inode->i_windows->part[i];
		if (p->lblk + p->len <= lblk && p->lblk + p->len > *start)
			*start = p->lblk + p->len;
		if (p->lblk > lblk && p->lblk < *end)
			*end = p->lblk;
	}
	pthread_mutex_unlock(&fs->resv_lock);
}

/* The part that ends where @lblk begins: a window goes on right behind it. */
static blk64_t goal_behind_part(struct ext4_inode *inode, uint32_t lblk)
{
	struct ext4_fs *fs = inode->i_fs;
	struct part *p;
	blk64_t goal = 0;

	pthread_mutex_lock(&fs->resv_lock);
	p = inode->i_windows && lblk ? part_with(inode->i_windows, lblk - 1) : NULL;
	if (p)
		goal = p->pblk + p->len;
	pthread_mutex_unlock(&fs->resv_lock);
	return goal;
}

/* ---- new ones ---- */

/* A window is only given while free space is plenty: a full disk must not be full of windows. */
static uint32_t clamp_window(struct ext4_fs *fs, uint32_t want, uint32_t window, unsigned int flags)
{
	while (window > want && !ext4_has_free_blocks(fs, (uint64_t)window * 16, flags))
		window /= 2;
	return window > want ? window : 0;
}

static int reserve(struct ext4_inode *inode, blk64_t goal, uint32_t want, unsigned int flags, struct ext4_resv *resv)
{
	flags |= (goal ? EXT4_ALLOC_APPEND : EXT4_ALLOC_PACK) | ext4_inode_alloc_flags(inode);
	return ext4_resv_get(inode->i_fs, goal ? goal : ext4_inode_goal(inode), want, flags, resv);
}

/*
 * Windows begin at multiples of their size, or where the file ends so far, so
 * that requests that come in any order find themselves in the same one; and they are filled to
 * their end, so that the next one can go on behind them.
 */
static int open_window(struct ext4_inode *inode, uint32_t lblk, uint32_t hole, uint32_t window, unsigned int flags)
{
	uint64_t start = lblk - lblk % window, end = start + window;
	struct ext4_resv resv;
	uint32_t hole_start;
	blk64_t goal;
	int err, i;

	err = ext4_hole_start(inode, lblk, &hole_start, &goal);
	if (err)
		return err;
	if (hole_start > start)
		start = hole_start;
	if (end > (uint64_t)lblk + hole)
		end = (uint64_t)lblk + hole;
	clip_to_parts(inode, lblk, &start, &end);
	if (start != hole_start || !goal)
		goal = goal_behind_part(inode, start);
	for (i = 0; i < ATTEMPTS && start < end; i++) {
		err = reserve(inode, goal, end - start, flags, &resv);
		if (!err) {
			err = keep_window(inode, start, &resv);
			if (err)
				ext4_resv_release(inode->i_fs, resv.start, resv.len);
		}
		if (err)
			return err;
		start += resv.len;
		goal = resv.start + resv.len;
	}
	return 0;
}

int ext4_window_take(struct ext4_inode *inode, uint32_t lblk, uint32_t hole, uint32_t want, uint32_t window, blk64_t goal,
		     unsigned int flags, struct ext4_resv *resv)
{
	uint64_t start = lblk, end = (uint64_t)lblk + want;
	uint32_t hole_start;
	int err;

	if (take_reserved(inode, lblk, want, resv))
		return 0;
	window = clamp_window(inode->i_fs, want, window, flags);
	if (window && !goal) {
		err = open_window(inode, lblk, hole, window, flags);
		if (!err && take_reserved(inode, lblk, want, resv))
			return 0;
		if (err && err != -ENOSPC && err != -ENOMEM)
			return err;
	}
	clip_to_parts(inode, lblk, &start, &end);
	if (!goal) {
		err = ext4_hole_start(inode, lblk, &hole_start, &goal);
		if (err)
			return err;
		if (hole_start != lblk)
			goal = goal_behind_part(inode, lblk);
	}
	return reserve(inode, goal, end - lblk, flags, resv);
}

/* ---- dropping ---- */

static void release_windows(struct ext4_fs *fs, struct ext4_windows *win)
{
	unsigned int i;

	for (i = 0; i < win->n; i++)
		ext4_resv_release(fs, win->part[i].pblk, win->part[i].len);
	free(win);
}

void ext4_drop_prealloc(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext4_windows *win;

	pthread_mutex_lock(&fs->resv_lock);
	win = inode->i_windows;
	inode->i_windows = NULL;
	if (win)
		list_del(&win->list);
	pthread_mutex_unlock(&fs->resv_lock);
	if (win)
		release_windows(fs, win);
}

void ext4_drop_all_prealloc(struct ext4_fs *fs)
{
	struct ext4_windows *win;

	for (;;) {
		pthread_mutex_lock(&fs->resv_lock);
		win = list_empty(&fs->resv_list) ? NULL : list_first_entry(&fs->resv_list, struct ext4_windows, list);
		if (win) {
			win->inode->i_windows = NULL;
			list_del(&win->list);
		}
		pthread_mutex_unlock(&fs->resv_lock);
		if (!win)
			return;
		release_windows(fs, win);
	}
}
