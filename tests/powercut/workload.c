/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stage, the order of operations, and what they have in common.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "workload_i.h"

const struct ext4_cred workload_cred = { .privileged = true };

void op_begin(struct work *w)
{
	struct model *m = w->m;

	m->op++;
	if (!(m->op & (m->op - 1)))
		m->ops = realloc(m->ops, 2 * m->op * sizeof(*m->ops));
	if (!m->ops)
		pc_die("out of memory");
	m->ops[m->op].start = pc_device_events(w->dev);
}

void op_end(struct work *w)
{
	size_t now = pc_device_events(w->dev);

	w->m->ops[w->m->op].end = now;
	if (w->params->mount.sync || (w->params->mount.dirsync && w->named))
		model_promise(w->m, now, w->m->op);
	if (w->params->mount.sync && w->wrote)
		model_promise_content(w->wrote, now, w->m->op);
	w->named = false;
	w->wrote = NULL;
}

void op_check(struct work *w, long ret, const char *what)
{
	if (ret < 0)
		pc_die("operation %u of the workload: %s: %s", w->m->op, what, strerror((int)-ret));
}

struct ext4_inode *work_inode(struct work *w, const struct m_inode *inode)
{
	struct ext4_inode *ei;

	if (inode->held)
		return ext4_igrab(inode->held);
	op_check(w, ext4_iget(w->fs, inode->ino, &ei), "iget");
	return ei;
}

/* ---- choices ---- */

struct m_inode *pick_dir(struct work *w)
{
	struct m_inode *inode, *found = NULL;
	unsigned int i, n = 0;

	for (i = 0; i < w->m->nr_inodes; i++) {
		inode = w->m->inodes[i];
		if (inode->names && !inode->gone && inode != w->big && !pc_below(&w->seed, ++n))
			found = inode;
	}
	return found;
}

/* Not from the big directory; open ones without a name are among them. */
struct m_inode *pick_file(struct work *w)
{
	struct m_inode *inode, *found = NULL;
	unsigned int i, n = 0;

	for (i = 0; i < w->m->nr_inodes; i++) {
		inode = w->m->inodes[i];
		if (S_ISREG(inode->type) && !inode->gone && inode->parent != w->big->id &&
		    !pc_below(&w->seed, ++n))
			found = inode;
	}
	return found;
}

int pick_name(struct work *w, const struct m_inode *dir, bool taken)
{
	unsigned int i, n = 0;
	int found = -1;

	for (i = 0; i < dir->nr_names; i++)
		if ((hist_now(&dir->names[i]) >= 0) == taken && !pc_below(&w->seed, ++n))
			found = i;
	return found;
}

struct m_inode *child_of(struct work *w, const struct m_inode *dir, int n)
{
	return w->m->inodes[hist_now(&dir->names[n])];
}

/* ---- the course of things ---- */

static const struct {
	void (*what)(struct work *w);
	unsigned int weight;
} actions[] = {
	{ do_create, 10 }, { do_write, 18 }, { do_truncate, 6 }, { do_falloc, 6 },
	{ do_unlink, 9 },  { do_rename, 8 }, { do_exchange, 2 }, { do_link, 4 },
	{ do_symlink, 2 }, { do_mkdir, 3 },  { do_xattr, 6 },	 { do_chmod, 2 },
	{ do_tmpfile, 3 }, { do_let_go, 3 }, { do_big, 4 },	 { do_replace, 4 },
};

static void act(struct work *w)
{
	unsigned int i, all = 0, at;

	if (w->m->op - model_promised(w->m, SIZE_MAX) > WINDOW_MAX - 30) {
		do_sync_all(w);
		return;
	}
	if (pc_below(&w->seed, 100) < w->params->sync_percent) {
		do_sync(w);
		return;
	}
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		all += actions[i].weight;
	at = pc_below(&w->seed, all);
	for (i = 0; at >= actions[i].weight; i++)
		at -= actions[i].weight;
	actions[i].what(w);
}

static void mount(struct work *w)
{
	char reason[256];
	struct ext4_mount_opts opts = w->params->mount;
	int err;

	if (w->params->two_drives)
		opts.journal_dev = w->log_channel;
	err = ext4_mount(w->channel, &opts, &w->fs, reason, sizeof(reason));
	if (err)
		pc_die("the workload cannot mount: %s", reason);
}

/* A file in the way, so that freed blocks are soon used again. */
static void fill(struct work *w)
{
	struct m_inode *file = make_file(w, w->m->inodes[0], 0);
	struct ext4_inode *ei = work_inode(w, file);
	struct statvfs st;
	uint64_t room, keep = (uint64_t)w->params->free_kib << 10, chunk = 64 << 10, off = 0;
	char *zeroes = calloc(1, chunk), *all;

	ext4_statfs(w->fs, &st);
	room = (uint64_t)st.f_bfree * st.f_frsize;
	op_begin(w);
	for (; room > keep + chunk; room -= chunk, off += chunk)
		op_check(w, ext4_write(ei, zeroes, chunk, off, 0, &workload_cred), "filling");
	all = calloc(1, off + 1);
	model_content(w->m, file, all, off, false);
	op_end(w);
	free(zeroes);
	ext4_iput(ei);
	/* It stays as it is. */
	file->parent = w->big->id;
}

static void set_stage(struct work *w)
{
	int i;

	mount(w);
	w->big = make_dir(w, w->m->inodes[0], 1, BIG_NAMES);
	for (i = 2; i < 5; i++)
		make_dir(w, w->m->inodes[0], i, SMALL_NAMES);
	if (w->params->free_kib)
		fill(w);
	for (i = 0; i < 6; i++)
		do_create(w);
	op_check(w, ext4_unmount(w->fs), "unmount");
	model_promise(w->m, 0, w->m->op);
}

struct model *workload_run(struct pc_device *dev, const struct workload_params *params,
			   struct pc_log *log, char *start)
{
	struct work w = {
		.params = params, .dev = dev, .m = model_new(), .seed = params->seed * 2 + 1
	};
	unsigned int i;

	for (i = 0; i < 20; i++)
		pc_random(&w.seed);
	w.channel = pc_device_channel(dev, 0);
	w.log_channel = pc_device_channel(dev, 1);
	w.m->ops = calloc(2, sizeof(*w.m->ops));
	set_stage(&w);
	memcpy(start, dev->data, dev->size);
	dev->log = log;
	mount(&w);
	for (i = 0; i < params->operations; i++)
		act(&w);
	while (w.held)
		do_let_go(&w);
	op_begin(&w);
	op_check(&w, ext4_unmount(w.fs), "unmount");
	op_end(&w);
	model_promise(w.m, w.m->ops[w.m->op].end, w.m->op);
	io_channel_close(w.channel);
	io_channel_close(w.log_channel);
	return w.m;
}
