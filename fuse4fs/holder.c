/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else uses a device or an image file, as far as /proc and /sys tell.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "holder.h"
#include "support/proctext.h"

static bool same_file(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A mount of a server's has the device in its line, as the source.  (Sources of other types may be anything.) */
static bool is_served(const struct stat *st, const char *type, char *source)
{
	struct stat served;

	if (strncmp(type, "fuse", 4) || !strstr(type, ".ext") || source[0] != '/')
		return false;
	support_unescape(source);
	return !stat(source, &served) && same_file(st, &served);
}

/* Where the device is mounted, and whether it is a server that has it, not the kernel. */
static bool find_mount(const struct stat *st, struct holder *holder, bool *served)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *where, *type, *source;
	unsigned int major_nr, minor_nr;
	bool found = false;
	size_t room = 0;

	while (mounts && !found && getline(&line, &room, mounts) >= 0) {
		const char *rest = strstr(line, " - ");

		where = type = source = NULL;
		if (rest && sscanf(line, "%*d %*d %u:%u %*s %ms", &major_nr, &minor_nr, &where) == 3 &&
		    sscanf(rest, " - %ms %ms", &type, &source) == 2) {
			*served = !strncmp(type, "fuse", 4);
			found = (S_ISBLK(st->st_mode) && makedev(major_nr, minor_nr) == st->st_rdev) ||
				is_served(st, type, source);
		}
		if (found) {
			support_unescape(where);
			snprintf(holder->where, sizeof(holder->where), "%s", where);
		}
		free(where);
		free(type);
		free(source);
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return found;
}

/* A block device that is a part of another one: LVM, RAID, encryption. */
static bool find_stacked(const struct stat *st, char *text, size_t size)
{
	char path[PATH_MAX];
	struct dirent *ent;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(st->st_rdev),
		 minor(st->st_rdev));
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (ent = readdir(dir))) {
		if (ent->d_name[0] == '.')
			continue;
		snprintf(text, size, "the block device /dev/%s, which is built on it", ent->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}

static bool process_has(const char *pid, const struct stat *st)
{
	char path[PATH_MAX];
	struct dirent *ent;
	struct stat file;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (ent = readdir(dir)))
		found = isdigit((unsigned char)ent->d_name[0]) &&
			!fstatat(dirfd(dir), ent->d_name, &file, 0) && same_file(st, &file);
	closedir(dir);
	return found;
}

static void describe_process(const char *pid, char *text, size_t size, bool *ending)
{
	char path[PATH_MAX], name[64] = "?", command[4096];

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	support_read_text(path, name, sizeof(name));
	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	*ending = support_read_text(path, command, sizeof(command)) && strstr(command, "[cleaning up]");
	snprintf(text, size, "process %s (%s)", pid, name);
}

static bool find_process(const struct stat *st, char *text, size_t size, bool *ending)
{
	DIR *dir = opendir("/proc");
	struct dirent *ent;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (ent = readdir(dir))) {
		if (!isdigit((unsigned char)ent->d_name[0]) || atol(ent->d_name) == getpid())
			continue;
		found = process_has(ent->d_name, st);
		if (found)
			describe_process(ent->d_name, text, size, ending);
	}
	closedir(dir);
	return found;
}

bool holder_find(const struct stat *st, struct holder *holder)
{
	char process[100];
	bool served;

	*holder = (struct holder) { .ending = false };
	if (find_mount(st, holder, &served)) {
		holder->stays = true;
		if (!served || !find_process(st, process, sizeof(process), &holder->ending))
			snprintf(process, sizeof(process), served ? "a server" : "the kernel");
		holder->ending = false;
		snprintf(holder->text, sizeof(holder->text), "%s, which has it mounted on %s", process,
			 holder->where);
		return true;
	}
	if (S_ISBLK(st->st_mode) && find_stacked(st, holder->text, sizeof(holder->text))) {
		holder->stays = true;
		return true;
	}
	return find_process(st, holder->text, sizeof(holder->text), &holder->ending);
}
