/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree against the model.  Each observation excludes some of the states that the tree may be
 * in; they travel along as a mask, bit i for state lo + i, and one must be left at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "check.h"
#include "content.h"

struct checker {
	const struct model *m;
	struct view *v;
	struct window win;
	char *why;
};

static uint64_t narrow(struct checker *c, const struct m_inode *inode, uint64_t before,
		       uint64_t mask, const char *what)
{
	if (before && !(before & mask) && !*c->why)
		snprintf(c->why, 200, "file %u (inode %u): %s fits no state of %u..%u (%llx, %llx)",
			 inode->id, inode->ino, what, c->win.lo, c->win.hi,
			 (unsigned long long)before, (unsigned long long)mask);
	return before & mask;
}

/* ---- attributes ---- */

struct xattr_seen {
	struct checker *c;
	const struct m_inode *inode;
	int64_t value[XATTRS];
	bool bad;
};

static void take_xattr(void *priv, const struct view_xattr *x)
{
	struct xattr_seen *seen = priv;
	const struct hist *h;
	char want[8192];
	unsigned int n, i;
	uint64_t size;
	char *value;

	if (x->index == EXT2_EXT_ATTR_INDEX_SYSTEM)
		return;
	n = x->name_len ? (unsigned int)(x->name[0] - 'a') : XATTRS;
	if (x->index != EXT2_EXT_ATTR_INDEX_USER || x->name_len != 1 || n >= XATTRS ||
	    x->size > sizeof(want)) {
		seen->bad = true;
		return;
	}
	size = x->size;
	value = x->ea_inode ? view_read(seen->c->v, x->ea_inode, &size) : (char *)x->value;
	h = &seen->inode->xattr[n];
	seen->value[n] = -2;
	for (i = 0; i < h->nr; i++) {
		if (h->items[i].value <= 0 || (uint64_t)(h->items[i].value & 0xffff) != size)
			continue;
		model_pattern(seen->inode->id, h->items[i].value >> 16, 0, want, size);
		if (!memcmp(want, value, size))
			seen->value[n] = h->items[i].value;
	}
	if (x->ea_inode)
		free(value);
}

static uint64_t check_xattrs(struct checker *c, const struct m_inode *inode, uint64_t mask)
{
	struct xattr_seen seen = { .c = c, .inode = inode };
	int i;

	view_xattrs(c->v, inode->ino, take_xattr, &seen);
	if (seen.bad)
		return narrow(c, inode, mask, 0, "an unknown attribute");
	for (i = 0; i < XATTRS; i++) {
		if (!inode->xattr[i].nr && !seen.value[i])
			continue;
		/* "never set" and "removed" look the same */
		mask = narrow(c, inode, mask,
			      hist_mask(&inode->xattr[i], c->win.lo, c->win.hi, seen.value[i]) |
				      (seen.value[i] ? 0
						     : hist_mask(&inode->xattr[i], c->win.lo,
								 c->win.hi, -1)),
			      "an attribute");
	}
	return mask;
}

/* ---- files ---- */

static uint64_t check_file(struct checker *c, const struct m_inode *inode, uint64_t mask)
{
	uint64_t size;
	char *data;

	if (!mask)
		return 0;
	data = view_read(c->v, inode->ino, &size);
	mask = narrow(c, inode, mask, content_sizes(inode, &c->win, size), "the size");
	mask = narrow(c, inode, mask, content_mask(inode, &c->win, data, size, mask),
		      "the content");
	free(data);
	return mask;
}

/* ---- directories ---- */

struct seen_name {
	uint32_t ino; /* 0 = not there */
};
struct dir_seen {
	const struct m_inode *dir;
	struct seen_name *names;
	bool bad;
};

static void take_name(void *priv, const struct view_entry *e)
{
	struct dir_seen *seen = priv;
	int n;

	if (e->len <= 2 && !memcmp(e->name, "..", e->len))
		return;
	if (!seen->dir->id && e->len == 10 && !memcmp(e->name, "lost+found", 10))
		return;
	n = model_name_number(seen->dir, e->name, e->len);
	if (n < 0 || seen->names[n].ino)
		seen->bad = true;
	else
		seen->names[n].ino = e->ino;
}

static uint64_t check_inode(struct checker *c, const struct m_inode *inode, uint64_t mask);

/* The name means inode number @ino: which inodes of the model may that be, and in which states? */
static uint64_t check_entry(struct checker *c, const struct hist *h, uint32_t ino, uint64_t mask)
{
	const struct m_inode *inode;
	uint64_t result = 0, part;
	unsigned int i, k;

	for (i = 0; i < h->nr; i++) {
		if (h->items[i].value < 0 || h->items[i].op > c->win.hi)
			continue;
		inode = c->m->inodes[h->items[i].value];
		if (inode->ino != ino)
			continue;
		for (k = 0; k < i && h->items[k].value != h->items[i].value; k++)
			;
		if (k < i)
			continue;
		part = mask & hist_mask(h, c->win.lo, c->win.hi, inode->id);
		if (part)
			result |= check_inode(c, inode, part);
	}
	return result;
}

static uint64_t check_dir(struct checker *c, const struct m_inode *dir, uint64_t mask)
{
	struct dir_seen seen = { .dir = dir };
	unsigned int n;
	char what[64];

	seen.names = calloc(dir->nr_names, sizeof(*seen.names));
	view_readdir(c->v, dir->ino, take_name, &seen);
	if (seen.bad)
		mask = narrow(c, dir, mask, 0, "an unknown name");
	for (n = 0; n < dir->nr_names && mask; n++) {
		if (!dir->names[n].nr && !seen.names[n].ino)
			continue;
		snprintf(what, sizeof(what), "name %u (-> %u)", n, seen.names[n].ino);
		if (!seen.names[n].ino)
			mask = narrow(c, dir, mask,
				      hist_mask(&dir->names[n], c->win.lo, c->win.hi, -1), what);
		else
			mask = narrow(c, dir, mask,
				      check_entry(c, &dir->names[n], seen.names[n].ino, mask),
				      what);
	}
	free(seen.names);
	return mask;
}

