/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mount.fuse.ext4 SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS]: what mount(8) runs for
 * `-t fuse.ext4' (and ext2, ext3).  Where a service listens it makes the mount; where none does, the
 * ordinary server is started with the same words, unless that is forbidden.  It needs no privilege of its own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "config.h"
#include "remount.h"
#include "support/fds.h"

#define SETTINGS_PATH	"/etc/fuse4fs.conf"
#define EXIT_USAGE	1
#define EXIT_SYSTEM	2
#define EXIT_REFUSED	32	/* as mount(8) */
#define EXIT_FALLBACK	2	/* of the service's helper: nobody listens */

extern char **environ;

static int usage(void)
{
	fprintf(stderr, "usage: mount.fuse.ext4 SOURCE MOUNTPOINT [-nsvf] [-o OPTIONS]\n");
	return EXIT_USAGE;
}

/* From our name, mount.fuse.TYPE, unless -t says it; what is mounted may also be a fuseblk.TYPE. */
static const char *type_of(const char *program, const char *given)
{
	const char *type = given ? given : program, *dot = strrchr(type, '.');

	if (dot)
		return dot + 1;
	return given ? given : "ext4";
}

static bool has_service(const char *type)
{
	char path[128];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/%s", FUSE_SERVICE_SOCKET_DIR, type) <
		       (int)sizeof(path) &&
	       !stat(path, &st) && S_ISSOCK(st.st_mode) && !access(path, W_OK);
}

static bool has_word(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = options; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, word, len) && strchr(",", p[len]))
			return true;
	}
	return false;
}

/*
 * May the server run without a service, with our rights?  Not when the option or the setting says
 * otherwise.  A setting that cannot be understood forbids it, too.
 */
static bool may_fall_back(const char *options)
{
	FILE *settings = fopen(SETTINGS_PATH, "re");
	char line[256], value[64], end;
	bool may = !has_word(options, "service");

	if (!settings && errno != ENOENT)
		may = false;
	while (settings && may && fgets(line, sizeof(line), settings)) {
		line[strcspn(line, "#\n")] = '\0';
		if (line[strspn(line, " \t")])
			may = sscanf(line, " fallback = %63s %c", value, &end) == 1 && !strcmp(value, "yes");
	}
	if (settings)
		fclose(settings);
	return may;
}

/* The exit status, or -1 with errno when it cannot even be started. */
static int run(const char *path, char **argv, bool quietly)
{
	posix_spawn_file_actions_t actions;
	int status, err;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	if (quietly)
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err) {
		errno = err;
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_USAGE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_USAGE;
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

/*
 * Whoever uses mount(8) as root and says nothing about it asks for `suid' and `dev', which are among its
 * defaults; the helper of a service demands to hear it.
 */
static int run_service(const char *type, const char *source, const char *mountpoint,
		       const char *options)
{
	char *all = strdup(getuid() ? "rw" : "suid,dev"), *argv[] = {
		"fuservicemount", (char *)source, (char *)mountpoint, "-t", (char *)type, "-o", NULL, NULL };
	int status = EXIT_SYSTEM;

	if (all && (!options || add_options(&all, options))) {
		argv[6] = all;
		status = run(FUSERVICEMOUNT_PATH, argv, false);
	}
	free(all);
	return status < 0 ? EXIT_FALLBACK : status;
}

static int run_classic(const char *source, const char *mountpoint, const char *options)
{
	char *argv[] = { "fuse4fs", "-o", (char *)(options ? options : "rw"), "--", (char *)source,
			 (char *)mountpoint, NULL };
	int status = run(FUSE4FS_PATH, argv, false);

	if (status >= 0)
		return status;
	fprintf(stderr, "mount.fuse.ext4: %s: %s\n", FUSE4FS_PATH, strerror(errno));
	return EXIT_SYSTEM;
}

/* The service does not answer: the server with our rights, if that is allowed. */
static int fall_back(const char *type, const char *source, const char *mountpoint, const char *options)
{
	if (may_fall_back(options)) {
		fprintf(stderr, "mount.fuse.ext4: no service mounts %s for you (%s/%s); mounting with "
			"your own rights\n", type, FUSE_SERVICE_SOCKET_DIR, type);
		return run_classic(source, mountpoint, options);
	}
	fprintf(stderr, "mount.fuse.ext4: no service mounts %s for you (%s/%s), and mounting without one "
		"is forbidden by option `service' or %s; start it with `systemctl start fuse4fs.socket'\n",
		type, FUSE_SERVICE_SOCKET_DIR, type, SETTINGS_PATH);
	return EXIT_REFUSED;
}

/*
 * Add the words of fstab that only mount(8)'s list shows: it does not give them to us, nor write
 * them after us.
 */
static bool add_listed_words(char **options, const char *mountpoint)
{
	FILE *table = setmntent("/etc/fstab", "re");
	struct mntent *ent;
	bool good = true;
	char *rest, *word;

	while (table && good && (ent = getmntent(table))) {
		if (strcmp(ent->mnt_dir, mountpoint))
			continue;
		for (rest = ent->mnt_opts; good && (word = strsep(&rest, ",")); )
			if (!strncmp(word, "x-", 2))
				good = add_options(options, word);
	}
	if (table)
		endmntent(table);
	return good;
}

/*
 * umount(8) asks the kernel of what type a mount is, learns no more than `fuse', and unmounts without its
 * helper, which alone waits for the server.  Unless its own list says otherwise; root may have
 * mount(8) write that.  Whether it works or not, the file system is mounted.
 */
static void record_helper(const char *type, const char *source, const char *mountpoint)
{
	char *from = realpath(source, NULL), *to = realpath(mountpoint, NULL);
	char full_type[64], helper[80], *options = NULL;
	char *argv[] = { "mount", "--no-canonicalize", "-i", "-f", "-t", full_type, "-o", NULL, "--",
			 from ? from : (char *)source, to, NULL };

	snprintf(full_type, sizeof(full_type), "fuse.%s", type);
	snprintf(helper, sizeof(helper), "uhelper=%s", full_type);
	if (to && !geteuid() && add_options(&options, helper) && add_listed_words(&options, to)) {
		argv[7] = options;
		run("/bin/mount", argv, true);
	}
	free(options);
	free(from);
	free(to);
}

int main(int argc, char **argv)
{
	const char *type = NULL, *source;
	char *options = NULL;
	bool fake = false;
	int opt, status;

	if (!support_fds_standard())
		return EXIT_SYSTEM;
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
	if (remount_wanted(options)) {
		status = fake ? 0 : remount(argv[optind + 1], options);
		free(options);
		return status;
	}
	if (fake)
		status = 0;
	else if (has_service(type))
		status = run_service(type, source, argv[optind + 1], options);
	if (status == EXIT_FALLBACK)
		status = fall_back(type, source, argv[optind + 1], options);
	if (!status && !fake)
		record_helper(type, source, argv[optind + 1]);
	free(options);
	return status;
}
