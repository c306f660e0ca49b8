/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox from inside: what is refused, what ends the process, and what still works.  How the
 * server lives in it is tested in sandbox.t.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "fuse4fs/attendant.h"
#include "fuse4fs/logging.h"
#include "fuse4fs/outside.h"
#include "fuse4fs/sandbox.h"

static struct options opt = {
	.device = "dev",
	.mountpoint = "/nowhere",
	.program = "fuse4fs",
	.foreground = true,
};

/* What @act does in the sandbox: its value, or minus the signal that ended it. */
static int inside_with(int (*act)(void), bool talk, char *said, size_t size)
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
		if (!log_open(&opt) || !outside_start(&opt, true, false) || !sandbox_enter(talk, reason, sizeof(reason)))
			_exit(100);
		outside_confine();
		outside_ready();
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

/* The kernel sends signals in the name of whoever opened a file. */
static int own_signals(void)
{
	return fcntl(0, F_SETOWN, parent);
}

static int choose_signal(void)
{
	return fcntl(0, F_SETSIG, SIGKILL);
}

static int ask_for_signals(void)
{
	return fcntl(0, F_SETFL, O_ASYNC);
}

static int take_lease(void)
{
	return fcntl(0, F_SETLEASE, F_WRLCK);
}

static int survive(void)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR;
}

static int connect_log(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0;
}

static int use_ring(void)
{
	return syscall(SYS_io_uring_setup, 8, NULL) < 0 ? errno : 0;
}

static int run_memory(void)
{
	return syscall(SYS_memfd_create, "x", 0) < 0 ? errno : 0;
}

static int read_others(void)
{
	return syscall(SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0) < 0 ? errno : 0;
}

static int open_process(void)
{
	return syscall(SYS_pidfd_open, parent, 0) < 0 ? errno : 0;
}

static int fault_handler(void)
{
	return syscall(SYS_userfaultfd, 0) < 0 ? errno : 0;
}

static void others_end_the_server(void **state __attribute__((unused)))
{
	static int (*const calls[])(void) = {
		run, fork_process, change_root, take_mount, talk, run_data, kill_parent, trace, inject,
		unshare_all, own_signals, choose_signal, ask_for_signals, take_lease, survive,
		connect_log, use_ring, run_memory, read_others, open_process, fault_handler,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (int talking = 0; talking <= 1; talking++) {
			if (inside_with(calls[i], talking, said, sizeof(said)) != -SIGSYS)
				fail_msg("call %zu (%d) did not end it: %s", i, talking, said);
			assert_non_null(strstr(said, "ended by its sandbox"));
			assert_non_null(strstr(said, "/nowhere is dead"));
		}
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

static int control_descriptors(void)
{
	int flags = fcntl(0, F_GETFL), copy = fcntl(0, F_DUPFD_CLOEXEC, 10);

	return flags < 0 || copy < 0 || fcntl(copy, F_SETFL, flags | O_NONBLOCK) || close(copy);
}

static void descriptors_can_be_used(void **state __attribute__((unused)))
{
	assert_int_equal(inside(control_descriptors), 0);
}

static int say_hello(void)
{
	struct msghdr none = { .msg_name = NULL };

	/* (No socket; but no violation.) */
	return sendmsg(0, &none, 0) < 0 ? errno : 0;
}

static void a_service_talks_until_it_serves(void **state __attribute__((unused)))
{
	assert_int_equal(inside_with(say_hello, true, said, sizeof(said)), ENOTSOCK);
	assert_int_equal(inside_with(say_hello, false, said, sizeof(said)), -SIGSYS);
}

static int log_hello(void)
{
	return !outside_logs() || !outside_log(1, "warning: hello\nfrom\x1b inside") ||
	       !outside_log(0, "and an error") || !outside_log(99, "of no level") || !outside_log(-1, "of none");
}

static void the_attendant_writes_the_log(void **state __attribute__((unused)))
{
	assert_int_equal(inside(log_hello), 0);
	assert_non_null(strstr(said, "warning: hello?from? inside\n"));
	assert_null(strstr(said, "warning: warning"));
	assert_non_null(strstr(said, "and an error\n"));
	assert_null(strstr(said, "level"));
	assert_null(strstr(said, "of none"));
}

static int flood(void)
{
	char text[900];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 3000; i++)
		outside_log(3, text);
	return 0;
}

static void a_log_that_is_too_much_holds_up_nobody(void **state __attribute__((unused)))
{
	assert_int_equal(inside(flood), 0);
}

/* Tasks with numbers that there are not, and messages that are none. */
static int talk_nonsense(void)
{
	static const char junk[3000];

	for (int task = 5; task < 300; task++)
		attendant_ask(task, task, NULL);
	attendant_tell(-2, 0, "x");
	for (int fd = 3; fd < 10; fd++)
		if (write(fd, junk, sizeof(junk)) > 0)
			return 0;
	return 1;
}

static void the_attendant_does_its_tasks_only(void **state __attribute__((unused)))
{
	int status = inside(talk_nonsense);

	if (status)
		fail_msg("%d: %s", status, said);
}

/* Of the attendant's process while the server sleeps: a line of its status. */
static unsigned long long attendant_status(const char *field)
{
	char path[64], line[200];
	unsigned long long value = ~0ULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", attendant_pid());
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, strlen(field)))
			value = strtoull(line + strlen(field), NULL, 16);
	if (file)
		fclose(file);
	return value;
}

static void the_attendant_is_confined(void **state __attribute__((unused)))
{
	const unsigned long long rest = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_DAC_READ_SEARCH |
					1ULL << CAP_SYS_PTRACE;

	if (geteuid() || !(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0)))
		skip();
	/* (Elsewhere it does not when fusermount3 makes the mount.) */
	assert_true(outside_start(&opt, true, true));
	outside_confine();
	assert_int_equal(attendant_status("Seccomp:"), 2);
	assert_int_equal(attendant_status("NoNewPrivs:"), 1);
	assert_int_equal(attendant_status("CapEff:") & ~rest, 0);
	assert_int_equal(attendant_status("CapBnd:") & ~rest, 0);
	outside_stop();
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
		cmocka_unit_test(descriptors_can_be_used),
		cmocka_unit_test(a_service_talks_until_it_serves),
		cmocka_unit_test(the_attendant_writes_the_log),
		cmocka_unit_test(a_log_that_is_too_much_holds_up_nobody),
		cmocka_unit_test(the_attendant_does_its_tasks_only),
		cmocka_unit_test(the_attendant_is_confined),
		cmocka_unit_test(it_is_seen),
	};

	setproctitle_init(argc, argv, envp);
	parent = getpid();
	signal(SIGPIPE, SIG_IGN);
	if (!sandbox_built()) {
		printf("1..0 # SKIP this build has no sandbox\n");
		return 0;
	}
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
