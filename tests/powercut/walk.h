/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a file system in memory consistent?  The questions that e2fsck -fn asks, answered
 * without starting a process; and a number that stands for the whole tree.
 */
#ifndef POWERCUT_WALK_H
#define POWERCUT_WALK_H

#include "view.h"

/*
 * Everything is checked; v->problems is 0 when the image is clean.  @v was opened
 * with view_open().
 */
void walk_check(struct view *v);
#define WALK_ORPHANS "there are orphans"	/* the problem that e2fsck solves before it looks */
/*
 * Names, numbers, types, owners, sizes, links, attributes and content of all that the root
 * reaches.  Times are left out.
 */
uint64_t walk_digest(struct view *v);

#endif /* POWERCUT_WALK_H */
