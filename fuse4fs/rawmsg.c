/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libfuse does not pass on, or only its later versions do: whether the kernel leaves clearing set-id bits
 * to us; STATX, TMPFILE and SYNCFS, which are answered here, so that it is the same with every libfuse;
 * SETXATTR in its longer form; and promises in the INIT reply.
 *
 * The promises: PARALLEL_DIROPS, which libfuse 3.14 has a name for and never sends;
 * HANDLE_KILLPRIV_V2, with which the kernel need not ask for security.capability before each write;
 * SETXATTR_EXT, which tells that an ACL costs the file its setgid bit; DIRECT_IO_ALLOW_MMAP, for files that are
 * opened past the cache when the disk is nearly full.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>
#include "rawmsg.h"

/* Protocol numbers that this system's linux/fuse.h may be too old for. */
#define OP_SYNCFS	50
#define OP_TMPFILE	51
#define OP_STATX	52
#define SETATTR_KILL_SUIDGID	(1 << 11)
#define XATTR_ACL_KILL_SGID	1U
/* The upper half of INIT's flags. */
#define INIT2_DIRECT_IO_ALLOW_MMAP	(1U << 4)
#define INIT2_ALLOW_IDMAP		(1U << 8)

/* With FUSE_SETXATTR_EXT, which libfuse 3.14 does not know. */
struct setxattr_in {
	uint32_t	size, flags, setxattr_flags, padding;
};

struct statx_in {
	uint32_t	getattr_flags, reserved;
	uint64_t	fh;
	uint32_t	sx_flags, sx_mask;
};

struct sx_time {
	int64_t		tv_sec;
	uint32_t	tv_nsec;
	int32_t		reserved;
};

struct statx_attr {
	uint32_t	mask, blksize;
	uint64_t	attributes;
	uint32_t	nlink, uid, gid;
	uint16_t	mode, spare0;
	uint64_t	ino, size, blocks, attributes_mask;
	struct sx_time	atime, btime, ctime, mtime;
	uint32_t	rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t	spare[14];
};

struct statx_out {
	uint64_t	attr_valid;
	uint32_t	attr_valid_nsec, flags;
	uint64_t	spare[2];
	struct statx_attr stat;
};

static _Thread_local struct {
	const struct fuse_in_header *header;
	size_t			size;
} current;

/* The fixed part of the message, or NULL when it is not that long. */
static const void *argument(size_t size)
{
	if (!current.header || current.size < sizeof(*current.header) + size)
		return NULL;
	return current.header + 1;
}

bool rawmsg_kill_suidgid(void)
{
	const struct fuse_setattr_in *setattr;
	const struct fuse_write_in *write;
	const struct fuse_open_in *open;

	if (!current.header)
		return false;
	switch (current.header->opcode) {
	case FUSE_WRITE:
		write = argument(sizeof(*write));
		return write && write->write_flags & FUSE_WRITE_KILL_SUIDGID;
	case FUSE_SETATTR:
		setattr = argument(sizeof(*setattr));
		return setattr && setattr->valid & SETATTR_KILL_SUIDGID;
	case FUSE_OPEN:
		open = argument(sizeof(*open));
		return open && open->open_flags & FUSE_OPEN_KILL_SUIDGID;
	default:
		return false;
	}
}

bool rawmsg_read_is_direct(void)
{
	const struct fuse_read_in *in;

	if (!current.header || current.header->opcode != FUSE_READ)
		return false;
	in = argument(sizeof(*in));
	return in && in->read_flags & FUSE_READ_LOCKOWNER;
}

int rawmsg_xattr_flags(void)
{
	const struct setxattr_in *in;

	if (!current.header || current.header->opcode != FUSE_SETXATTR)
		return 0;
	in = argument(sizeof(*in));
	return in && in->setxattr_flags & XATTR_ACL_KILL_SGID ? EXT4_XATTR_KILL_SGID : 0;
}

/* Agreed on by INIT, before anything else comes. */
static bool setxattr_is_long;

