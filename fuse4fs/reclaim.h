/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking no more memory than there is, and giving it back when others are short of it and from time to time.
 */
#ifndef FUSE4FS_RECLAIM_H
#define FUSE4FS_RECLAIM_H

#include <stdint.h>
#include "ext4/ext4.h"

struct memlimit_state;
struct reclaim;
struct server;

/*
 * Set up the watch, before the mount and while files may be opened: the engine's bound goes into @opts, the threads' into
 * @srv.  NULL when memory is short; the server works without.  In a service the helper opens what tells of pressure.
 */
struct reclaim *reclaim_create(struct server *srv, struct ext4_mount_opts *opts);
/* The engine of @srv runs. */
void reclaim_start(struct reclaim *reclaim);
/* Stop and free; NULL is fine. */
void reclaim_destroy(struct reclaim *reclaim);

/* How many bytes are ours to use when @mine of them are used already; and how many threads may answer at once with that. */
uint64_t reclaim_share(const struct memlimit_state *state, uint64_t mine);
unsigned int reclaim_workers(uint64_t share);

#endif /* FUSE4FS_RECLAIM_H */
