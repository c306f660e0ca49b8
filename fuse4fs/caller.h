/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process behind a request may do.  A request says who its user is, and not which capabilities he has: root in a
 * container has uid 0 and next to none.  The thread waits for our reply, so that it can be looked at: it
 * neither ends nor changes meanwhile.
 */
#ifndef FUSE4FS_CALLER_H
#define FUSE4FS_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

#define CALLER_ADMIN	1	/* CAP_SYS_ADMIN */
#define CALLER_RESOURCE	2	/* CAP_SYS_RESOURCE: the reserved blocks, data journalling */
#define CALLER_FSETID	4	/* CAP_FSETID: set-id bits stay */
#define CALLER_FOWNER	8	/* CAP_FOWNER: as the file's owner */
#define CALLER_IMMUTABLE 16	/* CAP_LINUX_IMMUTABLE */

/*
 * What thread @tid may do, in our own user namespace: CALLER_*; 0 when that is nothing or cannot be found out.
 * *@uid and *@gid are whom the kernel takes it for with files.  Takes open(2) in /proc, and CAP_SYS_PTRACE to look at others.
 */
int caller_rights(pid_t tid, uid_t *uid, gid_t *gid);

#endif /* FUSE4FS_CALLER_H */
