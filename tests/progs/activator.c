/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * activator SOCKET COMMAND...: listen as the service manager does, and start COMMAND for each
 * connection with it as descriptor 3.  Writes "ready" when it listens.  With -n COUNT in front it
 * ends after so many connections, when their commands have; with -u UID commands run as that user.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_command(int sock, uid_t uid, char **argv)
{
	char pid[16];

	if (sock != 3)
		dup2(sock, 3);
	else
		fcntl(3, F_SETFD, 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", pid, 1);
	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid) ||
		    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || chdir("/")))
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	umask(0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&address, sizeof(address)) ||
	    chmod(path, 0666) || listen(sock, 64)) {
		perror(path);
		exit(2);
	}
	return sock;
}

int main(int argc, char **argv)
{
	int count = -1, opt, listener, sock;
	uid_t uid = 0;

	while ((opt = getopt(argc, argv, "+n:u:")) != -1) {
		if (opt == 'n')
			count = atoi(optarg);
		else if (opt == 'u')
			uid = atoi(optarg);
		else
			return 1;
	}
	if (argc - optind < 2)
		return 1;
	listener = listen_at(argv[optind]);
	printf("ready\n");
	fflush(stdout);
	signal(SIGCHLD, count < 0 ? SIG_IGN : SIG_DFL);
	for (; count; count -= count > 0) {
		sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (sock < 0)
			continue;
		if (!fork())
			run_command(sock, uid, argv + optind + 1);
		close(sock);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
