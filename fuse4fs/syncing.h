/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that are answered when something is durable.  Only a few workers wait for that; what comes meanwhile
 * is put aside and done together by the first of them that is ready, so that no number of them keeps others from being
 * served.
 */
#ifndef FUSE4FS_SYNCING_H
#define FUSE4FS_SYNCING_H

#include "server.h"

struct syncing;

/* NULL when memory is short. */
struct syncing *syncing_create(void);
void syncing_destroy(struct syncing *syncing);

/*
 * Reply to @req when @inode is durable: with the error, or @status (0 or a negative errno) if there is none; or, when
 * @written is not negative, as to a write of so many bytes.  Takes over the caller's reference.
 */
void sync_and_reply(fuse_req_t req, struct ext4_inode *inode, bool datasync, int status, ssize_t written);

#endif /* FUSE4FS_SYNCING_H */
