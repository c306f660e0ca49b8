/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device: opened once, for us alone, before anything of it is read.
 */
#ifndef FUSE4FS_DEVICE_H
#define FUSE4FS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include "ext2fs/ext2_io.h"
#include "ext4/ext4.h"
#include "options.h"

struct service;

struct device {
	io_channel	channel;
	io_channel	journal;	/* NULL: inside the file system, or none */
	struct service	*service;	/* opens files for us; NULL: we do */
	bool		read_only;	/* nothing can be, or shall be, written */
};

/*
 * Open and lock the device that @opt names.  A device that may only be read is opened that way.
 * While somebody else holds it, wait a few seconds; longer for a server of ours that is
 * ending.  False when it cannot be had; @reason says what, why and what to do.
 */
bool device_open(const struct options *opt, struct device *dev, char *reason, size_t size);
/* Find and open the external journal that the superblock asks for. */
bool device_open_journal(const struct options *opt, const struct ext4_probe_info *info,
			 struct device *dev, char *reason, size_t size);
/*
 * Another machine's claim (MMP) is seen past the page cache only, and a service cannot open the device
 * a second time for that: have it opened for direct I/O.  Before the mount; changes @opt.
 */
bool device_go_direct(struct options *opt, struct device *dev, char *reason, size_t size);
/* Close both, which makes everything durable and gives up the locks: the first error. */
errcode_t device_close(struct device *dev);

#endif /* FUSE4FS_DEVICE_H */
