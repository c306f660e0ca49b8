/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files in which the kernel tells of limits of memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include "support/memlimit.h"

#define MAX_FILES	32		/* of groups; those of our own are the first */
#define NO_LIMIT	(UINT64_C(1) << 62)	/* version 1 writes a number near 2^63 for none */

struct limit_file {
	int		fd;
	const char	*key;	/* the line that begins so; NULL: the only one */
};

struct memlimit {
	struct limit_file files[MAX_FILES];
	unsigned int	nr_files;
	int		meminfo_fd;
};

static int open_file(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void add_file(struct memlimit *ml, const char *directory, const char *name, const char *key)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", directory, name), fd;

	if (len < 0 || (size_t)len >= sizeof(path) || ml->nr_files == MAX_FILES)
		return;
	fd = open_file(path);
	if (fd >= 0)
		ml->files[ml->nr_files++] = (struct limit_file){ fd, key };
}

/* The path of our group in the hierarchy of @controller ("" for version 2); NULL = there is none.  To be freed. */
static char *own_group(const char *root, const char *controller)
{
	char path[PATH_MAX], *line = NULL, *list, *group, *found = NULL, *word, *next;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	/* "N:CONTROLLER,CONTROLLER:/PATH" */
	while (!found && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		list = strchr(line, ':');
		group = list ? strchr(list + 1, ':') : NULL;
		if (!group || group[1] != '/')
			continue;
		*group++ = '\0';
		next = list + 1;
		while (!found && (word = strsep(&next, ",")))
			if (!strcmp(word, controller))
				found = strdup(group);
	}
	free(line);
	fclose(file);
	return found;
}

/* Blanks are written as \040, and so on. */
static void unescape(char *text)
{
	char *to = text, *from;

	for (from = text; *from; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
		    from[3] >= '0' && from[3] <= '7') {
			*to++ = (from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0');
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ',') && (!at[len] || at[len] == ',' || at[len] == '\n'))
			return true;
	return false;
}

/*
 * A line "ID PARENT DEV ROOT MOUNTPOINT OPTIONS... - TYPE SOURCE OPTIONS": is it this hierarchy?  The two strings are
 * to be freed, then.
 */
static bool parse_mount(const char *line, const char *controller, char **top, char **mountpoint)
{
	const char *rest = strstr(line, " - ");
	char type[32], options[512] = "";

	if (!rest || sscanf(rest, " - %31s %*s %511s", type, options) < 1)
		return false;
	if (*controller ? strcmp(type, "cgroup") || !has_word(options, controller) : strcmp(type, "cgroup2"))
		return false;
	*top = *mountpoint = NULL;
	if (sscanf(line, "%*s %*s %*s %ms %ms", top, mountpoint) == 2) {
		unescape(*top);
		unescape(*mountpoint);
		return true;
	}
	free(*top);
	return false;
}

/* Where the hierarchy is mounted, and which of its groups is seen there. */
static bool find_mount(const char *root, const char *controller, char **top, char **mountpoint)
{
	char path[PATH_MAX], *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && getline(&line, &room, file) > 0)
		found = parse_mount(line, controller, top, mountpoint);
	free(line);
	fclose(file);
	return found;
}

/* What of @group is below @top; "" when it is not there, for the mount point is then as near as one gets. */
static const char *below(const char *group, const char *top)
{
	size_t len = strcmp(top, "/") ? strlen(top) : 0;

	if (strstr(group, "/..") || strncmp(group, top, len) || (group[len] && group[len] != '/'))
		return "";
	return strcmp(group + len, "/") ? group + len : "";
}

/* All from the group in @directory up to the mount point, which is so many bytes of it. */
static void add_groups(struct memlimit *ml, char *directory, size_t mountpoint, bool version1)
{
	if (version1)
		add_file(ml, directory, "memory.stat", "hierarchical_memory_limit ");
	for (;;) {
		add_file(ml, directory, version1 ? "memory.limit_in_bytes" : "memory.max", NULL);
		if (!version1)
			add_file(ml, directory, "memory.high", NULL);
		if (strlen(directory) <= mountpoint)
			break;
		*strrchr(directory, '/') = '\0';
	}
}

static void add_hierarchy(struct memlimit *ml, const char *root, const char *controller)
{
	char directory[PATH_MAX], *group = own_group(root, controller), *top, *mountpoint;
	int base, len;

	if (group && find_mount(root, controller, &top, &mountpoint)) {
		base = strlen(root) + strlen(mountpoint);
		len = snprintf(directory, sizeof(directory), "%s%s%s", root, mountpoint, below(group, top));
		if (len > 0 && (size_t)len < sizeof(directory))
			add_groups(ml, directory, base, *controller);
		free(top);
		free(mountpoint);
	}
	free(group);
}

errcode_t memlimit_create(const char *root, struct memlimit **ret)
{
	struct memlimit *ml = calloc(1, sizeof(*ml));
	char path[PATH_MAX];

	*ret = ml;
	if (!ml)
		return ENOMEM;
	add_hierarchy(ml, root, "");
	add_hierarchy(ml, root, "memory");
	snprintf(path, sizeof(path), "%s/proc/meminfo", root);
	ml->meminfo_fd = open_file(path);
	return 0;
}

void memlimit_destroy(struct memlimit *ml)
{
	if (!ml)
		return;
	for (unsigned int i = 0; i < ml->nr_files; i++)
		close(ml->files[i].fd);
	if (ml->meminfo_fd >= 0)
		close(ml->meminfo_fd);
	free(ml);
}

/* The number in the line that begins with @key (NULL: the first): false when there is none, as for "max". */
static bool read_number(int fd, const char *key, uint64_t *number)
{
	char text[8192], *at = text, *end;
	ssize_t len = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return false;
	text[len] = '\0';
	if (key) {
		for (at = strstr(text, key); at && at != text && at[-1] != '\n'; at = strstr(at + 1, key))
			;
		if (!at)
			return false;
		at += strlen(key);
		at += strspn(at, " \t");
	}
	if (*at < '0' || *at > '9')
		return false;
	*number = strtoull(at, &end, 10);
	return true;
}

/* Without proc(5) the page cache cannot be seen, most of which could be had: so never less than a quarter of all. */
static uint64_t guess_available(void)
{
	struct sysinfo info;
	uint64_t free, least;

	if (sysinfo(&info))
		return MEMLIMIT_NONE;
	free = ((uint64_t)info.freeram + info.bufferram) * info.mem_unit;
	least = (uint64_t)info.totalram * info.mem_unit / 4;
	return free > least ? free : least;
}

void memlimit_read(const struct memlimit *ml, struct memlimit_state *state)
{
	uint64_t number;

	state->limit = MEMLIMIT_NONE;
	for (unsigned int i = 0; i < ml->nr_files; i++)
		if (read_number(ml->files[i].fd, ml->files[i].key, &number) && number < NO_LIMIT &&
		    number < state->limit)
			state->limit = number;
	if (read_number(ml->meminfo_fd, "MemAvailable:", &number))
		state->available = number << 10;
	else
		state->available = guess_available();
}
