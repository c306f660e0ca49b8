/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process inherits from whoever starts it and what a file system must not depend on:
 * descriptors, limits, signals, timers, its place in the queue for the processor.
 */
#ifndef FUSE4FS_START_H
#define FUSE4FS_START_H

#include <stdbool.h>
#include "options.h"

/*
 * First thing in main().  Descriptors 0 to 2 are open afterwards; of the others those are left
 * that the command line names as /dev/fd/N, and those that a service manager hands over.
 * False, with errno, when that cannot be had.
 */
bool start_clean(int argc, char **argv);
/* Say which limits stay, since raising them takes a privilege. */
void start_report(const struct options *opt);

#endif /* FUSE4FS_START_H */
