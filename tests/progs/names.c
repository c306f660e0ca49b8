/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories with very many names, or with such that collide.
 *
 * names collide COUNT: print as many long names that all have one legacy hash.
 * names make|check|remove DIR COUNT|FILE [FIRST]: empty files "name.N", N from FIRST (0) to below COUNT, or with the
 * names in FILE; check looks up each and reads the directory, which must give each once and no other.
 * names drain DIR: read the directory with a small buffer, unlink what it gives at once; to the end, only once.
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
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_SIZE	256

/* As getdents64(2) gives them. */
struct entry {
	uint64_t	ino;
	int64_t		off;
	uint16_t	reclen;
	uint8_t		type;
	char		name[];
};

static char (*names)[NAME_SIZE];
static int count, first_name;

static int fail(const char *what, const char *name)
{
	fprintf(stderr, "%s %s: %s\n", what, name, strerror(errno));
	return 1;
}

/* ---- names that collide ---- */

/* ext4's oldest hash, of signed characters.  The state are the last two values; the last one, doubled, is the hash. */
struct state {
	uint32_t	h0, h1;
};
#define FACTOR	7152373u

static inline struct state step(struct state s, signed char c)
{
	uint32_t hash = s.h1 + (s.h0 ^ (uint32_t)(c * (int)FACTOR));

	if (hash & 0x80000000)
		hash -= 0x7fffffff;
	return (struct state){ hash, s.h0 };
}

static bool good_char(int c)
{
	return c != 0 && c != '/' && c != '\n' && c != '.' && c >= -128 && c <= 127;
}

/* The character that leads from @s to the hash @wanted, 0 if there is none: the factor has an inverse. */
static signed char last_char(struct state s, uint32_t wanted, uint32_t inverse)
{
	for (int wrapped = 0; wrapped < 2; wrapped++) {
		uint32_t sum = wanted + (wrapped ? 0x7fffffff : 0);
		int32_t c = (int32_t)(((sum - s.h1) ^ s.h0) * inverse);

		if (sum >> 31 == (uint32_t)wrapped && good_char(c))
			return (signed char)c;
	}
	return 0;
}

static void print_name(const char *front, const signed char *tail)
{
	printf("%s", front);
	for (int i = 0; i < 5; i++)
		putchar((unsigned char)tail[i]);
	putchar('\n');
}

static int print_colliding(int wanted_count)
{
	const uint32_t wanted = 0x2345678;
	uint32_t inverse = FACTOR;
	char front[160];
	struct state s[5] = { { 0x12a3fe2d, 0x37abe8f9 } };
	signed char t[5];
	int found = 0;

	for (int i = 0; i < 5; i++)
		inverse *= 2 - FACTOR * inverse;
	memset(front, 'x', sizeof(front) - 1);
	front[sizeof(front) - 1] = '\0';
	for (const char *p = front; *p; p++)
		s[0] = step(s[0], *p);
	for (int i = -128; i < 128 && found < wanted_count; i++) {
		for (int j = -128; j < 128 && found < wanted_count; j++) {
			for (int k = 0; k < 65536 && found < wanted_count; k++) {
				t[0] = i, t[1] = j, t[2] = k >> 8, t[3] = k & 255;
				if (!good_char(i) || !good_char(j) || !good_char(t[2]) || !good_char(t[3]))
					continue;
				for (int n = 0; n < 4; n++)
					s[n + 1] = step(s[n], t[n]);
				t[4] = last_char(s[4], wanted, inverse);
				if (!t[4])
					continue;
				print_name(front, t);
				found++;
			}
		}
	}
	return found < wanted_count;
}

static void read_names(FILE *f)
{
	char line[NAME_SIZE];

	for (count = 0; fgets(line, sizeof(line), f); count++) {
		names = realloc(names, (count + 1) * sizeof(*names));
		if (!names)
			exit(2);
		line[strcspn(line, "\n")] = '\0';
		memcpy(names[count], line, NAME_SIZE);
	}
	fclose(f);
}

static void make_names(const char *arg)
{
	FILE *f = fopen(arg, "r");

	if (f) {
		read_names(f);
		return;
	}
	count = atoi(arg);
	names = calloc(count, sizeof(*names));
	if (!names)
		exit(2);
	for (int i = 0; i < count; i++)
		snprintf(names[i], NAME_SIZE, "name.%d", i);
}

/* ---- what is done with them ---- */

static int make(void)
{
	for (int i = first_name; i < count; i++) {
		int fd = open(names[i], O_WRONLY | O_CREAT | O_EXCL, 0644);

		if (fd < 0)
			return fail("create", names[i]);
		close(fd);
	}
	return 0;
}

static int remove_all(void)
{
	for (int i = first_name; i < count; i++)
		if (unlink(names[i]) < 0)
			return fail("unlink", names[i]);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Each name exactly once; @size: of the buffer for getdents. */
static int read_all(size_t size)
{
	bool *seen = calloc(count, sizeof(*seen));
	int fd = open(".", O_RDONLY | O_DIRECTORY), found = 0, bad = 0;
	char buf[65536];
	long got;

	while ((got = syscall(SYS_getdents64, fd, buf, size)) > 0) {
		for (long at = 0; at < got; at += ((struct entry *)(buf + at))->reclen) {
			const char *name = ((struct entry *)(buf + at))->name;
			char (*hit)[NAME_SIZE];

			if (!strcmp(name, ".") || !strcmp(name, ".."))
				continue;
			hit = bsearch(name, names, count, sizeof(*names), by_text);
			if (!hit || seen[hit - names]) {
				fprintf(stderr, "readdir gives %s %s\n", name, hit ? "twice" : "out of nothing");
				bad = 1;
			} else {
				seen[hit - names] = true;
				found++;
			}
		}
	}
	if (got < 0)
		bad = fail("getdents", ".");
	if (found != count) {
		fprintf(stderr, "readdir gives %d of %d names\n", found, count);
		bad = 1;
	}
	close(fd);
	free(seen);
	return bad;
}

static int check(void)
{
	struct stat st;

	for (int i = 0; i < count; i++)
		if (lstat(names[i], &st) < 0)
			return fail("stat", names[i]);
	if (lstat("no such name", &st) == 0 || errno != ENOENT)
		return fail("stat", "no such name");
	qsort(names, count, sizeof(*names), by_text);
	return read_all(65536) || read_all(300);
}

static int drain(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	char buf[300];
	long got;

	while ((got = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < got; at += ((struct entry *)(buf + at))->reclen) {
			const char *name = ((struct entry *)(buf + at))->name;

			if (name[0] != '.' && unlink(name) < 0)
				return fail("unlink", name);
		}
	}
	close(fd);
	return got < 0 ? fail("getdents", ".") : 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "collide"))
		return print_colliding(atoi(argv[2]));
	if (argc < 3) {
		fprintf(stderr, "usage: names collide COUNT | make|check|remove DIR COUNT|FILE [FIRST] | drain DIR\n");
		return 2;
	}
	if (argc > 3)
		make_names(argv[3]);
	first_name = argc > 4 ? atoi(argv[4]) : 0;
	if (chdir(argv[2]) < 0)
		return fail("chdir", argv[2]);
	if (!strcmp(argv[1], "drain"))
		return drain();
	if (!strcmp(argv[1], "make"))
		return make();
	return !strcmp(argv[1], "check") ? check() : remove_all();
}
