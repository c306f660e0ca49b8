/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many small files whose content follows from their name.
 *
 * named-files make DIR PREFIX COUNT [sync]: with `sync' each is fsynced.
 * named-files remove DIR PREFIX COUNT: unlink them.
 * named-files check DIR [PREFIX COUNT]: every file that is there has its own content, or, when it was not synced,
 * nothing or less of it; with PREFIX, all of those are there, complete.  Prints how many files were seen.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE	6000

static void content(const char *name, char *buf)
{
	size_t len = 0;

	while (len < SIZE)
		len += snprintf(buf + len, SIZE + 64 - len, "%s:%zu\n", name, len);
}

static int fail(const char *what, const char *name)
{
	fprintf(stderr, "%s ", what);
	perror(name);
	return 1;
}

static int make(const char *prefix, int count, bool sync)
{
	char name[64], buf[SIZE + 64];

	for (int i = 0; i < count; i++) {
		int fd;

		snprintf(name, sizeof(name), "%s%d", prefix, i);
		content(name, buf);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || write(fd, buf, SIZE) != SIZE || (sync && fsync(fd) < 0) || close(fd) < 0)
			return fail("make", name);
	}
	return 0;
}

static int remove_all(const char *prefix, int count)
{
	char name[64];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s%d", prefix, i);
		if (unlink(name) < 0)
			return fail("remove", name);
	}
	return 0;
}

/* Pages that never reached the disk are holes or missing. */
static bool content_fits(const char *got, size_t len, const char *want, bool complete)
{
	if (complete)
		return len == SIZE && !memcmp(got, want, SIZE);
	for (size_t i = 0; i < len; i++)
		if (got[i] && got[i] != want[i])
			return false;
	return len <= SIZE;
}

static int check_one(const char *name, bool complete)
{
	char got[SIZE + 64], want[SIZE + 64];
	int fd = open(name, O_RDONLY);
	ssize_t len;

	if (fd < 0)
		return fail("check", name);
	len = read(fd, got, sizeof(got));
	close(fd);
	if (len < 0)
		return fail("check", name);
	content(name, want);
	if (content_fits(got, len, want, complete))
		return 0;
	fprintf(stderr, "%s has not its own content (%zd bytes)\n", name, len);
	return 1;
}

static int check(const char *prefix, int count)
{
	DIR *dir = opendir(".");
	int bad = 0, seen = 0;
	struct dirent *ent;
	char name[64];

	if (!dir)
		return fail("check", ".");
	while ((ent = readdir(dir))) {
		if (ent->d_name[0] == '.' || !strcmp(ent->d_name, "lost+found"))
			continue;
		bad += check_one(ent->d_name, false);
		seen++;
	}
	closedir(dir);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s%d", prefix, i);
		bad += check_one(name, true);
	}
	printf("%d\n", seen);
	return bad != 0;
}

int main(int argc, char **argv)
{
	int count = argc > 4 ? atoi(argv[4]) : 0;

	if (argc < 3) {
		fprintf(stderr, "usage: named-files make|remove|check DIR [PREFIX COUNT [sync]]\n");
		return 2;
	}
	if (chdir(argv[2]) < 0)
		return fail("chdir", argv[2]);
	if (!strcmp(argv[1], "make") && argc > 4)
		return make(argv[3], count, argc > 5);
	if (!strcmp(argv[1], "remove") && argc > 4)
		return remove_all(argv[3], count);
	return check(argc > 4 ? argv[3] : "", count);
}
