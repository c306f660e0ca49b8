/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread's effective capabilities, and whether they count here.
 */
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "caller.h"
#include "support/proctext.h"

/* A capability in another user namespace than ours is none over our files. */
static bool same_user_namespace(pid_t tid)
{
	struct stat ours, theirs;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)tid);
	return !stat("/proc/self/ns/user", &ours) && !stat(path, &theirs) && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

static bool read_status(pid_t tid, char *text, size_t size)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	return support_read_text(path, text, size);
}

static const char *value_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? at + strlen(name) : NULL;
}

/* Real, effective, saved, and the one for files. */
static bool read_id(const char *text, const char *name, unsigned int *id)
{
	const char *at = value_of(text, name);

	return at && sscanf(at, "%*u %*u %*u %u", id) == 1;
}

static int rights_of(uint64_t caps)
{
	static const struct {
		int cap, right;
	} map[] = {
		{ CAP_SYS_ADMIN, CALLER_ADMIN },	{ CAP_SYS_RESOURCE, CALLER_RESOURCE },
		{ CAP_FSETID, CALLER_FSETID },		{ CAP_FOWNER, CALLER_FOWNER },
		{ CAP_LINUX_IMMUTABLE, CALLER_IMMUTABLE },
	};
	int rights = 0;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (caps >> map[i].cap & 1)
			rights |= map[i].right;
	return rights;
}

int caller_rights(pid_t tid, uid_t *uid, gid_t *gid)
{
	char text[4096];
	const char *caps;

	if (tid <= 0 || !read_status(tid, text, sizeof(text)) || !read_id(text, "\nUid:", uid) ||
	    !read_id(text, "\nGid:", gid))
		return 0;
	caps = value_of(text, "\nCapEff:");
	if (!caps || !same_user_namespace(tid))
		return 0;
	return rights_of(strtoull(caps, NULL, 16));
}
