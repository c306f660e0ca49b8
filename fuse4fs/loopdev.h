/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image file by way of a loop device, so that its mount is a block device's (see README: sync(2), umount(2)).
 */
#ifndef FUSE4FS_LOOPDEV_H
#define FUSE4FS_LOOPDEV_H

#include <stdbool.h>
#include <stddef.h>
#include "options.h"

/*
 * With option `loop': put opt->device, if it is a regular file, behind a loop device that goes away with its last user; opt->device is
 * that device then, and opt->offset has been used up.  False with a reason.
 */
bool loopdev_attach(struct options *opt, char *reason, size_t size);
/* The device has been opened, or will not be: it is no longer held here. */
void loopdev_release(void);

#endif /* FUSE4FS_LOOPDEV_H */
