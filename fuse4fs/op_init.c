/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INIT: what we and the kernel agree on.  The rule behind all of it: the kernel
 * answers from its caches whatever it can.  DESTROY: the end of a fuseblk mount, for which umount(2) waits.
 */
#include "server.h"

static void want(struct fuse_conn_info *conn, unsigned int capability)
{
	conn->want |= conn->capable & capability;
}

static void do_not_want(struct fuse_conn_info *conn, unsigned int capability)
{
	conn->want &= ~capability;
}

void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct server *srv = userdata;

	want(conn, FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_ATOMIC_O_TRUNC);
	want(conn, FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_IOCTL_DIR);
	/* Default ACLs override the umask, so the engine applies it. */
	want(conn, FUSE_CAP_DONT_MASK);
	want(conn, FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
	want(conn, FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_CACHE_SYMLINKS);
	want(conn, FUSE_CAP_PARALLEL_DIROPS);
#ifdef FUSE_CAP_SETXATTR_EXT
	want(conn, FUSE_CAP_SETXATTR_EXT);
#endif
	/* The data changes only through this mount: nothing to revalidate. */
	do_not_want(conn, FUSE_CAP_AUTO_INVAL_DATA);
	want(conn, FUSE_CAP_EXPLICIT_INVAL_DATA);
	/* Locks between processes of one machine are the kernel's own affair. */
	do_not_want(conn, FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS);
	/* Requests are read into memory that is laid out for the engine. */
	do_not_want(conn, FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	/* Enforcing ACLs makes the kernel check permissions, which fakeroot must not have. */
	if (srv->opt->mount.acl != EXT4_OFF && !srv->opt->fakeroot)
		want(conn, FUSE_CAP_POSIX_ACL);
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
	conn->time_gran = ext4_time_granularity(srv->fs);
	srv->protocol_minor = conn->proto_minor;
	srv->capabilities = conn->want;
}

/* libfuse also calls it for a session that ends without a DESTROY. */
void op_destroy(void *userdata)
{
	struct server *srv = userdata;

	if (srv->at_destroy)
		srv->at_destroy(srv);
}
