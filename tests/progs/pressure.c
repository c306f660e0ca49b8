/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pressure DIRECTORY: a file system whose file `memory' stands in for the kernel's memory.pressure, for machines where
 * nobody can make memory short.  What is written to it is a trigger and goes to the standard output; whoever polls
 * it hears of an event at each SIGUSR1.  Serves in the foreground until the unmount.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fuse_pollhandle *waiting;
static bool event;

static bool is_file(const char *path)
{
	return !strcmp(path, "/memory");
}

static int pressure_getattr(const char *path, struct stat *st, struct fuse_file_info *fi __attribute__((unused)))
{
	if (!is_file(path) && strcmp(path, "/"))
		return -ENOENT;
	st->st_mode = is_file(path) ? S_IFREG | 0666 : S_IFDIR | 0755;
	st->st_nlink = is_file(path) ? 1 : 2;
	return 0;
}

static int pressure_open(const char *path __attribute__((unused)), struct fuse_file_info *fi)
{
	fi->direct_io = 1;
	fi->nonseekable = 1;
	return 0;
}

static int pressure_write(const char *path __attribute__((unused)), const char *buf, size_t size,
			  off_t offset __attribute__((unused)), struct fuse_file_info *fi __attribute__((unused)))
{
	printf("%.*s\n", (int)strnlen(buf, size), buf);
	fflush(stdout);
	return size;
}

static int pressure_poll(const char *path __attribute__((unused)), struct fuse_file_info *fi __attribute__((unused)),
			 struct fuse_pollhandle *handle, unsigned int *events)
{
	pthread_mutex_lock(&lock);
	if (handle) {
		if (waiting)
			fuse_pollhandle_destroy(waiting);
		waiting = handle;
	}
	*events = event ? POLLPRI : 0;
	event = false;
	pthread_mutex_unlock(&lock);
	return 0;
}

static void *wait_for_signals(void *arg)
{
	int sig;

	while (!sigwait(arg, &sig)) {
		pthread_mutex_lock(&lock);
		event = true;
		if (waiting)
			fuse_notify_poll(waiting);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct fuse_operations operations = {
		.getattr = pressure_getattr, .open = pressure_open, .write = pressure_write, .poll = pressure_poll,
	};
	char *args[] = { argv[0], "-f", "-o", "allow_other,fsname=pressure", argv[1], NULL };
	static sigset_t signals;
	pthread_t thread;

	if (argc != 2) {
		fprintf(stderr, "usage: pressure DIRECTORY\n");
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (pthread_create(&thread, NULL, wait_for_signals, &signals))
		return 1;
	return fuse_main(5, args, &operations, NULL);
}
