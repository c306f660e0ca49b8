/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A FUSE server that does nothing and says that it worked: what it reaches is what FUSE and
 * this machine's scheduler leave to any server.  It answers the requests that fsbench's create, rename,
 * unlink and fsync cause, stores no name and no data, and runs on libfuse's own loop.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FOREVER	1e6

/* Inode numbers of directories are odd, as the root's is. */
static atomic_ulong counter = 1;

static struct stat attributes(fuse_ino_t ino)
{
	struct stat st = { .st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0644 };

	if (ino & 1)
		st.st_mode = S_IFDIR | 0755;
	/* A time that is not the kernel's own would cost a SETATTR. */
	clock_gettime(CLOCK_REALTIME_COARSE, &st.st_mtim);
	st.st_ctim = st.st_mtim;
	return st;
}

static struct fuse_entry_param new_entry(bool directory)
{
	fuse_ino_t ino = atomic_fetch_add(&counter, 1) * 2 + directory;

	return (struct fuse_entry_param){
		.ino = ino, .attr = attributes(ino), .attr_timeout = FOREVER, .entry_timeout = FOREVER,
	};
}

static void floor_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want |= conn->capable & (FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_PARALLEL_DIROPS);
}

static void floor_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param none = { .entry_timeout = FOREVER };

	(void)parent, (void)name;
	fuse_reply_entry(req, &none);
}

static void floor_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = attributes(ino);

	(void)fi;
	fuse_reply_attr(req, &st, FOREVER);
}

static void floor_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
			  struct fuse_file_info *fi)
{
	(void)attr, (void)to_set;
	floor_getattr(req, ino, fi);
}

static void floor_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fuse_entry_param entry = new_entry(true);

	(void)parent, (void)name, (void)mode;
	fuse_reply_entry(req, &entry);
}

static void floor_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
			 struct fuse_file_info *fi)
{
	struct fuse_entry_param entry = new_entry(false);

	(void)parent, (void)name, (void)mode;
	fuse_reply_create(req, &entry, fi);
}

static void floor_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	fuse_reply_err(req, 0);
}

static void floor_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
			 const char *newname, unsigned int flags)
{
	(void)parent, (void)name, (void)newparent, (void)newname, (void)flags;
	fuse_reply_err(req, 0);
}

static void floor_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
			struct fuse_file_info *fi)
{
	(void)ino, (void)buf, (void)off, (void)fi;
	fuse_reply_write(req, size);
}

static void floor_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino, (void)datasync, (void)fi;
	fuse_reply_err(req, 0);
}

static void floor_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino, (void)fi;
	fuse_reply_err(req, 0);
}

static void floor_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	(void)ino, (void)name, (void)size;
	fuse_reply_err(req, ENODATA);
}

static const struct fuse_lowlevel_ops ops = {
	.init = floor_init,
	.lookup = floor_lookup,
	.getattr = floor_getattr,
	.setattr = floor_setattr,
	.mkdir = floor_mkdir,
	.create = floor_create,
	.unlink = floor_unlink,
	.rmdir = floor_unlink,
	.rename = floor_rename,
	.write = floor_write,
	.fsync = floor_fsync,
	.release = floor_release,
	.getxattr = floor_getxattr,
};

int main(int argc, char **argv)
{
	char *words[] = { argv[0], "-o", "default_permissions,allow_other,fsname=fuse-floor", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, words);
	struct fuse_session *se;

	if (argc != 2) {
		fprintf(stderr, "usage: %s MOUNTPOINT\n", argv[0]);
		return 1;
	}
	se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!se || fuse_session_mount(se, argv[1]))
		return 1;
	fuse_session_loop_mt(se, NULL);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	return 0;
}
