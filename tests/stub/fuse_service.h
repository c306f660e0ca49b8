/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libfuse 3.19 offers to a mount service's server, as far as this project uses it: declarations to
 * compile against where no such libfuse is.  There is nothing to link or to run here.
 */
#ifndef FUSE_SERVICE_H
#define FUSE_SERVICE_H

#ifndef FUSE_USE_VERSION
#error FUSE_USE_VERSION is not defined
#endif
#include <fuse_common.h>

/* As there: whoever asks for an older interface gets none of it. */
#if FUSE_USE_VERSION >= FUSE_MAKE_VERSION(3, 19)

struct fuse_service;
struct fuse_cmdline_opts;

#define FUSE_SERVICE_REQUEST_FILE_QUIET	(1U << 0)

int fuse_service_accept(struct fuse_service **sfp);
bool fuse_service_can_allow_other(struct fuse_service *sf);
int fuse_service_append_args(struct fuse_service *sf, struct fuse_args *args);
char *fuse_service_cmdline(int argc, const char *const *argv, struct fuse_args *args);
int fuse_service_request_file(struct fuse_service *sf, const char *path, int open_flags,
			      mode_t create_mode, unsigned int request_flags);
int fuse_service_receive_file(struct fuse_service *sf, const char *path, int *fdp);
int fuse_service_finish_file_requests(struct fuse_service *sf);
int fuse_service_session_mount(struct fuse_service *sf, struct fuse_session *se,
			       mode_t expected_fmt, struct fuse_cmdline_opts *opts);
int fuse_service_send_goodbye(struct fuse_service *sf, int exitcode);
void fuse_service_release(struct fuse_service *sf);
void fuse_service_destroy(struct fuse_service **sfp);
int fuse_service_exit(int ret);

#endif

#endif /* FUSE_SERVICE_H */
