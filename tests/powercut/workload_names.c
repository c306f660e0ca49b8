/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations on names.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "workload_i.h"

static void set_name(struct work *w, struct m_inode *dir, int n, int64_t id)
{
	hist_set(&dir->names[n], w->m->op, id);
	dir->meta_op = w->m->op;
	w->named = true;
}

static void add_links(struct work *w, struct m_inode *inode, int by)
{
	hist_set(&inode->links, w->m->op, hist_now(&inode->links) + by);
}

static struct m_inode *add_child(struct work *w, struct m_inode *dir, int n, struct ext4_inode *ei,
				 mode_t type, mode_t mode, unsigned int names)
{
	struct m_inode *inode = model_add(w->m, ext4_ino(ei), type, mode, names);

	inode->parent = dir->id;
	set_name(w, dir, n, inode->id);
	if (names)
		add_links(w, dir, 1);
	else
		model_content(w->m, inode, calloc(1, 1), 0, false);
	return inode;
}

struct m_inode *make_file(struct work *w, struct m_inode *dir, int n)
{
	struct ext4_inode *di = work_inode(w, dir), *ei;
	struct m_inode *inode;
	char name[64];
	unsigned int len = model_name(dir, n, name);

	op_begin(w);
	op_check(w, ext4_create(di, name, len, S_IFREG | 0644, 0, 0, &workload_cred, &ei),
		 "create");
	inode = add_child(w, dir, n, ei, S_IFREG, 0644, 0);
	op_end(w);
	ext4_iput(ei);
	ext4_iput(di);
	w->files++;
	return inode;
}

struct m_inode *make_dir(struct work *w, struct m_inode *dir, int n, unsigned int names)
{
	struct ext4_inode *di = work_inode(w, dir), *ei;
	struct m_inode *inode;
	char name[64];
	unsigned int len = model_name(dir, n, name);

	op_begin(w);
	op_check(w, ext4_mkdir(di, name, len, 0755, 0, &workload_cred, &ei), "mkdir");
	inode = add_child(w, dir, n, ei, S_IFDIR, 0755, names);
	op_end(w);
	ext4_iput(ei);
	ext4_iput(di);
	return inode;
}

void do_create(struct work *w)
{
	struct m_inode *dir = pick_dir(w), *inode;
	int n = pick_name(w, dir, false);

	if (n < 0 || w->files > 40)
		return;
	inode = make_file(w, dir, n);
	if (pc_below(&w->seed, 3))
		write_to(w, inode);
}

void do_mkdir(struct work *w)
{
	struct m_inode *dir = pick_dir(w);
	int n = pick_name(w, dir, false);

	if (n >= 0 && w->m->inodes[dir->parent]->parent == 0)
		make_dir(w, dir, n, SMALL_NAMES);
}

void do_symlink(struct work *w)
{
	struct m_inode *dir = pick_dir(w), *inode;
	struct ext4_inode *di, *ei;
	int n = pick_name(w, dir, false);
	unsigned int len = 1 + pc_below(&w->seed, pc_below(&w->seed, 2) ? 50 : 300), i;
	char name[64], *target;

	if (n < 0)
		return;
	target = malloc(len + 1);
	for (i = 0; i < len; i++)
		target[i] = 'a' + (w->m->op + i) % 26;
	target[len] = '\0';
	di = work_inode(w, dir);
	op_begin(w);
	op_check(w, ext4_symlink(di, name, model_name(dir, n, name), target, &workload_cred, &ei),
		 "symlink");
	inode = add_child(w, dir, n, ei, S_IFLNK, 0777, 0);
	inode->versions[0].size = len;
	free(inode->versions[0].data);
	inode->versions[0].data = target;
	op_end(w);
	ext4_iput(ei);
	ext4_iput(di);
}

void do_link(struct work *w)
{
	struct m_inode *dir = pick_dir(w), *inode = pick_file(w);
	struct ext4_inode *di, *ei;
	int n = pick_name(w, dir, false);
	char name[64];

	/* One without a name cannot get one, but for those that O_TMPFILE made. */
	if (n < 0 || !inode || (!hist_now(&inode->links) && inode->links.nr > 1))
		return;
	di = work_inode(w, dir);
	ei = work_inode(w, inode);
	op_begin(w);
	op_check(w, ext4_link(ei, di, name, model_name(dir, n, name)), "link");
	set_name(w, dir, n, inode->id);
	if (!hist_now(&inode->links))
		w->files++;
	add_links(w, inode, 1);
	inode->meta_op = w->m->op;
	op_end(w);
	ext4_iput(ei);
	ext4_iput(di);
}

