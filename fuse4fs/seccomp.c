/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters of system calls, for the server and for its attendant.  Which calls there are is in calls.h, which
 * arguments are good is here.
 *
 * Any other call ends the process at once (SIGSYS), and the kernel's log names the call: what was fsynced is
 * on the device, and what was not must not be written by a process of which nobody knows any more what
 * it does.  A handler that tells of it first would be nicer to read, but runs in a process that may be
 * somebody else's by then: other threads can change its stack and go on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "sandbox.h"
#ifdef HAVE_SECCOMP
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "attendant.h"
#include "calls.h"

#define THREAD_FLAGS	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
/* See service.c. */
#ifndef FUSE_DEV_IOC_SYNC_INIT
#define FUSE_DEV_IOC_SYNC_INIT	_IO(229, 3)
#endif

#define NAME(call)	#call,
static const char *const all[] = { CALLS_OF_ALL(NAME) NULL };
static const char *const server[] = { CALLS_OF_SERVER(NAME) NULL };
static const char *const talk_calls[] = { CALLS_OF_TALK(NAME) NULL };
static const char *const no_files[] = { CALLS_WITHOUT_FILES(NAME) NULL };
static const char *const attendant[] = { CALLS_OF_ATTENDANT(NAME) NULL };
static const char *const unmounting[] = { CALLS_OF_UNMOUNTING(NAME) NULL };

static const unsigned long device_requests[] = {
	BLKDISCARD, BLKZEROOUT, BLKROGET, BLKSSZGET, BLKGETSIZE64
};
/* No leases, no owners of signals, no locks. */
static const int descriptor_commands[] = { F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC };

/* The loop's, that of abort(), and those that the C library keeps for its threads. */
static const int handled_signals[] = { SIGUSR2, SIGABRT, __SIGRTMIN, __SIGRTMIN + 1 };

static int add(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned int count,
	       const struct scmp_arg_cmp *args)
{
	int number = seccomp_syscall_resolve_name(name);

	/* Not every architecture has all of them. */
	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(ctx, action, number, count, args);
}

static int allow_if(scmp_filter_ctx ctx, const char *name, struct scmp_arg_cmp arg)
{
	return add(ctx, SCMP_ACT_ALLOW, name, 1, &arg);
}

static int add_all(scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
	int err = 0;

	while (!err && *names)
		err = add(ctx, action, *names++, 0, NULL);
	return err;
}

static int allow_requests(scmp_filter_ctx ctx, bool talk)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(device_requests) / sizeof(*device_requests); i++)
		err = allow_if(ctx, "ioctl", SCMP_A1(SCMP_CMP_EQ, device_requests[i]));
	if (!err && talk)
		err = allow_if(ctx, "ioctl", SCMP_A1(SCMP_CMP_EQ, FUSE_DEV_IOC_SYNC_INIT));
	for (size_t i = 0; !err && i < sizeof(descriptor_commands) / sizeof(int); i++)
		err = allow_if(ctx, "fcntl", SCMP_A1(SCMP_CMP_EQ, descriptor_commands[i]));
	if (!err) {
		struct scmp_arg_cmp no_signal[] = {
			SCMP_A1(SCMP_CMP_EQ, F_SETFL), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ASYNC, 0),
		};

		err = add(ctx, SCMP_ACT_ALLOW, "fcntl", 2, no_signal);
	}
	return err;
}

/* Memory that is never executed; nobody but ourselves is sent signals. */
static int allow_memory_and_signals(scmp_filter_ctx ctx)
{
	struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	struct scmp_arg_cmp me = SCMP_A0(SCMP_CMP_EQ, getpid());
	int err = allow_if(ctx, "mmap", no_exec);

	if (!err)
		err = allow_if(ctx, "mprotect", no_exec);
	if (!err)
		err = allow_if(ctx, "kill", me);
	if (!err)
		err = allow_if(ctx, "tgkill", me);
	for (size_t i = 0; !err && i < sizeof(handled_signals) / sizeof(int); i++)
		err = allow_if(ctx, "rt_sigaction", SCMP_A0(SCMP_CMP_EQ, handled_signals[i]));
	return err;
}

