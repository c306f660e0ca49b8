/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree-list [-p] DIR: one line per name below DIR, sorted, with everything that a user can see of it, in a form that can
 * be compared: type and mode, owner, size, links, times, device numbers, symlink target, extended attributes, and a
 * hash of the content.  Hard links name the first of them.  -p: leave out what differs between two runs
 * of the same operations: times and sizes of directories.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CHUNK	(1 << 18)

static bool portable;
static int status;
static struct { ino_t ino; char *path; } *linked;
static size_t linked_count;

static void complain(const char *what, const char *path)
{
	printf("%s %s: %s\n", what, path, strerror(errno));
	status = 1;
}

static uint64_t hash(uint64_t h, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint64_t word;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	for (; len; len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

/* Holes are skipped, and count as what they are: nothing. */
static uint64_t content_hash(const char *path)
{
	static char buf[CHUNK], zero[CHUNK];
	uint64_t h = 0xcbf29ce484222325ULL;
	int fd = open(path, O_RDONLY);
	off_t off = 0, data;
	ssize_t got;

	if (fd < 0) {
		complain("open", path);
		return 0;
	}
	while ((data = lseek(fd, off, SEEK_DATA)) >= 0) {
		off = data / CHUNK * CHUNK;
		got = pread(fd, buf, CHUNK, off);
		if (got <= 0) {
			if (got < 0)
				complain("read", path);
			break;
		}
		memset(buf + got, 0, CHUNK - got);
		if (memcmp(buf, zero, CHUNK)) {
			h = hash(h, &off, sizeof(off));
			h = hash(h, buf, CHUNK);
		}
		off += CHUNK;
	}
	close(fd);
	return h;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_xattrs(const char *path)
{
	static char names[1 << 16], value[1 << 16];
	ssize_t len = llistxattr(path, names, sizeof(names)), size;
	char *sorted[4096];
	size_t n = 0;

	if (len < 0) {
		if (errno != EOPNOTSUPP)
			complain("listxattr", path);
		return;
	}
	for (char *p = names; p < names + len && n < 4096; p += strlen(p) + 1)
		sorted[n++] = p;
	qsort(sorted, n, sizeof(*sorted), by_text);
	for (size_t i = 0; i < n; i++) {
		size = lgetxattr(path, sorted[i], value, sizeof(value));
		if (size < 0)
			complain(sorted[i], path);
		else
			printf(" %s=%zd:%016llx", sorted[i], size, (unsigned long long)hash(0, value, size));
	}
}

static const char *first_link(const struct stat *st, const char *path)
{
	for (size_t i = 0; i < linked_count; i++)
		if (linked[i].ino == st->st_ino)
			return linked[i].path;
	linked = realloc(linked, (linked_count + 1) * sizeof(*linked));
	linked[linked_count].ino = st->st_ino;
	linked[linked_count++].path = strdup(path);
	return NULL;
}

static void list_one(const char *path, const struct stat *st)
{
	char target[4096];
	const char *first;
	ssize_t len;

	printf("%s %06o %u:%u %lu", path, st->st_mode, st->st_uid, st->st_gid, (unsigned long)st->st_nlink);
	if (!portable || !S_ISDIR(st->st_mode))
		printf(" size %lld", (long long)st->st_size);
	if (!portable)
		printf(" m %lld.%09ld c %lld.%09ld", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		       (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		printf(" dev %u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (S_ISLNK(st->st_mode)) {
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			complain("readlink", path);
		printf(" -> %.*s", (int)(len < 0 ? 0 : len), target);
	}
	if (S_ISREG(st->st_mode))
		printf(" %016llx", (unsigned long long)content_hash(path));
	list_xattrs(path);
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1 && (first = first_link(st, path)))
		printf(" is %s", first);
	putchar('\n');
}

static void list_dir(const char *dir)
{
	char **names = NULL, path[8192];
	size_t count = 0, room = 0;
	struct dirent *ent;
	struct stat st;
	DIR *d = opendir(dir);

	if (!d) {
		complain("opendir", dir);
		return;
	}
	while ((errno = 0, ent = readdir(d))) {
		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		if (count == room)
			names = realloc(names, (room = room * 2 + 64) * sizeof(*names));
		names[count++] = strdup(ent->d_name);
	}
	if (errno)
		complain("readdir", dir);
	closedir(d);
	if (count)
		qsort(names, count, sizeof(*names), by_text);
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		free(names[i]);
		if (lstat(path, &st) < 0) {
			complain("lstat", path);
			continue;
		}
		list_one(path, &st);
		if (S_ISDIR(st.st_mode))
			list_dir(path);
	}
	free(names);
}

int main(int argc, char **argv)
{
	struct stat st;

	portable = argc == 3 && !strcmp(argv[1], "-p");
	if (argc != 2 + portable || chdir(argv[argc - 1]) < 0 || lstat(".", &st) < 0) {
		fprintf(stderr, "usage: tree-list [-p] DIR\n");
		return 2;
	}
	list_one(".", &st);
	list_dir(".");
	return status;
}
