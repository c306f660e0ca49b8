/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing the flags of a mount.  What the server has been told at its start it goes by until its end: one that
 * serves read-only, for whatever reason, does not write because the mount has become writable.  So that is looked
 * at, and taken back with a word about it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "fuse_service/words.h"
#include "remount.h"

#define EXIT_FAILED	32

bool remount_wanted(const char *options)
{
	const char *at = options;

	while (at && *at) {
		size_t len = strcspn(at, ",");

		if (len == 7 && !strncmp(at, "remount", len))
			return true;
		at += len + (at[len] == ',');
	}
	return false;
}

/* As mount(2) has them. */
static unsigned long flags_now(const char *mountpoint, bool *good)
{
	static const struct {
		unsigned long	have, flag;
	} map[] = {
		{ ST_RDONLY, MS_RDONLY },	{ ST_NOSUID, MS_NOSUID },	{ ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC },	{ ST_NOATIME, MS_NOATIME },
		{ ST_NODIRATIME, MS_NODIRATIME }, { ST_SYNCHRONOUS, MS_SYNCHRONOUS },
	};
	unsigned long flags = 0;
	struct statvfs st;

	*good = !statvfs(mountpoint, &st);
	for (size_t i = 0; *good && i < sizeof(map) / sizeof(map[0]); i++)
		if (st.f_flag & map[i].have)
			flags |= map[i].flag;
	return flags;
}

static bool add_words(struct mount_words *words, const char *options)
{
	char *copy = strdup(options), *rest = copy, *word;
	bool good = copy;

	while (good && (word = strsep(&rest, ",")))
		good = mount_words_add(words, word) >= 0;
	free(copy);
	return good;
}

/* Asked to trim nothing, it changes nothing, and says whether it could. */
static bool server_writes(const char *mountpoint)
{
	struct fstrim_range nothing = { 0 };
	int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool writes;

	if (fd < 0)
		return true;
	writes = !ioctl(fd, FITRIM, &nothing) || errno != EROFS;
	close(fd);
	return writes;
}

static int complain(const char *mountpoint, const char *what)
{
	fprintf(stderr, "mount.fuse.ext4: %s: %s\n", mountpoint, what);
	return EXIT_FAILED;
}

int remount(const char *mountpoint, const char *options)
{
	struct mount_words words;
	unsigned long flags;
	bool good;

	mount_words_init(&words);
	words.flags = flags_now(mountpoint, &good);
	if (!good)
		return complain(mountpoint, strerror(errno));
	good = add_words(&words, options);
	flags = words.flags;
	mount_words_free(&words);
	if (!good)
		return complain(mountpoint, strerror(ENOMEM));
	if (mount("none", mountpoint, NULL, MS_REMOUNT | flags, NULL))
		return complain(mountpoint, strerror(errno));
	if (flags & MS_RDONLY || server_writes(mountpoint))
		return 0;
	mount("none", mountpoint, NULL, MS_REMOUNT | MS_RDONLY | flags, NULL);
	return complain(mountpoint, "stays read-only: its server was started that way, or has found damage; "
			"unmount it and mount it again");
}
