/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FUSE session: mounting, the threads that serve it, signals, and the end.
 */
#ifndef FUSE4FS_SESSION_H
#define FUSE4FS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include "server.h"

/* Block the signals that session_run() waits for; must be called before there are threads. */
void session_block_signals(void);

/*
 * Make the session with libfuse's words @fuse_options.  False when libfuse refuses
 * them; it has said why on stderr.
 */
bool session_create(struct server *srv, const char *fuse_options);
/* Whether one of these signals waits to be taken; @priv is unused. */
bool session_told_to_end(void *priv);
/* Serve what comes from the FUSE device @fd, which becomes the session's, also on failure. */
bool session_adopt(struct server *srv, int fd);

/* Have threads serve.  session_run() does it too, if it has not been done.  False when there is none. */
bool session_start(struct server *srv);
bool session_started(const struct server *srv);
/* End the threads, if there are any. */
void session_stop(struct server *srv);
/* Have threads that sleep give their buffers back, if there are any.  Any thread. */
void session_give_back(struct server *srv);

/*
 * Serve until the file system is unmounted, or a SIGTERM, SIGINT or SIGHUP asks us to
 * unmount it.  @ready is called when the first request has been answered.  False when no
 * thread could be started.
 */
bool session_run(struct server *srv, void (*ready)(struct server *srv));

/* Unmount what is still mounted; a service cannot. */
void session_unmount(struct server *srv);
void session_destroy(struct server *srv);

#endif /* FUSE4FS_SESSION_H */
