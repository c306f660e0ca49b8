/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which states of the window can a file's size and bytes come from?
 */
#ifndef POWERCUT_CONTENT_H
#define POWERCUT_CONTENT_H

#include "model.h"

struct window {
	uint32_t	lo, hi;		/* states that are possible */
	size_t		cut;		/* events before the cut */
	bool		exact;		/* data cannot be ahead of metadata */
};

uint64_t content_sizes(const struct m_inode *inode, const struct window *win, uint64_t size);
uint64_t content_mask(const struct m_inode *inode, const struct window *win, const char *data,
		      uint64_t size, uint64_t mask);
/* No operation after state lo changed it. */
bool content_untouched(const struct m_inode *inode, const struct window *win);

#endif /* POWERCUT_CONTENT_H */
