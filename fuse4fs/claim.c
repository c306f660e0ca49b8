/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As what the device is mounted, and who has it to himself at which moment.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "claim.h"
#include "device.h"
#include "logging.h"
#include "mounting.h"
#include "outside.h"
#include "service.h"
#include "session.h"

/* The kernel has no larger ones than its pages. */
static unsigned int kernel_block_size(const struct device *dev)
{
	unsigned int page = sysconf(_SC_PAGESIZE);

	return dev->block_size < page ? dev->block_size : page;
}

static int how_to_mount(const struct device *dev, bool blkdev)
{
	return (dev->read_only ? MOUNTING_READ_ONLY : 0) |
	       (blkdev ? MOUNTING_BLKDEV | (int)kernel_block_size(dev) << MOUNTING_BLKSIZE_SHIFT : 0);
}

static bool may_be_blkdev(const struct options *opt, const struct device *dev)
{
	return opt->blkdev != BLKDEV_REFUSED && dev->number && geteuid() == 0 && !opt->auto_unmount &&
	       strncmp(opt->device, "/dev/fd/", 8);
}

/*
 * As a block device.  False: not at all; else *@fd is the FUSE device, or -1 when it has to be mounted in
 * the other way, and the device is ours again.
 */
static bool create_blkdev(struct server *srv, int *fd)
{
	const struct options *opt = srv->opt;
	struct device *dev = srv->dev;
	char reason[600];
	int err;

	if (!device_share(opt, dev, reason, sizeof(reason))) {
		log_err("%s", reason);
		return false;
	}
	device_yield(dev);
	err = outside_create_mount(how_to_mount(dev, true), fd);
	if (!err && device_unchanged(dev))
		return true;
	if (!err) {
		close(*fd);
		log_err("%s: somebody has written to it while it was being mounted; try again", opt->device);
		return false;
	}
	/* Busy it may also be because the kernel lets nobody write beside a mount, which includes us. */
	if (!device_reclaim(opt, dev, reason, sizeof(reason))) {
		log_err("%s", reason);
		return false;
	}
	if (opt->blkdev == BLKDEV_DEMANDED) {
		log_err("%s: option `blkdev' is not possible here: %s", opt->device, strerror(-err));
		return false;
	}
	log_info("%s: not mounted as a block device: %s", opt->device, strerror(-err));
	return true;
}

/* Nothing was written yet, and nobody sees the mount. */
static bool create_mount(struct server *srv)
{
	const struct options *opt = srv->opt;
	int fd = -1, err = 0;

	if (srv->given) {
		if (session_adopt(srv, srv->given_fd))
			return true;
		log_err("cannot serve on %s", opt->mountpoint);
		return false;
	}
	if (may_be_blkdev(opt, srv->dev)) {
		if (!create_blkdev(srv, &fd))
			return false;
	} else if (opt->blkdev == BLKDEV_DEMANDED) {
		log_err("%s: option `blkdev' is for block devices, which root mounts by their name", opt->device);
		return false;
	}
	if (fd < 0)
		err = outside_create_mount(how_to_mount(srv->dev, false), &fd);
	if (!err && (fd < 0 || session_adopt(srv, fd)))
		return true;
	log_err("cannot mount on %s: %s; may you use /dev/fuse?", opt->mountpoint, strerror(-err));
	return false;
}

/* The engine is ready: show the file system. */
bool claim_show_mount(struct server *srv)
{
	int fd = -1, err;

	/* If it cannot be shown, its end wants an answer as well. */
	if (fuse_session_fd(srv->se) >= 0 && !session_start(srv)) {
		log_err("cannot start a thread: %s", strerror(errno));
		return false;
	}
	if (srv->given) {
		srv->attached = true;
		return true;
	}
	err = outside_attach_mount(how_to_mount(srv->dev, false), &fd);
	if (!err && (fd < 0 || session_adopt(srv, fd))) {
		srv->attached = true;
		return true;
	}
	log_err("cannot mount on %s: %s; may you use /dev/fuse?", srv->opt->mountpoint, strerror(-err));
	return false;
}

/* The kernel has claimed the device. */
static bool start_claimed(struct server *srv)
{
	if (device_unchanged(srv->dev))
		return srv->start(srv);
	log_err("%s: somebody has written to it while it was being mounted; try again", srv->opt->device);
	return false;
}

/*
 * Where the kernel's mount waits for INIT's answer, the device can be the kernel's by then, and the engine
 * starts in that moment.  Otherwise it has to be ready before.
 */
static bool prepare_service_mount(struct server *srv)
{
	const struct options *opt = srv->opt;
	struct device *dev = srv->dev;
	char reason[600];

	if (opt->blkdev != BLKDEV_REFUSED && dev->number &&
	    service_want_blkdev(srv->service, kernel_block_size(dev))) {
		if (!device_share(opt, dev, reason, sizeof(reason))) {
			log_err("%s", reason);
			return false;
		}
		srv->at_init = start_claimed;
	} else if (opt->blkdev == BLKDEV_DEMANDED) {
		log_err("option `blkdev' is not possible here: %s is no block device, or the kernel or the "
			"mount's helper do not support it", opt->device);
		return false;
	}
	return service_seal(srv->service);
}

bool claim_device(struct server *srv, bool (*start)(struct server *srv))
{
	srv->start = start;
	return srv->service ? prepare_service_mount(srv) : create_mount(srv);
}
