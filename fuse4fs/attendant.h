/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attendant: a second process that keeps the rights that the server gives up, does a few
 * fixed things when the server asks for them, and ends with it.  What these things are is in
 * outside.c.
 */
#ifndef FUSE4FS_ATTENDANT_H
#define FUSE4FS_ATTENDANT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include "options.h"

/* The longest text of a task, with its end. */
#define ATTENDANT_TEXT	1024
/* The one request of ioctl(2) that it makes: what became of the server (PIDFD_GET_INFO). */
#define ATTENDANT_REQUEST	_IOWR(0xff, 11, char[64])

/* What it does, in that process. */
struct attendant_ops {
	bool	watches;	/* it may ask how the server has ended */
	/* After the start, when only what attendant_start() says is open. */
	void	(*begin)(void);
	/*
	 * Do a task, and return the answer.  All arguments are the server's word: to be checked.  *@result, -1
	 * before, may become a descriptor, which goes with the answer and is closed here.
	 */
	int	(*perform)(int task, int arg, const char *text, int *result);
	/* The server has gone without attendant_stop(), by @signal, or 0 when that is not known. */
	void	(*lost)(int signal);
};

/*
 * Start it, with nothing open but 0 to 2, a socket, the log file and the mount point.  To be called
 * while there is a single thread.  False, with errno, when it cannot be had.
 */
bool attendant_start(const struct options *opt, const struct attendant_ops *ops);
bool attendant_runs(void);
/*
 * Have @task done and wait for the answer.  *@result: the descriptor that came with it, or -1; may be NULL.
 * -EIO: the attendant does not answer.  -EAGAIN: it is busy with what attendant_ask_long() was asked for.  Any thread may
 * ask.
 */
int attendant_ask(int task, int arg, int *result);
/*
 * The same, for a task that waits for requests of the kernel's.  Whoever answers those must not wait for the attendant
 * meanwhile.
 */
int attendant_ask_long(int task, int arg);
/* Without waiting for anything.  False when it has not arrived. */
bool attendant_tell(int task, int arg, const char *text);
/* Our end of the way to it, and its process; while it runs. */
int attendant_socket(void);
int attendant_pid(void);
/* Have it end. */
void attendant_stop(void);

#endif /* FUSE4FS_ATTENDANT_H */
