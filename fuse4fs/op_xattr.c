/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes.  Who may read and write which is checked by the kernel.
 */
#include <errno.h>
#include "server.h"

void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value,
		 size_t size, int flags)
{
	struct ext4_inode *inode = node_get_or_fail(req, node);
	int err, attempt = 0;

	if (!inode)
		return;
	do {
		err = ext4_setxattr(inode, name, value, size, flags);
	} while (enospc_retry(req_server(req), err, &attempt));
	ext4_iput(inode);
	reply_status(req, err);
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

void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct ext4_inode *inode;
	char *buf = size ? thread_buffer(size) : NULL;
	ssize_t len;

	if (size && !buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	inode = node_get_or_fail(req, node);
	if (!inode)
		return;
	len = ext4_getxattr(inode, name, buf, size);
	ext4_iput(inode);
	reply_value(req, buf, size, len);
}

void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	struct ext4_inode *inode;
	char *buf = size ? thread_buffer(size) : NULL;
	ssize_t len;

	if (size && !buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	inode = node_get_or_fail(req, node);
	if (!inode)
		return;
	len = ext4_listxattr(inode, buf, size, req_privileged(req));
	ext4_iput(inode);
	reply_value(req, buf, size, len);
}
