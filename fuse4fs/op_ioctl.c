/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ioctl(2): file flags, project ids, versions, label, trim, checkpoint and shutdown.  The
 * kernel has copied the arguments by the size that is encoded in the command, so the
 * 32-bit spellings of a command differ from the others in size only and are told apart by nothing.
 */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include "caller.h"
#include "notify.h"
#include "server.h"

struct ioctl_call {
	fuse_req_t		req;
	struct server		*srv;
	struct ext4_inode	*inode;
	struct open_file	*file;		/* NULL: a directory */
	const void		*in;
	size_t			in_size, out_size;
};

static bool is_owner(const struct ioctl_call *call)
{
	struct stat st;

	visible_attr(call->srv, call->inode, &st);
	return req_uid(call->req) == st.st_uid || req_may(call->req, CALLER_FOWNER);
}

/*
 * Reply with a value, and not a byte more, whatever size the command declares: FS_IOC_GETFLAGS and GETVERSION say long,
 * and everybody passes an int.
 */
static void reply_data(const struct ioctl_call *call, const void *data, size_t size)
{
	if (call->out_size < size)
		fuse_reply_err(call->req, EINVAL);
	else
		fuse_reply_ioctl(call->req, 0, data, size);
}

static bool take_data(const struct ioctl_call *call, void *data, size_t size)
{
	if (call->in_size < size)
		return false;
	memcpy(data, call->in, size);
	return true;
}

static void finish(const struct ioctl_call *call, int err)
{
	if (err)
		reply_status(call->req, err);
	else
		fuse_reply_ioctl(call->req, 0, NULL, 0);
}

/* The inode's change time is another one now, and what may be written. */
static void finish_change(const struct ioctl_call *call, int err)
{
	uint32_t ino = ext4_ino(call->inode);

	if (!err) {
		notify_attr(call->srv, ino);
		if (call->file)
			notify_stale(call->srv, ino, call->file);
	}
	finish(call, err);
}

static void get_flags(const struct ioctl_call *call)
{
	uint32_t flags = ext4_get_flags(call->inode);

	reply_data(call, &flags, sizeof(flags));
}

/*
 * The kernel asks for these two in its own name, and has looked at the caller before (since Linux 5.13, FUSE 7.34): for
 * the owner and CAP_LINUX_IMMUTABLE.
 */
static bool kernel_has_checked(const struct ioctl_call *call)
{
	return call->srv->protocol_minor >= 34;
}

static bool may_set_flags(const struct ioctl_call *call, uint32_t changed)
{
	if (changed & FS_JOURNAL_DATA_FL && !req_may(call->req, CALLER_RESOURCE))
		return false;
	if (kernel_has_checked(call))
		return true;
	return is_owner(call) && (!(changed & (FS_IMMUTABLE_FL | FS_APPEND_FL)) ||
				  req_may(call->req, CALLER_IMMUTABLE));
}

static void set_flags(const struct ioctl_call *call)
{
	const struct ext4_cred checked = { .privileged = true };
	uint32_t flags;

	if (!take_data(call, &flags, sizeof(flags)))
		finish(call, -EINVAL);
	else if (!may_set_flags(call, flags ^ ext4_get_flags(call->inode)))
		finish(call, -EPERM);
	else
		finish_change(call, ext4_set_flags(call->inode, flags, &checked));
}

static void get_fsxattr(const struct ioctl_call *call)
{
	struct ext4_fsxattr fa = { 0 };
	struct fsxattr out = { 0 };
	int err = ext4_get_fsxattr(call->inode, &fa);

	if (err) {
		finish(call, err);
		return;
	}
	out.fsx_xflags = fa.xflags;
	out.fsx_extsize = fa.extsize;
	out.fsx_nextents = fa.nextents;
	out.fsx_projid = fa.projid;
	out.fsx_cowextsize = fa.cowextsize;
	reply_data(call, &out, sizeof(out));
}

static void set_fsxattr(const struct ioctl_call *call)
{
	struct ext4_cred cred = { .uid = fuse_req_ctx(call->req)->uid };
	struct ext4_fsxattr fa;
	struct fsxattr in;

	if (!take_data(call, &in, sizeof(in))) {
		finish(call, -EINVAL);
		return;
	}
	cred.privileged = kernel_has_checked(call) || req_may(call->req, CALLER_IMMUTABLE);
	if (!kernel_has_checked(call) && !is_owner(call)) {
		finish(call, -EPERM);
		return;
	}
	fa = (struct ext4_fsxattr) {
		.xflags = in.fsx_xflags,
		.extsize = in.fsx_extsize,
		.nextents = in.fsx_nextents,
		.projid = in.fsx_projid,
		.cowextsize = in.fsx_cowextsize,
	};
	finish_change(call, ext4_set_fsxattr(call->inode, &fa, &cred));
}

static void get_version(const struct ioctl_call *call)
{
	uint32_t version = ext4_get_version(call->inode);

	reply_data(call, &version, sizeof(version));
}

static void set_version(const struct ioctl_call *call)
{
	uint32_t version;

	if (!take_data(call, &version, sizeof(version)))
		finish(call, -EINVAL);
	else if (!is_owner(call))
		finish(call, -EPERM);
	else
		finish_change(call, ext4_set_version(call->inode, version));
}

static void get_label(const struct ioctl_call *call)
{
	char label[17] = { 0 };
	int err = ext4_get_label(call->srv->fs, label);

	if (err)
		finish(call, err);
	else
		reply_data(call, label, sizeof(label));
}

static void set_label(const struct ioctl_call *call)
{
	char label[FSLABEL_MAX + 1] = { 0 };

	if (!take_data(call, label, FSLABEL_MAX))
		finish(call, -EINVAL);
	else if (!req_may(call->req, CALLER_ADMIN))
		finish(call, -EPERM);
	else
		finish(call, ext4_set_label(call->srv->fs, label));
}

