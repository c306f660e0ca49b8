/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts of our own: as root with fsopen(), for ordinary users by fusermount3.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fuse_service/words.h"
#include "logging.h"
#include "mounting.h"
#include "support/kernel_mount.h"

#define FUSE_DEVICE	"/dev/fuse"
#define FUSERMOUNT	"fusermount3"
#define COMM_VARIABLE	"_FUSE_COMMFD"	/* where it finds its end of the socket */

extern char **environ;

static const struct options *opt;
static struct mount_words words;
static struct word_list helper_words;	/* for fusermount3 */
static struct mount made = { .context = -1, .point = -1 };
static int comm_fd = -1;	/* fusermount3 unmounts when it is closed, if it was told to */

static bool sort_word(const char *word, struct word_list *session)
{
	int who = mount_words_add(&words, word);

	if (who < 0)
		return false;
	if (who && !word_list_add(session, word, NULL))
		return false;
	if (!strcmp(word, "allow_root"))
		word = "allow_other";
	else if (who && strncmp(word, "max_read=", 9))
		return true;
	return word_list_add(&helper_words, word, NULL);
}

static bool sort_words(struct word_list *session)
{
	char *text = options_for_fuse(opt, opt->device), *rest = text, *word;
	bool good = text;

	while (good && (word = parse_next_word(&rest)))
		good = !*word || sort_word(word, session);
	free(text);
	if (!good)
		log_err("out of memory");
	return good;
}

bool mounting_prepare(const struct options *options, bool given, struct word_list *session)
{
	opt = options;
	mount_words_init(&words);
	if (!sort_words(session))
		return false;
	mount_init(&made, words.subtype, -1, getuid(), getgid());
	if (given)
		return true;
	made.point = open(opt->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (made.point >= 0)
		return true;
	log_err("cannot mount on %s: %s", opt->mountpoint, strerror(errno));
	return false;
}

static void tell(const char *message)
{
	log_warn("%s: the kernel says: %s", opt->device, message);
}

/* fuseblk's blocks are those of the file system, as far as the kernel has pages for them. */
static int set_options(int how)
{
	char size[32] = "", *text;
	int err;

	if (how & MOUNTING_BLKDEV)
		snprintf(size, sizeof(size), "blksize=%d", how >> MOUNTING_BLKSIZE_SHIFT);
	if (asprintf(&text, "%s%s%s", words.kernel ? words.kernel : "", words.kernel && *size ? "," : "",
		     size) < 0)
		return -ENOMEM;
	err = mount_set_options(&made, text);
	free(text);
	return err;
}

static int set_all(int how)
{
	int err = mount_set_source(&made, how & MOUNTING_BLKDEV ? opt->device :
					  words.fsname ? words.fsname : "fuse4fs");

	return err ? err : set_options(how);
}

static int create(int how)
{
	unsigned long flags = words.flags | (how & MOUNTING_READ_ONLY ? MS_RDONLY : 0);
	int err = set_all(how);

	return err ? err : mount_create(&made, S_IFDIR, flags);
}

static void undo_create(void)
{
	int point = made.point;

	made.point = -1;
	mount_free(&made);
	made.point = point;
}

/* fusermount3 will make it, which cannot do everything; nothing was written yet. */
static int leave_to_fusermount(int how)
{
	if (how & MOUNTING_BLKDEV)
		return -EOPNOTSUPP;
	if (!opt->nosymfollow)
		return 0;
	log_err("option `nosymfollow' is not possible here: only root and the service can set it");
	return -EPERM;
}

int mounting_create(int how, int *fd)
{
	int err;

	*fd = -1;
	if (opt->auto_unmount)
		return leave_to_fusermount(how);
	mount_begin(&made, how & MOUNTING_BLKDEV);
	/* Ordinary users, and kernels before 5.2. */
	if (!mount_can_be_created(&made, words.flags)) {
		undo_create();
		return leave_to_fusermount(how);
	}
	*fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
	if (*fd < 0) {
		err = -errno;
		undo_create();
		return err;
	}
	made.fusedev = *fd;
	/* That somebody has the device is said by who knows what to do then. */
	made.tell = how & MOUNTING_BLKDEV ? NULL : tell;
	err = create(how);
	if (!err)
		return 0;
	undo_create();
	close(*fd);
	*fd = -1;
	return err;
}

bool mounting_is_created(void)
{
	return made.created;
}

int mounting_point(void)
{
	return made.point;
}

/* ---- by fusermount3 ---- */

/* The one descriptor that comes with a message; or a negative errno. */
static int receive_fd(int sock)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t n;
	int fd;

	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	cmsg = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS || cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPERM;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

static int spawn_fusermount(char *text, int sock, pid_t *pid)
{
	char *argv[] = { FUSERMOUNT, "-o", text, "--", opt->mountpoint, NULL };
	posix_spawnattr_t attr;
	sigset_t none;
	char number[16];
	int err;

	snprintf(number, sizeof(number), "%d", sock);
	if (setenv(COMM_VARIABLE, number, 1))
		return -ENOMEM;
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	err = posix_spawnp(pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	unsetenv(COMM_VARIABLE);
	if (err)
		log_err("%s: %s; is the package fuse3 installed?", FUSERMOUNT, strerror(err));
	return -err;
}

static int run_fusermount(char *text)
{
	int socks[2], fd, err, status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return -errno;
	/* The program inherits its end. */
	fcntl(socks[0], F_SETFD, 0);
	err = spawn_fusermount(text, socks[0], &pid);
	close(socks[0]);
	fd = err ? err : receive_fd(socks[1]);
	if (fd >= 0 && opt->auto_unmount) {
		comm_fd = socks[1];
		return fd;
	}
	close(socks[1]);
	while (!err && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return fd;
}

int mounting_attach(int how, int *fd)
{
	char *text = NULL;
	int err;

	*fd = -1;
	if (made.created) {
		err = mount_attach(&made);
		undo_create();
		return err;
	}
	if (how & MOUNTING_READ_ONLY && !word_list_add(&helper_words, "ro", NULL))
		return -ENOMEM;
	text = helper_words.text ? helper_words.text : "rw";
	*fd = run_fusermount(text);
	return *fd < 0 ? *fd : 0;
}

void mounting_end(void)
{
	mount_free(&made);
	mount_words_free(&words);
	word_list_free(&helper_words);
	if (comm_fd >= 0)
		close(comm_fd);
	comm_fd = -1;
}
