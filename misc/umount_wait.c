/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Root finds the server by the FUSE connection that it has open, and watches its
 * descriptors of the device.  Others see only /proc/locks: a server that writes has locked the
 * image exclusively, so that the lock that is there before the unmount is its own.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "support/proctext.h"
#include "umount_wait.h"

#define FUSE_MAJOR	10
#define FUSE_MINOR	229
#define PAUSE_NSEC	20000000
#define GRACE_SECONDS	2
#define MAX_SERVERS	16

enum evidence {
	EVIDENCE_NONE,
	EVIDENCE_PROCESS,	/* it is one of @pids */
	EVIDENCE_LOCK,		/* pids[0] has locked the image */
	EVIDENCE_OPEN,		/* a block device that can be opened exclusively has no server */
};

struct server_wait {
	char		*source;
	unsigned int	major_nr, minor_nr;	/* of the mounted file system */
	struct stat	device;			/* st_mode is 0 when the source is no file that we see */
	enum evidence	evidence;
	pid_t		pids[MAX_SERVERS];
	int		count;
	bool		certain;		/* the kernel has named the connection */
};

/* ---- the mount ---- */

/* One line: the numbers, the mount point and the source, to be freed; false when it makes no sense. */
static bool read_mount(const char *line, unsigned int *major_nr, unsigned int *minor_nr, char **point,
		       char **source)
{
	const char *rest = strstr(line, " - ");

	*point = *source = NULL;
	if (rest && sscanf(line, "%*d %*d %u:%u %*s %ms", major_nr, minor_nr, point) == 3 &&
	    sscanf(rest, " - %*s %ms", source) == 1) {
		support_unescape(*point);
		support_unescape(*source);
		return true;
	}
	free(*point);
	return false;
}

/*
 * The last mount at @mountpoint, which is the one that is seen; with @mountpoint NULL: whether there
 * is one more mount of the same file system.
 */
static bool find_mount(struct server_wait *wait, const char *mountpoint)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	unsigned int major_nr, minor_nr;
	char *line = NULL, *point, *source;
	bool found = false;
	size_t room = 0;

	while (mounts && getline(&line, &room, mounts) >= 0) {
		if (!read_mount(line, &major_nr, &minor_nr, &point, &source))
			continue;
		if (mountpoint && !strcmp(point, mountpoint)) {
			free(wait->source);
			wait->source = source;
			wait->major_nr = major_nr;
			wait->minor_nr = minor_nr;
			source = NULL;
			found = true;
		} else if (!mountpoint && major_nr == wait->major_nr && minor_nr == wait->minor_nr) {
			found = true;
		}
		free(point);
		free(source);
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return found;
}

/* The kernel's number of the connection: the file system's device as the kernel packs it. */
static unsigned long connection_number(const struct server_wait *wait)
{
	return (unsigned long)wait->major_nr << 20 | wait->minor_nr;
}

/*
 * A copy of the mount may be in another mount namespace; then the server goes on serving, and the
 * kernel goes on having something to write back for the file system.
 */
static bool mounted_elsewhere(const struct server_wait *wait)
{
	static const char *const suffixes[] = { "", "-fuseblk" };
	char path[80];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u%s", wait->major_nr, wait->minor_nr,
			 suffixes[i]);
		if (!access(path, F_OK))
			return true;
	}
	return false;
}

/* ---- the processes ---- */

static bool is_device(const struct server_wait *wait, const struct stat *st)
{
	if (S_ISBLK(wait->device.st_mode))
		return S_ISBLK(st->st_mode) && st->st_rdev == wait->device.st_rdev;
	return S_ISREG(wait->device.st_mode) && st->st_dev == wait->device.st_dev &&
	       st->st_ino == wait->device.st_ino;
}

/* 1 when the descriptor of /dev/fuse is that of our connection, 0 when not, -1: an old kernel does not say. */
static int is_connection(const struct server_wait *wait, const char *pid, const char *fd)
{
	char path[PATH_MAX], line[128];
	unsigned long number;
	int answer = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	info = fopen(path, "re");
	while (info && answer < 0 && fgets(line, sizeof(line), info))
		if (sscanf(line, "fuse_connection: %lu", &number) == 1)
			answer = number == connection_number(wait);
	if (info)
		fclose(info);
	return answer;
}

struct descriptors {
	bool	device, fuse;
	int	connection;	/* as is_connection(), of the best descriptor of /dev/fuse */
};

