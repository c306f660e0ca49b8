/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuservicemount: what its files share.  The program may be setuid root; every
 * path that the caller or the server names is opened with the caller's rights.
 */
#ifndef MISC_FSM_H
#define MISC_FSM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "support/fuse_mount.h"

#define EXIT_REFUSED	1
#define EXIT_FALLBACK	2	/* no service answers: the classic server may do it */

/* Messages to the user, on stderr, with the program's name. */
void fsm_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Somebody else's text, without what could play with the terminal.  Changes it. */
void fsm_relay(char *text);

/* ---- fsm_caller.c: who runs us and what they may do ---- */

struct caller {
	uid_t	uid;
	gid_t	gid;
	bool	user_allow_other;	/* from fuse.conf */
	long	mount_max;		/* -1 = no limit */
};

void caller_init(struct caller *caller);
/* File access with the caller's rights, and no longer. */
void caller_begin(const struct caller *caller);
void caller_end(const struct caller *caller);
/* caller_begin() open() caller_end(); a descriptor or a negative errno. */
int caller_open(const struct caller *caller, const char *path, int flags, mode_t mode);
bool caller_may_allow_other(const struct caller *caller);
/* May there be one more mount?  0 or -EUSERS. */
int caller_check_mount_max(const struct caller *caller);
/* May the caller mount here?  @st is of @fd.  0 or a negative errno. */
int caller_check_mountpoint(const struct caller *caller, int fd, const struct stat *st);

/* ---- fsm_talk.c: the server's commands ---- */

struct talk {
	int		sock;
	struct caller	caller;
	struct mount	mount;
	char		*mtab;		/* what the list of mounts shall say besides */
	int		argc;
	char		**argv;		/* ours, for what the mount point may be */
	char		*holder;	/* who had a file that the server wanted alone */
	int		messages;	/* a pipe with what the server tells the user, or -1 */
	size_t		told;		/* bytes of that so far */
	bool		mounted;
};

/* Serve until the goodbye: the exit status. */
int talk_serve(struct talk *talk);

#endif /* MISC_FSM_H */
