/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tasks, and who does them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attendant.h"
#include "daemon.h"
#include "logging.h"
#include "mounting.h"
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

extern char **environ;

static const struct options *opt;
static dev_t mount_dev;		/* 0: not known (yet) */
static bool violated;

/* Set a value of the mounted device's (or plain FUSE's) bdi; root may. */
static bool set_bdi(const char *name, const char *value)
{
	static const char *const kinds[] = { "-fuseblk", "" };
	char path[80];
	int fd = -1;
	bool good;

	for (size_t i = 0; fd < 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u%s/%s", major(mount_dev), minor(mount_dev),
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
	return mount_dev && geteuid() == 0 && set_bdi("max_bytes", bytes);
}

static void ready(void)
{
	struct stat st;

	if (stat(opt->mountpoint, &st))
		return;
	mount_dev = st.st_dev;
	/* By default 128 KiB; FUSE lets a server only lower that. */
	if (geteuid() == 0)
		set_bdi("read_ahead_kb", READ_AHEAD_KIB);
}

/* An ordinary user's mount is undone by the program that made it. */
static bool run_fusermount(void)
{
	char *argv[] = { "fusermount3", "-u", "-z", "-q", "--", opt->mountpoint, NULL };
	sigset_t none;
	posix_spawnattr_t attr;
	int status = -1;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	if (posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ)) {
		posix_spawnattr_destroy(&attr);
		return false;
	}
	posix_spawnattr_destroy(&attr);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool detach(void)
{
	if (!umount2(opt->mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW))
		return true;
	return errno == EPERM && run_fusermount();
}

/* Does the mount point still show our mount, and not one that was put over it or took its place? */
static bool is_our_mount(void)
{
	struct stat st;

	return mount_dev && !stat(opt->mountpoint, &st) && st.st_dev == mount_dev;
}

static void end_mount(void)
{
	int fd;

	if (!is_our_mount())
		return;
	fd = open(opt->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		if (syncfs(fd))
			log_warn("%s: writing back failed: %s", opt->mountpoint, strerror(errno));
		close(fd);
	}
	if (!detach())
		log_warn("%s: cannot unmount: %s", opt->mountpoint, strerror(errno));
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
		return mounting_attach(arg, result);
	case TASK_READY:
		ready();
		daemon_leave_terminal();
		log_detach();
		break;
	case TASK_LIMIT_DIRTY:
		return limit_dirty(arg);
	case TASK_END_MOUNT:
		end_mount();
		break;
	case TASK_DETACH:
		detach();
		break;
	case TASK_REMOVE_LOCKFILE:
		lockfile_remove();
		break;
	case TASK_VIOLATION:
		report_violation(arg);
		break;
	case TASK_LOST:
		if (mount_dev && !violated)
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
	return attendant_runs() ? attendant_ask(TASK_ATTACH_MOUNT, how, fd) : mounting_attach(how, fd);
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
		detach();
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
