/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pressure monitor and the log: who is called and why, adopted
 * descriptors, fallback, prompt stop; lines and levels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "support/log.h"
#include "support/psi.h"

static int calls[3];		/* atomic, by reason */
static char last_line[2048];
static int lines;

static void on_pressure(void *priv, enum psi_reason reason)
{
	char name[16];

	assert_string_equal(priv, "mine");
	pthread_getname_np(pthread_self(), name, sizeof(name));
	assert_string_equal(name, "test-psi");
	__atomic_add_fetch(&calls[reason], 1, __ATOMIC_SEQ_CST);
}

static void on_line(void *priv, enum support_log_level level, const char *line)
{
	(void)priv;
	(void)level;
	lines++;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static int wait_for(int *counter)
{
	int i;

	for (i = 0; i < 500 && !__atomic_load_n(counter, __ATOMIC_SEQ_CST); i++)
		usleep(10000);
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static int reset(void **state)
{
	(void)state;
	memset(calls, 0, sizeof(calls));
	lines = 0;
	support_log_set_level(SUPPORT_LOG_INFO);
	support_log_to_callback(on_line, NULL);
	return 0;
}

static struct psi *start(const struct psi_params *params)
{
	struct psi *psi;

	assert_int_equal(psi_create(params, &psi), 0);
	assert_int_equal(psi_add_handler(psi, on_pressure, (void *)"mine"), 0);
	assert_int_equal(psi_start(psi), 0);
	return psi;
}

static void test_timer(void **state)
{
	struct psi_params params = {
		.thread_name = "test-psi", .system_fd = -1, .cgroup_fd = -1, .timer_s = 1,
	};
	struct psi *psi = start(&params);

	(void)state;
	assert_true(wait_for(&calls[PSI_TIMER]) >= 1);
	psi_destroy(psi);
	assert_int_equal(calls[PSI_SYSTEM_PRESSURE] + calls[PSI_CGROUP_PRESSURE], 0);
}

static void test_stops_promptly(void **state)
{
	struct psi_params params = {
		.thread_name = "test-psi", .system_fd = -1, .cgroup_fd = -1, .timer_s = 1000,
	};
	struct timespec a, b;
	struct psi *psi = start(&params);

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	psi_destroy(psi);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(b.tv_sec - a.tv_sec <= 1);
	psi_destroy(NULL);
}

/* The urgent byte of a TCP connection raises POLLPRI as the kernel's trigger does. */
static void urgent_pair(int *mine, int *theirs)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	*theirs = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(*theirs, (struct sockaddr *)&addr, len), 0);
	*mine = accept(listener, NULL, NULL);
	assert_true(*mine >= 0);
	close(listener);
}

static void test_adopted_descriptor(void **state)
{
	char text[64] = "";
	struct psi_params params = {
		.thread_name = "test-psi", .system_fd = -1,
		.stall_us = 200000, .window_us = 2000000,
	};
	struct psi *psi;
	int theirs;

	(void)state;
	urgent_pair(&params.cgroup_fd, &theirs);
	psi = start(&params);
	assert_true(psi_watches_pressure(psi));
	assert_true(read(theirs, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "some 200000 2000000");
	assert_int_equal(send(theirs, "!", 1, MSG_OOB), 1);
	assert_true(wait_for(&calls[PSI_CGROUP_PRESSURE]) >= 1);
	psi_destroy(psi);
	assert_int_equal(calls[PSI_SYSTEM_PRESSURE], 0);
	assert_int_equal(fcntl(params.cgroup_fd, F_GETFD), -1);
	close(theirs);
}

static void test_fallback_says_so_once(void **state)
{
	struct psi_params params = {
		.thread_name = "test-psi", .cgroup_fd = -1,
		.system_fd = open("/dev/null", O_RDONLY),
	};
	struct psi *psi;

	(void)state;
	assert_int_equal(psi_create(&params, &psi), 0);
	assert_false(psi_watches_pressure(psi));
	assert_int_equal(lines, 1);
	psi_destroy(psi);
	/* it was the monitor's to close */
	assert_int_equal(fcntl(params.system_fd, F_GETFD), -1);
}

static void test_real_trigger(void **state)
{
	struct psi_params params = {
		.thread_name = "test-psi", .open_files = true, .system_fd = -1, .cgroup_fd = -1,
	};
	struct psi *psi;
	int fd = open("/proc/pressure/memory", O_RDWR);

	(void)state;
	if (fd < 0 || write(fd, "some 200000 2000000", 20) < 0) {
		close(fd);
		skip();
	}
	close(fd);
	psi = start(&params);
	assert_true(psi_watches_pressure(psi));
	assert_int_equal(lines, 0);
	psi_destroy(psi);
}

static void test_cgroup_path(void **state)
{
	char path[100];

	(void)state;
	assert_true(psi_cgroup_path("0::/a/b\n", path, sizeof(path)));
	assert_string_equal(path, "/sys/fs/cgroup/a/b/memory.pressure");
	assert_true(psi_cgroup_path("12:memory:/x\n1:name=systemd:/y\n0::/z\n", path,
				    sizeof(path)));
	assert_string_equal(path, "/sys/fs/cgroup/z/memory.pressure");
	assert_false(psi_cgroup_path("12:memory:/x\n", path, sizeof(path)));
	assert_false(psi_cgroup_path("", path, sizeof(path)));
	assert_false(psi_cgroup_path("0::/a/very/long/path\n", path, 20));
}

static void test_log_lines(void **state)
{
	char big[4000];

	(void)state;
	support_log_set_prefix("prog", "/dev/x");
	support_log(SUPPORT_LOG_ERR, "it is %d", 5);
	assert_string_equal(last_line, "prog: /dev/x: it is 5");
	support_log(SUPPORT_LOG_DEBUG, "hidden");
	assert_int_equal(lines, 1);
	support_log_set_level(SUPPORT_LOG_DEBUG);
	support_log(SUPPORT_LOG_DEBUG, "seen");
	assert_int_equal(lines, 2);
	support_log_set_prefix("prog", NULL);
	support_log(SUPPORT_LOG_INFO, "two\nlines\x1b[31m");
	assert_string_equal(last_line, "prog: two?lines?[31m");
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	support_log(SUPPORT_LOG_INFO, "%s", big);
	assert_in_range(strlen(last_line), 900, 1100);
}

static void test_log_file(void **state)
{
	char text[200] = "";
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	support_log_set_prefix("prog", "img");
	support_log_to_fd(fds[1]);
	support_log(SUPPORT_LOG_WARN, "careful");
	support_log_to_callback(on_line, NULL);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, " prog: img: warning: careful\n"));
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_timer, reset),
		cmocka_unit_test_setup(test_stops_promptly, reset),
		cmocka_unit_test_setup(test_adopted_descriptor, reset),
		cmocka_unit_test_setup(test_fallback_says_so_once, reset),
		cmocka_unit_test_setup(test_real_trigger, reset),
		cmocka_unit_test_setup(test_cgroup_path, reset),
		cmocka_unit_test_setup(test_log_lines, reset),
		cmocka_unit_test_setup(test_log_file, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