/* Threads, but no processes. */
static int allow_threads(scmp_filter_ctx ctx)
{
	int err = allow_if(ctx, "clone",
			   SCMP_A0(SCMP_CMP_MASKED_EQ, THREAD_FLAGS, THREAD_FLAGS));

	/* See hide_clone3(). */
	if (!err)
		err = add(ctx, SCMP_ACT_ALLOW, "clone3", 0, NULL);
	if (!err)
		err = allow_if(ctx, "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	/* A thread chooses its own processors. */
	if (!err)
		err = allow_if(ctx, "sched_setaffinity", SCMP_A0(SCMP_CMP_EQ, 0));
	if (!err)
		err = allow_if(ctx, "wait4", SCMP_A0(SCMP_CMP_EQ, attendant_pid()));
	/* What the attendant answers. */
	if (!err)
		err = allow_if(ctx, "recvmsg", SCMP_A0(SCMP_CMP_EQ, attendant_socket()));
	return err;
}

static int refuse_files(scmp_filter_ctx ctx)
{
	struct scmp_arg_cmp path = SCMP_A3(SCMP_CMP_NE, AT_EMPTY_PATH);
	int err = add_all(ctx, SCMP_ACT_ERRNO(EACCES), no_files);

	/* As the C library has fstat(). */
	if (!err)
		err = allow_if(ctx, "newfstatat", SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
	if (!err)
		err = add(ctx, SCMP_ACT_ERRNO(EACCES), "newfstatat", 1, &path);
	return err;
}

/*
 * Its flags are in memory, out of a filter's sight; without it the C library takes clone().  A
 * filter of its own, since this is no violation that the kernel should log.
 */
static int hide_clone3(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!ctx)
		return -ENOMEM;
	err = add(ctx, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}

static int set_attributes(scmp_filter_ctx ctx)
{
	/* Neither is worth failing for: an old kernel that cannot log, a slower filter. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
}

static int fill_for_server(scmp_filter_ctx ctx, bool talk)
{
	int err = hide_clone3();

	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = add_all(ctx, SCMP_ACT_ALLOW, all);
	if (!err)
		err = add_all(ctx, SCMP_ACT_ALLOW, server);
	if (!err && talk)
		err = add_all(ctx, SCMP_ACT_ALLOW, talk_calls);
	if (!err)
		err = allow_requests(ctx, talk);
	if (!err)
		err = allow_memory_and_signals(ctx);
	if (!err)
		err = allow_threads(ctx);
	return err ? err : refuse_files(ctx);
}

static int fill_for_attendant(scmp_filter_ctx ctx, bool unmounts)
{
	int err = add_all(ctx, SCMP_ACT_ALLOW, all);

	if (!err)
		err = add_all(ctx, SCMP_ACT_ALLOW, attendant);
	if (!err && unmounts)
		err = add_all(ctx, SCMP_ACT_ALLOW, unmounting);
	if (!err)
		err = allow_if(ctx, "ioctl", SCMP_A1(SCMP_CMP_EQ, ATTENDANT_REQUEST));
	return err ? err : allow_memory_and_signals(ctx);
}

static bool enter(int (*fill)(scmp_filter_ctx ctx, bool more), bool more, char *reason, size_t size)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = ctx ? set_attributes(ctx) : -ENOMEM;

	if (!err)
		err = fill(ctx, more);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	if (err)
		snprintf(reason, size, "system call filter: %s", strerror(-err));
	return !err;
}

bool seccomp_enter(bool talk, char *reason, size_t size)
{
	return enter(fill_for_server, talk, reason, size);
}

bool seccomp_enter_attendant(bool unmounts, char *reason, size_t size)
{
	return enter(fill_for_attendant, unmounts, reason, size);
}

#else

bool seccomp_enter(bool talk __attribute__((unused)), char *reason, size_t size)
{
	snprintf(reason, size, "built without libseccomp");
	return false;
}

bool seccomp_enter_attendant(bool unmounts, char *reason, size_t size)
{
	return seccomp_enter(unmounts, reason, size);
}

#endif