static uint64_t check_inode(struct checker *c, const struct m_inode *inode, uint64_t mask)
{
	const struct ext2_inode_large *raw = view_inode(c->v, inode->ino);
	uint32_t lo = c->win.lo, hi = c->win.hi;

	if (!raw || (le16_to_cpu(raw->i_mode) & S_IFMT) != inode->type)
		return narrow(c, inode, mask, 0, "the type");
	mask = narrow(c, inode, mask,
		      hist_mask(&inode->mode, lo, hi, le16_to_cpu(raw->i_mode) & 07777),
		      "the mode");
	mask = narrow(c, inode, mask,
		      hist_mask(&inode->links, lo, hi, le16_to_cpu(raw->i_links_count)),
		      "the number of links");
	mask = check_xattrs(c, inode, mask);
	return S_ISDIR(inode->type) ? check_dir(c, inode, mask) : check_file(c, inode, mask);
}

static void set_window(struct checker *c, size_t cut)
{
	c->win.lo = model_promised(c->m, cut);
	c->win.hi = model_reached(c->m, cut);
	c->win.cut = cut;
	if (c->win.hi < c->win.lo)
		c->win.hi = c->win.lo;
}

bool check_promises(const struct model *m, struct view *v, size_t cut, bool exact_data, char *why)
{
	struct checker c = { .m = m, .v = v, .why = why };
	uint64_t all;

	set_window(&c, cut);
	c.win.exact = exact_data;
	*why = '\0';
	if (c.win.hi - c.win.lo > 63) {
		snprintf(why, 200, "the model's window is too long: %u..%u", c.win.lo, c.win.hi);
		return false;
	}
	all = ~0ULL >> (63 - (c.win.hi - c.win.lo));
	return check_inode(&c, m->inodes[0], all) != 0;
}

/* ---- without a journal ---- */

static bool constant(const struct hist *h, const struct window *win)
{
	unsigned int i = h->nr;

	while (i && h->items[i - 1].op > win->hi)
		i--;
	return !i || h->items[i - 1].op <= win->lo;
}

/* Not one of its names has changed since. */
static bool dir_untouched(const struct m_inode *dir, const struct window *win)
{
	unsigned int n, i;

	for (n = 0; n < dir->nr_names; n++)
		for (i = 0; i < dir->names[n].nr; i++)
			if (dir->names[n].items[i].op > win->lo &&
			    dir->names[n].items[i].op <= win->hi)
				return false;
	return true;
}

/* What was written to the medium in part since is for e2fsck to throw away. */
static bool untouched(const struct m_inode *inode, const struct window *win)
{
	int i;

	if (inode->names)
		return dir_untouched(inode, win);
	for (i = 0; i < XATTRS; i++)
		if (!constant(&inode->xattr[i], win))
			return false;
	return content_untouched(inode, win) && constant(&inode->links, win) &&
	       constant(&inode->mode, win) && constant(&inode->mapping, win);
}

static bool file_survives(struct checker *c, const struct m_inode *inode)
{
	const struct ext2_inode_large *raw = view_inode(c->v, inode->ino);
	uint64_t size;
	char *data;
	bool ok;

	/* e2fsck deletes what is empty and has lost its name. */
	if (!untouched(inode, &c->win) || content_sizes(inode, &c->win, 0) & 1)
		return true;
	if (!raw || !raw->i_links_count || (le16_to_cpu(raw->i_mode) & S_IFMT) != inode->type) {
		snprintf(c->why, 200, "file %u (inode %u) is lost", inode->id, inode->ino);
		return false;
	}
	data = view_read(c->v, inode->ino, &size);
	ok = content_sizes(inode, &c->win, size) & 1 && content_mask(inode, &c->win, data, size, 1);
	free(data);
	if (!ok)
		snprintf(c->why, 200, "file %u (inode %u) has lost content that was synced",
			 inode->id, inode->ino);
	return ok;
}

static bool names_survive(struct checker *c, const struct m_inode *dir, bool names)
{
	struct dir_seen seen = { .dir = dir };
	const struct m_inode *inode;
	unsigned int n;
	bool ok = true;
	int64_t id;

	names = names && dir_untouched(dir, &c->win);
	seen.names = calloc(dir->nr_names, sizeof(*seen.names));
	if (names)
		view_readdir(c->v, dir->ino, take_name, &seen);
	for (n = 0; n < dir->nr_names && ok; n++) {
		id = hist_at(&dir->names[n], c->win.lo);
		if (id < 0)
			continue;
		inode = c->m->inodes[id];
		if (names && untouched(inode, &c->win) && seen.names[n].ino != inode->ino) {
			snprintf(c->why, 200, "name %u of directory %u is lost", n, dir->id);
			ok = false;
		} else if (S_ISDIR(inode->type)) {
			ok = names_survive(c, inode, names);
		} else {
			ok = file_survives(c, inode);
		}
	}
	free(seen.names);
	return ok;
}

bool check_survivors(const struct model *m, struct view *v, size_t cut, char *why)
{
	struct checker c = { .m = m, .v = v, .why = why };

	set_window(&c, cut);
	*why = '\0';
	return names_survive(&c, m->inodes[0], true);
}
