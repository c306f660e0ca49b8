/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No new privileges, no files (Landlock), no capabilities.  The filter of system calls is in
 * seccomp.c.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "config.h"
#include "logging.h"
#include "sandbox.h"

/* Landlock's interface, which the system's headers may be too old to know whole. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_restrict_self	446
#endif
#define RULESET_VERSION		1U
struct ruleset {
	uint64_t handled_fs;	/* version 1 */
	uint64_t handled_net;	/* version 4 */
	uint64_t scoped;	/* version 6 */
};

/* By version: what access to files it governs, without the newer fields. */
#define FS_V1		((UINT64_C(1) << 13) - 1)
#define FS_REFER	(UINT64_C(1) << 13)	/* version 2 */
#define FS_TRUNCATE	(UINT64_C(1) << 14)	/* version 3 */
#define FS_IOCTL_DEV	(UINT64_C(1) << 15)	/* version 5 */
#define CAP(n)		(UINT64_C(1) << (n))
#define NET_ALL		UINT64_C(3)
#define SCOPE_ALL	UINT64_C(3)		/* abstract sockets, signals */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* A sanitizer's runtime starts threads and reads files whenever it likes. */
bool sandbox_built(void)
{
#if defined(HAVE_SECCOMP) && !defined(SANITIZED)
	return true;
#else
	return false;
#endif
}

bool sandbox_wanted(const struct options *opt)
{
	return opt->sandbox != SANDBOX_REFUSED && sandbox_built();
}

bool sandbox_by_others(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_SECCOMP) == 2;
}

/*
 * No path leads anywhere.  A kernel without Landlock is good enough: no call that opens passes the
 * filter either.
 */
static bool close_files(void)
{
	struct ruleset rules = { .handled_fs = FS_V1 };
	size_t size = sizeof(rules.handled_fs);
	long fd, version;
	int err;

	version = syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION);
	if (version < 0)
		return true;
	if (version >= 2)
		rules.handled_fs |= FS_REFER;
	if (version >= 3)
		rules.handled_fs |= FS_TRUNCATE;
	if (version >= 4) {
		rules.handled_net = NET_ALL;
		size += sizeof(rules.handled_net);
	}
	if (version >= 5)
		rules.handled_fs |= FS_IOCTL_DEV;
	if (version >= 6) {
		rules.scoped = SCOPE_ALL;
		size = sizeof(rules);
	}
	fd = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return false;
	err = syscall(SYS_landlock_restrict_self, fd, 0) ? errno : 0;
	close(fd);
	errno = err;
	return !err;
}

static uint64_t capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (data[0].effective | data[0].permitted) |
	       (uint64_t)(data[1].effective | data[1].permitted) << 32;
}

/* All but those in @keep; what is open needs no privilege to be read, written, flushed or discarded. */
static bool drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	/* An ordinary user has none to drop, and may not touch the bounding set. */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EPERM)
			return false;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted = keep >> (32 * i);
	/* (A unit that leaves us none does not let us make this call either.) */
	return !capabilities() || !syscall(SYS_capset, &header, data);
}

static bool no_new_privileges(char *reason, size_t size)
{
	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return true;
	snprintf(reason, size, "no new privileges: %s", strerror(errno));
	return false;
}

bool sandbox_enter(bool talk, char *reason, size_t size)
{
	if (!no_new_privileges(reason, size))
		return false;
	if (!close_files()) {
		snprintf(reason, size, "Landlock: %s", strerror(errno));
		return false;
	}
	if (!drop_capabilities(0)) {
		snprintf(reason, size, "dropping capabilities: %s", strerror(errno));
		return false;
	}
	return seccomp_enter(talk, reason, size);
}

/* (No Landlock: it forbids all unmounting.) */
bool sandbox_enter_attendant(const struct options *opt, bool in_service, char *reason, size_t size)
{
	/* Unmounting; reaching a mount point in a folder that is closed to others; looking at a caller's capabilities. */
	uint64_t keep = CAP(CAP_SYS_ADMIN) | CAP(CAP_DAC_READ_SEARCH) | CAP(CAP_SYS_PTRACE);

	if (opt->lockfile)
		keep |= CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER);
	if (!in_service && !(capabilities() & CAP(CAP_SYS_ADMIN))) {
		snprintf(reason, size, "it needs fusermount3");
		return false;
	}
	if (!no_new_privileges(reason, size))
		return false;
	if (!drop_capabilities(keep & capabilities())) {
		snprintf(reason, size, "dropping capabilities: %s", strerror(errno));
		return false;
	}
	return seccomp_enter_attendant(!in_service, reason, size);
}
