/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations that make, remove and move names.  Creating and opening a file in
 * one step is in op_open.c.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "server.h"

static_assert(EXT4_RENAME_NOREPLACE == RENAME_NOREPLACE &&
	      EXT4_RENAME_EXCHANGE == RENAME_EXCHANGE &&
	      EXT4_RENAME_WHITEOUT == RENAME_WHITEOUT, "rename flags are passed on as they are");

static void reply_new(fuse_req_t req, int err, struct ext4_inode *inode)
{
	if (err)
		reply_status(req, err);
	else
		reply_entry(req, inode);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct ext4_inode *dir = node_get_or_fail(req, parent), *inode = NULL;
	struct ext4_cred cred = req_cred(req);
	int err, attempt = 0;

	if (!dir)
		return;
	do {
		err = ext4_create(dir, name, strlen(name), mode, fuse_req_ctx(req)->umask, rdev,
				  &cred, &inode);
	} while (enospc_retry(req_server(req), err, &attempt));
	ext4_iput(dir);
	reply_new(req, err, inode);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct ext4_inode *dir = node_get_or_fail(req, parent), *inode = NULL;
	struct ext4_cred cred = req_cred(req);
	int err, attempt = 0;

	if (!dir)
		return;
	do {
		err = ext4_mkdir(dir, name, strlen(name), mode, fuse_req_ctx(req)->umask, &cred,
				 &inode);
	} while (enospc_retry(req_server(req), err, &attempt));
	ext4_iput(dir);
	reply_new(req, err, inode);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct ext4_inode *dir = node_get_or_fail(req, parent), *inode = NULL;
	struct ext4_cred cred = req_cred(req);
	int err, attempt = 0;

	if (!dir)
		return;
	do {
		err = ext4_symlink(dir, name, strlen(name), target, &cred, &inode);
	} while (enospc_retry(req_server(req), err, &attempt));
	ext4_iput(dir);
	reply_new(req, err, inode);
}

void op_readlink(fuse_req_t req, fuse_ino_t node)
{
	struct ext4_inode *inode = node_get_or_fail(req, node);
	char target[PATH_MAX + 1];
	ssize_t len;

	if (!inode)
		return;
	len = ext4_readlink(inode, target, sizeof(target));
	ext4_iput(inode);
	if (len < 0)
		reply_status(req, len);
	else
		fuse_reply_readlink(req, target);
}

void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t newparent, const char *newname)
{
	struct server *srv = req_server(req);
	struct ext4_inode *inode, *dir = NULL;
	int err = node_get(srv, node, &inode), attempt = 0;

	if (!err)
		err = node_get(srv, newparent, &dir);
	if (!err) {
		do {
			err = ext4_link(inode, dir, newname, strlen(newname));
		} while (enospc_retry(srv, err, &attempt));
	}
	if (dir)
		ext4_iput(dir);
	if (err && inode)
		ext4_iput(inode);
	reply_new(req, err, inode);
}

typedef int (*remove_fn)(struct ext4_inode *dir, const char *name, size_t len);

static void remove_name(fuse_req_t req, fuse_ino_t parent, const char *name, remove_fn remove)
{
	struct ext4_inode *dir = node_get_or_fail(req, parent);
	int err, attempt = 0;

	if (!dir)
		return;
	do {
		err = remove(dir, name, strlen(name));
	} while (enospc_retry(req_server(req), err, &attempt));
	ext4_iput(dir);
	reply_status(req, err);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, ext4_unlink);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, ext4_rmdir);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
	       const char *newname, unsigned int flags)
{
	struct server *srv = req_server(req);
	struct ext4_cred cred = req_cred(req);
	struct ext4_inode *from, *to = NULL;
	int err = node_get(srv, parent, &from), attempt = 0;

	if (!err)
		err = node_get(srv, newparent, &to);
	if (!err) {
		do {
			err = ext4_rename(from, name, strlen(name), to, newname, strlen(newname),
					  flags, &cred);
		} while (enospc_retry(srv, err, &attempt));
	}
	if (from)
		ext4_iput(from);
	if (to)
		ext4_iput(to);
	reply_status(req, err);
}
