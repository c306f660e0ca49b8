/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine for tests: a real file system made by mke2fs, on a recording
 * device in memory, judged by e2fsck.
 */
#ifndef UNIT_ETEST_H
#define UNIT_ETEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include "ext4/ext4.h"
#include "memio.h"

struct etest {
	struct memio		*mem;
	io_channel		dev;
	struct ext4_fs		*fs;
	struct ext4_inode	*root;
	struct ext4_mount_opts	opts;	/* may be changed before mounting */
	char			reason[256];
};

extern const struct ext4_cred etest_root;	/* uid 0, privileged */
extern const struct ext4_cred etest_user;	/* uid 1000 */

/* @mke2fs: options and, last, the size ("-t ext4 -b 1024 16M"). */
struct etest *etest_new(const char *mke2fs);
/* A device with these bytes. */
struct etest *etest_from(const char *data, uint64_t size);
int etest_try_mount(struct etest *t);
void etest_mount(struct etest *t);
int etest_umount(struct etest *t);
void etest_free(struct etest *t);	/* unmounts if need be */
/* e2fsck -fn on what the device holds now: its exit status; the output is shown when that is not 0. */
int etest_fsck(struct etest *t);
int etest_fsck_bytes(const char *data, uint64_t size, const char *options);

/* What is free once all is written; the same as another time, to the block and the inode. */
void etest_get_free(struct etest *t, struct statvfs *st);
void etest_same_free(const struct statvfs *a, const struct statvfs *b);

/* Shorthands that assert success. */
struct ext4_inode *etest_create(struct ext4_inode *dir, const char *name);
struct ext4_inode *etest_mkdir(struct ext4_inode *dir, const char *name);
struct ext4_inode *etest_lookup(struct ext4_inode *dir, const char *name);
void etest_write(struct ext4_inode *inode, const void *data, size_t len, off_t off);

#endif /* UNIT_ETEST_H */
