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
	io_channel	claim;		/* holds the device exclusively while the channel does not; or NULL */
	io_channel	journal;	/* NULL: inside the file system, or none */
	dev_t		number;		/* of a block device; 0: it is none */
	struct service	*service;	/* opens files for us; NULL: we do */
	unsigned int	block_size;	/* of the file system, bytes; 0 until it was looked at */
	bool		read_only;	/* nothing can be, or shall be, written */
	char		seen[1024];	/* the superblock, when the device was shared */
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
/*
 * The kernel claims the device of a fuseblk mount for itself, so we must not have it then.  device_share() has
 * the channel be one that does not, beside the claim; device_yield() gives the claim up; device_reclaim() takes
 * it back, and says whether nobody else was quicker; device_unchanged(): the superblock is what it was when the
 * device was shared, so that nobody wrote a file system between the two claims.
 */
bool device_share(const struct options *opt, struct device *dev, char *reason, size_t size);
void device_yield(struct device *dev);
bool device_reclaim(const struct options *opt, struct device *dev, char *reason, size_t size);
bool device_unchanged(struct device *dev);
/* Close both, which makes everything durable and gives up the locks: the first error. */
errcode_t device_close(struct device *dev);

#endif /* FUSE4FS_DEVICE_H */
