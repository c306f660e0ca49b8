/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations on what files hold: data, sizes, holes, attributes, modes.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "workload_i.h"

/* A copy of the content now, with room for @size bytes, zeroed behind. */
static char *copy_content(const struct m_inode *inode, uint64_t size)
{
	const struct version *now = model_now(inode);
	char *data = calloc(1, size + 1);

	if (!data)
		pc_die("out of memory");
	memcpy(data, now->data, now->size < size ? now->size : size);
	return data;
}

static uint64_t size_of(const struct m_inode *inode)
{
	return model_now(inode)->size;
}

static void set_content(struct work *w, struct m_inode *inode, char *data, uint64_t size)
{
	w->content += size - size_of(inode);
	model_content(w->m, inode, data, size, true);
	w->wrote = inode;
}

static uint64_t some_length(struct work *w)
{
	switch (pc_below(&w->seed, 8)) {
	case 0: return 1 + pc_below(&w->seed, 60000);
	case 1: return 1 + pc_below(&w->seed, 150);
	default: return 1 + pc_below(&w->seed, 6000);
	}
}

static uint64_t some_offset(struct work *w, uint64_t size)
{
	switch (pc_below(&w->seed, 5)) {
	case 0:
	case 1: return size;				/* append */
	case 2: return size + pc_below(&w->seed, 9000); /* leave a hole */
	default: return size ? pc_below(&w->seed, size) : 0;
	}
}

void write_to(struct work *w, struct m_inode *inode)
{
	uint64_t size = size_of(inode), len = some_length(w), off = some_offset(w, size), end;
	struct ext4_inode *ei;
	char *data;

	if (off < size && pc_below(&w->seed, 2) && len > size - off)
		len = size - off; /* nothing but bytes changes */
	if (w->content > CONTENT_MAX || off + len > FILE_MAX)
		return;
	w->last = inode;
	ei = work_inode(w, inode);
	op_begin(w);
	end = off + len > size ? off + len : size;
	data = copy_content(inode, end);
	model_pattern(inode->id, w->m->op, off, data + off, len);
	op_check(w, ext4_write(ei, data + off, len, off, 0, &workload_cred), "write");
	set_content(w, inode, data, end);
	op_end(w);
	ext4_iput(ei);
}

void do_write(struct work *w)
{
	struct m_inode *inode = pick_file(w);

	if (inode)
		write_to(w, inode);
}

void do_truncate(struct work *w)
{
	struct m_inode *inode = pick_file(w);
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE };
	struct ext4_inode *ei;
	uint64_t size;

	if (!inode)
		return;
	size = size_of(inode);
	if (pc_below(&w->seed, 4))
		attr.size = size ? pc_below(&w->seed, size) : 0;
	else
		attr.size = (size + pc_below(&w->seed, 20000)) % FILE_MAX;
	if (!pc_below(&w->seed, 4))
		attr.size = 0;
	ei = work_inode(w, inode);
	op_begin(w);
	op_check(w, ext4_setattr(ei, &attr), "truncate");
	set_content(w, inode, copy_content(inode, attr.size), attr.size);
	op_end(w);
	ext4_iput(ei);
}

void do_falloc(struct work *w)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_ZERO_RANGE };
	struct m_inode *inode = pick_file(w);
	int mode = modes[w->params->extents ? pc_below(&w->seed, 5) : 2];
	struct ext4_inode *ei;
	uint64_t size, off, len, end;
	char *data;

	if (!inode)
		return;
	size = size_of(inode);
	off = pc_below(&w->seed, size + 4000);
	len = 1 + pc_below(&w->seed, 16000);
	if (w->content > CONTENT_MAX || off + len > FILE_MAX)
		return;
	end = mode & FALLOC_FL_KEEP_SIZE || off + len < size ? size : off + len;
	ei = work_inode(w, inode);
	op_begin(w);
	op_check(w, ext4_fallocate(ei, mode, off, len, 0, &workload_cred), "fallocate");
	hist_set(&inode->mapping, w->m->op, w->m->op);
	/* What allocates and changes nothing that shows may have had nothing to do. */
	if (end == size && !(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		goto out;
	data = copy_content(inode, end);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) && off < end)
		memset(data + off, 0, off + len < end ? len : end - off);
	set_content(w, inode, data, end);
