/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A full disk, and other reasons to refuse a write(2) that the kernel would take into its cache without asking.
 *
 * The kernel takes writes on credit: we hear of them when it writes back, when nobody can be told any more.  While free space is
 * less than what it may hold that way, it therefore has to ask before each write: the attributes of files that are open for
 * writing are good for no time at all, so that it sends GETATTR first, with the open file, and an error there is the
 * write's error.  Before that is answered the kernel writes back what it holds of the file, so that what is free is
 * known.  Files that are opened when next to nothing is free are not written through the cache at all.
 */
#ifndef FUSE4FS_SPACE_H
#define FUSE4FS_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include "server.h"

struct space;

/* NULL when memory is short. */
struct space *space_create(void);
/*
 * The mount is there: have the kernel hold less on credit, where it lets us, if that would be much of the file
 * system.
 */
void space_ready(struct server *srv);
/* NULL is fine. */
void space_destroy(struct space *space);

/* A file is opened for writing, or closed again.  NULL when memory is short. */
struct written_file *space_opened(struct server *srv, struct ext4_inode *inode);
void space_closed(struct server *srv, struct written_file *written);

/* Is less free than the kernel may hold on credit? */
bool space_is_short(struct server *srv);
/* Must files that are opened for writing now go past the kernel's cache? */
bool space_wants_direct(struct server *srv);
/* Until when, in seconds, the kernel may believe the attributes of an inode with these file flags. */
double space_attr_timeout(struct server *srv, struct ext4_inode *inode, uint32_t flags);

/*
 * GETATTR for a file that is open for writing: most likely before a write.  True: the request is answered, or will be; false:
 * nothing speaks against the write, and the caller answers.
 */
bool space_gate(fuse_req_t req, struct open_file *file);

/*
 * Around a write that comes out of the kernel's cache.  *@flags gets what ext4_write() is to be told besides;
 * @turn is what begin returned, @result what came of it.
 */
bool space_begin_write(struct server *srv, struct open_file *file, unsigned int *flags);
void space_end_write(struct server *srv, struct open_file *file, bool turn, ssize_t result);
/* Free space may have become less, or more. */
void space_look(struct server *srv);
/* What was refused since somebody was last told, as a negative errno; he is told now. */
int space_take_error(struct open_file *file);

#endif /* FUSE4FS_SPACE_H */
