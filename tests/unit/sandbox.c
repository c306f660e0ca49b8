/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox from inside: what is refused, what ends the process, and what still works.  How the
 * server lives in it is tested in sandbox.t.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>
#include "fuse4fs/outside.h"
#include "fuse4fs/sandbox.h"

static struct options opt = {
	.device = "dev",
	.mountpoint = "/nowhere",
	.program = "fuse4fs",
	.foreground = true,
};

/* What @act does in the sandbox: its value, or minus the signal that ended it. */
static int inside_with(int (*act)(void), bool syslog, char *said, size_t size)
{
	int status, fds[2];
	char reason[200];
	ssize_t len;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		if (!outside_start(&opt, true) || !sandbox_enter(syslog, reason, sizeof(reason)))
			_exit(100);
		status = act();
		outside_stop();
		_exit(status);
	}
	close(fds[1]);
	/* Until the attendant has gone, too. */
	for (size_t at = 0; (len = read(fds[0], said + at, size - 1 - at)) > 0; at += len)
		said[at + len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static char said[2000];
static pid_t parent;

static int inside(int (*act)(void))
{
	said[0] = '\0';
	return inside_with(act, false, said, sizeof(said));
}

static int open_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int open_for_writing(void)
{
	return open("/tmp/x", O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0;
}

static void files_are_refused(void **state __attribute__((unused)))
{
	assert_int_equal(inside(open_file), EACCES);
	assert_int_equal(inside(open_for_writing), EACCES);
	assert_string_equal(said, "");
}

static int run(void)
{
	char *none[] = { NULL };

	return execve("/bin/true", none, none);
}

static int fork_process(void)
{
	return fork() < 0 ? errno : 0;
}

static int change_root(void)
{
	return chroot("/");
}

static int take_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int talk(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int run_data(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, flags, -1, 0) == MAP_FAILED ? errno : 0;
}

static int kill_parent(void)
{
	return kill(parent, 0) ? errno : 0;
}

static int trace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0) ? errno : 0;
}

static int inject(void)
{
	return syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x") ? errno : 0;
}

static int unshare_all(void)
{
	return syscall(SYS_unshare, 0x10000000);
}

static void others_end_the_server(void **state __attribute__((unused)))
{
	static const struct {
		int		(*act)(void);
		const char	*name;
	} calls[] = {
		{ run, "(execve)" }, { fork_process, "(clone)" }, { change_root, "(chroot)" },
		{ take_mount, "(mount)" }, { talk, "(socket)" }, { run_data, "(mmap)" },
		{ kill_parent, "(kill)" }, { trace, "(ptrace)" }, { inject, "(ioctl)" },
		{ unshare_all, "(unshare)" },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		assert_int_equal(inside(calls[i].act), -SIGSYS);
		if (!strstr(said, calls[i].name))
			fail_msg("`%s' does not name %s", said, calls[i].name);
		assert_non_null(strstr(said, "/nowhere is dead"));
	}
}

static void *do_nothing(void *arg)
{
	return arg;
}

static int threads_and_memory(void)
{
	pthread_t thread;
	void *memory = malloc(10 << 20);

	if (!memory || pthread_create(&thread, NULL, do_nothing, NULL))
		return 1;
	free(memory);
	return pthread_join(thread, NULL);
}

static void serving_works(void **state __attribute__((unused)))
{
	assert_int_equal(inside(threads_and_memory), 0);
	assert_string_equal(said, "");
}

static int local_datagram(void)
{
	syslog(LOG_DEBUG | LOG_DAEMON, "a test");
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0;
}

static int other_network(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) < 0;
}

static int local_stream(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static void only_the_log_may_be_written_to(void **state __attribute__((unused)))
{
	assert_int_equal(inside_with(local_datagram, true, said, sizeof(said)), 0);
	assert_int_equal(inside_with(other_network, true, said, sizeof(said)), -SIGSYS);
	assert_int_equal(inside_with(local_stream, true, said, sizeof(said)), -SIGSYS);
}

static int others_confine(void)
{
	return sandbox_by_others();
}

static void it_is_seen(void **state __attribute__((unused)))
{
	assert_false(sandbox_by_others());
	/* Looking is something that serving never needs. */
	assert_int_equal(inside(others_confine), -SIGSYS);
}

int main(int argc, char **argv, char **envp)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_refused),
		cmocka_unit_test(others_end_the_server),
		cmocka_unit_test(serving_works),
		cmocka_unit_test(only_the_log_may_be_written_to),
		cmocka_unit_test(it_is_seen),
	};

	setproctitle_init(argc, argv, envp);
	parent = getpid();
	if (!sandbox_built()) {
		printf("1..0 # SKIP this build has no sandbox\n");
		return 0;
	}
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
