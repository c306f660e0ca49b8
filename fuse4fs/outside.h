/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done with the machine's files for a file system that is served: by the server itself, or
 * by its attendant while there is one (attendant.h), since then the server may not.
 */
#ifndef FUSE4FS_OUTSIDE_H
#define FUSE4FS_OUTSIDE_H

#include <stdbool.h>
#include "options.h"

/* Before that: what is on the mount point was mounted for us, and is ours. */
void outside_given(const struct options *opt);
/*
 * For all below.  With @attendant, have one; false, with errno, when it cannot be had.  @service: its
 * unit lets nobody unmount.
 */
bool outside_start(const struct options *opt, bool attendant, bool service);
/* The two steps of mounting (mounting.h); 0 or a negative errno, and the FUSE device in *@fd, or -1. */
int outside_create_mount(int how, int *fd);
int outside_attach_mount(int how, int *fd);
/* Between these two: the attendant gives up what it will not need any more. */
void outside_confine(void);
/* The mount answers: have the kernel read ahead more than it does by default. */
void outside_ready(void);
/* Have the kernel hold at most @kib of what is written and not sent to us; false when it cannot be told. */
bool outside_limit_dirty(int kib);
/* caller_rights(), and the user or the group: -1 when that cannot be found out. */
int outside_caller_rights(pid_t tid);
unsigned int outside_caller_id(pid_t tid, bool group);
/*
 * We were told to end.  The kernel may hold changes that we have never seen: have it
 * write them while there is still somebody to take them, then take the mount away (but for a service's).
 */
void outside_end_mount(void);
/* Take the mount away, if it is there and no other one would go with it. */
void outside_detach(void);
void outside_remove_lockfile(void);
/* Whether the attendant writes the log; then: a line for it.  False when it was lost. */
bool outside_logs(void);
bool outside_log(int level, const char *line);
void outside_stop(void);

#endif /* FUSE4FS_OUTSIDE_H */
