/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding and setting up a loop device.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "loopdev.h"

#define CONTROL		"/dev/loop-control"
#define TRIES		64	/* somebody else may take the free one first */

static int held = -1;

/* Around the kernel's cache of the image where that works: its pages are the loop device's already. */
static int configure(int loop, int image, const struct options *opt)
{
	struct loop_config config = {
		.fd = image,
		.info = {
			.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO |
				    (opt->mount.read_only ? LO_FLAGS_READ_ONLY : 0),
			.lo_offset = opt->offset,
		},
	};

	snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%s", opt->device);
	if (!ioctl(loop, LOOP_CONFIGURE, &config))
		return 0;
	if (errno != EINVAL)
		return -errno;
	config.info.lo_flags &= ~LO_FLAGS_DIRECT_IO;
	return ioctl(loop, LOOP_CONFIGURE, &config) ? -errno : 0;
}

/* A free one, set up; its descriptor and number, or a negative errno. */
static int take_free(int control, int image, const struct options *opt, int *number)
{
	char path[32];
	int loop, err;

	*number = ioctl(control, LOOP_CTL_GET_FREE);
	if (*number < 0)
		return -errno;
	snprintf(path, sizeof(path), "/dev/loop%d", *number);
	loop = open(path, (opt->mount.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (loop < 0)
		return -errno;
	err = configure(loop, image, opt);
	if (!err)
		return loop;
	close(loop);
	return err;
}

static int attach(struct options *opt, int *number)
{
	int control = open(CONTROL, O_RDWR | O_CLOEXEC), image, loop = -EBUSY;

	if (control < 0)
		return -errno;
	image = open(opt->device, (opt->mount.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (image < 0)
		loop = -errno;
	for (int i = 0; image >= 0 && loop == -EBUSY && i < TRIES; i++)
		loop = take_free(control, image, opt, number);
	if (image >= 0)
		close(image);
	close(control);
	return loop;
}

bool loopdev_attach(struct options *opt, char *reason, size_t size)
{
	struct stat st;
	char *name;
	int number = 0;

	if (!opt->loop || stat(opt->device, &st) || !S_ISREG(st.st_mode))
		return true;
	held = attach(opt, &number);
	if (held < 0) {
		snprintf(reason, size, "%s: no loop device: %s; try without `loop'", opt->device,
			 strerror(-held));
		return false;
	}
	if (asprintf(&name, "/dev/loop%d", number) < 0) {
		snprintf(reason, size, "out of memory");
		return false;
	}
	free(opt->device);
	opt->device = name;
	opt->offset = 0;
	return true;
}

void loopdev_release(void)
{
	if (held >= 0)
		close(held);
	held = -1;
}
