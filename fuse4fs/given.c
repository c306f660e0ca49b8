/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the mount of a descriptor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "given.h"

#define FUSE_MAJOR	10
#define FUSE_MINOR	229

int given_descriptor(const char *mountpoint)
{
	struct stat st;
	char end;
	int fd;

	if (sscanf(mountpoint, "/dev/fd/%d%c", &fd, &end) != 1 || fd < 0 || fstat(fd, &st) ||
	    !S_ISCHR(st.st_mode) || st.st_rdev != makedev(FUSE_MAJOR, FUSE_MINOR))
		return -1;
	return fd;
}

/* The connection's number: the file system's device, as the kernel packs it. */
static int connection_number(int fd, unsigned long *number)
{
	char path[64], line[128];
	int found = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	while (info && !found && fgets(line, sizeof(line), info))
		found = sscanf(line, "fuse_connection: %lu", number) == 1;
	if (info)
		fclose(info);
	return found;
}

char *given_mountpoint(int fd)
{
	unsigned int major_nr, minor_nr;
	unsigned long number;
	char *line = NULL, *where, *found = NULL;
	size_t room = 0;
	FILE *mounts;

	if (!connection_number(fd, &number))
		return NULL;
	mounts = fopen("/proc/self/mountinfo", "re");
	while (mounts && !found && getline(&line, &room, mounts) >= 0) {
		if (sscanf(line, "%*d %*d %u:%u %*s %ms", &major_nr, &minor_nr, &where) != 3)
			continue;
		/* (A name with a space in it is written otherwise, and not worth the trouble.) */
		if (((unsigned long)major_nr << 20 | minor_nr) == number && !strchr(where, '\\'))
			found = where;
		else
			free(where);
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return found;
}