static void trim(const struct ioctl_call *call)
{
	struct fstrim_range range;
	uint64_t trimmed = 0;
	int err;

	if (!take_data(call, &range, sizeof(range))) {
		finish(call, -EINVAL);
		return;
	}
	if (!req_may(call->req, CALLER_ADMIN)) {
		finish(call, -EPERM);
		return;
	}
	err = ext4_trim(call->srv->fs, range.start, range.len, range.minlen, &trimmed);
	if (err) {
		finish(call, err);
		return;
	}
	range.len = trimmed;
	reply_data(call, &range, sizeof(range));
}

/* The argument is declared as one that we fill, so it never reaches us: always "flush the log". */
static void shut_down(const struct ioctl_call *call)
{
	uint32_t flags = 1;
	int err;

	if (!req_may(call->req, CALLER_ADMIN)) {
		finish(call, -EPERM);
		return;
	}
	err = ext4_shutdown(call->srv->fs);
	if (err)
		finish(call, err);
	else
		reply_data(call, &flags, sizeof(flags));
}

/* Clearing the log as well is left to who has the device for himself. */
static void checkpoint(const struct ioctl_call *call)
{
	enum { DISCARD = 1, ZEROOUT = 2, DRY_RUN = 4 };
	uint32_t flags;

	if (!take_data(call, &flags, sizeof(flags)))
		finish(call, -EINVAL);
	else if (!req_may(call->req, CALLER_ADMIN))
		finish(call, -EPERM);
	else if (flags & ~(DISCARD | ZEROOUT | DRY_RUN) || (flags & DISCARD && flags & ZEROOUT))
		finish(call, -EINVAL);
	else if (flags & (DISCARD | ZEROOUT))
		finish(call, -EOPNOTSUPP);
	else
		finish(call, ext4_checkpoint(call->srv->fs, flags & DRY_RUN));
}

static void get_tune(const struct ioctl_call *call)
{
	char data[TUNE_PARAMS_SIZE];

	tune_get(call->srv, data);
	reply_data(call, data, sizeof(data));
}

static void set_tune(const struct ioctl_call *call)
{
	char data[TUNE_PARAMS_SIZE];

	if (!take_data(call, data, sizeof(data)))
		finish(call, -EINVAL);
	else if (!req_may(call->req, CALLER_ADMIN))
		finish(call, -EPERM);
	else
		finish(call, tune_set(call->srv, data));
}

static void precache(const struct ioctl_call *call)
{
	finish(call, ext4_precache(call->inode));
}

/* What the kernel forgets then has no counterpart here: blocks of the tree are in the cache that everything shares. */
static void clear_extent_cache(const struct ioctl_call *call)
{
	finish(call, is_owner(call) ? 0 : -EACCES);
}

/* Known, and not possible here: the man page tells why. */
static void not_here(const struct ioctl_call *call)
{
	finish(call, -EOPNOTSUPP);
}

#define IOCTL_KEY(type, nr)	((type) << 8 | (nr))

static const struct {
	unsigned int key;
	void (*run)(const struct ioctl_call *call);
} commands[] = {
	{ IOCTL_KEY('f', 1), get_flags },
	{ IOCTL_KEY('f', 2), set_flags },
	{ IOCTL_KEY('f', 3), get_version },	/* ext4's own numbers ... */
	{ IOCTL_KEY('f', 4), set_version },
	{ IOCTL_KEY('f', 7), not_here },	/* GROUP_EXTEND, GROUP_ADD, MIGRATE, MOVE_EXT, RESIZE_FS, SWAP_BOOT */
	{ IOCTL_KEY('f', 8), not_here },
	{ IOCTL_KEY('f', 9), not_here },
	{ IOCTL_KEY('f', 15), not_here },
	{ IOCTL_KEY('f', 16), not_here },
	{ IOCTL_KEY('f', 17), not_here },
	{ IOCTL_KEY('f', 18), precache },
	{ IOCTL_KEY('f', 40), clear_extent_cache },
	{ IOCTL_KEY('f', 43), checkpoint },
	{ IOCTL_KEY('f', 45), get_tune },
	{ IOCTL_KEY('f', 46), set_tune },
	{ IOCTL_KEY('v', 1), get_version },	/* ... and everybody's */
	{ IOCTL_KEY('v', 2), set_version },
	{ IOCTL_KEY('X', 31), get_fsxattr },
	{ IOCTL_KEY('X', 32), set_fsxattr },
	{ IOCTL_KEY('X', 121), trim },
	{ IOCTL_KEY('X', 125), shut_down },
	{ IOCTL_KEY(0x94, 49), get_label },
	{ IOCTL_KEY(0x94, 50), set_label },
};

void op_ioctl(fuse_req_t req, fuse_ino_t node, unsigned int cmd, void *arg __attribute__((unused)),
	      struct fuse_file_info *fi,
	      unsigned int flags __attribute__((unused)), const void *in_buf, size_t in_size,
	      size_t out_size)
{
	struct ioctl_call call = {
		.req = req,
		.srv = req_server(req),
		.in = in_buf,
		.in_size = in_size,
		.out_size = out_size,
		.file = file_of(fi),
	};
	unsigned int key = IOCTL_KEY(_IOC_TYPE(cmd), _IOC_NR(cmd));

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].key != key)
			continue;
		call.inode = node_get_or_fail(req, node);
		if (!call.inode)
			return;
		commands[i].run(&call);
		ext4_iput(call.inode);
		return;
	}
	fuse_reply_err(req, ENOTTY);
}
