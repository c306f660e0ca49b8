/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * umount2(2) takes a path and has whatever is on top there, with all that is mounted below it.  So it is
 * looked at first what that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "config.h"
#include "logging.h"
#include "ourmount.h"

extern char **environ;

/* Asked for nothing, the kernel answers by itself and permits it to everybody. */
static bool look(const char *path, dev_t *dev, uint64_t *id)
{
	struct statx stx;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &stx))
		return false;
	*dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	*id = 0;
#ifdef HAVE_STRUCT_STATX_STX_MNT_ID
	if (stx.stx_mask & STATX_MNT_ID)
		*id = stx.stx_mnt_id;
#endif
	return true;
}

bool our_mount_learn(struct our_mount *mount, const char *path)
{
	mount->path = path;
	mount->known = look(path, &mount->dev, &mount->id);
	return mount->known;
}

bool our_mount_same(const struct our_mount *a, const struct our_mount *b)
{
	return a->known && b->known && a->dev == b->dev && a->id == b->id;
}

bool our_mount_visible(const struct our_mount *mount)
{
	uint64_t id;
	dev_t dev;

	return mount->known && look(mount->path, &dev, &id) && dev == mount->dev && id == mount->id;
}

/* What the system's list says of our mount. */
struct listing {
	bool	there;
	char	*child;		/* the path of one that is mounted on our root or one of our folders */
};

static struct listing list(const struct our_mount *mount)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	struct listing listing = { false, NULL };
	unsigned long long id, parent;
	char *line = NULL, *where;
	size_t room = 0;

	while (mounts && getline(&line, &room, mounts) >= 0) {
		if (sscanf(line, "%llu %llu %*s %*s %ms", &id, &parent, &where) != 3)
			continue;
		listing.there = listing.there || id == mount->id;
		if (parent == mount->id && !listing.child)
			listing.child = where;
		else
			free(where);
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return listing;
}

/* Nobody else's may go with it. */
static bool is_alone(const struct our_mount *mount)
{
	struct listing listing = { true, NULL };
	bool visible = our_mount_visible(mount);

	if (mount->id)
		listing = list(mount);
	if (!listing.there)
		return false;
	if (!visible)
		log_warn("%s: covered by another mount; ours stays below it, and dead: unmount both",
			 mount->path);
	else if (listing.child)
		log_warn("%s: stays mounted, and dead, for the sake of what is mounted on it: %s; "
			 "unmount that first", mount->path, listing.child);
	visible = visible && !listing.child;
	free(listing.child);
	return visible;
}

/* An ordinary user's mount is undone by the program that made it. */
static bool run_fusermount(const char *path)
{
	char *argv[] = { "fusermount3", "-u", "-z", "-q", "--", (char *)path, NULL };
	posix_spawnattr_t attr;
	int status = -1, err;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	err = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (err)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

bool our_mount_detach(struct our_mount *mount)
{
	bool alone = mount->known && is_alone(mount);

	mount->known = false;
	if (!alone)
		return false;
	if (!umount2(mount->path, MNT_DETACH | UMOUNT_NOFOLLOW) ||
	    (errno == EPERM && run_fusermount(mount->path)))
		return true;
	log_warn("%s: cannot unmount: %s", mount->path, strerror(errno));
	return false;
}
