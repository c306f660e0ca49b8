/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telling the kernel that something which it has cached is no longer so, or having it write back what we have never
 * seen.  The second waits for requests that our own workers answer, so threads that are none do it.
 */
#ifndef FUSE4FS_NOTIFY_H
#define FUSE4FS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include "server.h"

struct notifier;

struct notifier *notifier_create(struct server *srv);
/* All that was asked for is done when this returns, and nothing is any more; workers must still serve.  NULL is fine. */
void notifier_stop(struct notifier *notifier);
/* After notifier_stop(), when nobody can ask any more.  NULL is fine. */
void notifier_free(struct notifier *notifier);

/*
 * The attributes that the kernel has of the inode are no longer true.  At once; by a worker only while whoever made its request
 * has the inode in use, since the kernel waits for one that is on its way out.
 */
void notify_attr(struct server *srv, uint32_t ino);
/* The same, soon, for any inode. */
void notify_attr_later(struct server *srv, uint32_t ino);
/*
 * Have the kernel write back all pages of the inode, then call @done, from another thread.  When memory is short
 * @done is called at once, and nothing was written.
 */
void notify_write_back(struct server *srv, uint32_t ino, void (*done)(void *arg), void *arg);
/*
 * Have the kernel drop its pages of a range, in bytes, then call @done (unless it is NULL), from another thread.  False
 * when memory is short: it is not done, and @done not called.
 */
bool notify_pages(struct server *srv, uint32_t ino, off_t off, off_t len, void (*done)(void *arg), void *arg);
/* Have the kernel forget the inode soon, if nobody uses it then, so that it asks again for all of it (Linux 6.18). */
void notify_drop(struct server *srv, uint32_t ino);
/*
 * The kernel keeps times and size of a regular file by itself, and shows what is not stored: have it forget the inode
 * when @file is closed, or soon when it is NULL.
 */
void notify_stale(struct server *srv, uint32_t ino, struct open_file *file);

#endif /* FUSE4FS_NOTIFY_H */
