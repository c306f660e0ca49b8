/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that read requests and have them answered.
 */
#ifndef FUSE4FS_LOOP_H
#define FUSE4FS_LOOP_H

#include <stdbool.h>
#include "server.h"

#define LOOP_MAX_WORKERS	32

struct loop;

/*
 * Start serving.  @wake is sent to the process when the last thread has ended, and when
 * INIT has been answered.  NULL when no thread could be started.
 */
struct loop *loop_start(struct server *srv, int wake);
/* INIT has been answered. */
bool loop_initialised(const struct loop *loop);
/* The kernel has ended the connection, or it broke. */
bool loop_ended(const struct loop *loop);
/* End the threads, also those that wait for requests, and free the loop. */
void loop_stop(struct loop *loop);
/* What threads that sleep have in their buffers goes back to the system.  Any thread. */
void loop_give_back(struct loop *loop);

#endif /* FUSE4FS_LOOP_H */
