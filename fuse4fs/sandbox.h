/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server gives up what it does not need for serving: privileges, files, and most system calls.
 * What it may do is in sandbox.c and seccomp.c; who does the rest in its place: outside.h.
 */
#ifndef FUSE4FS_SANDBOX_H
#define FUSE4FS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include "options.h"

/* Whether this build can do it at all. */
bool sandbox_built(void);
/* Whether it shall be tried for @opt. */
bool sandbox_wanted(const struct options *opt);
/*
 * From here on for this thread, and all that it starts.  All files must be open, no other thread
 * may run.  @syslog: the system log is written to, and may have to be connected to again.
 * False when not all of it could be had; @reason says what.  What could be had stays.
 */
bool sandbox_enter(bool syslog, char *reason, size_t size);
/* Whether somebody else, like a service's unit, has confined this process. */
bool sandbox_by_others(void);
/* The name of a system call, or "?". */
void sandbox_call_name(int number, char *name, size_t size);

/* seccomp.c: all but the calls that serving takes end the process.  False with @reason. */
bool seccomp_enter(bool syslog, char *reason, size_t size);

#endif /* FUSE4FS_SANDBOX_H */
