/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving memory back, when others are short of it and from time to time.
 */
#ifndef FUSE4FS_RECLAIM_H
#define FUSE4FS_RECLAIM_H

#include "ext4/ext4.h"

struct reclaim;
struct service;

/*
 * Set up the watch, before the mount: where nobody can tell us of pressure, the cache in
 * @opts gets a bound if it has none.  NULL when memory is short; the server works without.
 * In a @service (else NULL) the helper opens what the watch needs.
 */
struct reclaim *reclaim_create(struct ext4_mount_opts *opts, struct service *service);
void reclaim_start(struct reclaim *reclaim, struct ext4_fs *fs);
/* Stop and free; NULL is fine. */
void reclaim_destroy(struct reclaim *reclaim);

#endif /* FUSE4FS_RECLAIM_H */
