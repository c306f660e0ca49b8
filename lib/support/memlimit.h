/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much memory there is for this process: the limits of its control group and of all groups around that one
 * (version 2 and version 1), and what the system could still give.  The files are opened once and read again later,
 * so that a limit which changes is noticed by who may not open files any more.
 */
#ifndef SUPPORT_MEMLIMIT_H
#define SUPPORT_MEMLIMIT_H

#include <stdint.h>
#include <et/com_err.h>

struct memlimit;

#define MEMLIMIT_NONE	UINT64_MAX

struct memlimit_state {
	uint64_t	limit;		/* bytes: the smallest limit of all groups; or MEMLIMIT_NONE */
	uint64_t	available;	/* bytes: what the system can give without swapping, as far as is known */
};

/*
 * Find and open the files: those of proc(5) below @root, "" for the system's own; mount points, which they name, are below
 * @root as well.  What is missing limits nothing.  ENOMEM.
 */
errcode_t memlimit_create(const char *root, struct memlimit **ret);
/* Read them again.  One thread at a time. */
void memlimit_read(const struct memlimit *ml, struct memlimit_state *state);
/* NULL is allowed. */
void memlimit_destroy(struct memlimit *ml);

#endif /* SUPPORT_MEMLIMIT_H */
