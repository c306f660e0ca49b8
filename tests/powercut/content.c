/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes are written in place before the metadata that belongs to them is committed, so in state k a
 * byte may be what any version from k on made of it, but nothing else.
 */
#include <string.h>
#include "content.h"

/* Index of the version in state k; -1 when there is none. */
static int version_at(const struct m_inode *inode, uint32_t k)
{
	int i = (int)inode->nr_versions - 1;

	while (i >= 0 && inode->versions[i].op > k)
		i--;
	return i;
}

/* Operation k + 1 may have been done in part. */
static const struct version *next_step(const struct m_inode *inode, int i, uint32_t k)
{
	const struct version *next = &inode->versions[i + 1];

	if (i + 1 < (int)inode->nr_versions && next->op == k + 1 && next->steps)
		return next;
	return NULL;
}

static bool size_ok(const struct m_inode *inode, uint32_t k, uint64_t size)
{
	int i = version_at(inode, k);
	const struct version *next = next_step(inode, i, k);
	uint64_t now = i < 0 ? 0 : inode->versions[i].size;

	if (size == now)
		return i >= 0 || next;
	if (!next)
		return false;
	return next->size > now ? size > now && size <= next->size
				: size < now && size >= next->size;
}

uint64_t content_sizes(const struct m_inode *inode, const struct window *win, uint64_t size)
{
	uint64_t mask = 0;
	uint32_t k;

	for (k = win->lo; k <= win->hi; k++)
		if (size_ok(inode, k, size))
			mask |= 1ULL << (k - win->lo);
	return mask;
}

static char byte_of(const struct version *v, uint64_t pos)
{
	return pos < v->size ? v->data[pos] : 0;
}

/* Is every byte one that a version of [from, to] has there? */
static bool mixed_from(const struct m_inode *inode, int from, int to, const char *data,
		       uint64_t size)
{
	const struct version *v = inode->versions;
	uint64_t pos;
	int i;

	if (from == to && v[from].size >= size)
		return !memcmp(v[from].data, data, size);
	for (pos = 0; pos < size; pos++) {
		for (i = from; i <= to; i++)
			if (byte_of(&v[i], pos) == data[pos])
				break;
		if (i > to)
			return false;
	}
	return true;
}

static uint32_t synced_op(const struct m_inode *inode, size_t cut)
{
	unsigned int i = inode->nr_synced;

	while (i && inode->synced[i - 1].event > cut)
		i--;
	return i ? inode->synced[i - 1].op : 0;
}

uint64_t content_mask(const struct m_inode *inode, const struct window *win, const char *data,
		      uint64_t size, uint64_t mask)
{
	int least = version_at(inode, synced_op(inode, win->cut)),
	    last = version_at(inode, win->hi);
	int from, to, known_from = -1, known_to = -1;
	uint64_t result = 0;
	bool known = false;
	uint32_t k;

	for (k = win->lo; k <= win->hi; k++) {
		if (!(mask >> (k - win->lo) & 1))
			continue;
		from = version_at(inode, k);
		to = last;
		if (win->exact)
			to = next_step(inode, from, k) ? from + 1 : from;
		if (from < least && win->exact)
			continue;
		if (from < least)
			from = least;
		if (from < 0)
			from = 0;
		if (from > to)
			continue;
		if (from != known_from || to != known_to)
			known = mixed_from(inode, from, to, data, size);
		known_from = from;
		known_to = to;
		if (known)
			result |= 1ULL << (k - win->lo);
	}
	return result;
}

bool content_untouched(const struct m_inode *inode, const struct window *win)
{
	int i = version_at(inode, win->lo);

	return i >= 0 && i == version_at(inode, win->hi);
}
