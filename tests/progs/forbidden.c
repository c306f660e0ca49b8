/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forbidden: try, each in a process of its own, system calls that a file server never makes, and
 * print "NAME: ended" or "NAME: possible" for each, at last how many filters there are.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char	*name;
	long		number;
} calls[] = {
	{ "io_uring_setup", 425 }, { "io_uring_register", 427 }, { "execveat", SYS_execveat },
	{ "memfd_create", SYS_memfd_create }, { "userfaultfd", SYS_userfaultfd },
	{ "process_vm_readv", SYS_process_vm_readv }, { "process_vm_writev", SYS_process_vm_writev },
	{ "pidfd_open", 434 }, { "pidfd_getfd", 438 }, { "socket", SYS_socket }, { "connect", SYS_connect },
	{ "bind", SYS_bind }, { "ptrace", SYS_ptrace }, { "bpf", SYS_bpf }, { "mount", SYS_mount },
	{ "umount2", SYS_umount2 }, { "chroot", SYS_chroot }, { "perf_event_open", SYS_perf_event_open },
	{ "add_key", SYS_add_key }, { "unshare", SYS_unshare }, { "setns", SYS_setns },
	{ "open_by_handle_at", SYS_open_by_handle_at }, { "fanotify_init", SYS_fanotify_init },
	{ "inotify_init1", SYS_inotify_init1 }, { "timer_create", SYS_timer_create },
	{ "shmget", SYS_shmget }, { "mq_open", SYS_mq_open }, { "mknodat", SYS_mknodat },
	{ "fchmodat", SYS_fchmodat }, { "unlinkat", SYS_unlinkat }, { "renameat2", SYS_renameat2 },
	{ "symlinkat", SYS_symlinkat }, { "linkat", SYS_linkat }, { "mkdirat", SYS_mkdirat },
};

static int filters(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[200];
	int count = -1;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Seccomp_filters: %d", &count);
	if (file)
		fclose(file);
	return count;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			syscall(calls[i].number, 0, 0, 0, 0, 0, 0);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid)
			return 1;
		printf("%s: %s\n", calls[i].name,
		       WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "ended" : "possible");
	}
	printf("filters: %d\n", filters());
	return 0;
}