out:
	op_end(w);
	ext4_iput(ei);
}

void do_xattr(struct work *w)
{
	struct m_inode *inode = pick_file(w);
	unsigned int n = pc_below(&w->seed, XATTRS), size;
	char name[] = "user.a", value[8192];
	struct ext4_inode *ei;
	int64_t now;

	if (!inode)
		return;
	name[5] += n;
	size = 1 + pc_below(&w->seed, pc_below(&w->seed, 2) ? 40 : w->params->xattr_max);
	now = hist_now(&inode->xattr[n]);
	ei = work_inode(w, inode);
	op_begin(w);
	if (now > 0 && pc_below(&w->seed, 3) == 0) {
		op_check(w, ext4_removexattr(ei, name), "removexattr");
		hist_set(&inode->xattr[n], w->m->op, 0);
	} else {
		model_pattern(inode->id, w->m->op, 0, value, size);
		/* All of them may not fit into one block. */
		if (ext4_setxattr(ei, name, value, size, 0) == 0)
			hist_set(&inode->xattr[n], w->m->op, (int64_t)w->m->op << 16 | size);
	}
	inode->meta_op = w->m->op;
	op_end(w);
	ext4_iput(ei);
}

void do_chmod(struct work *w)
{
	struct m_inode *inode = pc_below(&w->seed, 3) ? pick_file(w) : pick_dir(w);
	struct ext4_iattr attr = { .valid = EXT4_ATTR_MODE };
	struct ext4_inode *ei;

	if (!inode)
		return;
	attr.mode = inode->type | (0600 + pc_below(&w->seed, 64));
	ei = work_inode(w, inode);
	op_begin(w);
	op_check(w, ext4_setattr(ei, &attr), "chmod");
	hist_set(&inode->mode, w->m->op, attr.mode & 07777);
	inode->meta_op = w->m->op;
	op_end(w);
	ext4_iput(ei);
}

/* ---- sync ---- */

void fsync_inode(struct work *w, struct m_inode *inode, bool datasync)
{
	struct ext4_inode *ei = work_inode(w, inode);
	size_t now;

	op_begin(w);
	op_check(w, ext4_fsync(ei, datasync), "fsync");
	op_end(w);
	ext4_iput(ei);
	now = w->m->ops[w->m->op].end;
	model_promise(w->m, now, datasync ? inode->size_op : inode->meta_op);
	model_promise_content(inode, now, w->m->op);
}

void do_sync_all(struct work *w)
{
	struct m_inode *inode;
	unsigned int i;

	op_begin(w);
	op_check(w, ext4_syncfs(w->fs), "syncfs");
	op_end(w);
	model_promise(w->m, w->m->ops[w->m->op].end, w->m->op);
	for (i = 0; i < w->m->nr_inodes; i++) {
		inode = w->m->inodes[i];
		if (!inode->gone && S_ISREG(inode->type))
			model_promise_content(inode, w->m->ops[w->m->op].end, w->m->op);
	}
}

void do_sync(struct work *w)
{
	struct m_inode *inode;

	switch (pc_below(&w->seed, 8)) {
	case 0: do_sync_all(w); return;
	case 1: inode = w->big; break;
	case 2:
	case 3: inode = pick_dir(w); break;
	case 4:
	case 5: inode = w->last && !w->last->gone ? w->last : NULL; break;
	default: inode = pick_file(w);
	}
	if (inode)
		fsync_inode(w, inode, !inode->names && pc_below(&w->seed, 2));
}