static int send_reply(struct server *srv, int err, const struct iovec *data, int count)
{
	struct fuse_out_header header = {
		.len = sizeof(header),
		.error = err,
		.unique = current.header->unique,
	};
	struct iovec iov[3] = { { &header, sizeof(header) } };

	for (int i = 0; i < count; i++) {
		iov[i + 1] = data[i];
		header.len += data[i].iov_len;
	}
	return writev(fuse_session_fd(srv->se), iov, count + 1) < 0 ? -errno : 0;
}

static struct sx_time to_sx_time(struct timespec t)
{
	return (struct sx_time) { .tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec };
}

static double fill_statx(struct server *srv, struct ext4_inode *inode, struct statx_attr *sx)
{
	struct ext4_stat all;
	struct stat st;
	double timeout = visible_attr(srv, inode, &st);

	ext4_getattr(inode, &all);
	sx->mask = STATX_BASIC_STATS;
	sx->blksize = st.st_blksize;
	sx->nlink = st.st_nlink;
	sx->uid = st.st_uid;
	sx->gid = st.st_gid;
	sx->mode = st.st_mode;
	sx->ino = st.st_ino;
	sx->size = st.st_size;
	sx->blocks = st.st_blocks;
	sx->atime = to_sx_time(st.st_atim);
	sx->mtime = to_sx_time(st.st_mtim);
	sx->ctime = to_sx_time(st.st_ctim);
	if (all.has_btime) {
		sx->mask |= STATX_BTIME;
		sx->btime = to_sx_time(all.btime);
	}
	sx->rdev_major = major(st.st_rdev);
	sx->rdev_minor = minor(st.st_rdev);
	return timeout;
}

static void answer_statx(struct server *srv)
{
	struct statx_out out = { 0 };
	struct iovec iov = { &out, sizeof(out) };
	struct ext4_inode *inode;
	int err = node_get(srv, current.header->nodeid, &inode);

	if (err) {
		send_reply(srv, err, NULL, 0);
		return;
	}
	out.attr_valid = fill_statx(srv, inode, &out.stat);
	ext4_iput(inode);
	send_reply(srv, 0, &iov, 1);
}

static void fill_attr(const struct stat *st, struct fuse_attr *attr)
{
	attr->ino = st->st_ino;
	attr->size = st->st_size;
	attr->blocks = st->st_blocks;
	attr->atime = st->st_atim.tv_sec;
	attr->atimensec = st->st_atim.tv_nsec;
	attr->mtime = st->st_mtim.tv_sec;
	attr->mtimensec = st->st_mtim.tv_nsec;
	attr->ctime = st->st_ctim.tv_sec;
	attr->ctimensec = st->st_ctim.tv_nsec;
	attr->mode = st->st_mode;
	attr->nlink = st->st_nlink;
	attr->uid = st->st_uid;
	attr->gid = st->st_gid;
	attr->rdev = st->st_rdev;
	attr->blksize = st->st_blksize;
}

static int send_created(struct server *srv, struct ext4_inode *inode, int flags)
{
	struct fuse_entry_param entry;
	struct fuse_entry_out out = { .entry_valid = CACHE_FOREVER };
	struct fuse_open_out open = { .open_flags = FOPEN_KEEP_CACHE };
	struct fuse_file_info fi = { .flags = flags };
	struct iovec iov[2] = { { &out, sizeof(out) }, { &open, sizeof(open) } };
	int err;

	err = open_new(srv, inode, &fi);
	if (err)
		return send_reply(srv, err, NULL, 0);
	fill_entry(srv, inode, &entry);
	out.attr_valid = entry.attr_timeout;
	out.nodeid = entry.ino;
	out.generation = entry.generation;
	fill_attr(&entry.attr, &out.attr);
	open.fh = fi.fh;
	if (fi.direct_io)
		open.open_flags |= FOPEN_DIRECT_IO;
	err = send_reply(srv, 0, iov, 2);
	if (err) {
		take_back(srv, inode);
		open_undo(srv, &fi);
	}
	return err;
}

