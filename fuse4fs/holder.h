/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else uses a device or an image file.  Best effort: without root only some
 * of the answers can be seen.
 */
#ifndef FUSE4FS_HOLDER_H
#define FUSE4FS_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * A loop device stands over this file.  @read_only: one that only reads is
 * no conflict.  @text gets its name.
 */
bool holder_loop(const struct stat *st, bool read_only, char *text, size_t size);

/*
 * Describe a holder in @text: "mounted on /mnt", "process 123 (e2fsck)".  False when
 * none is found.  *@ending tells that it is a server of ours that is about to end.
 */
bool holder_find(const struct stat *st, char *text, size_t size, bool *ending);

#endif /* FUSE4FS_HOLDER_H */
