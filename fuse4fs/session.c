/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FUSE session: mounting, waiting for its end, and unmounting when we are
 * told to end.  The threads that serve requests are in loop.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include "logging.h"
#include "loop.h"
#include "rawmsg.h"
#include "service.h"
#include "session.h"

/* Sent to ourselves by the loop's threads. */
#define WAKE_SIGNAL	SIGUSR1
/* What a single read-ahead may ask for, in KiB; the largest request that FUSE makes of it. */
#define READ_AHEAD_KIB	"1024"

extern char **environ;

static void session_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, WAKE_SIGNAL);
}

void session_block_signals(void)
{
	sigset_t set;

	session_signals(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool session_create(struct server *srv, const char *fuse_options)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	bool good;

	good = !fuse_opt_add_arg(&args, srv->opt->program) &&
	       (!*fuse_options || (!fuse_opt_add_arg(&args, "-o") &&
				   !fuse_opt_add_arg(&args, fuse_options)));
	if (good)
		srv->se = srv->service ? service_session_new(srv->service, &args, srv) :
			  fuse_session_new(&args, &server_ops, sizeof(server_ops), srv);
	fuse_opt_free_args(&args);
	return srv->se;
}

bool session_mount(struct server *srv, const char *mountpoint)
{
	if (fuse_session_mount(srv->se, mountpoint))
		return false;
	if (!rawmsg_install(srv))
		return true;
	fuse_session_unmount(srv->se);
	return false;
}

/*
 * The kernel reads ahead 128 KiB by default, and FUSE lets a server only lower
 * that; root may raise it for the mounted device.
 */
static void raise_read_ahead(dev_t dev)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(dev), minor(dev));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, READ_AHEAD_KIB, strlen(READ_AHEAD_KIB)) < 0)
		log_debug("read-ahead stays as it is: %s", strerror(errno));
	close(fd);
}

static bool still_connected(struct server *srv)
{
	struct pollfd poll_fd = { .fd = fuse_session_fd(srv->se) };

	return poll(&poll_fd, 1, 0) == 0 || !(poll_fd.revents & POLLERR);
}

/* An ordinary user's mount is undone by the program that made it. */
static bool run_fusermount(const char *mountpoint)
{
	char *argv[] = { "fusermount3", "-u", "-z", "-q", "--", (char *)mountpoint, NULL };
	sigset_t none;
	posix_spawnattr_t attr;
	int status = -1;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	if (posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ)) {
		posix_spawnattr_destroy(&attr);
		return false;
	}
	posix_spawnattr_destroy(&attr);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool detach(const char *mountpoint)
{
	if (!umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW))
		return true;
	return errno == EPERM && run_fusermount(mountpoint);
}

/* Does the mount point still show our mount, and not one that was put over it or took its place? */
static bool is_our_mount(const char *mountpoint, dev_t dev)
{
	struct stat st;

	return dev && !stat(mountpoint, &st) && st.st_dev == dev;
}

/* A service may see its mount, and cannot tell it from another one; writing back that does no harm. */
static bool is_fuse(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == FUSE_SUPER_MAGIC;
}

/*
 * We were told to end.  The kernel may hold changes that we have never seen: have it
 * write them while there is still somebody to take them, then take the mount away.
 */
static void end_mount(struct server *srv, const char *mountpoint, dev_t dev)
{
	int fd;

	if (!still_connected(srv) || (!srv->service && !is_our_mount(mountpoint, dev)))
		return;
	fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (srv->service && (fd < 0 || !is_fuse(fd)))
		log_warn("%s: cannot have the kernel write back", mountpoint);
	if (fd >= 0) {
		if (syncfs(fd))
			log_warn("%s: writing back failed: %s", mountpoint, strerror(errno));
		close(fd);
	}
	if (srv->service)
		log_warn("%s stays mounted, and dead: unmount it", mountpoint);
	else if (!detach(mountpoint))
		log_warn("%s: cannot unmount: %s", mountpoint, strerror(errno));
}

bool session_start(struct server *srv)
{
	srv->loop = loop_start(srv, WAKE_SIGNAL);
	return srv->loop;
}

bool session_started(const struct server *srv)
{
	return srv->loop;
}

void session_stop(struct server *srv)
{
	if (srv->loop)
		loop_stop(srv->loop);
	srv->loop = NULL;
}

bool session_run(struct server *srv, const char *mountpoint, void (*ready)(struct server *srv))
{
	bool is_ready = false;
	struct stat st = { 0 };
	sigset_t set;
	int sig;

	if (!srv->loop && !session_start(srv))
		return false;
	session_signals(&set);
	while (!loop_ended(srv->loop)) {
		if (sigwait(&set, &sig))
			continue;
		if (!is_ready && loop_initialised(srv->loop)) {
			is_ready = true;
			if (!srv->service && !stat(mountpoint, &st) && geteuid() == 0)
				raise_read_ahead(st.st_dev);
			ready(srv);
		}
		if (sig == WAKE_SIGNAL)
			continue;
		log_info("%s: ending on signal %d (%s)", srv->opt->device, sig, strsignal(sig));
		end_mount(srv, mountpoint, st.st_dev);
		break;
	}
	session_stop(srv);
	return true;
}

void session_unmount(struct server *srv, const char *mountpoint)
{
	if (srv->service)
		return;
	if (still_connected(srv))
		detach(mountpoint);
	/*
	 * libfuse unmounts again what still has users after that, which could be
	 * somebody else's mount by now; so it may only tidy up what has ended.
	 */
	if (!still_connected(srv))
		fuse_session_unmount(srv->se);
}

void session_destroy(struct server *srv)
{
	if (srv->se)
		fuse_session_destroy(srv->se);
	srv->se = NULL;
}
