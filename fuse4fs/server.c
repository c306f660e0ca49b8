/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of operations, and the small steps that all of them share: node ids
 * to inodes, who asks, replies.  Each operation is in a file of its kind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "caller.h"
#include "outside.h"
#include "server.h"
#include "space.h"

/*
 * No flush: close(2) writes nothing back here that the kernel has not sent, and
 * the first ENOSYS spares all later round trips.  No access: the kernel checks.
 * No releasedir: directories are never opened, see op_opendir().
 */
const struct fuse_lowlevel_ops server_ops = {
	.init = op_init,
	.destroy = op_destroy,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.statfs = op_statfs,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.fsyncdir = op_fsyncdir,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.symlink = op_symlink,
	.readlink = op_readlink,
	.link = op_link,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.create = op_create,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.bmap = op_bmap,
	.copy_file_range = op_copy_file_range,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.ioctl = op_ioctl,
};

int node_get(struct server *srv, fuse_ino_t node, struct ext4_inode **ret)
{
	*ret = NULL;
	if (node == FUSE_ROOT_ID) {
		*ret = ext4_igrab(srv->root);
		return 0;
	}
	return node > UINT32_MAX ? -ESTALE : ext4_iget(srv->fs, node, ret);
}

struct ext4_inode *node_get_or_fail(fuse_req_t req, fuse_ino_t node)
{
	struct ext4_inode *inode;
	int err = node_get(req_server(req), node, &inode);

	if (err)
		reply_status(req, err);
	return inode;
}

static bool may(struct server *srv, uid_t uid, pid_t tid, int right)
{
	const struct options *opt = srv->opt;

	return opt->fakeroot || (opt->trust_root && uid == 0) || outside_caller_rights(tid) & right;
}

bool req_may(fuse_req_t req, int right)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return may(req_server(req), ctx->uid, ctx->pid, right);
}

uid_t req_uid(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return ctx->uid == NOBODY_KNOWN ? outside_caller_id(ctx->pid, false) : ctx->uid;
}

/*
 * The reserved blocks matter only when others are not to be had; and whoever may have them is root, or nobody is
 * known.  (Root may have them anyhow while the superblock says that they are his.)
 */
struct ext4_cred cred_of(struct server *srv, uid_t uid, gid_t gid, pid_t tid)
{
	return (struct ext4_cred) {
		.uid = uid,
		.gid = gid,
		.privileged = srv->opt->fakeroot ||
			      (space_is_short(srv) && (uid == 0 || uid == NOBODY_KNOWN) &&
			       may(srv, uid, tid, CALLER_RESOURCE)),
	};
}

struct ext4_cred req_cred(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return cred_of(req_server(req), ctx->uid, ctx->gid, ctx->pid);
}

struct ext4_cred setid_cred(fuse_req_t req, struct ext4_inode *inode)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct ext4_cred cred = { .uid = ctx->uid, .gid = ctx->gid };

	if (!(ext4_mode(inode) & (S_ISUID | S_ISGID)))
		return cred;
	cred.privileged = req_may(req, CALLER_FSETID);
	if (cred.uid == NOBODY_KNOWN)
		cred.gid = outside_caller_id(ctx->pid, true);
	return cred;
}

struct ext4_cred writer_cred(fuse_req_t req, struct ext4_inode *inode)
{
	struct ext4_cred cred = req_cred(req);
	struct ext4_stat owner;

	if (cred.privileged || cred.uid != NOBODY_KNOWN)
		return cred;
	if (space_is_short(req_server(req))) {
		cred.uid = outside_caller_id(fuse_req_ctx(req)->pid, false);
		cred.gid = outside_caller_id(fuse_req_ctx(req)->pid, true);
	}
	if (cred.uid != NOBODY_KNOWN)
		return cred;
	ext4_getattr(inode, &owner);
	cred.uid = owner.st.st_uid;
	cred.gid = owner.st.st_gid;
	return cred;
}

void reply_status(fuse_req_t req, int err)
{
	fuse_reply_err(req, -err);
}

double visible_attr(struct server *srv, struct ext4_inode *inode, struct stat *st)
{
	struct ext4_stat all;

	ext4_getattr(inode, &all);
	*st = all.st;
	if (srv->opt->squash_uids)
		st->st_uid = srv->opt->squash_uid;
	if (srv->opt->squash_gids)
		st->st_gid = srv->opt->squash_gid;
	return space_attr_timeout(srv, inode, all.flags);
}

void reply_attr(fuse_req_t req, struct ext4_inode *inode)
{
	struct stat st;
	double timeout = visible_attr(req_server(req), inode, &st);

	fuse_reply_attr(req, &st, timeout);
}

void fill_entry(struct server *srv, struct ext4_inode *inode, struct fuse_entry_param *entry)
{
	memset(entry, 0, sizeof(*entry));
	entry->ino = ino_to_node(ext4_ino(inode));
	entry->generation = ext4_generation(inode);
	entry->entry_timeout = CACHE_FOREVER;
	entry->attr_timeout = visible_attr(srv, inode, &entry->attr);
}

/* The kernel does not count the root's lookups. */
int remember(struct server *srv, struct ext4_inode *inode)
{
	return inode == srv->root ? 0 : ext4_remember(inode);
}

void take_back(struct server *srv, struct ext4_inode *inode)
{
	if (inode != srv->root)
		ext4_forget(srv->fs, ext4_ino(inode), 1);
}

void reply_entry(fuse_req_t req, struct ext4_inode *inode)
{
	struct server *srv = req_server(req);
	struct fuse_entry_param entry;
	int err = remember(srv, inode);

	if (err) {
		reply_status(req, err);
	} else {
		fill_entry(srv, inode, &entry);
		if (fuse_reply_entry(req, &entry))
			take_back(srv, inode);
	}
	ext4_iput(inode);
}

/*
 * Space of a deleted file comes back when the kernel's FORGET has been
 * processed, and that is queued behind, or worked on beside, the request that
 * found no space.  Give it a moment before the user hears of it.
 */
bool enospc_retry(struct server *srv, int err, int *attempt)
{
	unsigned long before = atomic_load(&srv->forgets_done);

	if (err != -ENOSPC || *attempt >= 4)
		return false;
	for (int i = 0; i < 1000; i++) {
		usleep(1000);
		if (atomic_load(&srv->forgets_running))
			continue;
		if (i >= (*attempt ? 1 : 4))
			break;
	}
	/* The first time always: the forget may have ended just before we looked. */
	return (*attempt)++ == 0 || atomic_load(&srv->forgets_done) != before;
}

static _Thread_local struct thread_buffer buffer;

/* Page aligned, so that O_DIRECT reads need no copy. */
void *thread_buffer(size_t size)
{
	if (size <= buffer.size)
		return buffer.data;
	free(buffer.data);
	buffer.size = 0;
	size = (size + 4095) & ~(size_t)4095;
	if (posix_memalign(&buffer.data, 4096, size)) {
		buffer.data = NULL;
		return NULL;
	}
	buffer.size = size;
	return buffer.data;
}

const struct thread_buffer *thread_buffer_own(void)
{
	return &buffer;
}

void thread_buffer_free(void)
{
	free(buffer.data);
	buffer.data = NULL;
	buffer.size = 0;
}
