/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names to nodes, and the end of nodes: LOOKUP and FORGET.
 */
#include <errno.h>
#include <string.h>
#include "server.h"

/* The first inode that can have a name, except the root. */
#define FIRST_FILE_INODE	11

/*
 * A file handle is being opened: the kernel asks for "." in a node that it need not
 * hold, and compares the generation itself.
 */
static int lookup_self(struct server *srv, fuse_ino_t node, struct ext4_inode **ret)
{
	uint32_t ino = node_to_ino(node);

	if (node > UINT32_MAX || (ino != EXT4_ROOT_INODE && ino < FIRST_FILE_INODE))
		return -ESTALE;
	return ext4_iget(srv->fs, ino, ret);
}

static int lookup_parent(struct server *srv, fuse_ino_t node, struct ext4_inode **ret)
{
	struct ext4_inode *dir;
	int err = lookup_self(srv, node, &dir);

	if (err)
		return err;
	err = ext4_get_parent(dir, ret);
	ext4_iput(dir);
	return err;
}

static int lookup_name(struct server *srv, fuse_ino_t parent, const char *name,
		       struct ext4_inode **ret)
{
	struct ext4_inode *dir;
	int err = node_get(srv, parent, &dir);

	if (err)
		return err;
	err = ext4_lookup(dir, name, strlen(name), ret);
	ext4_iput(dir);
	return err;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	static const struct fuse_entry_param missing = { .entry_timeout = CACHE_FOREVER };
	struct server *srv = req_server(req);
	struct ext4_inode *inode;
	int err;

	if (!strcmp(name, "."))
		err = lookup_self(srv, parent, &inode);
	else if (!strcmp(name, ".."))
		err = lookup_parent(srv, parent, &inode);
	else
		err = lookup_name(srv, parent, name, &inode);
	if (!err)
		reply_entry(req, inode);
	else if (err == -ENOENT)
		fuse_reply_entry(req, &missing);	/* the kernel remembers that too */
	else
		reply_status(req, err);
}

static void forget(struct server *srv, fuse_ino_t node, uint64_t count)
{
	if (node == FUSE_ROOT_ID || node > UINT32_MAX)
		return;
	atomic_fetch_add(&srv->forgets_running, 1);
	ext4_forget(srv->fs, node, count);
	atomic_fetch_add(&srv->forgets_done, 1);
	atomic_fetch_sub(&srv->forgets_running, 1);
}

void op_forget(fuse_req_t req, fuse_ino_t node, uint64_t count)
{
	forget(req_server(req), node, count);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(req_server(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}
