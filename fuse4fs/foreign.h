/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device holds that is no ext2, ext3 or ext4, and what to do about it.
 */
#ifndef FUSE4FS_FOREIGN_H
#define FUSE4FS_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Look at the start of @fd, @offset bytes (a multiple of 512) into it.  True when it is something we
 * know: @text has a sentence without its full stop.
 */
bool foreign_describe(int fd, uint64_t offset, char *text, size_t size);

#endif /* FUSE4FS_FOREIGN_H */