/* Nobody can see it any more. */
static void is_gone(struct work *w, struct m_inode *inode)
{
	if (hist_now(&inode->links) || inode->held || inode->gone)
		return;
	inode->gone = true;
	if (inode->nr_versions)
		w->content -= model_now(inode)->size;
}

static void lost_name(struct work *w, struct m_inode *inode)
{
	add_links(w, inode, -1);
	inode->meta_op = w->m->op;
	if (S_ISREG(inode->type) && !hist_now(&inode->links))
		w->files--;
	is_gone(w, inode);
}

static bool is_empty(const struct m_inode *dir)
{
	unsigned int i;

	for (i = 0; i < dir->nr_names; i++)
		if (hist_now(&dir->names[i]) >= 0)
			return false;
	return true;
}

static void remove_dir(struct work *w, struct m_inode *dir, int n, struct m_inode *child)
{
	struct ext4_inode *di = work_inode(w, dir);
	char name[64];

	op_begin(w);
	op_check(w, ext4_rmdir(di, name, model_name(dir, n, name)), "rmdir");
	set_name(w, dir, n, -1);
	add_links(w, dir, -1);
	hist_set(&child->links, w->m->op, 0);
	child->gone = true;
	op_end(w);
	ext4_iput(di);
}

static void remove_file(struct work *w, struct m_inode *dir, int n, struct m_inode *child,
			bool hold)
{
	struct ext4_inode *di = work_inode(w, dir);
	char name[64];

	if (hold && !child->held && S_ISREG(child->type) && w->held < HELD_MAX) {
		child->held = work_inode(w, child);
		w->held++;
	}
	op_begin(w);
	op_check(w, ext4_unlink(di, name, model_name(dir, n, name)), "unlink");
	set_name(w, dir, n, -1);
	lost_name(w, child);
	op_end(w);
	ext4_iput(di);
}

void do_unlink(struct work *w)
{
	struct m_inode *dir = pick_dir(w), *child;
	int n = pick_name(w, dir, true);

	if (n < 0)
		return;
	child = child_of(w, dir, n);
	/* The stage stays: the big directory, and what fills the space. */
	if (child == w->big || (S_ISREG(child->type) && child->parent == w->big->id))
		return;
	if (!child->names)
		remove_file(w, dir, n, child, !pc_below(&w->seed, 4));
	else if (is_empty(child) && dir->id)
		remove_dir(w, dir, n, child);
}

static bool is_below(struct work *w, const struct m_inode *dir, const struct m_inode *top)
{
	for (; dir->id; dir = w->m->inodes[dir->parent])
		if (dir == top)
			return true;
	return dir == top;
}

static bool movable(struct work *w, const struct m_inode *child, const struct m_inode *to)
{
	if (child == w->big || (S_ISREG(child->type) && child->parent == w->big->id))
		return false;
	return !child->names || !is_below(w, to, child);
}

static void dir_moves(struct work *w, struct m_inode *child, struct m_inode *from,
		      struct m_inode *to)
{
	if (!child->names || from == to)
		return;
	add_links(w, from, -1);
	add_links(w, to, 1);
	child->parent = to->id;
}

static void rename_to(struct work *w, struct m_inode *from, int n, struct m_inode *to, int k)
{
	struct m_inode *child = child_of(w, from, n), *over = NULL;
	struct ext4_inode *fi = work_inode(w, from), *ti = work_inode(w, to);
	char old[64], new[64];
	unsigned int old_len = model_name(from, n, old), new_len = model_name(to, k, new);

	if (hist_now(&to->names[k]) >= 0)
		over = child_of(w, to, k);
	op_begin(w);
	op_check(w, ext4_rename(fi, old, old_len, ti, new, new_len, 0, &workload_cred), "rename");
	/* Two names of one file: nothing happens. */
	if (over != child) {
		set_name(w, from, n, -1);
		set_name(w, to, k, child->id);
		dir_moves(w, child, from, to);
		if (over)
			lost_name(w, over);
	}
	op_end(w);
	ext4_iput(fi);
	ext4_iput(ti);
}

