/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the program's exit status says; the manual page lists the same numbers.
 * They follow mount(8) where it has one.
 */
#ifndef FUSE4FS_EXITCODE_H
#define FUSE4FS_EXITCODE_H

enum exit_code {
	EXIT_OK = 0,		/* mounted (background) or unmounted cleanly (foreground) */
	EXIT_USAGE = 1,		/* the command line cannot be understood */
	EXIT_SYSTEM = 2,	/* memory, threads, files of ours */
	EXIT_UNCLEAN = 3,	/* it was mounted, but not everything could be written at the end */
	EXIT_MOUNT = 32,	/* the device, the file system or the mount point refused */
};

#endif /* FUSE4FS_EXITCODE_H */
