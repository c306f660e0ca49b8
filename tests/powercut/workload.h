/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A workload on the engine that a seed determines: names, sizes, data, attributes, links, open
 * files without names, and all kinds of sync.
 */
#ifndef POWERCUT_WORKLOAD_H
#define POWERCUT_WORKLOAD_H

#include "device.h"
#include "ext4/ext4.h"
#include "model.h"

struct workload_params {
	struct ext4_mount_opts	mount;
	unsigned int		operations;
	uint64_t		seed;
	unsigned int		xattr_max;	/* bytes of a value */
	bool			two_drives;	/* the journal is on the second */
	unsigned int		free_kib;	/* leave about so much space; 0 = all of it */
	bool			extents;	/* fallocate works */
	unsigned int		sync_percent;	/* how often an operation is a sync */
};

/*
 * Make the device's file system the stage, which @start (the device's size) gets as it is
 * then; then run the operations with @log recording, unmount included.  Returns the model of it.
 */
struct model *workload_run(struct pc_device *dev, const struct workload_params *params,
			   struct pc_log *log, char *start);

#endif /* POWERCUT_WORKLOAD_H */
