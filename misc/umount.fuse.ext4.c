/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * umount.fuse.ext4 MOUNTPOINT [-n] [-l] [-f] [-v] [-r] [-t TYPE]: what umount(8) runs for our
 * mounts.  The kernel lets an unmount of a FUSE file system return before the server has
 * written what it holds; this program unmounts, and waits until the server has given up the
 * device, so that whoever comes next (e2fsck, a cable being pulled) finds it finished.
 */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include "support/fds.h"
#include "umount_wait.h"

#define EXIT_USAGE	1
#define EXIT_FAILED	32
/* A server that takes longer than this to write its cache is stuck. */
#define WAIT_SECONDS	600

extern char **environ;

static int usage(void)
{
	fprintf(stderr, "usage: umount.fuse.ext4 MOUNTPOINT [-n] [-l] [-f] [-v]\n");
	return EXIT_USAGE;
}

/* An ordinary user's own mount is undone by fusermount3, which checks that it is. */
static bool run_fusermount(const char *mountpoint, bool lazy)
{
	char *argv[] = { "fusermount3", "-u", lazy ? "-z" : "--", lazy ? "--" : (char *)mountpoint,
			 lazy ? (char *)mountpoint : NULL, NULL };
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool undo(const char *mountpoint, int flags)
{
	if (!umount2(mountpoint, flags))
		return true;
	if (errno == EPERM && geteuid() && run_fusermount(mountpoint, flags & MNT_DETACH))
		return true;
	return false;
}

static int unmount(const char *mountpoint, int flags)
{
	struct server_wait *wait = flags & MNT_DETACH ? NULL : server_wait_prepare(mountpoint);
	int status = 0;

	if (!undo(mountpoint, flags)) {
		fprintf(stderr, "umount.fuse.ext4: %s: %s\n", mountpoint, strerror(errno));
		status = EXIT_FAILED;
	} else if (wait && !server_wait(wait, WAIT_SECONDS)) {
		/* (A lazy unmount promises nothing about when.) */
		fprintf(stderr, "umount.fuse.ext4: %s is unmounted, but its server still holds %s\n",
			mountpoint, server_wait_source(wait));
		status = EXIT_FAILED;
	}
	server_wait_free(wait);
	return status;
}

int main(int argc, char **argv)
{
	int flags = 0, opt, status;
	char *mountpoint;

	if (!support_fds_standard())
		return EXIT_FAILED;
	/* umount(8) puts the mount point first; getopt moves it behind the letters. */
	while ((opt = getopt(argc, argv, "nlfvrt:N:")) != -1) {
		if (opt == 'l')
			flags |= MNT_DETACH;
		else if (opt == 'f')
			flags |= MNT_FORCE;
		else if (opt == '?')
			return usage();
	}
	if (optind != argc - 1)
		return usage();
	mountpoint = realpath(argv[optind], NULL);
	if (!mountpoint)
		mountpoint = strdup(argv[optind]);	/* a dead mount has no real path */
	status = unmount(mountpoint, flags);
	free(mountpoint);
	return status;
}
