/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mount.fuse.ext4 SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS]: what mount(8) runs for
 * `-t fuse.ext4' (and ext2, ext3).  Where a service listens it makes the mount; where none does, the
 * classic server is started with the same words.  It needs no privilege of its own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "config.h"

#define EXIT_USAGE	1
#define EXIT_SYSTEM	2
#define EXIT_FALLBACK	2	/* of the service's helper: nobody listens */

extern char **environ;

static int usage(void)
{
	fprintf(stderr, "usage: mount.fuse.ext4 SOURCE MOUNTPOINT [-nsvf] [-o OPTIONS]\n");
	return EXIT_USAGE;
}

/* From our name, mount.fuse.TYPE, unless -t says it. */
static const char *type_of(const char *program, const char *given)
{
	const char *dot = strrchr(program, '.'), *type = given ? given : dot ? dot + 1 : "ext4";

	return strncmp(type, "fuse.", 5) ? type : type + 5;
}

static bool has_service(const char *type)
{
	char path[128];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/%s", FUSE_SERVICE_SOCKET_DIR, type) <
		       (int)sizeof(path) &&
	       !stat(path, &st) && S_ISSOCK(st.st_mode) && !access(path, W_OK);
}

/* The exit status, or EXIT_FALLBACK when it cannot even be started. */
static int run_service(const char *type, const char *source, const char *mountpoint,
		       const char *options)
{
	char *argv[] = { "fuservicemount", (char *)source, (char *)mountpoint, "-t", (char *)type,
			 options ? "-o" : NULL, (char *)options, NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, FUSERVICEMOUNT_PATH, NULL, NULL, argv, environ))
		return EXIT_FALLBACK;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_USAGE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_USAGE;
}

static int run_classic(const char *source, const char *mountpoint, const char *options)
{
	if (options)
		execl(FUSE4FS_PATH, "fuse4fs", "-o", options, "--", source, mountpoint, NULL);
	else
		execl(FUSE4FS_PATH, "fuse4fs", "--", source, mountpoint, NULL);
	fprintf(stderr, "mount.fuse.ext4: %s: %s\n", FUSE4FS_PATH, strerror(errno));
	return EXIT_SYSTEM;
}

/* All -o together, as one word. */
static bool add_options(char **options, const char *more)
{
	char *grown;

	if (asprintf(&grown, "%s%s%s", *options ? *options : "", *options ? "," : "", more) < 0)
		return false;
	free(*options);
	*options = grown;
	return true;
}

int main(int argc, char **argv)
{
	const char *type = NULL, *source;
	char *options = NULL;
	bool fake = false;
	int opt, status;

	/* mount(8) puts source and mount point first; getopt moves them behind the letters. */
	while ((opt = getopt(argc, argv, "o:t:nsvfrw")) != -1) {
		if (opt == '?' || (opt == 'o' && !add_options(&options, optarg)) ||
		    (opt == 'r' && !add_options(&options, "ro")))
			return usage();
		if (opt == 't')
			type = optarg;
		fake = fake || opt == 'f';
	}
	if (optind != argc - 2)
		return usage();
	source = argv[optind];
	type = type_of(argv[0], type);
	status = EXIT_FALLBACK;
	if (fake)
		status = 0;
	else if (has_service(type))
		status = run_service(type, source, argv[optind + 1], options);
	if (status == EXIT_FALLBACK)
		status = run_classic(source, argv[optind + 1], options);
	free(options);
	return status;
}
