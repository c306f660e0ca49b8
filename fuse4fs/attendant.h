/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attendant: a second process that keeps the rights that the server gives up, does a few
 * fixed things when the server asks for them, and ends with it.  What these things are is in
 * outside.c.
 */
#ifndef FUSE4FS_ATTENDANT_H
#define FUSE4FS_ATTENDANT_H

#include <stdbool.h>
#include <stdint.h>
#include "options.h"

/*
 * Start it.  @perform, in that process, does a task and returns the answer; *@result, -1 before, may become a
 * descriptor, which goes with the answer and is closed there.  A task of its own, @lost, is given to it when the server has gone without attendant_stop().  To be called
 * while there is a single thread and no device is open.  False, with errno, when it cannot be had.
 */
bool attendant_start(const struct options *opt, int (*perform)(int task, int arg, int *result), int lost);
bool attendant_runs(void);
/*
 * Have @task done and wait for the answer.  *@result: the descriptor that came with it, or -1; may be NULL.
 * -EIO: the attendant does not answer.  Any thread may ask.
 */
int attendant_ask(int task, int arg, int *result);
/* As attendant_ask(), without waiting; may be called by a signal handler. */
void attendant_tell(int task, int arg);
/* Our end of the way to it, and its process; while it runs. */
int attendant_socket(void);
int attendant_pid(void);
/* Have it end. */
void attendant_stop(void);

#endif /* FUSE4FS_ATTENDANT_H */
