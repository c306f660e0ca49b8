/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mount -o remount: the kernel changes the flags of the mount, and nobody asks the server.
 */
#ifndef MISC_REMOUNT_H
#define MISC_REMOUNT_H

#include <stdbool.h>

/* Is `remount' among the comma-separated @options? */
bool remount_wanted(const char *options);
/* Do it: the exit status for mount(8).  What was wrong has been said. */
int remount(const char *mountpoint, const char *options);

#endif /* MISC_REMOUNT_H */
