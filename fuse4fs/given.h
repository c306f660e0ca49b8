/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mount that somebody else has made and hands to us as a descriptor of /dev/fuse, which is named as the
 * mount point: mount.fuse3 with drop_privileges, containers.
 */
#ifndef FUSE4FS_GIVEN_H
#define FUSE4FS_GIVEN_H

/* The descriptor that /dev/fd/N names, if it is one of FUSE's device; else -1. */
int given_descriptor(const char *mountpoint);
/*
 * Where that is mounted, to be freed by the caller.  NULL when the kernel does not say, or it is not to be seen
 * from here.
 */
char *given_mountpoint(int fd);

#endif /* FUSE4FS_GIVEN_H */
