/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FUSE session: mounting, waiting for its end, and unmounting when we are
 * told to end.  The threads that serve requests are in loop.c.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "logging.h"
#include "notify.h"
#include "loop.h"
#include "outside.h"
#include "rawmsg.h"
#include "service.h"
#include "session.h"

/* Of srv->loop, for others than the main thread. */
static pthread_mutex_t loop_lock = PTHREAD_MUTEX_INITIALIZER;
/* Sent to ourselves by the loop's threads. */
#define WAKE_SIGNAL	SIGUSR1

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
	struct sigaction hangup;
	sigset_t set;

	session_signals(&set);
	sigaddset(&set, SIGUSR2);
	/* What is ignored but blocked would be taken all the same. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler == SIG_IGN)
		sigdelset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool session_told_to_end(void *priv __attribute__((unused)))
{
	sigset_t pending;

	return !sigpending(&pending) && (sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT) ||
					 sigismember(&pending, SIGHUP));
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

bool session_adopt(struct server *srv, int fd)
{
	char name[32];

	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	if (fuse_session_mount(srv->se, name)) {
		close(fd);
		return false;
	}
	return !rawmsg_install(srv);
}

static bool still_connected(struct server *srv)
{
	struct pollfd poll_fd = { .fd = fuse_session_fd(srv->se) };

	return poll(&poll_fd, 1, 0) == 0 || !(poll_fd.revents & POLLERR);
}

static void end_mount(struct server *srv)
{
	if (!still_connected(srv))
		return;
	outside_end_mount();
}

bool session_start(struct server *srv)
{
	struct loop *loop = loop_start(srv, WAKE_SIGNAL);

	pthread_mutex_lock(&loop_lock);
	srv->loop = loop;
	pthread_mutex_unlock(&loop_lock);
	return loop;
}

bool session_started(const struct server *srv)
{
	return srv->loop;
}

void session_stop(struct server *srv)
{
	struct loop *loop;

	pthread_mutex_lock(&loop_lock);
	loop = srv->loop;
	srv->loop = NULL;
	pthread_mutex_unlock(&loop_lock);
	if (loop)
		loop_stop(loop);
}

void session_give_back(struct server *srv)
{
	pthread_mutex_lock(&loop_lock);
	if (srv->loop)
		loop_give_back(srv->loop);
	pthread_mutex_unlock(&loop_lock);
}

bool session_run(struct server *srv, void (*ready)(struct server *srv))
{
	bool is_ready = false;
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
			outside_ready();
			ready(srv);
		}
		if (sig == WAKE_SIGNAL)
			continue;
		log_info("%s: ending on signal %d (%s)", srv->opt->device, sig, strsignal(sig));
		end_mount(srv);
		break;
	}
	/* What it waits for, the threads that are stopped next have to answer. */
	notifier_stop(srv->notifier);
	session_stop(srv);
	return true;
}

void session_unmount(struct server *srv)
{
	if (srv->service)
		return;
	if (srv->attached && still_connected(srv))
		outside_detach();
}

void session_destroy(struct server *srv)
{
	if (srv->se)
		fuse_session_destroy(srv->se);
	srv->se = NULL;
}
