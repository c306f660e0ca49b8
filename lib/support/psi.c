/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pressure monitor: sets the kernel's triggers and waits for them, the
 * timer and the end in one poll().
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "support/list.h"
#include "support/log.h"
#include "support/psi.h"

struct psi_handler {
	struct list_head	list;
	void			(*func)(void *priv, enum psi_reason reason);
	void			*priv;
};

struct psi {
	char			name[16];
	int			fds[2];		/* by reason; -1 = not watched */
	int			stop_fd;
	unsigned int		timer_s;
	struct list_head	handlers;
	pthread_t		thread;
	bool			started;
};

static int open_trigger_file(const char *path)
{
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/*
 * Lines are "N:controllers:/path"; the unified hierarchy is the one with N = 0
 * and no controllers, and there may be others around it.
 */
bool psi_cgroup_path(const char *cgroup, char *path, unsigned long size)
{
	const char *line, *end;
	int len;

	for (line = cgroup; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (strncmp(line, "0::/", 4))
			continue;
		len = snprintf(path, size, "/sys/fs/cgroup%.*s/memory.pressure",
			       (int)(end - line - 3), line + 3);
		return len > 0 && (unsigned long)len < size;
	}
	return false;
}

static int open_cgroup_file(void)
{
	char text[8192], path[4200];
	ssize_t n;
	int fd;

	fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return psi_cgroup_path(text, path, sizeof(path)) ? open_trigger_file(path) : -1;
}

static void drop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Ask the kernel for events on *fd; one that refuses is dropped. */
static void set_trigger(int *fd, const struct psi_params *params)
{
	char text[64];
	int len;

	if (*fd < 0)
		return;
	len = snprintf(text, sizeof(text), "some %u %u",
		       params->stall_us ? params->stall_us : PSI_DEFAULT_STALL_US,
		       params->window_us ? params->window_us : PSI_DEFAULT_WINDOW_US);
	/* The kernel wants the terminating zero, too. */
	if (write(*fd, text, len + 1) < 0)
		drop_fd(fd);
}

errcode_t psi_create(const struct psi_params *params, struct psi **ret)
{
	struct psi *psi = calloc(1, sizeof(*psi));
	int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	errcode_t err = psi ? errno : ENOMEM;
	int fds[2] = { params->system_fd, params->cgroup_fd };

	if (!psi || stop_fd < 0) {
		drop_fd(&fds[0]);
		drop_fd(&fds[1]);
		drop_fd(&stop_fd);
		free(psi);
		return err;
	}
	snprintf(psi->name, sizeof(psi->name), "%s", params->thread_name);
	memcpy(psi->fds, fds, sizeof(fds));
	psi->stop_fd = stop_fd;
	psi->timer_s = params->timer_s;
	INIT_LIST_HEAD(&psi->handlers);
	if (params->open_files && psi->fds[PSI_SYSTEM_PRESSURE] < 0)
		psi->fds[PSI_SYSTEM_PRESSURE] = open_trigger_file("/proc/pressure/memory");
	if (params->open_files && psi->fds[PSI_CGROUP_PRESSURE] < 0)
		psi->fds[PSI_CGROUP_PRESSURE] = open_cgroup_file();
	set_trigger(&psi->fds[PSI_SYSTEM_PRESSURE], params);
	set_trigger(&psi->fds[PSI_CGROUP_PRESSURE], params);
	if (!psi_watches_pressure(psi))
		support_log(SUPPORT_LOG_INFO, "memory pressure cannot be watched here, "
			    "so the cache has a fixed size");
	*ret = psi;
	return 0;
}

bool psi_watches_pressure(const struct psi *psi)
{
	return psi->fds[PSI_SYSTEM_PRESSURE] >= 0 || psi->fds[PSI_CGROUP_PRESSURE] >= 0;
}

errcode_t psi_add_handler(struct psi *psi, void (*func)(void *priv, enum psi_reason reason),
			  void *priv)
{
	struct psi_handler *handler = malloc(sizeof(*handler));

	if (!handler)
		return ENOMEM;
	handler->func = func;
	handler->priv = priv;
	list_add_tail(&handler->list, &psi->handlers);
	return 0;
}

static void call_handlers(struct psi *psi, enum psi_reason reason)
{
	struct psi_handler *handler;

	list_for_each_entry(handler, &psi->handlers, list)
		handler->func(handler->priv, reason);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *psi_thread(void *arg)
{
	struct psi *psi = arg;
	int64_t due = now_ms() + psi->timer_s * 1000LL, left;
	int reason;

	/* By itself, since that needs no file. */
	pthread_setname_np(pthread_self(), psi->name);
	for (;;) {
		struct pollfd pfds[3] = {
			{ .fd = psi->fds[0], .events = POLLPRI },
			{ .fd = psi->fds[1], .events = POLLPRI },
			{ .fd = psi->stop_fd, .events = POLLIN },
		};

		left = due - now_ms();
		if (left < 0)
			left = 0;
		if (poll(pfds, 3, psi->timer_s ? (int)(left > 1000000 ? 1000000 : left) : -1) < 0)
			continue;
		if (pfds[2].revents)
			return NULL;
		for (reason = 0; reason < 2; reason++) {
			/* An error means that the group is gone: it will never be anything else. */
			if (pfds[reason].revents & (POLLERR | POLLNVAL | POLLHUP))
				drop_fd(&psi->fds[reason]);
			else if (pfds[reason].revents & POLLPRI)
				call_handlers(psi, reason);
		}
		if (psi->timer_s && now_ms() >= due) {
			call_handlers(psi, PSI_TIMER);
			due = now_ms() + psi->timer_s * 1000LL;
		}
	}
}

errcode_t psi_start(struct psi *psi)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&psi->thread, NULL, psi_thread, psi);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return err;
	psi->started = true;
	return 0;
}

void psi_destroy(struct psi *psi)
{
	struct psi_handler *handler, *next;
	uint64_t one = 1;

	if (!psi)
		return;
	if (psi->started) {
		/* Cannot fail: the counter is far from full. */
		if (write(psi->stop_fd, &one, sizeof(one)) == sizeof(one))
			pthread_join(psi->thread, NULL);
	}
	list_for_each_entry_safe(handler, next, &psi->handlers, list)
		free(handler);
	drop_fd(&psi->fds[0]);
	drop_fd(&psi->fds[1]);
	drop_fd(&psi->stop_fd);
	free(psi);
}
