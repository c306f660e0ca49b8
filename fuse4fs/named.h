/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that options name and that we write: the log file and the lock file.  They may lie in a folder that
 * somebody else may write, who must not have us write, or remove, another file than the one that was named.
 */
#ifndef FUSE4FS_NAMED_H
#define FUSE4FS_NAMED_H

#include <stdbool.h>
#include "options.h"

/*
 * Open for appending, or make it.  Only symlinks of root or of our own user are followed; no file with
 * several names; never waits for a pipe's reader.  -1 with errno: ELOOP for somebody else's symlink, EMLINK.
 */
int named_open_log(const char *path);

/* Lock file with our process number; false with a message when another process has it. */
bool lockfile_take(const struct options *opt);
/* Remove its name if it is still that of the file that we made; then let it go. */
void lockfile_remove(void);
void lockfile_drop(void);

#endif /* FUSE4FS_NAMED_H */
