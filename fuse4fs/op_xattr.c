/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes.  Who may read and write which is checked by the kernel.
 */
#include <errno.h>
#include "caller.h"
#include "rawmsg.h"
#include "server.h"

int set_xattr(struct server *srv, fuse_ino_t node, const char *name, const char *value, size_t size, int flags)
{
	struct ext4_inode *inode;
	int err = node_get(srv, node, &inode), attempt = 0;

	if (err)
		return err;
	do {
		err = ext4_setxattr(inode, name, value, size, flags);
	} while (enospc_retry(srv, err, &attempt));
	ext4_iput(inode);
	return err;
}

void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value,
		 size_t size, int flags)
{
	reply_status(req, set_xattr(req_server(req), node, name, value, size, flags | rawmsg_xattr_flags()));
}

void op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name)
{
	struct ext4_inode *inode = node_get_or_fail(req, node);
	int err;

	if (!inode)
		return;
	err = ext4_removexattr(inode, name);
	ext4_iput(inode);
	reply_status(req, err);
}

/* @size 0 asks for the length only. */
static void reply_value(fuse_req_t req, const char *buf, size_t size, ssize_t len)
{
	if (len < 0)
		reply_status(req, len);
	else if (size)
		fuse_reply_buf(req, buf, len);
	else
		fuse_reply_xattr(req, len);
}

/* The node and, when the caller asks for more than a length, room for the value; NULL: @req was answered. */
static struct ext4_inode *node_and_room(fuse_req_t req, fuse_ino_t node, size_t size, char **buf)
{
	*buf = size ? thread_buffer(size) : NULL;
	if (size && !*buf) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	return node_get_or_fail(req, node);
}

void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	char *buf;
	struct ext4_inode *inode = node_and_room(req, node, size, &buf);
	ssize_t len;

	if (!inode)
		return;
	len = ext4_getxattr(inode, name, buf, size);
	ext4_iput(inode);
	reply_value(req, buf, size, len);
}

/* Only when there is something to see is it worth finding out. */
static bool sees_trusted(fuse_req_t req, struct ext4_inode *inode)
{
	return ext4_listxattr(inode, NULL, 0, true) != ext4_listxattr(inode, NULL, 0, false) &&
	       req_may(req, CALLER_ADMIN);
}

void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	char *buf;
	struct ext4_inode *inode = node_and_room(req, node, size, &buf);
	ssize_t len;

	if (!inode)
		return;
	len = ext4_listxattr(inode, buf, size, sees_trusted(req, inode));
	ext4_iput(inode);
	reply_value(req, buf, size, len);
}
