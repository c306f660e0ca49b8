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
/*
 * All names have been resolved: leave the folder, and open what is needed to leave the terminal
 * later.  What follows does nothing in the foreground.
 */
void daemon_settle(void);
/* The mount is up: let the parent go, and leave the terminal. */
void daemon_ready(void);
void daemon_leave_terminal(void);
/* A forked process, which has closed the descriptors, leaves the parent and, when it is told to, the terminal to the other one. */
void daemon_forget(void);

/* Not the first to be killed when memory is short, and not stopped by its own write-back. */
void process_protect(const struct options *opt);

#endif /* FUSE4FS_DAEMON_H */
