/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The claim of the device: first it is the server's, opened exclusively; where it is mounted as a block device (fuseblk)
 * it becomes the kernel's, before anything is written to it.  doc/architecture.md has the steps.
 */
#ifndef FUSE4FS_CLAIM_H
#define FUSE4FS_CLAIM_H

#include <stdbool.h>
#include "server.h"

/*
 * Make the mount, which nobody sees yet, as far as it can be made before the engine is ready; or, in a service, have
 * srv->at_init call @start when the kernel has the device.  False, with a message: nothing was written.
 */
bool claim_device(struct server *srv, bool (*start)(struct server *srv));
/* The engine is ready: show the file system.  Not in a service, whose helper does it. */
bool claim_show_mount(struct server *srv);

#endif /* FUSE4FS_CLAIM_H */