void do_rename(struct work *w)
{
	struct m_inode *from = pick_dir(w), *to = pick_dir(w), *child;
	int n = pick_name(w, from, true), k = pick_name(w, to, pc_below(&w->seed, 2));

	if (n < 0 || k < 0)
		return;
	child = child_of(w, from, n);
	if (!movable(w, child, to))
		return;
	if (hist_now(&to->names[k]) >= 0 &&
	    (child->names || child_of(w, to, k)->names || !movable(w, child_of(w, to, k), to)))
		return;
	rename_to(w, from, n, to, k);
}

void do_exchange(struct work *w)
{
	struct m_inode *from = pick_dir(w), *to = pick_dir(w), *a, *b;
	int n = pick_name(w, from, true), k = pick_name(w, to, true);
	struct ext4_inode *fi, *ti;
	char old[64], new[64];

	if (n < 0 || k < 0)
		return;
	a = child_of(w, from, n);
	b = child_of(w, to, k);
	if (a == b || !movable(w, a, to) || !movable(w, b, from) ||
	    (a->names && b->names && from != to))
		return;
	fi = work_inode(w, from);
	ti = work_inode(w, to);
	op_begin(w);
	op_check(w,
		 ext4_rename(fi, old, model_name(from, n, old), ti, new, model_name(to, k, new),
			     EXT4_RENAME_EXCHANGE, &workload_cred),
		 "exchange");
	set_name(w, from, n, b->id);
	set_name(w, to, k, a->id);
	dir_moves(w, a, from, to);
	dir_moves(w, b, to, from);
	op_end(w);
	ext4_iput(fi);
	ext4_iput(ti);
}

/* As editors save: a new file, synced or not, over the old name. */
void do_replace(struct work *w)
{
	struct m_inode *dir = pick_dir(w), *inode, *over;
	int n = pick_name(w, dir, false), k = pick_name(w, dir, true);

	if (n < 0 || k < 0 || w->files > 40)
		return;
	over = child_of(w, dir, k);
	if (over->names || !movable(w, over, dir))
		return;
	inode = make_file(w, dir, n);
	write_to(w, inode);
	if (pc_below(&w->seed, 3))
		fsync_inode(w, inode, pc_below(&w->seed, 2));
	rename_to(w, dir, n, dir, k);
	if (pc_below(&w->seed, 2))
		fsync_inode(w, dir, false);
}

void do_tmpfile(struct work *w)
{
	struct m_inode *dir = pick_dir(w), *inode;
	struct ext4_inode *di, *ei;

	if (w->held >= HELD_MAX)
		return;
	di = work_inode(w, dir);
	op_begin(w);
	op_check(w, ext4_tmpfile(di, 0600, 0, &workload_cred, &ei), "tmpfile");
	inode = model_add(w->m, ext4_ino(ei), S_IFREG, 0600, 0);
	hist_set(&inode->links, w->m->op, 0);
	inode->parent = dir->id;
	model_content(w->m, inode, calloc(1, 1), 0, false);
	inode->held = ei;
	w->held++;
	op_end(w);
	ext4_iput(di);
	write_to(w, inode);
}

/* Close an open file; without a name it is deleted now. */
void do_let_go(struct work *w)
{
	struct m_inode *inode;
	unsigned int i;

	for (i = 0; i < w->m->nr_inodes; i++) {
		inode = w->m->inodes[i];
		if (!inode->held)
			continue;
		op_begin(w);
		ext4_iput(inode->held);
		inode->held = NULL;
		w->held--;
		is_gone(w, inode);
		op_end(w);
		return;
	}
}

/* The big directory grows to many blocks and shrinks again. */
void do_big(struct work *w)
{
	bool grow = w->m->op / 300 % 2 == 0;
	unsigned int i, count = 4 + pc_below(&w->seed, 14);
	int n;

	for (i = 0; i < count; i++) {
		n = pick_name(w, w->big, pc_below(&w->seed, 8) ? !grow : grow);
		if (n < 0)
			return;
		if (hist_now(&w->big->names[n]) < 0) {
			make_file(w, w->big, n);
			w->files--; /* they do not count */
		} else {
			remove_file(w, w->big, n, child_of(w, w->big, n), false);
			w->files++;
		}
	}
}
