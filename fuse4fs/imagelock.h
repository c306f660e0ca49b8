/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locks by which programs of virtual machines tell each other who uses a
 * disk image, and how.
 */
#ifndef FUSE4FS_IMAGELOCK_H
#define FUSE4FS_IMAGELOCK_H

#include <stdbool.h>

/*
 * Take them for @fd, a regular file, for as long as it is open: 0, or EBUSY when another program
 * has it in a way that does not go together with ours.  Where the file system has no such locks, 0.
 */
int image_lock(int fd, bool writing);

#endif /* FUSE4FS_IMAGELOCK_H */
