/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes, extended attributes, flags, and what concerns the whole file system.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include "ext2fs/ext2_fs.h"
#include "load.h"

static void owners_and_times(struct load *l, struct ext4_inode *inode)
{
	struct ext4_iattr attr = { .valid = EXT4_ATTR_MODE, .mode = 06755 };

	STEP(l, 0, ext4_setattr, inode, &attr);
	attr = (struct ext4_iattr){ .valid = EXT4_ATTR_KILL_SUIDGID };
	STEP(l, 0, ext4_setattr, inode, &attr);
	attr = (struct ext4_iattr){ .valid = EXT4_ATTR_UID | EXT4_ATTR_GID, .uid = 70000, .gid = 5 };
	STEP(l, 0, ext4_setattr, inode, &attr);
	attr = (struct ext4_iattr){ .valid = EXT4_ATTR_ATIME | EXT4_ATTR_MTIME | EXT4_ATTR_CTIME,
				    .atime.tv_sec = 1, .mtime.tv_sec = 1LL << 33, .ctime.tv_sec = -5 };
	STEP(l, 0, ext4_setattr, inode, &attr);
}

static void xattrs(struct load *l, struct ext4_inode *inode)
{
	char value[900], list[2000];

	memset(value, 'v', sizeof(value));
	STEP(l, 0, ext4_setxattr, inode, "user.small", value, 20, 0);
	STEP(l, 0, ext4_setxattr, inode, "user.big", value, 600, XATTR_CREATE);
	STEP(l, 0, ext4_setxattr, inode, "user.big", value, 700, XATTR_REPLACE);
	STEP(l, -EEXIST, ext4_setxattr, inode, "user.big", value, 1, XATTR_CREATE);
	STEP(l, 0, ext4_setxattr, inode, "security.thing", value, 40, 0);
	STEP(l, 0, ext4_getxattr, inode, "user.big", value, sizeof(value));
	STEP(l, 0, ext4_listxattr, inode, list, sizeof(list), true);
	STEP(l, 0, ext4_removexattr, inode, "user.small");
	STEP(l, -ENODATA, ext4_getxattr, inode, "user.small", value, sizeof(value));
}

/* Too large for a block: an inode of its own, or refused. */
static void huge_xattr(struct load *l, struct ext4_inode *inode)
{
	static char value[5000];
	int err;

	memset(value, 'h', sizeof(value));
	err = CALL(ext4_setxattr, inode, "user.huge", value, sizeof(value), 0);
	load_step(l, "ext4_setxattr", err == -ENOSPC ? 0 : err, 0);
}

static void acls(struct load *l)
{
	static const uint32_t acl[] = { 2, 1 | 6 << 16, ~0U, 2 | 4 << 16, 1000, 4 | 4 << 16, ~0U,
					16 | 6 << 16, ~0U, 32 | 4 << 16, ~0U };
	struct ext4_inode *dir = load_mkdir(l, l->dir, "acl");

	if (!dir)
		return;
	STEP(l, 0, ext4_setxattr, dir, "system.posix_acl_access", acl, sizeof(acl), 0);
	STEP(l, 0, ext4_setxattr, dir, "system.posix_acl_default", acl, sizeof(acl), 0);
	ext4_iput(load_create(l, dir, "child", S_IFREG | 0666));
	ext4_iput(load_mkdir(l, dir, "directory"));
	ext4_iput(dir);
}

static void flags(struct load *l, struct ext4_inode *inode)
{
	uint32_t old = CALL(ext4_get_flags, inode);
	struct ext4_fsxattr fa;
	int err;

	STEP(l, 0, ext4_set_flags, inode, old | EXT2_IMMUTABLE_FL, &load_root);
	STEP(l, -EPERM, ext4_write, inode, "x", 1, 0, 0, &load_root);
	STEP(l, 0, ext4_set_flags, inode, old | EXT2_NODUMP_FL, &load_root);
	CALL(ext4_inode_flags, inode);
	STEP(l, 0, ext4_get_fsxattr, inode, &fa);
	STEP(l, 0, ext4_set_fsxattr, inode, &fa, &load_root);
	CALL(ext4_get_version, inode);
	/* With checksums the number is part of them and stays. */
	err = CALL(ext4_set_version, inode, 7 + l->round);
	load_step(l, "ext4_set_version", err == -ENOTTY ? 0 : err, 0);
}

static void references(struct load *l, struct ext4_inode *inode)
{
	struct ext4_inode *same;
	struct ext4_stat st;

	CALL_VOID(ext4_getattr, inode, &st);
	CALL(ext4_atime_is_due, inode);
	CALL_VOID(ext4_iput, CALL(ext4_igrab, inode));
	CALL_VOID(ext4_iput, CALL(ext4_ilookup, l->fs, CALL(ext4_ino, inode)));
	if (!STEP(l, 0, ext4_iget_handle, l->fs, ext4_ino(inode), CALL(ext4_generation, inode), &same))
		ext4_iput(same);
	STEP(l, -ESTALE, ext4_iget_handle, l->fs, ext4_ino(inode), ext4_generation(inode) + 1, &same);
	if (!STEP(l, 0, ext4_iget, l->fs, ext4_ino(inode), &same))
		ext4_iput(same);
	if (!STEP(l, 0, ext4_remember, inode))
		CALL_VOID(ext4_forget, l->fs, ext4_ino(inode), 1);
}

void load_attributes(struct load *l)
{
	struct ext4_inode *inode = load_create(l, l->dir, "attributes", S_IFREG | 0644);

	if (inode) {
		references(l, inode);
		owners_and_times(l, inode);
		xattrs(l, inode);
		huge_xattr(l, inode);
		flags(l, inode);
		ext4_iput(inode);
	}
	acls(l);
}

void load_whole(struct load *l)
{
	struct ext4_metrics metrics;
	struct statvfs st;
	struct ext4_tune tune;
	uint64_t trimmed;
	char label[17];
	int err;

	STEP(l, 0, ext4_statfs, l->fs, &st);
	CALL(ext4_free_bytes, l->fs, NULL);
	CALL(ext4_free_bytes_now, l->fs, &load_user);
	CALL_VOID(ext4_reclaim_space, l->fs);
	CALL_VOID(ext4_set_memory, l->fs, 4U << 20);
	CALL_VOID(ext4_set_memory, l->fs, 0);
	STEP(l, 0, ext4_get_label, l->fs, label);
	snprintf(label, sizeof(label), "round %d", l->round);
	STEP(l, 0, ext4_set_label, l->fs, label);
	STEP(l, 0, ext4_trim, l->fs, 0, UINT64_MAX, 65536, &trimmed);
	CALL_VOID(ext4_get_tune, l->fs, &tune);
	tune.set = EXT4_TUNE_MAX_MNT_COUNT;
	tune.max_mnt_count = 100 + l->round;
	STEP(l, 0, ext4_set_tune, l->fs, &tune);
	err = CALL(ext4_checkpoint, l->fs, false);
	load_step(l, "ext4_checkpoint", err == -ENODEV ? 0 : err, 0);
	CALL_VOID(ext4_get_metrics, l->fs, &metrics);
	CALL(ext4_block_size, l->fs);
	CALL(ext4_time_granularity, l->fs);
	CALL(ext4_data_fd, l->fs);
	/* What is dropped here is read again, with all that this can meet. */
	CALL(ext4_shrink, l->fs, true);
}
