/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening and closing files: CREATE, OPEN, RELEASE.  The open file has next to no state;
 * it is opened at all because immutable and append-only files must refuse here, before the
 * kernel takes writes into its cache, and because the engine wants to know how long preallocation is
 * worth keeping.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "ext2fs/ext2_fs.h"
#include "notify.h"
#include "rawmsg.h"
#include "server.h"
#include "space.h"

static bool wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

static bool prepare_writing(struct server *srv, struct open_file *file, struct fuse_file_info *fi)
{
	file->written = space_opened(srv, file->inode);
	if (!file->written)
		return false;
	file->has_caps = ext4_getxattr(file->inode, "security.capability", NULL, 0) >= 0;
	fi->direct_io = space_wants_direct(srv);
	return true;
}

bool open_inode(struct server *srv, struct ext4_inode *inode, struct fuse_file_info *fi)
{
	struct open_file *file = calloc(1, sizeof(*file));

	if (!file)
		return false;
	file->inode = inode;
	file->sync = fi->flags & (O_SYNC | O_DSYNC);
	file->reading = (fi->flags & O_ACCMODE) != O_WRONLY;
	if (wants_write(fi->flags) && !prepare_writing(srv, file, fi)) {
		free(file);
		return false;
	}
	ext4_igrab(inode);
	ext4_open_file(inode, file->written);
	fi->fh = (uintptr_t)file;
	/* What the kernel reads from its cache, nobody sees: an access time that is due has to be seen. */
	fi->keep_cache = file->written || !ext4_atime_is_due(inode);
	return true;
}

void open_undo(struct server *srv, struct fuse_file_info *fi)
{
	struct open_file *file = file_of(fi);

	ext4_release_file(file->inode, file->written);
	if (file->written)
		space_closed(srv, file->written);
	ext4_iput(file->inode);
	free(file);
}

static int may_open(struct server *srv, struct ext4_inode *inode, int flags)
{
	uint32_t fl = ext4_inode_flags(inode);

	if (!wants_write(flags) && !(flags & O_TRUNC))
		return 0;
	if (ext4_is_read_only(srv->fs))
		return -EROFS;
	if (fl & EXT2_IMMUTABLE_FL)
		return -EPERM;
	if (fl & EXT2_APPEND_FL && (!(flags & O_APPEND) || flags & O_TRUNC))
		return -EPERM;
	return 0;
}

/* O_TRUNC comes with the open, which saves the kernel a SETATTR. */
static int truncate_at_open(struct ext4_inode *inode, const struct ext4_cred *who)
{
	struct ext4_iattr set = { .valid = EXT4_ATTR_SIZE | EXT4_ATTR_MTIME | EXT4_ATTR_CTIME, .who = who };

	clock_gettime(CLOCK_REALTIME_COARSE, &set.mtime);
	set.ctime = set.mtime;
	if (rawmsg_kill_suidgid())
		set.valid |= EXT4_ATTR_KILL_SUIDGID;
	if (ext4_getxattr(inode, "security.capability", NULL, 0) >= 0)
		ext4_removexattr(inode, "security.capability");
	return ext4_setattr(inode, &set);
}

void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct server *srv = req_server(req);
	struct ext4_inode *inode = node_get_or_fail(req, node);
	struct ext4_cred cred;
	int err;

	if (!inode)
		return;
	err = may_open(srv, inode, fi->flags);
	if (!err && fi->flags & O_TRUNC) {
		cred = setid_cred(req, inode);
		err = truncate_at_open(inode, &cred);
		notify_attr(srv, ext4_ino(inode));
	}
	if (!err && !open_inode(srv, inode, fi))
		err = -ENOMEM;
	if (err)
		reply_status(req, err);
	else if (fuse_reply_open(req, fi))
		open_undo(srv, fi);
	ext4_iput(inode);
}

void op_release(fuse_req_t req, fuse_ino_t node __attribute__((unused)), struct fuse_file_info *fi)
{
	struct server *srv = req_server(req);
	struct open_file *file = file_of(fi);
	uint32_t ino = ext4_ino(file->inode);
	bool stale = atomic_load(&file->stale);

	open_undo(srv, fi);
	fuse_reply_err(req, 0);
	if (stale)
		notify_drop(srv, ino);
}

int open_new(struct server *srv, struct ext4_inode *inode, struct fuse_file_info *fi)
{
	int err = remember(srv, inode);

	if (err || open_inode(srv, inode, fi))
		return err;
	take_back(srv, inode);
	return -ENOMEM;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct server *srv = req_server(req);
	struct ext4_inode *dir = node_get_or_fail(req, parent), *inode;
	struct ext4_cred cred = req_cred(req);
	struct fuse_entry_param entry;
	int err, attempt = 0;

	if (!dir)
		return;
	do {
		err = ext4_create(dir, name, strlen(name), (mode & ~S_IFMT) | S_IFREG,
				  fuse_req_ctx(req)->umask, 0, &cred, &inode);
	} while (enospc_retry(srv, err, &attempt));
	ext4_iput(dir);
	if (err) {
		reply_status(req, err);
		return;
	}
	err = open_new(srv, inode, fi);
	if (err) {
		reply_status(req, err);
	} else {
		fill_entry(srv, inode, &entry);
		if (fuse_reply_create(req, &entry, fi)) {
			take_back(srv, inode);
			open_undo(srv, fi);
		}
	}
	ext4_iput(inode);
}
