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
 * may run.  @talk: a service's conversation with its helper goes on.
 * False when not all of it could be had; @reason says what.  What could be had stays.
 */
bool sandbox_enter(bool talk, char *reason, size_t size);
/*
 * The same for the attendant, which keeps what its tasks take.  False with @reason, and nothing given up,
 * for an ordinary user's: it has no privilege, and needs a set-user-id program to unmount.
 */
bool sandbox_enter_attendant(const struct options *opt, bool in_service, char *reason, size_t size);
/* Whether somebody else, like a service's unit, has confined this process. */
bool sandbox_by_others(void);

/* seccomp.c: all but the calls that serving, or attending, takes end the process.  False with @reason. */
bool seccomp_enter(bool talk, char *reason, size_t size);
bool seccomp_enter_attendant(bool unmounts, char *reason, size_t size);

#endif /* FUSE4FS_SANDBOX_H */