static void answer_tmpfile(struct server *srv)
{
	const struct fuse_create_in *in = argument(sizeof(*in));
	struct ext4_inode *dir, *inode;
	struct ext4_cred cred = cred_of(srv, current.header->uid, current.header->gid, current.header->pid);
	int err = node_get(srv, current.header->nodeid, &dir), attempt = 0;

	if (!err && !in)
		err = -EINVAL;
	else if (!err)
		do {
			err = ext4_tmpfile(dir, (in->mode & ~S_IFMT) | S_IFREG, in->umask, &cred, &inode);
		} while (enospc_retry(srv, err, &attempt));
	if (dir)
		ext4_iput(dir);
	if (err) {
		send_reply(srv, err, NULL, 0);
		return;
	}
	send_created(srv, inode, in->flags);
	ext4_iput(inode);
}

/* The name, its NUL and the value follow. */
static int set_xattr_of_message(struct server *srv)
{
	const struct setxattr_in *in = argument(sizeof(*in));
	size_t room = current.size - sizeof(*current.header) - sizeof(*in), len;
	const char *name = (const char *)(in + 1);

	if (!in)
		return -EINVAL;
	len = strnlen(name, room);
	if (len == room || room - len - 1 < in->size)
		return -EINVAL;
	return set_xattr(srv, current.header->nodeid, name, name + len + 1, in->size,
			 (int)in->flags | rawmsg_xattr_flags());
}

static bool answer(struct server *srv)
{
	switch (current.header->opcode) {
	case FUSE_SETXATTR:
		if (!setxattr_is_long)
			return false;
		send_reply(srv, set_xattr_of_message(srv), NULL, 0);
		return true;
	case OP_STATX:
		answer_statx(srv);
		return true;
	case OP_TMPFILE:
		answer_tmpfile(srv);
		return true;
	case OP_SYNCFS:
		send_reply(srv, ext4_syncfs(srv->fs), NULL, 0);
		return true;
	default:
		return false;
	}
}

/* It takes permission checks by the kernel. */
static bool may_be_idmapped(const struct server *srv)
{
	const struct options *opt = srv->opt;

	if (opt->fakeroot || opt->idmap == IDMAP_REFUSED)
		return false;
	return opt->idmap == IDMAP_ALLOWED || (!srv->service && !opt->trust_root);
}

/* What the kernel offers and libfuse does not take. */
static void add_promises(struct server *srv, struct fuse_init_out *out, size_t out_size)
{
	const struct fuse_init_in *in = argument(offsetof(struct fuse_init_in, flags2));

	if (!in || out_size < offsetof(struct fuse_init_out, max_background))
		return;
	out->flags |= in->flags & (FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT);
	setxattr_is_long = in->flags & FUSE_SETXATTR_EXT;
	if (!(in->flags & FUSE_INIT_EXT) || !argument(sizeof(*in)) || out_size < sizeof(*out))
		return;
	out->flags |= FUSE_INIT_EXT;
	out->flags2 |= in->flags2 & INIT2_DIRECT_IO_ALLOW_MMAP;
	if (may_be_idmapped(srv))
		out->flags2 |= in->flags2 & INIT2_ALLOW_IDMAP;
}

/* Replies of libfuse come through here; that to INIT gets our promises. */
static ssize_t send_through(int fd, struct iovec *iov, int count, void *userdata)
{
	if (current.header && current.header->opcode == FUSE_INIT && count == 2)
		add_promises(userdata, iov[1].iov_base, iov[1].iov_len);
	return writev(fd, iov, count);
}

static ssize_t receive_through(int fd, void *buf, size_t size,
			       void *userdata __attribute__((unused)))
{
	return read(fd, buf, size);
}

int rawmsg_install(struct server *srv)
{
	static const struct fuse_custom_io io = { .writev = send_through, .read = receive_through };

	return fuse_session_custom_io(srv->se, &io, fuse_session_fd(srv->se));
}

bool rawmsg_begin(struct server *srv, const void *message, size_t size)
{
	if (size < sizeof(*current.header))
		return false;
	current.header = message;
	current.size = size;
	return answer(srv);
}

void rawmsg_end(void)
{
	current.header = NULL;
}
