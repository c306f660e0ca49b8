/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tasks, and who does them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "attendant.h"
#include "caller.h"
#include "daemon.h"
#include "logging.h"
#include "mounting.h"
#include "named.h"
#include "ourmount.h"
#include "outside.h"
#include "sandbox.h"
#include "support/log.h"

/* What a single read-ahead may ask for, in KiB; the largest request that FUSE makes of it. */
#define READ_AHEAD_KIB	"1024"

enum task {
	TASK_CREATE_MOUNT,
	TASK_CONFINE,
	TASK_ATTACH_MOUNT,
	TASK_READY,
	TASK_LIMIT_DIRTY,
	TASK_CALLER_RIGHTS,
	TASK_CALLER_UID,
	TASK_CALLER_GID,
	TASK_END_MOUNT,
	TASK_DETACH,
	TASK_REMOVE_LOCKFILE,
	TASK_LOG,
};

static const struct options *opt;
static bool in_service;
static struct our_mount before, ours;	/* what was on the mount point, what we have put there */
static bool is_confined, is_attached, is_ready;

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

static int rights_of_caller(int tid)
{
	uid_t uid;
	gid_t gid;

	return caller_rights(tid, &uid, &gid);
}

/* Numbers that do not fit are nobody's whom we would give anything. */
static int id_of_caller(int tid, bool group)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	unsigned int id;

	caller_rights(tid, &uid, &gid);
	id = group ? gid : uid;
	return id <= INT32_MAX ? (int)id : -1;
}

/* Until it can be shown, the server may try in another way. */
static int create(int how, int *fd)
{
	*fd = -1;
	if (is_confined || is_attached || in_service)
		return -EALREADY;
	return mounting_create(how, fd);
}

/*
 * Show it, once, and learn which one it is: a server that asks too early or too late does not get its hands on
 * another's mount.
 */
static int attach(int how, int *fd)
{
	struct our_mount found;
	int err;

	if (is_attached || in_service)
		return -EALREADY;
	err = mounting_attach(how, fd);
	if (err)
		return err;
	is_attached = true;
	if (!our_mount_learn(&found, opt->mountpoint))
		log_warn("%s: cannot look at it: %s", opt->mountpoint, strerror(errno));
	else if (!our_mount_same(&found, &before))
		ours = found;
	return 0;
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

/*
 * A service may see its mount, but cannot take it away, and cannot tell it from another one; having that
 * one written back does no harm.
 */
static void end_service_mount(void)
{
	struct statfs fs;
	int fd = open(opt->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstatfs(fd, &fs) || fs.f_type != FUSE_SUPER_MAGIC)
		sync();
	else if (syncfs(fd))
		log_warn("%s: writing back failed: %s", opt->mountpoint, strerror(errno));
	if (fd >= 0)
		close(fd);
	log_warn("%s stays mounted, and dead: unmount it", opt->mountpoint);
}

static void end_mount(void)
{
	if (in_service) {
		end_service_mount();
	} else if (ours.known) {
		write_back();
		our_mount_detach(&ours);
	}
}

/* The taken-over server's word is nothing that others should read into. */
static void relay(int level, const char *line)
{
	if (level >= SUPPORT_LOG_ERR && level <= SUPPORT_LOG_DEBUG)
		support_log_relay(level, line);
}

static void begin(void)
{
	if (in_service)
		support_log_to_journal();
}

/* A message would be one on the terminal; the server's own tells what is wrong here. */
static void confine(void)
{
	char reason[100] = "it needs fusermount3";

	if (is_confined || !sandbox_built())
		return;
	is_confined = true;
	if ((!in_service && !mounting_is_created()) ||
	    !sandbox_enter_attendant(opt, in_service, reason, sizeof(reason)))
		log_debug("%s: the attendant keeps its rights: %s", opt->device, reason);
}

static int perform(int task, int arg, const char *text, int *result)
{
	switch (task) {
	case TASK_CREATE_MOUNT:
		return create(arg, result);
	case TASK_CONFINE:
		confine();
		break;
	case TASK_ATTACH_MOUNT:
		return attach(arg, result);
	case TASK_READY:
		if (is_ready)
			break;
		is_ready = true;
		ready();
		daemon_leave_terminal();
		log_detach();
		break;
	case TASK_LIMIT_DIRTY:
		return limit_dirty(arg);
	case TASK_CALLER_RIGHTS:
		return rights_of_caller(arg);
	case TASK_CALLER_UID:
	case TASK_CALLER_GID:
		return id_of_caller(arg, task == TASK_CALLER_GID);
	case TASK_END_MOUNT:
		end_mount();
		break;
	case TASK_DETACH:
		our_mount_detach(&ours);
		break;
	case TASK_REMOVE_LOCKFILE:
		lockfile_remove();
		break;
	case TASK_LOG:
		relay(arg, text);
		break;
	}
	return 0;
}

/* In a service its manager tells. */
static void lost(int sig)
{
	const char *how = "was killed";

	if (!is_ready || in_service)
		return;
	if (sig == SIGSYS)
		how = "was ended by its sandbox (SIGSYS): the kernel's log has the system call";
	else if (!sig)
		how = "was killed, or ended by its sandbox: the kernel's log has the reason";
	log_err("%s: the server %s; %s is dead: unmount it", opt->device, how, opt->mountpoint);
}

void outside_given(const struct options *options)
{
	opt = options;
	is_attached = our_mount_learn(&ours, opt->mountpoint);
}

bool outside_start(const struct options *options, bool attendant, bool service)
{
	const struct attendant_ops ops = {
		.watches = !service, .begin = begin, .perform = perform, .lost = lost,
	};

	opt = options;
	in_service = service;
	our_mount_learn(&before, opt->mountpoint);
	return !attendant || attendant_start(options, &ops);
}

int outside_create_mount(int how, int *fd)
{
	return attendant_runs() ? attendant_ask(TASK_CREATE_MOUNT, how, fd) : create(how, fd);
}

int outside_attach_mount(int how, int *fd)
{
	return attendant_runs() ? attendant_ask(TASK_ATTACH_MOUNT, how, fd) : attach(how, fd);
}

void outside_confine(void)
{
	if (attendant_runs())
		attendant_ask(TASK_CONFINE, 0, NULL);
}

void outside_ready(void)
{
	if (attendant_runs())
		attendant_ask(TASK_READY, 0, NULL);
	else
		ready();
}

int outside_caller_rights(pid_t tid)
{
	int rights = attendant_runs() ? attendant_ask(TASK_CALLER_RIGHTS, tid, NULL) : rights_of_caller(tid);

	return rights > 0 ? rights : 0;
}

unsigned int outside_caller_id(pid_t tid, bool group)
{
	int id = attendant_runs() ? attendant_ask(group ? TASK_CALLER_GID : TASK_CALLER_UID, tid, NULL) :
				    id_of_caller(tid, group);

	return id < 0 ? (unsigned int)-1 : (unsigned int)id;
}

bool outside_limit_dirty(int kib)
{
	return attendant_runs() ? attendant_ask(TASK_LIMIT_DIRTY, kib, NULL) > 0 : limit_dirty(kib);
}

void outside_end_mount(void)
{
	if (attendant_runs())
		attendant_ask_long(TASK_END_MOUNT, 0);
	else
		end_mount();
}

void outside_detach(void)
{
	if (attendant_runs())
		attendant_ask_long(TASK_DETACH, 0);
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

bool outside_log(int level, const char *line)
{
	return attendant_tell(TASK_LOG, level, line);
}

bool outside_logs(void)
{
	return attendant_runs();
}

void outside_stop(void)
{
	attendant_stop();
}
