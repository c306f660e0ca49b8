/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a caller's process hands on.  A mount lives longer than the shell that asked for it: what was
 * set there was not meant for it, and would end it in the middle of a write.
 *
 * What stays as it is: the environment, the control group, the namespaces, the processors that it
 * may run on, and the limit of core dumps.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <pthread.h>
#include <unistd.h>
#include "logging.h"
#include "start.h"
#include "support/fds.h"

#define MAX_KEPT	32
#define FIRST_LISTEN_FD	3
#define THREAD_STACK	(8UL << 20)	/* what a limit of stacks usually is */
#define ENOUGH_FILES	1024
#define IOPRIO_WHO_PROCESS	1

struct kept {
	int	fds[MAX_KEPT];
	size_t	count;
};

static void keep(struct kept *kept, long fd)
{
	if (fd > STDERR_FILENO && fd < INT32_MAX && kept->count < MAX_KEPT)
		kept->fds[kept->count++] = fd;
}

/* All that follow @prefix in @text: the device, the mount point, a journal's name. */
static void keep_named(struct kept *kept, const char *text, const char *prefix)
{
	char *end;
	long fd;

	while ((text = strstr(text, prefix))) {
		text += strlen(prefix);
		fd = strtol(text, &end, 10);
		if (end > text)
			keep(kept, fd);
	}
}

/* How many descriptors a service manager has for us; 0 when none started us. */
static long from_manager(void)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");

	return count && pid && atol(pid) == getpid() ? atol(count) : 0;
}

static void close_descriptors(int argc, char **argv)
{
	struct kept kept = { .count = 0 };
	long count = from_manager();

	for (long i = 0; i < count && i < MAX_KEPT; i++)
		keep(&kept, FIRST_LISTEN_FD + i);
	for (int i = 1; i < argc; i++) {
		keep_named(&kept, argv[i], "/dev/fd/");
		keep_named(&kept, argv[i], "/proc/self/fd/");
	}
	support_fds_close_others(kept.fds, kept.count);
}

/* To the end for root, as far as it goes for others. */
static void raise_limit(int resource, rlim_t enough)
{
	struct rlimit now, most = { enough, enough };

	if (getrlimit(resource, &now))
		return;
	if (now.rlim_max != RLIM_INFINITY && (enough == RLIM_INFINITY || now.rlim_max < enough)) {
		if (!setrlimit(resource, &most))
			return;
	}
	now.rlim_cur = now.rlim_max;
	/* (A system may have a bound of its own for the number of files.) */
	setrlimit(resource, &now);
}

static void raise_limits(void)
{
	static const int whole[] = {
		RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NPROC, RLIMIT_RTTIME,
	};
	pthread_attr_t attr;

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		raise_limit(whole[i], RLIM_INFINITY);
	raise_limit(RLIMIT_NOFILE, ENOUGH_FILES);
	/* The C library has read this one already: threads take what it was. */
	if (pthread_attr_init(&attr))
		return;
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

/* Ignored signals, blocked ones and running timers survive an exec.  nohup(1) is meant, as long as there is a terminal. */
static void reset_signals(void)
{
	static const struct itimerval never;
	struct sigaction now;
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGHUP && !sigaction(sig, NULL, &now) && now.sa_handler == SIG_IGN)
			signal(sig, SIG_DFL);
	/* Where a limit stays, a write is to fail and not to kill. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGXCPU, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	setitimer(ITIMER_PROF, &never, NULL);
}

/* Others wait for what we do.  Whom that is refused serves slowly. */
static void reset_priority(void)
{
	static const struct sched_param none;

	if (sched_getscheduler(0) != SCHED_OTHER)
		sched_setscheduler(0, SCHED_OTHER, &none);
	if (getpriority(PRIO_PROCESS, 0) > 0)
		setpriority(PRIO_PROCESS, 0, 0);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
}

bool start_clean(int argc, char **argv)
{
	if (!support_fds_standard())
		return false;
	close_descriptors(argc, argv);
	/* A service's unit means what it says. */
	if (from_manager())
		return true;
	reset_signals();
	raise_limits();
	reset_priority();
	umask(022);
	return true;
}

static void report_limit(const struct options *opt, int resource, const char *what,
			 const char *consequence)
{
	struct rlimit now;

	if (!getrlimit(resource, &now) && now.rlim_cur != RLIM_INFINITY)
		log_warn("%s: a limit of %llu %s stays in force: %s", opt->device,
			 (unsigned long long)now.rlim_cur, what, consequence);
}

void start_report(const struct options *opt)
{
	report_limit(opt, RLIMIT_CPU, "seconds of processor time", "the server is killed after that");
	report_limit(opt, RLIMIT_AS, "bytes of address space", "where they do not suffice, writing ends");
	report_limit(opt, RLIMIT_DATA, "bytes of memory", "where they do not suffice, writing ends");
}
