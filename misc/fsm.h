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
#include <time.h>
#include "support/kernel_mount.h"

struct wire_msg;

#define EXIT_REFUSED	1
#define EXIT_FALLBACK	2	/* no service answers: the classic server may do it */

/* Messages to the user, on stderr, with the program's name. */
void fsm_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Somebody else's text, without what could play with the terminal.  Changes it. */
void fsm_relay(char *text);

/* ---- fsm_caller.c: who runs us and what they may do ---- */

struct caller {
	uid_t	uid, own_uid;		/* own: with which we were started, setuid root or not */
	gid_t	gid, own_gid;
	bool	user_allow_other;	/* from fuse.conf */
	long	mount_max;		/* -1 = no limit */
};

void caller_init(struct caller *caller);
/*
 * Between these two we are the caller: all ids, and no capability.  For root they do nothing.  A
 * change that fails ends the process.
 */
void caller_begin(const struct caller *caller);
void caller_end(const struct caller *caller);
/* caller_begin() open() caller_end(); a descriptor or a negative errno. */
int caller_open(const struct caller *caller, const char *path, int flags);
bool caller_may_allow_other(const struct caller *caller);
/* May there be one more mount?  0 or -EUSERS. */
int caller_check_mount_max(const struct caller *caller);
/* May the caller mount here?  @st is of @fd.  0 or a negative errno. */
int caller_check_mountpoint(const struct caller *caller, int fd, const struct stat *st);

/* ---- fsm_typed.c: what the caller asked for ---- */

struct typed {
	const char	*source;	/* of argv; NULL when there is none */
	char		**words;	/* of all -o, without backslashes */
	int		count;
	unsigned long	flags;		/* MS_* that the mount has at least */
};

/* 0 or -ENOMEM; typed_free() in either case. */
int typed_init(struct typed *typed, int argc, char **argv);
void typed_free(struct typed *typed);
bool typed_has(const struct typed *typed, const char *word);
/* Is there a word "@name=@value"? */
bool typed_has_value(const struct typed *typed, const char *name, const char *value);
/*
 * *@ret becomes those words of @options that are the kernel's business, to be freed by the caller.  Only harmless
 * ones and those that were typed: -EPERM for another, with a message; -ENOMEM.
 */
int typed_check_options(const struct typed *typed, const char *options, char **ret);
/* What the list of mounts shows as the source; NULL when nothing was typed. */
const char *typed_source_name(const struct typed *typed);

/* ---- fsm_talk.c: the server's commands ---- */

struct talk {
	int		sock;
	struct caller	caller;
	struct typed	typed;
	struct mount	mount;
	char		*mtab;		/* what the list of mounts shall say besides */
	int		argc;
	char		**argv;		/* ours, for what the mount point may be */
	struct timespec	deadline;	/* of the conversation, CLOCK_MONOTONIC */
	bool		sealed;		/* the server has begun to mount, and opens no more */
	char		*holder;	/* who had a file that the server wanted alone */
	int		messages;	/* a pipe with what the server tells the user, or -1 */
	size_t		told;		/* bytes of that so far */
	bool		mounted;
};

/* Seconds for the conversation, from now on. */
void talk_set_deadline(struct talk *talk, unsigned int seconds);
/*
 * As wire_receive() without a descriptor; -ETIMEDOUT when the deadline has passed, however much the server
 * has said.
 */
ssize_t talk_receive(const struct talk *talk, void *packet, size_t size);
/* Serve until the goodbye: the exit status. */
int talk_serve(struct talk *talk);

/* ---- fsm_open.c: files for the server ---- */

/* Answer WIRE_OPEN or WIRE_OPEN_BDEV: a descriptor or a negative errno. */
int open_for_server(struct talk *talk, const struct wire_msg *msg);

#endif /* MISC_FSM_H */
