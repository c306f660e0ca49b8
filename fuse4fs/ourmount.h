/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which mount is ours, and taking away that one alone.  Nothing here asks the server anything, so that it
 * may be called while nobody answers.
 */
#ifndef FUSE4FS_OURMOUNT_H
#define FUSE4FS_OURMOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct our_mount {
	const char	*path;	/* the caller's */
	dev_t		dev;
	uint64_t	id;	/* 0: the kernel does not tell (before Linux 5.8) */
	bool		known;
};

/* What lies on @path has just been mounted by us.  False, with errno, when it cannot be looked at. */
bool our_mount_learn(struct our_mount *mount, const char *path);
/* Whether both are the same one, as far as the kernel tells. */
bool our_mount_same(const struct our_mount *a, const struct our_mount *b);
/* Whether its path still leads to it, and not to one that was put over it or took its place. */
bool our_mount_visible(const struct our_mount *mount);
/*
 * Detach it, though it may be in use; it is not known afterwards.  False when there is none, or, with a
 * message, when it stays: another one lies over it or on one of its folders and would go with it, or it
 * may not be done.
 */
bool our_mount_detach(struct our_mount *mount);

#endif /* FUSE4FS_OURMOUNT_H */
