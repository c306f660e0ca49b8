/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conversation with the helper, as this file system leads it.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "logging.h"
#include "rawmsg.h"
#include "service.h"
#include "session.h"
#include "support/log.h"
#include "support/psi.h"
#ifdef HAVE_LIBFUSE_SERVICE
#include <fuse_service.h>
#else
#include "fuse_service/fuse_service.h"
#endif

struct service {
	struct fuse_service	*sf;
	struct fuse_args	args;
	int			terminal;	/* the user's, while there is no mount; or -1 */
};

/* To the system log, and to the user as long as that one waits for us. */
static void log_line(void *priv, enum support_log_level level, const char *line)
{
	static const int priorities[] = {
		[SUPPORT_LOG_ERR] = 3, [SUPPORT_LOG_WARN] = 4,
		[SUPPORT_LOG_INFO] = 6, [SUPPORT_LOG_DEBUG] = 7,
	};
	struct service *service = priv;

	fprintf(stderr, "<%d>%s\n", priorities[level], line);
	if (service->terminal >= 0 && level <= SUPPORT_LOG_WARN)
		dprintf(service->terminal, "%s\n", line);
}

/*
 * There is no packet for messages; but like any other file, the helper can open its own
 * standard error for us.
 */
static void open_terminal(struct service *service)
{
	int fd = service_open(service, "/dev/stderr", O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK);

	service->terminal = fd < 0 ? -1 : fd;
}

static void close_terminal(struct service *service)
{
	if (service->terminal >= 0)
		close(service->terminal);
	service->terminal = -1;
}

static void show_title(const struct service *service, int argc, char **argv)
{
	char *line = fuse_service_cmdline(argc, (const char *const *)argv, (struct fuse_args *)&service->args);

	if (line)
		setproctitle("-%s", line);
	free(line);
}

/* End the conversation if it goes on, and forget all about it; NULL is fine. */
static void abandon(struct service *service)
{
	if (!service)
		return;
	close_terminal(service);
	fuse_service_send_goodbye(service->sf, 1);
	fuse_service_destroy(&service->sf);
	fuse_opt_free_args(&service->args);
	support_log_to_stderr();
	free(service);
}

bool service_start(struct service **ret, int *argc, char ***argv)
{
	struct service *service = calloc(1, sizeof(*service));
	int err = service ? fuse_service_accept(&service->sf) : -ENOMEM;

	*ret = NULL;
	if (service)
		service->terminal = -1;
	if (!err && !service->sf) {
		free(service);
		return true;
	}
	if (!err) {
		support_log_to_callback(log_line, service);
		service->args = (struct fuse_args)FUSE_ARGS_INIT(*argc, *argv);
		err = fuse_service_append_args(service->sf, &service->args);
	}
	if (err) {
		log_err("this is no mount that could be served: %s", strerror(-err));
		abandon(service);
		return false;
	}
	open_terminal(service);
	show_title(service, *argc, *argv);
	*argc = service->args.argc;
	*argv = service->args.argv;
	*ret = service;
	return true;
}

static void drop_path(char **path, const char *option)
{
	if (!*path)
		return;
	log_warn("option `%s' has no effect in a service, which sees no files", option);
	free(*path);
	*path = NULL;
}

void service_adapt_options(struct service *service, struct options *opt)
{
	opt->foreground = true;
	drop_path(&opt->logfile, "logfile");
	drop_path(&opt->lockfile, "lockfile");
	if (opt->kernel && !fuse_service_can_allow_other(service->sf)) {
		log_info("the user may not have allow_other: not in kernel mode");
		opt->kernel = false;
	}
}

int service_open(struct service *service, const char *path, int flags)
{
	int fd, err;

	err = fuse_service_request_file(service->sf, path, flags, 0, FUSE_SERVICE_REQUEST_FILE_QUIET);
	if (!err)
		err = fuse_service_receive_file(service->sf, path, &fd);
	return err ? err : fd;
}

void service_open_pressure(struct service *service, int *system_fd, int *cgroup_fd)
{
	char text[8192], path[4200];
	ssize_t len = -1;
	int fd;

	*system_fd = service_open(service, "/proc/pressure/memory", O_RDWR | O_NONBLOCK);
	*cgroup_fd = -1;
	fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	if (psi_cgroup_path(text, path, sizeof(path)))
		*cgroup_fd = service_open(service, path, O_RDWR | O_NONBLOCK);
	if (*system_fd < 0)
		*system_fd = -1;
	if (*cgroup_fd < 0)
		*cgroup_fd = -1;
}

bool service_seal(struct service *service)
{
	int err = fuse_service_finish_file_requests(service->sf);

	if (err)
		log_err("cannot close the way for descriptors: %s", strerror(-err));
	return !err;
}

#ifdef HAVE_LIBFUSE_SERVICE

struct fuse_session *service_session_new(struct service *service __attribute__((unused)),
					 struct fuse_args *args, struct server *srv)
{
	return fuse_session_new(args, &server_ops, sizeof(server_ops), srv);
}

bool service_want_blkdev(struct service *service __attribute__((unused)),
			 unsigned int block_size __attribute__((unused)))
{
	return false;
}

static bool serve_early(struct service *service __attribute__((unused)),
			struct server *srv __attribute__((unused)))
{
	return true;
}

#else

struct fuse_session *service_session_new(struct service *service, struct fuse_args *args,
					 struct server *srv)
{
	return fuse_service_session_new(service->sf, args, &server_ops, sizeof(server_ops), srv);
}

bool service_want_blkdev(struct service *service, unsigned int block_size)
{
	return fuse_service_want_blkdev(service->sf, block_size);
}

/* False only when a kernel that would wait for us finds no thread that answers. */
static bool serve_early(struct service *service, struct server *srv)
{
	bool waits = fuse_service_mount_waits(service->sf);
	int err = fuse_service_adopt(service->sf, srv->se);

	if (err) {
		log_err("libfuse does not take the FUSE device: %s", strerror(-err));
		return false;
	}
	if (!waits)
		return true;
	if (!rawmsg_install(srv) && session_start(srv))
		return true;
	log_err("cannot serve: %s", strerror(errno));
	return false;
}

#endif

bool service_mount(struct service *service, struct server *srv)
{
	struct fuse_cmdline_opts opts = { .mountpoint = srv->opt->mountpoint };
	int err;

	if (!serve_early(service, srv))
		return false;
	err = fuse_service_session_mount(service->sf, srv->se, S_IFDIR, &opts);
	if (!err && !session_started(srv) && rawmsg_install(srv))
		err = -EIO;
	if (err) {
		session_stop(srv);
		log_err("cannot mount on %s: %s", srv->opt->mountpoint, strerror(-err));
		return false;
	}
	close_terminal(service);
	fuse_service_send_goodbye(service->sf, 0);
	fuse_service_release(service->sf);
	return true;
}

int service_end(struct service *service, int status)
{
	abandon(service);
	return fuse_service_exit(status);
}
