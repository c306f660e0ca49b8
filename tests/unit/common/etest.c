/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See etest.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ext2fs/ext2_err.h"
#include "etest.h"
#include "scratch.h"

const struct ext4_cred etest_root = { .privileged = true };
const struct ext4_cred etest_user = { .uid = 1000, .gid = 1000 };

static void log_message(void *priv, enum ext4_log_level level, const char *message)
{
	(void)priv;
	if (getenv("ETEST_LOG") || level == EXT4_LOG_ERR)
		fprintf(stderr, "# %s\n", message);
}

static struct etest *init(struct etest *t)
{
	initialize_ext2_error_table();
	t->opts = (struct ext4_mount_opts){ .device_name = "memory", .barrier = true, .acl = EXT4_UNSET,
					    .user_xattr = EXT4_UNSET, .log = log_message };
	t->dev = memio_channel(t->mem, 1024);
	return t;
}

struct etest *etest_new(const char *mke2fs)
{
	struct etest *t = calloc(1, sizeof(*t));
	char size[32], options[512];
	const char *last = strrchr(mke2fs, ' ');

	snprintf(size, sizeof(size), "%s", last + 1);
	snprintf(options, sizeof(options), "%.*s", (int)(last - mke2fs), mke2fs);
	assert_int_equal(scratch_run("rm -f image && truncate -s %s image && mke2fs -q -F %s image", size, options), 0);
	t->mem = memio_load(scratch_path("image"));
	assert_non_null(t->mem);
	unlink(scratch_path("image"));
	return init(t);
}

struct etest *etest_from(const char *data, uint64_t size)
{
	struct etest *t = calloc(1, sizeof(*t));

	t->mem = memio_new(size);
	memcpy(t->mem->data, data, size);
	return init(t);
}

int etest_try_mount(struct etest *t)
{
	int err = ext4_mount(t->dev, &t->opts, &t->fs, t->reason, sizeof(t->reason));

	if (err)
		return err;
	err = ext4_iget(t->fs, EXT4_ROOT_INODE, &t->root);
	assert_int_equal(err, 0);
	return 0;
}

void etest_mount(struct etest *t)
{
	int err = etest_try_mount(t);

	if (err)
		print_message("# %s\n", t->reason);
	assert_int_equal(err, 0);
}

int etest_umount(struct etest *t)
{
	int err;

	ext4_iput(t->root);
	err = ext4_unmount(t->fs);
	t->fs = NULL;
	return err;
}

void etest_free(struct etest *t)
{
	if (t->fs)
		etest_umount(t);
	io_channel_close(t->dev);
	memio_free(t->mem);
	free(t);
}

int etest_fsck_bytes(const char *data, uint64_t size, const char *options)
{
	char *out;
	int status;

	memio_save_bytes(scratch_path("fsck"), data, size);
	status = scratch_run("e2fsck %s fsck > fsck.out 2>&1", options);
	if (status) {
		out = scratch_output("tail -40 fsck.out");
		fprintf(stderr, "%s\n", out);
		free(out);
	}
	unlink(scratch_path("fsck"));
	return status;
}

int etest_fsck(struct etest *t)
{
	return etest_fsck_bytes(t->mem->data, t->mem->size, "-fn");
}

void etest_get_free(struct etest *t, struct statvfs *st)
{
	assert_int_equal(ext4_syncfs(t->fs), 0);
	assert_int_equal(ext4_statfs(t->fs, st), 0);
}

void etest_same_free(const struct statvfs *a, const struct statvfs *b)
{
	assert_int_equal(a->f_bfree, b->f_bfree);
	assert_int_equal(a->f_bavail, b->f_bavail);
	assert_int_equal(a->f_ffree, b->f_ffree);
}

struct ext4_inode *etest_create(struct ext4_inode *dir, const char *name)
{
	struct ext4_inode *inode;

	assert_int_equal(ext4_create(dir, name, strlen(name), S_IFREG | 0644, 0, 0, &etest_root, &inode), 0);
	return inode;
}

struct ext4_inode *etest_mkdir(struct ext4_inode *dir, const char *name)
{
	struct ext4_inode *inode;

	assert_int_equal(ext4_mkdir(dir, name, strlen(name), 0755, 0, &etest_root, &inode), 0);
	return inode;
}

struct ext4_inode *etest_lookup(struct ext4_inode *dir, const char *name)
{
	struct ext4_inode *inode;

	assert_int_equal(ext4_lookup(dir, name, strlen(name), &inode), 0);
	return inode;
}

void etest_write(struct ext4_inode *inode, const void *data, size_t len, off_t off)
{
	assert_int_equal(ext4_write(inode, data, len, off, 0, &etest_root), (ssize_t)len);
}
