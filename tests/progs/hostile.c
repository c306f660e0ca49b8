/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One end of a mount service that means no good.
 *
 * hostile server SEED MOUNTPOINT: as a service's server (descriptor 3): after a proper greeting
 *	random commands, some of them malformed.  Says on stderr when something was granted that must not be.
 * hostile helper SEED IMAGE COMMAND...: starts the server COMMAND and plays a helper for it, which breaks
 *	the rules at some step.  Exit status 0 when the server ended by itself in time, without a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "fuse_service/wire.h"

#define SOCK	3
#define PATIENCE_MS	3000

static char big[70000];

static bool one_in(int n)
{
	return random() % n == 0;
}

/* ---- a server ---- */

static const char *const paths[] = {
	"/dev/stderr", "/etc/shadow", "/dev/fuse", "/proc/self/mem", "/", "none", "/proc/self/fd/0",
	"/etc/passwd", "//", "/dev/null",
};

static const char *const texts[] = {
	"/etc", "allow_other", "fd=0,rootmode=100000,user_id=0", "max_read=4096,,allow_other",
	"context=\"a,allow_other\"", "x=\"", "\033[2J", "default_permissions", "subtype=x", "user_id=0",
};

/* Flags that make something else than a mount of this file system, or make it unsafe. */
static const unsigned long bad_flags[] = {
	MS_BIND, MS_BIND | MS_REC, MS_MOVE, MS_REMOUNT, MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE,
	MS_MANDLOCK, 1UL << 31, MS_BIND | MS_RDONLY,
};

static struct wire_msg random_command(const char *mountpoint, bool *bad)
{
	static const uint32_t kinds[] = { WIRE_OPEN, WIRE_OPEN_BDEV, WIRE_FSOPEN, WIRE_SOURCE,
					  WIRE_MNTOPTS, WIRE_MTABOPTS, WIRE_MNTPT, WIRE_MOUNT };
	struct wire_msg msg = { .magic = kinds[random() % 8] };

	*bad = false;
	switch (msg.magic) {
	case WIRE_OPEN:
	case WIRE_OPEN_BDEV:
		/* (Not O_CREAT: as root that would be allowed.) */
		msg.value[0] = one_in(2) ? O_RDONLY : O_WRONLY | O_APPEND | O_NONBLOCK;
		msg.value[2] = one_in(10) ? random() : 1;
		msg.text = paths[random() % 10];
		break;
	case WIRE_FSOPEN:
		msg.value[0] = one_in(3) ? random() % 4 : 0;
		break;
	case WIRE_MNTPT:
		msg.value[0] = one_in(3) ? random() % 65536 : S_IFDIR;
		msg.text = one_in(3) ? paths[random() % 10] : mountpoint;
		*bad = msg.text != mountpoint;
		break;
	case WIRE_MOUNT:
		*bad = one_in(2);
		msg.value[0] = *bad ? bad_flags[random() % 11] : 0;
		break;
	default:
		msg.text = texts[random() % 10];
	}
	return msg;
}

/* Something malformed: cut, mutated, too long, with a descriptor. */
static void send_garbage(const struct wire_msg *msg)
{
	ssize_t size = wire_pack(msg, big, sizeof(big));

	if (size < 0)
		return;
	switch (random() % 4) {
	case 0:
		size = random() % (size + 1);
		break;
	case 1:
		big[random() % size] = random();
		break;
	case 2:
		memset(big + size, 'x', sizeof(big) - size);
		size = one_in(2) ? 65537 : size + random() % 60000;
		break;
	default:
		/* (Newer kernels do not let us, and send nothing then.) */
		if (wire_send(SOCK, msg, 2))
			wire_send(SOCK, msg, -1);
		return;
	}
	send(SOCK, big, size, MSG_NOSIGNAL);
}

/* The reply's error; -1 when there is none. */
static int take_reply(void)
{
	struct pollfd poll_fd = { .fd = SOCK, .events = POLLIN };
	struct wire_msg reply;
	ssize_t size;
	int fd = -1;

	if (poll(&poll_fd, 1, PATIENCE_MS) <= 0)
		return -1;
	size = wire_receive(SOCK, big, sizeof(big), &fd);
	if (fd >= 0)
		close(fd);
	if (size <= 0 || wire_unpack(big, size, &reply))
		return -1;
	return reply.value[0];
}

static int play_server(const char *mountpoint)
{
	struct wire_msg reply = { .magic = WIRE_HELLO_REPLY, .value = { 1 } };
	bool bad;

	take_reply();
	if (one_in(20))
		send_garbage(&reply);
	else
		wire_send(SOCK, &reply, -1);
	take_reply();
	take_reply();
	for (int i = random() % 40; i > 0; i--) {
		struct wire_msg msg = random_command(mountpoint, &bad);

		if (one_in(30)) {
			send_garbage(&msg);
			if (take_reply() < 0)
				return 0;
			continue;
		}
		if (wire_send(SOCK, &msg, -1))
			return 0;
		if (take_reply() == 0 && bad)
			dprintf(2, "GRANTED %#x %#x %s\n", msg.magic, msg.value[0], msg.text ? msg.text : "");
	}
	reply = (struct wire_msg) { .magic = WIRE_BYE, .value = { random() % 4 } };
	if (!one_in(4))
		wire_send(SOCK, &reply, -1);
	return 0;
}

