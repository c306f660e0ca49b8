/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process: background, title, place in the queue of the OOM killer.
 */
#ifndef FUSE4FS_DAEMON_H
#define FUSE4FS_DAEMON_H

#include <stdbool.h>
#include "options.h"

/*
 * Fork; the parent waits here for daemon_ready() or for the child's end, and exits
 * with the child's verdict.  Must be called before there are threads.  False when that fails.
 */
bool daemon_start(void);
/* The mount is up: let the parent go, and leave terminal and folder.  Does nothing in the foreground. */
void daemon_ready(void);

/* Not the first to be killed when memory is short, and not stopped by its own write-back. */
void process_protect(const struct options *opt);

/* Lock file with our process number; false with a message when another process has it. */
bool lockfile_take(const struct options *opt);
void lockfile_drop(void);

#endif /* FUSE4FS_DAEMON_H */
