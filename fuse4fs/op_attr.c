/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes of inodes and of the file system: GETATTR, SETATTR, STATFS.
 */
#include <errno.h>
#include <sys/stat.h>
#include "notify.h"
#include "rawmsg.h"
#include "server.h"
#include "space.h"

void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct ext4_inode *inode;

	if (fi && file_of(fi)->written && space_gate(req, file_of(fi)))
		return;
	inode = node_get_or_fail(req, node);
	if (!inode)
		return;
	reply_attr(req, inode);
	ext4_iput(inode);
}

static void take_times(struct ext4_iattr *set, const struct stat *attr, int to_set)
{
	struct timespec now;

	if (to_set & (FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW))
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (to_set & FUSE_SET_ATTR_ATIME) {
		set->valid |= EXT4_ATTR_ATIME;
		set->atime = to_set & FUSE_SET_ATTR_ATIME_NOW ? now : attr->st_atim;
	}
	if (to_set & FUSE_SET_ATTR_MTIME) {
		set->valid |= EXT4_ATTR_MTIME;
		set->mtime = to_set & FUSE_SET_ATTR_MTIME_NOW ? now : attr->st_mtim;
	}
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		set->valid |= EXT4_ATTR_ATIME_NOW;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		set->valid |= EXT4_ATTR_MTIME_NOW;
	if (to_set & FUSE_SET_ATTR_CTIME) {
		set->valid |= EXT4_ATTR_CTIME;
		set->ctime = attr->st_ctim;
	}
}

/*
 * With squashed ids the owner on the disk is nobody's business here: setting
 * what is seen already succeeds, anything else is refused.
 */
static int take_owner(struct server *srv, struct ext4_iattr *set, const struct stat *attr,
		      int to_set)
{
	if (to_set & FUSE_SET_ATTR_UID) {
		if (!srv->opt->squash_uids) {
			set->valid |= EXT4_ATTR_UID;
			set->uid = attr->st_uid;
		} else if (attr->st_uid != srv->opt->squash_uid) {
			return -EPERM;
		}
	}
	if (to_set & FUSE_SET_ATTR_GID) {
		if (!srv->opt->squash_gids) {
			set->valid |= EXT4_ATTR_GID;
			set->gid = attr->st_gid;
		} else if (attr->st_gid != srv->opt->squash_gid) {
			return -EPERM;
		}
	}
	return 0;
}

/*
 * The kernel has left clearing set-id bits and file capabilities to us: on
 * chown always, on truncate when it says so.
 */
static int drop_privileges(struct ext4_inode *inode, struct ext4_iattr *set, int to_set)
{
	int err;

	if (S_ISDIR(ext4_mode(inode)))
		return 0;
	if (rawmsg_kill_suidgid() ||
	    (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) && !(to_set & FUSE_SET_ATTR_MODE)))
		set->valid |= EXT4_ATTR_KILL_SUIDGID;
	if (!(to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_SIZE)))
		return 0;
	if (ext4_getxattr(inode, "security.capability", NULL, 0) < 0)
		return 0;
	err = ext4_removexattr(inode, "security.capability");
	return err == -ENODATA ? 0 : err;
}

static int setattr(struct server *srv, struct ext4_inode *inode, const struct stat *attr, int to_set,
		   const struct ext4_cred *who)
{
	struct ext4_iattr set = { .valid = 0, .who = who };
	int err, attempt = 0;

	err = take_owner(srv, &set, attr, to_set);
	if (err)
		return err;
	if (to_set & FUSE_SET_ATTR_MODE) {
		set.valid |= EXT4_ATTR_MODE;
		set.mode = attr->st_mode;
	}
	if (to_set & FUSE_SET_ATTR_SIZE) {
		set.valid |= EXT4_ATTR_SIZE;
		set.size = attr->st_size;
	}
	take_times(&set, attr, to_set);
	err = drop_privileges(inode, &set, to_set);
	if (err)
		return err;
	if (!set.valid)
		return 0;
	do {
		err = ext4_setattr(inode, &set);
	} while (enospc_retry(srv, err, &attempt));
	return err;
}

/* What chown(2) does besides changing the owner. */
static int touch_owner(struct ext4_inode *inode, const struct ext4_cred *who)
{
	struct ext4_iattr set = { .valid = EXT4_ATTR_CTIME, .who = who };

	clock_gettime(CLOCK_REALTIME_COARSE, &set.ctime);
	if (!S_ISDIR(ext4_mode(inode)))
		set.valid |= EXT4_ATTR_KILL_SUIDGID;
	return ext4_setattr(inode, &set);
}

/* Were times stored that are not those that the kernel believes in: out of the format's range? */
static bool differs(struct ext4_inode *inode, const struct stat *attr, int to_set)
{
	struct ext4_stat now;

	ext4_getattr(inode, &now);
	return (to_set & FUSE_SET_ATTR_MTIME && !(to_set & FUSE_SET_ATTR_MTIME_NOW) &&
		now.st.st_mtim.tv_sec != attr->st_mtim.tv_sec) ||
	       (to_set & FUSE_SET_ATTR_CTIME && now.st.st_ctim.tv_sec != attr->st_ctim.tv_sec);
}

/* What the kernel writes back by itself, like times, does not, and has nobody behind it who could be asked for. */
static bool may_kill_setid(int to_set)
{
	return !(to_set & ~FUSE_SET_ATTR_CTIME) || rawmsg_kill_suidgid() ||
	       to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_SIZE);
}

void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct server *srv = req_server(req);
	struct ext4_inode *inode = node_get_or_fail(req, node);
	struct ext4_cred cred = { .privileged = false };
	int err;

	if (!inode)
		return;
	if (may_kill_setid(to_set))
		cred = setid_cred(req, inode);
	/* chown(2) of neither owner nor group comes without anything, or with the change time alone. */
	if (!(to_set & ~FUSE_SET_ATTR_CTIME))
		err = touch_owner(inode, &cred);
	else
		err = setattr(srv, inode, attr, to_set, &cred);
	if (!err && S_ISREG(ext4_mode(inode)) && differs(inode, attr, to_set))
		notify_stale(srv, ext4_ino(inode), fi ? file_of(fi) : NULL);
	if (err)
		reply_status(req, err);
	else
		reply_attr(req, inode);
	ext4_iput(inode);
	space_look(srv);
}

void op_statfs(fuse_req_t req, fuse_ino_t node __attribute__((unused)))
{
	struct statvfs st;
	int err = ext4_statfs(req_server(req)->fs, &st);

	if (err)
		reply_status(req, err);
	else
		fuse_reply_statfs(req, &st);
}