/* ---- a helper ---- */

static pid_t start_server(int sock, char **argv)
{
	pid_t pid = fork();
	char text[16];
	int null;

	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(sock, SOCK);
	for (int fd = SOCK + 1; fd < 20; fd++)
		close(fd);
	snprintf(text, sizeof(text), "%d", getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", "1", 1);
	execv(argv[0], argv);
	_exit(127);
}

/* Does this step go wrong? */
static bool break_rules(int sock, const struct wire_msg *msg)
{
	ssize_t size;

	if (!one_in(6))
		return false;
	size = wire_pack(msg, big, sizeof(big));
	if (size > 0 && one_in(2))
		big[random() % size] = random();
	else
		size = random() % 300;
	if (one_in(3))
		wire_send(sock, msg, 0);
	else
		send(sock, big, size, MSG_NOSIGNAL);
	return true;
}

static int mutated_arguments(const char *image)
{
	char *words[] = { "ext4", (char *)image, "/nowhere", "-o", "rw,noatime" };
	int fd = wire_args_write(5, words);
	unsigned char byte;

	for (int i = one_in(2) ? 0 : random() % 4; i > 0; i--) {
		byte = one_in(2) ? random() % 64 : random();
		if (pwrite(fd, &byte, 1, random() % 64) != 1)
			break;
	}
	if (one_in(10) && ftruncate(fd, random() % 100))
		return -1;
	return fd;
}

static void greet(int sock, const char *image)
{
	struct wire_msg msg = { .magic = WIRE_HELLO, .value = { 1, 1, random() % 4 } };
	int fd;

	if (!break_rules(sock, &msg))
		wire_send(sock, &msg, -1);
	msg = (struct wire_msg) { .magic = WIRE_FILE, .text = "argv" };
	fd = mutated_arguments(image);
	if (!break_rules(sock, &msg))
		wire_send(sock, &msg, one_in(10) ? -1 : fd);
	close(fd);
	msg.text = "fusedev";
	fd = open(one_in(2) ? "/dev/null" : "/dev/fuse", O_RDWR);
	if (!break_rules(sock, &msg))
		wire_send(sock, &msg, fd);
	close(fd);
}

/* Answer one command; the image is the only file that there is. */
static void answer(int sock, const struct wire_msg *command, const char *image)
{
	struct wire_msg reply = { .magic = WIRE_REPLY, .value = { one_in(3) ? random() % 130 : 0 } };
	int fd = -1;

	if (command->magic == WIRE_OPEN || command->magic == WIRE_OPEN_BDEV) {
		reply.magic = WIRE_FILE;
		reply.text = one_in(10) ? "other" : command->text;
		if (!reply.value[0])
			fd = open(one_in(4) ? "/dev/null" : image, O_RDWR);
	}
	if (!break_rules(sock, &reply))
		wire_send(sock, &reply, fd);
	if (fd >= 0)
		close(fd);
}

/* False when the conversation is over. */
static bool serve_one(int sock, const char *image)
{
	static char packet[WIRE_MAX_PACKET];
	struct pollfd poll_fd = { .fd = sock, .events = POLLIN };
	struct wire_msg command;
	ssize_t size;

	if (poll(&poll_fd, 1, PATIENCE_MS) <= 0)
		return false;
	size = wire_receive(sock, packet, sizeof(packet), NULL);
	if (size <= 0)
		return false;
	if (wire_unpack(packet, size, &command)) {
		fprintf(stderr, "the server sent something malformed\n");
		exit(1);
	}
	if (command.magic == WIRE_BYE || one_in(25))
		return false;
	answer(sock, &command, image);
	return true;
}

static int wait_for(pid_t pid)
{
	int status;

	for (int i = 0; i < 300; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (!WIFSIGNALED(status))
				return 0;
			fprintf(stderr, "the server died of signal %d\n", WTERMSIG(status));
			return 1;
		}
		usleep(50000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	fprintf(stderr, "the server did not end\n");
	return 1;
}

static int play_helper(const char *image, char **argv)
{
	int socks[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return 1;
	pid = start_server(socks[1], argv);
	close(socks[1]);
	greet(socks[0], image);
	while (serve_one(socks[0], image))
		;
	close(socks[0]);
	return wait_for(pid);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	/* As a service there is one seed for all; each connection is another. */
	srandom(atoi(argv[2]) + (strcmp(argv[1], "server") ? 0U : getpid() * 1000003U));
	if (!strcmp(argv[1], "server"))
		return play_server(argv[3]);
	return argc < 5 ? 1 : play_helper(argv[3], argv + 4);
}
