/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same bytes under another name: a loop device stands for a part of a file, a
 * partition for a part of a disk, and what is built on them for both.  Locks know nothing of that.
 * Best effort: needs /sys, and permission to open what is looked at.
 */
#ifndef FUSE4FS_IDENTITY_H
#define FUSE4FS_IDENTITY_H

#include <stdbool.h>
#include <sys/stat.h>
#include "holder.h"

/*
 * Does somebody use what @st, a block device or a regular file, stands for?  To be asked while @st itself is ours (locked, or
 * opened exclusively), so that of two who ask about each other at least one is told.  @read_only: we shall
 * only read, and who also only reads is no conflict.
 */
bool identity_in_use(const struct stat *st, bool read_only, struct holder *holder);

#endif /* FUSE4FS_IDENTITY_H */