/* False when the process is not there, or not for us to look into. */
static bool look_into(const struct server_wait *wait, const char *pid, struct descriptors *found)
{
	char path[PATH_MAX];
	struct dirent *ent;
	struct stat st;
	DIR *dir;

	*found = (struct descriptors) { .connection = -1 };
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((ent = readdir(dir))) {
		if (!isdigit((unsigned char)ent->d_name[0]) || fstatat(dirfd(dir), ent->d_name, &st, 0))
			continue;
		found->device = found->device || is_device(wait, &st);
		if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(FUSE_MAJOR, FUSE_MINOR)) {
			int connection = is_connection(wait, pid, ent->d_name);

			found->fuse = true;
			if (connection > found->connection)
				found->connection = connection;
		}
	}
	closedir(dir);
	return true;
}

static void find_processes(struct server_wait *wait)
{
	DIR *dir = opendir("/proc");
	struct descriptors found;
	struct dirent *ent;

	while (dir && wait->count < MAX_SERVERS && (ent = readdir(dir))) {
		if (!isdigit((unsigned char)ent->d_name[0]) || !look_into(wait, ent->d_name, &found))
			continue;
		if (found.connection == 1 || (found.connection < 0 && found.fuse && found.device)) {
			wait->pids[wait->count++] = atol(ent->d_name);
			wait->certain = wait->certain || found.connection == 1;
			wait->evidence = EVIDENCE_PROCESS;
		}
	}
	if (dir)
		closedir(dir);
}

/* Does it still have the device?  One whose device we cannot see has it for as long as it runs. */
static bool process_holds(const struct server_wait *wait, pid_t pid)
{
	struct descriptors found;
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (!look_into(wait, text, &found))
		return false;
	return wait->device.st_mode ? found.device && found.fuse : found.fuse;
}

/* ---- the lock ---- */

/* An exclusive lock on the image by @pid, or by anybody when that is -1: whose it is in *@owner. */
static bool find_lock(const struct server_wait *wait, long pid, pid_t *owner)
{
	FILE *locks = fopen("/proc/locks", "re");
	unsigned long long inode;
	bool found = false;
	char line[256];
	long who;

	/* (The device number is not compared: that of some file systems is not what stat() says.) */
	while (locks && !found && fgets(line, sizeof(line), locks)) {
		found = sscanf(line, "%*d: FLOCK %*s WRITE %ld %*x:%*x:%llu", &who, &inode) == 2 &&
			inode == wait->device.st_ino && (pid < 0 || who == pid);
		if (found)
			*owner = who;
	}
	if (locks)
		fclose(locks);
	return found;
}

static bool is_open(const struct server_wait *wait)
{
	int fd = open(wait->source, O_RDONLY | O_CLOEXEC | O_EXCL | O_NONBLOCK);

	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

/* ---- all together ---- */

struct server_wait *server_wait_prepare(const char *mountpoint)
{
	struct server_wait *wait = calloc(1, sizeof(*wait));

	if (!wait || !find_mount(wait, mountpoint)) {
		free(wait);
		return NULL;
	}
	if (stat(wait->source, &wait->device) ||
	    (!S_ISREG(wait->device.st_mode) && !S_ISBLK(wait->device.st_mode)))
		wait->device.st_mode = 0;
	find_processes(wait);
	if (wait->evidence == EVIDENCE_NONE && S_ISREG(wait->device.st_mode) &&
	    find_lock(wait, -1, &wait->pids[0]))
		wait->evidence = EVIDENCE_LOCK;
	if (wait->evidence == EVIDENCE_NONE && S_ISBLK(wait->device.st_mode) && is_open(wait))
		wait->evidence = EVIDENCE_OPEN;
	return wait;
}

static bool has_ended(const struct server_wait *wait)
{
	int left = 0;
	pid_t owner;

	switch (wait->evidence) {
	case EVIDENCE_PROCESS:
		for (int i = 0; i < wait->count; i++)
			left += process_holds(wait, wait->pids[i]);
		/* Of several that only read, and that the kernel does not tell apart, one has to go. */
		return wait->certain ? !left : left < wait->count;
	case EVIDENCE_LOCK:
		return !find_lock(wait, wait->pids[0], &owner);
	case EVIDENCE_OPEN:
		return !is_open(wait);
	default:
		return true;
	}
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - start->tv_sec + (now.tv_nsec - start->tv_nsec) / 1e9;
}

bool server_wait(struct server_wait *wait, unsigned int seconds)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NSEC };
	struct timespec start;

	if (find_mount(wait, NULL))
		return true;
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!has_ended(wait)) {
		double waited = seconds_since(&start);

		/* (For a moment the kernel itself may hold on to a file system that is going.) */
		if (waited > GRACE_SECONDS && mounted_elsewhere(wait))
			return true;
		if (waited > seconds)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

const char *server_wait_source(const struct server_wait *wait)
{
	return wait->source;
}

void server_wait_free(struct server_wait *wait)
{
	if (wait)
		free(wait->source);
	free(wait);
}
