/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making the mount without a service, in two steps: first the file system exists in the kernel, which has
 * claimed the block device and sends us INIT; when the engine is ready it is put where everybody sees it.
 * Ordinary users have fusermount3, which does both at once, in the second step.
 *
 * mounting_prepare() comes first; the steps are then taken by whoever has the rights, see outside.c.
 */
#ifndef FUSE4FS_MOUNTING_H
#define FUSE4FS_MOUNTING_H

#include <stdbool.h>
#include <stddef.h>
#include "options.h"

/* How to mount, in one number that travels to another process. */
#define MOUNTING_READ_ONLY	1
#define MOUNTING_BLKDEV		2
#define MOUNTING_BLKSIZE_SHIFT	8	/* bytes, from here on; of a block device */

/*
 * Sort the options by who has to know them, and open the mount point.  What is libfuse's session's business is
 * appended to @session.  @given: somebody else has mounted.  False, with the reason said, when the mount point or memory cannot be had.
 */
bool mounting_prepare(const struct options *opt, bool given, struct word_list *session);
/*
 * The first step.  *@fd is the FUSE device, or -1 when there is nothing to do before the second step.  0 or a
 * negative errno; -EBUSY: somebody else has the block device.
 */
int mounting_create(int how, int *fd);
/* Whether it was made in the first step, and needs nobody else for the second. */
bool mounting_is_created(void);
/* The mount point's descriptor, or -1: a forked process must keep it. */
int mounting_point(void);
/* The second step.  *@fd: the FUSE device, if only now there is one; else -1. */
int mounting_attach(int how, int *fd);
/* Forget the mount point, and a file system that was not attached. */
void mounting_end(void);

#endif /* FUSE4FS_MOUNTING_H */
