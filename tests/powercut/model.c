/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The histories.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "model.h"
#include "report.h"

static void *grow(void *array, unsigned int nr, size_t size)
{
	if (nr & (nr - 1))
		return array;
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array)
		pc_die("out of memory");
	return array;
}

/* ---- histories ---- */

void hist_set(struct hist *h, uint32_t op, int64_t value)
{
	if (h->nr && h->items[h->nr - 1].op == op) {
		h->items[h->nr - 1].value = value;
		return;
	}
	h->items = grow(h->items, h->nr, sizeof(*h->items));
	h->items[h->nr++] = (struct hist_item){ op, value };
}

int64_t hist_now(const struct hist *h)
{
	return h->nr ? h->items[h->nr - 1].value : -1;
}

int64_t hist_at(const struct hist *h, uint32_t op)
{
	unsigned int i = h->nr;

	while (i && h->items[i - 1].op > op)
		i--;
	return i ? h->items[i - 1].value : -1;
}

uint64_t hist_mask(const struct hist *h, uint32_t lo, uint32_t hi, int64_t value)
{
	uint64_t mask = 0;
	unsigned int i = h->nr;
	uint32_t k = hi + 1;

	while (k > lo) {
		k--;
		while (i && h->items[i - 1].op > k)
			i--;
		if ((i ? h->items[i - 1].value : -1) == value)
			mask |= 1ULL << (k - lo);
	}
	return mask;
}

/* ---- inodes ---- */

struct m_inode *model_add(struct model *m, uint32_t ino, mode_t type, mode_t mode,
			  unsigned int nr_names)
{
	struct m_inode *inode = calloc(1, sizeof(*inode));

	if (!inode)
		pc_die("out of memory");
	m->inodes = grow(m->inodes, m->nr_inodes, sizeof(*m->inodes));
	inode->id = m->nr_inodes;
	m->inodes[m->nr_inodes++] = inode;
	inode->ino = ino;
	inode->type = type;
	inode->nr_names = nr_names;
	if (nr_names)
		inode->names = calloc(nr_names, sizeof(*inode->names));
	inode->meta_op = inode->size_op = m->op;
	hist_set(&inode->mode, m->op, mode);
	hist_set(&inode->mapping, m->op, 0);
	hist_set(&inode->links, m->op, S_ISDIR(type) ? 2 : 1);
	return inode;
}

struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		pc_die("out of memory");
	model_add(m, 2, S_IFDIR, 0755, SMALL_NAMES);
	hist_set(&m->inodes[0]->links, 0, 3); /* lost+found */
	return m;
}

static void free_inode(struct m_inode *inode)
{
	unsigned int i;

	for (i = 0; i < inode->nr_versions; i++)
		free(inode->versions[i].data);
	for (i = 0; i < inode->nr_names; i++)
		free(inode->names[i].items);
	for (i = 0; i < XATTRS; i++)
		free(inode->xattr[i].items);
	free(inode->versions);
	free(inode->names);
	free(inode->mode.items);
	free(inode->mapping.items);
	free(inode->links.items);
	free(inode->synced);
	free(inode);
}

void model_free(struct model *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_inodes; i++)
		free_inode(m->inodes[i]);
	free(m->inodes);
	free(m->ops);
	free(m->promises);
	free(m);
}

const struct version *model_now(const struct m_inode *inode)
{
	return inode->nr_versions ? &inode->versions[inode->nr_versions - 1] : NULL;
}

void model_content(struct model *m, struct m_inode *inode, char *data, uint64_t size, bool steps)
{
	const struct version *before = model_now(inode);

	if (!before || before->size != size)
		inode->size_op = m->op;
	inode->meta_op = m->op;
	inode->versions = grow(inode->versions, inode->nr_versions, sizeof(*inode->versions));
	inode->versions[inode->nr_versions++] = (struct version){ m->op, steps, size, data };
}

/* ---- promises ---- */

void model_promise(struct model *m, size_t event, uint32_t op)
{
	if (m->nr_promises && m->promises[m->nr_promises - 1].op >= op)
		return;
	m->promises = grow(m->promises, m->nr_promises, sizeof(*m->promises));
	m->promises[m->nr_promises++] = (struct synced){ event, op };
}

void model_promise_content(struct m_inode *inode, size_t event, uint32_t op)
{
	inode->synced = grow(inode->synced, inode->nr_synced, sizeof(*inode->synced));
	inode->synced[inode->nr_synced++] = (struct synced){ event, op };
}

uint32_t model_promised(const struct model *m, size_t cut)
{
	unsigned int i = m->nr_promises;

	while (i && m->promises[i - 1].event > cut)
		i--;
	return i ? m->promises[i - 1].op : 0;
}

uint32_t model_reached(const struct model *m, size_t cut)
{
	uint32_t lo = 0, hi = m->op, mid;

	/* the last operation that began before event cut - 1 was issued */
	while (lo < hi) {
		mid = (lo + hi + 1) / 2;
		if (m->ops[mid].start < cut)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

/* ---- names and bytes ---- */

unsigned int model_name(const struct m_inode *dir, unsigned int n, char *buf)
{
	if (dir->nr_names == BIG_NAMES)
		return sprintf(buf, "%03u-the-name-of-a-file-in-a-big-directory", n);
	return sprintf(buf, n % 3 ? "n%02u" : "n%02u-with-a-longer-name", n);
}

int model_name_number(const struct m_inode *dir, const char *name, unsigned int len)
{
	char buf[64];
	unsigned int n;

	if (len < 3)
		return -1;
	n = dir->nr_names == BIG_NAMES
		    ? (name[0] - '0') * 100u + (name[1] - '0') * 10u + (name[2] - '0')
		    : (name[1] - '0') * 10u + (name[2] - '0');
	if (n >= dir->nr_names || model_name(dir, n, buf) != len || memcmp(buf, name, len))
		return -1;
	return n;
}

void model_pattern(uint32_t id, uint32_t op, uint64_t pos, char *buf, size_t len)
{
	uint64_t word = 0, at = ~0ULL;
	size_t i;

	for (i = 0; i < len; i++, pos++) {
		if (pos / 8 != at) {
			at = pos / 8;
			word = (((uint64_t)id << 32 | op) + at * 0x632be59bd9b4e019ULL) *
			       0x9e3779b97f4a7c15ULL;
			word ^= word >> 29;
		}
		buf[i] = word >> (pos % 8 * 8);
	}
}
