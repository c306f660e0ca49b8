/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tasks, and who does them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "attendant.h"
#include "daemon.h"
#include "logging.h"
#include "mounting.h"
#include "named.h"
#include "ourmount.h"
#include "outside.h"
#include "sandbox.h"

/* What a single read-ahead may ask for, in KiB; the largest request that FUSE makes of it. */
#define READ_AHEAD_KIB	"1024"

enum task {
	TASK_CREATE_MOUNT,
	TASK_ATTACH_MOUNT,
	TASK_READY,
	TASK_LIMIT_DIRTY,
	TASK_END_MOUNT,
	TASK_DETACH,
	TASK_REMOVE_LOCKFILE,
	TASK_VIOLATION,
	TASK_LOST,
};

static const struct options *opt;
static struct our_mount ours;
static bool violated, is_ready;

/* Set a value of the mounted device's (or plain FUSE's) bdi; root may. */
static bool set_bdi(const char *name, const char *value)
{
	static const char *const kinds[] = { "-fuseblk", "" };
	char path[80];
	int fd = -1;
	bool good;

	for (size_t i = 0; fd < 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u%s/%s", major(ours.dev), minor(ours.dev),
			 kinds[i], name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return false;
	good = write(fd, value, strlen(value)) > 0;
	if (!good)
		log_debug("%s stays as it is: %s", path, strerror(errno));
	close(fd);
	return good;
}

static bool limit_dirty(int kib)
{
	char bytes[24];

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)kib << 10);
	return ours.known && geteuid() == 0 && set_bdi("max_bytes", bytes);
}

/* Show it, and learn which one it is. */
static int attach(int how, int *fd)
{
	int err = mounting_attach(how, fd);

	if (!err && !our_mount_learn(&ours, opt->mountpoint))
		log_warn("%s: cannot look at it: %s", opt->mountpoint, strerror(errno));
	return err;
}

static void ready(void)
{
	/* By default 128 KiB; FUSE lets a server only lower that. */
	if (ours.known && geteuid() == 0)
		set_bdi("read_ahead_kb", READ_AHEAD_KIB);
}

/*
 * The kernel may hold changes that the server has never seen.  Where no path leads to our mount, it is
 * asked to write back all that there is.
 */
static void write_back(void)
{
	int fd = our_mount_visible(&ours) ? open(opt->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0) {
		sync();
		return;
	}
	if (syncfs(fd))
		log_warn("%s: writing back failed: %s", opt->mountpoint, strerror(errno));
	close(fd);
}

static void end_mount(void)
{
	if (!ours.known)
		return;
	write_back();
	our_mount_detach(&ours);
}

static void report_violation(int number)
{
	char name[64];

	violated = true;
	sandbox_call_name(number, name, sizeof(name));
	log_err("%s: the server was ended by its sandbox: it tried system call %d (%s), which it "
		"never needs; %s is dead: unmount it", opt->device, number, name, opt->mountpoint);
}

static int perform(int task, int arg, int *result)
{
	switch (task) {
	case TASK_CREATE_MOUNT:
		return mounting_create(arg, result);
	case TASK_ATTACH_MOUNT:
		return attach(arg, result);
	case TASK_READY:
		ready();
		is_ready = true;
		daemon_leave_terminal();
		log_detach();
		break;
	case TASK_LIMIT_DIRTY:
		return limit_dirty(arg);
	case TASK_END_MOUNT:
		end_mount();
		break;
	case TASK_DETACH:
		our_mount_detach(&ours);
		break;
	case TASK_REMOVE_LOCKFILE:
		lockfile_remove();
		break;
	case TASK_VIOLATION:
		report_violation(arg);
		break;
	case TASK_LOST:
		if (is_ready && !violated)
			log_err("%s: the server was killed; %s is dead: unmount it", opt->device,
				opt->mountpoint);
		break;
	}
	return 0;
}

bool outside_start(const struct options *options, bool attendant)
{
	opt = options;
	return !attendant || attendant_start(options, perform, TASK_LOST);
}

int outside_create_mount(int how, int *fd)
{
	return attendant_runs() ? attendant_ask(TASK_CREATE_MOUNT, how, fd) : mounting_create(how, fd);
}

int outside_attach_mount(int how, int *fd)
{
	return attendant_runs() ? attendant_ask(TASK_ATTACH_MOUNT, how, fd) : attach(how, fd);
}

void outside_ready(void)
{
	if (attendant_runs())
		attendant_ask(TASK_READY, 0, NULL);
	else
		ready();
}

bool outside_limit_dirty(int kib)
{
	return attendant_runs() ? attendant_ask(TASK_LIMIT_DIRTY, kib, NULL) > 0 : limit_dirty(kib);
}

void outside_end_mount(void)
{
	if (attendant_runs())
		attendant_ask(TASK_END_MOUNT, 0, NULL);
	else
		end_mount();
}

void outside_detach(void)
{
	if (attendant_runs())
		attendant_ask(TASK_DETACH, 0, NULL);
	else
		our_mount_detach(&ours);
}

void outside_remove_lockfile(void)
{
	if (attendant_runs())
		attendant_ask(TASK_REMOVE_LOCKFILE, 0, NULL);
	else
		lockfile_remove();
}

void outside_violation(int number)
{
	attendant_tell(TASK_VIOLATION, number);
}

void outside_stop(void)
{
	attendant_stop();
}
