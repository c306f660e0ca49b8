/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening and closing files: CREATE, OPEN, RELEASE.  The open file has no state but two bits in its
 * handle; it is opened at all because immutable and append-only files must refuse here, before the
 * kernel takes writes into its cache, and because the engine wants to know how long preallocation is
 * worth keeping.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "ext2fs/ext2_fs.h"
#include "rawmsg.h"
#include "server.h"

static bool wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

void open_count(struct ext4_inode *inode, int flags, struct fuse_file_info *fi)
{
	fi->fh = 0;
	if (wants_write(flags)) {
		fi->fh |= FH_WRITING;
		if (ext4_getxattr(inode, "security.capability", NULL, 0) >= 0)
			fi->fh |= FH_HAS_CAPS;
	}
	ext4_open_file(inode, wants_write(flags));
	fi->keep_cache = 1;
}

void open_uncount(struct ext4_inode *inode, uint64_t fh)
{
	ext4_release_file(inode, fh & FH_WRITING);
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
static int truncate_at_open(struct ext4_inode *inode)
{
	struct ext4_iattr set = { .valid = EXT4_ATTR_SIZE | EXT4_ATTR_MTIME | EXT4_ATTR_CTIME };

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
	int err;

	if (!inode)
		return;
	err = may_open(srv, inode, fi->flags);
	if (!err && fi->flags & O_TRUNC)
		err = truncate_at_open(inode);
	if (err) {
		reply_status(req, err);
	} else {
		open_count(inode, fi->flags, fi);
		if (fuse_reply_open(req, fi))
			open_uncount(inode, fi->fh);
	}
	ext4_iput(inode);
}

void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct ext4_inode *inode = node_get_or_fail(req, node);

	if (!inode)
		return;
	open_uncount(inode, fi->fh);
	ext4_iput(inode);
	fuse_reply_err(req, 0);
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
	open_count(inode, fi->flags, fi);
	fill_entry(srv, inode, &entry);
	if (fuse_reply_create(req, &entry, fi)) {
		open_uncount(inode, fi->fh);
		ext4_iput(inode);
	}
}
