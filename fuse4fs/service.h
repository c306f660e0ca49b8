/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Being a mount service: started by the service manager without any right, with a socket
 * to a helper that has the user's.  Files are opened and the mount is made by the
 * helper; all else is as in any other mount.
 */
#ifndef FUSE4FS_SERVICE_H
#define FUSE4FS_SERVICE_H

#include <stdbool.h>
#include "server.h"

struct service;

/*
 * Were we started as a service?  If not, true and *@ret = NULL.  If so, greet the helper, and replace
 * @argc and @argv by the unit's words and the user's.  False, with a message logged, when that fails.
 */
bool service_start(struct service **ret, int *argc, char ***argv);
/* Settle what is different in a service, once the options are known. */
void service_adapt_options(struct service *service, struct options *opt);

/* Have @path opened by the helper.  A descriptor of ours, or a negative errno. */
int service_open(struct service *service, const char *path, int flags);
/* The files that tell of memory pressure, in our system and control group: -1 where there is none. */
void service_open_pressure(struct service *service, int *system_fd, int *cgroup_fd);
/* Can the mount be a fuseblk one, which then claims the device before INIT comes?  After the session was made. */
bool service_want_blkdev(struct service *service, unsigned int block_size);
/* From now on no descriptor reaches us. */
bool service_seal(struct service *service);

/* As fuse_session_new(). */
struct fuse_session *service_session_new(struct service *service, struct fuse_args *args,
					 struct server *srv);
/*
 * Have the file system mounted; the engine is ready.  Where the kernel can wait for INIT, requests
 * are served from before the mount on.  The conversation is over when this returns true.  False, with
 * a message logged, when there is no mount.
 */
bool service_mount(struct service *service, struct server *srv);
/* The end, of a mount that came to nothing (the helper is told) or of the server: the exit status. */
int service_end(struct service *service, int status);

#endif /* FUSE4FS_SERVICE_H */
