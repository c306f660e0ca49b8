/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that a program is started with.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>
#include "support/fds.h"

bool support_fds_standard(void)
{
	int fd;

	for (int want = STDIN_FILENO; want <= STDERR_FILENO; want++) {
		if (fcntl(want, F_GETFD) >= 0)
			continue;
		/* The lowest free one, which is this. */
		fd = open("/dev/null", O_RDWR);
		if (fd != want)
			return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

/* Where the kernel is too old for close_range(), or a filter around us does not know it. */
static void close_listed(unsigned int first, unsigned int last)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *ent;

	while (dir && (ent = readdir(dir))) {
		unsigned long fd = strtoul(ent->d_name, NULL, 10);

		if (fd >= first && fd <= last && (int)fd != dirfd(dir))
			close(fd);
	}
	if (dir)
		closedir(dir);
}

static void close_between(unsigned int first, unsigned int last)
{
	if (first <= last && close_range(first, last, 0))
		close_listed(first, last);
}

void support_fds_close_others(int *keep, size_t count)
{
	unsigned int next = STDERR_FILENO + 1;

	qsort(keep, count, sizeof(*keep), compare);
	for (size_t i = 0; i < count; i++) {
		if (keep[i] < (int)next)
			continue;
		close_between(next, keep[i] - 1);
		fcntl(keep[i], F_SETFD, FD_CLOEXEC);
		next = keep[i] + 1U;
	}
	close_between(next, UINT_MAX);
}
