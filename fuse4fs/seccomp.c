/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls that serving takes.  Any other ends the process with SIGSYS, after its
 * attendant has been told which one it was: what was fsynced is on the device, and what was not
 * must not be written by a process of which nobody knows any more what it does.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "outside.h"
#include "sandbox.h"
#ifdef HAVE_SECCOMP
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "attendant.h"

#define THREAD_FLAGS	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

/* With any arguments: they act on what is open, or on this process alone. */
static const char *const always[] = {
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",
	"fsync", "fdatasync", "fallocate", "ftruncate", "fadvise64", "close", "fstat",
	"fcntl", "flock", "dup2", "dup3",
	"poll", "ppoll", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2",
	"munmap", "mremap", "madvise", "brk",
	"futex", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "membarrier",
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "restart_syscall",
	"sigaltstack", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo",
	"getrandom",
	"exit", "exit_group",
};

/* Libraries look for files that may as well be missing; that they tried is logged by the kernel. */
static const char *const no_files[] = {
	"open", "openat", "stat", "lstat", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat",
};

static const unsigned long device_requests[] = {
	BLKDISCARD, BLKZEROOUT, BLKROGET, BLKSSZGET, BLKGETSIZE64
};

static int allow(scmp_filter_ctx ctx, const char *name, unsigned int count,
		 const struct scmp_arg_cmp *args)
{
	int number = seccomp_syscall_resolve_name(name);

	/* Not every architecture has all of them. */
	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, count, args);
}

static int allow_if(scmp_filter_ctx ctx, const char *name, struct scmp_arg_cmp arg)
{
	return allow(ctx, name, 1, &arg);
}

static int allow_calls(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(always) / sizeof(*always); i++)
		err = allow(ctx, always[i], 0, NULL);
	for (size_t i = 0; !err && i < sizeof(no_files) / sizeof(*no_files); i++) {
		int number = seccomp_syscall_resolve_name(no_files[i]);

		if (number != __NR_SCMP_ERROR)
			err = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EACCES), number, 0, NULL);
	}
	for (size_t i = 0; !err && i < sizeof(device_requests) / sizeof(*device_requests); i++)
		err = allow_if(ctx, "ioctl", SCMP_A1(SCMP_CMP_EQ, device_requests[i]));
	return err;
}

/* Memory that is never executed; threads, but no processes; signals to ourselves. */
static int allow_by_argument(scmp_filter_ctx ctx)
{
	struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	struct scmp_arg_cmp me = SCMP_A0(SCMP_CMP_EQ, getpid());
	int err = allow_if(ctx, "mmap", no_exec);

	if (!err)
		err = allow_if(ctx, "mprotect", no_exec);
	if (!err)
		err = allow_if(ctx, "clone",
			       SCMP_A0(SCMP_CMP_MASKED_EQ, THREAD_FLAGS, THREAD_FLAGS));
	/* See hide_clone3(). */
	if (!err)
		err = allow(ctx, "clone3", 0, NULL);
	if (!err)
		err = allow_if(ctx, "kill", me);
	if (!err)
		err = allow_if(ctx, "tgkill", me);
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
	/* As the C library has fstat(). */
	if (!err)
		err = allow_if(ctx, "newfstatat", SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(newfstatat), 1,
				       SCMP_A3(SCMP_CMP_NE, AT_EMPTY_PATH));
	return err;
}

/* syslog(3) sends to the socket that it has, and makes another when the log daemon is a new one. */
static int allow_syslog(scmp_filter_ctx ctx)
{
	struct scmp_arg_cmp datagrams[] = {
		SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
		SCMP_A1(SCMP_CMP_MASKED_EQ, ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK),
			SOCK_DGRAM),
	};
	int err = allow(ctx, "socket", 2, datagrams);

	if (!err)
		err = allow(ctx, "connect", 0, NULL);
	return err ? err : allow_if(ctx, "sendto", SCMP_A4(SCMP_CMP_EQ, 0));
}

/* It may interrupt anything; the attendant writes the log. */
static void on_violation(int sig, siginfo_t *info, void *context __attribute__((unused)))
{
	outside_violation(info->si_syscall);
	signal(sig, SIG_DFL);
	raise(sig);
	_exit(128 + sig);
}

/*
 * Its flags are in memory, out of a filter's sight; without it the C library takes clone().  A
 * filter of its own, since this is no violation that the kernel should log.
 */
static int hide_clone3(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int number = seccomp_syscall_resolve_name("clone3"), err = 0;

	if (!ctx)
		return -ENOMEM;
	if (number != __NR_SCMP_ERROR)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), number, 0);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}

static int load(scmp_filter_ctx ctx, bool syslog)
{
	int err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (!err)
		err = hide_clone3();
	/* Neither is worth failing for: an old kernel that cannot log, a slower filter. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = allow_calls(ctx);
	if (!err)
		err = allow_by_argument(ctx);
	if (!err && syslog)
		err = allow_syslog(ctx);
	return err ? err : seccomp_load(ctx);
}

bool seccomp_enter(bool syslog, char *reason, size_t size)
{
	struct sigaction violation = {
		.sa_sigaction = on_violation,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int err = -ENOMEM;

	sigaction(SIGSYS, &violation, NULL);
	if (ctx)
		err = load(ctx, syslog);
	seccomp_release(ctx);
	if (!err)
		return true;
	snprintf(reason, size, "system call filter: %s", strerror(-err));
	return false;
}

void sandbox_call_name(int number, char *name, size_t size)
{
	char *text = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	snprintf(name, size, "%s", text ? text : "?");
	free(text);
}

#else

bool seccomp_enter(bool syslog __attribute__((unused)), char *reason, size_t size)
{
	snprintf(reason, size, "built without libseccomp");
	return false;
}

void sandbox_call_name(int number __attribute__((unused)), char *name, size_t size)
{
	snprintf(name, size, "?");
}

#endif
