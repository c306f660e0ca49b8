/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kinds of file systems and mounts that the power is cut under.
 */
#ifndef POWERCUT_CONFIG_H
#define POWERCUT_CONFIG_H

#include "workload.h"

struct config {
	const char	*name;
	const char	*mke2fs;
	unsigned int	mib, journal_mib;	/* the latter on a drive of its own */
	enum ext4_data_mode data;
	bool		journal, sync, dirsync, discard, async_commit;
	unsigned int	free_kib, xattr_max, sync_percent;
	bool		no_extents;	/* fallocate does not work */
	unsigned int	states;		/* of each round */
	unsigned int	weight;		/* rounds in a short run */
};

extern const struct config configs[];
extern const unsigned int nr_configs;

const struct config *config_find(const char *name);
struct ext4_mount_opts config_mount(const struct config *c);

#endif /* POWERCUT_CONFIG_H */
