/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's end of the mount service, for a libfuse that has none (before
 * 3.19): the same functions with the same meaning, on libfuse's public
 * interface.  The process was started with a connected socket; at the other end is a
 * helper with the user's rights, which opens files for us and makes one mount.
 *
 * Nothing here locks: one thread at a time.  Where nothing else is said,
 * functions return 0 or a negative errno.
 */
#ifndef FUSE_SERVICE_H
#define FUSE_SERVICE_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 312
#endif
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/types.h>

struct fuse_service;

/*
 * Were we started as a service?  If so, greet the helper and take the arguments and
 * the FUSE device.  *@sfp is NULL, and 0 returned, when we were not.  A helper that does not greet within
 * ten seconds is given up (-ETIMEDOUT), and later one for which we have waited two minutes in all; less,
 * if FUSE_SERVICE_TIMEOUT in the environment says so.
 */
int fuse_service_accept(struct fuse_service **sfp);
static inline bool fuse_service_accepted(const struct fuse_service *sf)
{
	return sf;
}
/* Will the helper accept allow_other? */
bool fuse_service_can_allow_other(const struct fuse_service *sf);

/* Replace @args' first word by the file system's type, and append the user's words. */
int fuse_service_append_args(struct fuse_service *sf, struct fuse_args *args);
/* A command line that says the same as ours, to be freed by the caller; NULL when memory is short. */
char *fuse_service_cmdline(int argc, const char *const *argv, const struct fuse_args *args);
/* As fuse_parse_cmdline(), but the mount point stays as it was typed. */
int fuse_service_parse_cmdline_opts(struct fuse_args *args, struct fuse_cmdline_opts *opts);

#define FUSE_SERVICE_REQUEST_FILE_QUIET	(1U << 0)
/*
 * Have @path opened.  The answer comes with fuse_service_receive_file(); several can be asked for
 * before the first answer is taken, and come in the same order.
 */
int fuse_service_request_file(struct fuse_service *sf, const char *path, int open_flags,
			      mode_t create_mode, unsigned int request_flags);
/* The same for a block device only, whose block size is set when @block_size (bytes) is not 0. */
int fuse_service_request_blockdev(struct fuse_service *sf, const char *path, int open_flags,
				  mode_t create_mode, unsigned int request_flags,
				  unsigned int block_size);
/* *@fdp: the descriptor, which is the caller's, or a negative errno. */
int fuse_service_receive_file(struct fuse_service *sf, const char *path, int *fdp);
/* From now on nobody can give us descriptors. */
int fuse_service_finish_file_requests(struct fuse_service *sf);

/*
 * As fuse_session_new().  The mount options among @args, which libfuse would keep to itself,
 * are noted in @sf.  (Only here: libfuse's own service looks into the session.)
 */
struct fuse_session *fuse_service_session_new(struct fuse_service *sf, struct fuse_args *args,
					      const struct fuse_lowlevel_ops *op, size_t op_size,
					      void *userdata);
/*
 * Ask for a fuseblk mount of the device that fsname= names, with blocks of @block_size bytes.  False when the helper does not
 * make such mounts, or the kernel's mount does not wait for INIT's answer: then nobody would claim the device
 * before it is written to.  After fuse_service_session_new(), before fuse_service_adopt().  (Only here.)
 */
bool fuse_service_want_blkdev(struct fuse_service *sf, unsigned int block_size);
/*
 * Have the mount wait until INIT is answered: true when the kernel does that; there must then be a thread that answers.
 * Before fuse_service_adopt().  (Only here.)
 */
bool fuse_service_mount_waits(struct fuse_service *sf);
/* Have @se serve the FUSE device, before the mount.  (Only here.) */
int fuse_service_adopt(struct fuse_service *sf, struct fuse_session *se);
/*
 * Have the file system mounted on opts->mountpoint, which must be a word of the command line.
 * @expected_fmt is S_IFDIR, S_IFREG or 0.
 */
int fuse_service_session_mount(struct fuse_service *sf, struct fuse_session *se,
			       mode_t expected_fmt, struct fuse_cmdline_opts *opts);
/* The conversation is over; @exitcode, 0 or 1, becomes the helper's exit status.  Again: nothing. */
int fuse_service_send_goodbye(struct fuse_service *sf, int exitcode);
/* Give up what is left of the conversation, without a goodbye. */
void fuse_service_release(struct fuse_service *sf);
void fuse_service_destroy(struct fuse_service **sfp);
/*
 * The exit status for @ret, 0 or 1, after a pause of two seconds in which the system log can
 * still find out which unit the last lines came from.
 */
int fuse_service_exit(int ret);

#endif /* FUSE_SERVICE_H */
