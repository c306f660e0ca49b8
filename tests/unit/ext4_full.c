/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks or inodes run out in the middle of every kind of operation: it fails with -ENOSPC and
 * has changed nothing, e2fsck agrees, and when all is deleted as much is free as was before.
 */
#include <linux/falloc.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include "etest.h"

#define MANY	5000	/* operations until something must have run out */
#define NAME	240	/* bytes: few of them fill a block of a directory */
#define MOST	4096	/* bytes of a value or of data */

struct full {
	struct etest		*t;
	struct ext4_inode	*dir, *from, *file;
	const struct ext4_cred	*cred;
	char			data[MOST];
};

static const char *long_name(int i)
{
	static char name[NAME + 1];

	memset(name, 'n', NAME);
	name[snprintf(name, NAME, "%d.", i)] = 'n';
	return name;
}

static const char *short_name(int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "%d", i);
	return name;
}

static int make_in(struct full *f, struct ext4_inode *dir, const char *name)
{
	struct ext4_inode *inode = NULL;
	int err = ext4_create(dir, name, strlen(name), S_IFREG | 0644, 0, 0, f->cred, &inode);

	ext4_iput(inode);
	return err;
}

/* ---- what is done again and again until something runs out: 0 or an error ---- */

static int op_create(struct full *f, int i)
{
	return make_in(f, f->dir, long_name(i));
}

static int op_mkdir(struct full *f, int i)
{
	struct ext4_inode *inode = NULL;
	const char *name = short_name(i);
	int err = ext4_mkdir(f->dir, name, strlen(name), 0755, 0, f->cred, &inode);

	ext4_iput(inode);
	return err;
}

static int op_symlink(struct full *f, int i)
{
	struct ext4_inode *inode = NULL;
	char target[600];
	int err;

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	err = ext4_symlink(f->dir, short_name(i), strlen(short_name(i)), target, f->cred, &inode);
	ext4_iput(inode);
	return err;
}

static int op_link(struct full *f, int i)
{
	return ext4_link(f->file, f->dir, long_name(i), NAME);
}

/* The name moves from a directory that stays as large as it is. */
static int op_rename(struct full *f, int i)
{
	const char *old = short_name(i % 1000);

	return ext4_rename(f->from, old, strlen(old), f->dir, long_name(i), NAME, 0, f->cred);
}

static int op_whiteout(struct full *f, int i)
{
	const char *old = short_name(i % 1000);

	return ext4_rename(f->from, old, strlen(old), f->dir, long_name(i), NAME, EXT4_RENAME_WHITEOUT, f->cred);
}

static int op_tmpfile(struct full *f, int i)
{
	struct ext4_inode *inode = NULL;
	int err = ext4_tmpfile(f->dir, 0600, 0, f->cred, &inode);

	if (!err)
		err = ext4_link(inode, f->dir, long_name(i), NAME);
	ext4_iput(inode);
	return err;
}

static int set_on_next(struct full *f, int i, const char *attr, size_t size)
{
	const char *name = short_name(i % 1000);
	struct ext4_inode *inode;
	int err;

	memset(f->data, 'v', size);
	memcpy(f->data, &i, sizeof(i));
	inode = etest_lookup(f->from, name);
	err = ext4_setxattr(inode, attr, f->data, size, XATTR_CREATE);
	if (err)
		assert_int_equal(ext4_getxattr(inode, attr, NULL, 0), -ENODATA);
	ext4_iput(inode);
	return err;
}

static int op_xattr(struct full *f, int i)
{
	return set_on_next(f, i, "user.value", 700);
}

static int op_ea_inode(struct full *f, int i)
{
	return set_on_next(f, i, "user.value", 3500);
}

/* Too long for the inode, and no two alike. */
static size_t put_acl(char *buf, int i)
{
	struct posix_acl_xattr_header *h = (void *)buf;
	struct posix_acl_xattr_entry *e = (void *)(h + 1);
	int n = 0, user;

	h->a_version = POSIX_ACL_XATTR_VERSION;
	e[n++] = (struct posix_acl_xattr_entry){ ACL_USER_OBJ, 7, ACL_UNDEFINED_ID };
	for (user = 0; user < 40; user++)
		e[n++] = (struct posix_acl_xattr_entry){ ACL_USER, 5, 1000 + user + i * 40 };
	e[n++] = (struct posix_acl_xattr_entry){ ACL_GROUP_OBJ, 5, ACL_UNDEFINED_ID };
	e[n++] = (struct posix_acl_xattr_entry){ ACL_MASK, 7, ACL_UNDEFINED_ID };
	e[n++] = (struct posix_acl_xattr_entry){ ACL_OTHER, 5, ACL_UNDEFINED_ID };
	return sizeof(*h) + n * sizeof(*e);
}

static int op_acl(struct full *f, int i)
{
	struct ext4_inode *inode = etest_lookup(f->from, short_name(i % 1000));
	int err = ext4_setxattr(inode, "system.posix_acl_access", f->data, put_acl(f->data, i), 0);

	if (err)
		assert_int_equal(ext4_getxattr(inode, "system.posix_acl_access", NULL, 0), -ENODATA);
	ext4_iput(inode);
	return err;
}

/* Each directory hands down its own. */
static int op_inherit(struct full *f, int i)
{
	struct ext4_inode *inode = NULL;
	const char *name = short_name(i);
	int err = ext4_setxattr(f->dir, "system.posix_acl_default", f->data, put_acl(f->data, i), 0);

	if (!err)
		err = ext4_mkdir(f->dir, name, strlen(name), 0755, 0, f->cred, &inode);
	ext4_iput(inode);
	return err;
}

/* Every other block, so that the tree grows as well. */
static int op_fallocate(struct full *f, int i)
{
	return ext4_fallocate(f->file, 0, (off_t)i * 8192, 1024, 0, f->cred);
}

static int write_some(struct full *f, int i, unsigned int flags)
{
	struct ext4_stat st;
	ssize_t n;

	ext4_getattr(f->file, &st);
	n = ext4_write(f->file, f->data, 1024, (off_t)i * 8192, flags, f->cred);
	if (n < 0) {
		off_t size = st.st.st_size;

		ext4_getattr(f->file, &st);
		assert_int_equal(st.st.st_size, size);
	}
	return n < 0 ? n : n == 1024 ? 0 : -EIO;
}

static int op_write(struct full *f, int i)
{
	return write_some(f, i, 0);
}

/* As the kernel writes what was changed through a mapping. */
static int op_mapping(struct full *f, int i)
{
	return write_some(f, i, EXT4_WRITE_CACHED);
}

/* ---- around it ---- */

struct kind {
	const char	*name, *mke2fs;
	int		(*op)(struct full *f, int i);
	unsigned int	left;		/* blocks that are left free at the beginning; 0: all */
	bool		user;		/* who may not use the reserve */
	bool		journal_data;
};

#define EXT4	"-t ext4 -b 1024 -J size=1 -N 2048 -m 0"
static const struct kind kinds[] = {
	{ "create: inodes", "-t ext4 -b 1024 -J size=1 -N 128 -m 0 4M", op_create },
	{ "create", EXT4 " 4M", op_create, 140 },
	{ "create, ext2", "-t ext2 -b 1024 -m 0 -N 2048 4M", op_create, 140 },
	{ "create, inline data", EXT4 " -O inline_data 4M", op_create, 140 },
	{ "create, orphan file", EXT4 " -O orphan_file 4M", op_create, 140 },
	{ "mkdir", EXT4 " 4M", op_mkdir, 100 },
	{ "mkdir: inodes", "-t ext4 -b 1024 -J size=1 -N 128 -m 0 4M", op_mkdir },
	{ "mkdir, a user", "-t ext4 -b 1024 -J size=1 -N 2048 -m 5 4M", op_mkdir, 300, true },
	{ "symlink", EXT4 " 4M", op_symlink, 100 },
	{ "symlink, a user", "-t ext3 -b 1024 -J size=1 -N 2048 -m 5 4M", op_symlink, 300, true },
	{ "symlink: inodes", "-t ext4 -b 1024 -J size=1 -N 128 -m 0 4M", op_symlink },
	{ "link", EXT4 " 4M", op_link, 100 },
	{ "link, ext3", "-t ext3 -b 1024 -J size=1 -N 2048 -m 0 4M", op_link, 100 },
	{ "rename", EXT4 " 4M", op_rename, 100 },
	{ "rename, whiteout", EXT4 " 4M", op_whiteout, 100 },
	{ "tmpfile", EXT4 " 4M", op_tmpfile, 100 },
	{ "tmpfile: inodes", "-t ext4 -b 1024 -J size=1 -O orphan_file -N 128 -m 0 4M", op_tmpfile },
	{ "xattr", EXT4 " 4M", op_xattr, 100 },
	{ "xattr, ext2", "-t ext2 -b 1024 -m 0 -N 2048 4M", op_xattr, 100 },
	{ "EA inode", EXT4 " -O ea_inode 4M", op_ea_inode, 100 },
	{ "EA inode: inodes", "-t ext4 -b 1024 -J size=1 -N 1100 -O ea_inode -m 0 4M", op_ea_inode },
	{ "ACL", EXT4 " 4M", op_acl, 100 },
	{ "ACL that is handed down", EXT4 " 4M", op_inherit, 100 },
	{ "fallocate", EXT4 " 4M", op_fallocate },
	{ "fallocate, a user", "-t ext4 -b 1024 -J size=1 -m 5 4M", op_fallocate, 0, true },
	{ "write", EXT4 " 4M", op_write },
	{ "write, a user", "-t ext4 -b 1024 -J size=1 -m 5 4M", op_write, 0, true },
	{ "write, ext3", "-t ext3 -b 1024 -J size=1 -m 0 4M", op_write },
	{ "write, data=journal", "-t ext4 -b 1024 -J size=1 -m 0 4M", op_write, .journal_data = true },
	{ "write through a mapping", EXT4 " 4M", op_mapping },
	{ "write through a mapping, ext2", "-t ext2 -b 1024 -m 0 4M", op_mapping },
};

static bool takes_from(const struct kind *k)
{
	return k->op == op_rename || k->op == op_whiteout || k->op == op_xattr || k->op == op_ea_inode ||
	       k->op == op_acl;
}

static void prepare(struct full *f, const struct kind *k)
{
	struct ext4_inode *filler;
	struct statvfs st;
	off_t off = 0;
	int i;

	f->dir = etest_mkdir(f->t->root, "dir");
	f->from = etest_mkdir(f->t->root, "from");
	f->file = etest_create(f->t->root, "file");
	for (i = 0; takes_from(k) && i < 1000; i++)
		assert_int_equal(make_in(f, f->from, short_name(i)), 0);
	if (!k->left)
		return;
	filler = etest_create(f->t->root, "filler");
	etest_get_free(f->t, &st);
	for (; st.f_bfree > k->left; etest_get_free(f->t, &st)) {
		for (i = st.f_bfree - k->left; i > 0; i--)
			assert_int_equal(ext4_write(filler, f->data, 1024, off += 1024, 0, &etest_root), 1024);
	}
	ext4_iput(filler);
}

static void until_it_fails(struct full *f, const struct kind *k)
{
	struct statvfs before, after;
	int i, err = 0;

	f->cred = k->user ? &etest_user : &etest_root;
	for (i = 0; !err && i < MANY; i++) {
		etest_get_free(f->t, &before);
		err = k->op(f, i);
	}
	assert_int_equal(err, -ENOSPC);
	assert_in_range(i, 4, MANY);
	etest_get_free(f->t, &after);
	etest_same_free(&before, &after);
	if (k->user)
		assert_int_not_equal(after.f_bfree, 0);
	/* It stays so. */
	assert_int_equal(k->op(f, i - 1), -ENOSPC);
	etest_get_free(f->t, &after);
	etest_same_free(&before, &after);
}

/* ---- deleting all of it ---- */

struct names {
	char	name[1200][256];
	size_t	len[1200];
	int	n;
};

static bool take_name(void *priv, const struct ext4_dirent *ent)
{
	struct names *names = priv;

	if (names->n == 1200)
		return false;
	if (ent->name[0] == '.' || (ent->len == 10 && !memcmp(ent->name, "lost+found", 10)))
		return true;
	memcpy(names->name[names->n], ent->name, ent->len);
	names->len[names->n++] = ent->len;
	return true;
}

static void remove_all(struct ext4_inode *dir)
{
	struct names *names = calloc(1, sizeof(*names));
	struct ext4_inode *inode;
	int i;

	do {
		names->n = 0;
		assert_int_equal(ext4_readdir(dir, NULL, 0, take_name, names), 0);
		for (i = 0; i < names->n; i++) {
			assert_int_equal(ext4_lookup(dir, names->name[i], names->len[i], &inode), 0);
			if (S_ISDIR(ext4_mode(inode))) {
				remove_all(inode);
				assert_int_equal(ext4_rmdir(dir, names->name[i], names->len[i]), 0);
			} else {
				assert_int_equal(ext4_unlink(dir, names->name[i], names->len[i]), 0);
			}
			ext4_iput(inode);
		}
	} while (names->n);
	free(names);
}

static void clean(struct full *f)
{
	assert_false(ext4_is_read_only(f->t->fs));
	assert_int_equal(etest_umount(f->t), 0);
	assert_int_equal(etest_fsck(f->t), 0);
}

static void run(const struct kind *k)
{
	struct full f = { .t = etest_new(k->mke2fs), .cred = &etest_root };
	struct statvfs first, last;

	if (k->journal_data)
		f.t->opts.data = EXT4_DATA_JOURNAL;
	etest_mount(f.t);
	etest_get_free(f.t, &first);
	prepare(&f, k);
	until_it_fails(&f, k);
	ext4_iput(f.dir);
	ext4_iput(f.from);
	ext4_iput(f.file);
	clean(&f);
	etest_mount(f.t);
	remove_all(f.t->root);
	etest_get_free(f.t, &last);
	etest_same_free(&first, &last);
	clean(&f);
	etest_free(f.t);
}

static void kind_runs_out(void **state)
{
	run(*state);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(kinds) / sizeof(kinds[0])];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		tests[i] = (struct CMUnitTest){ kinds[i].name, kind_runs_out, NULL, NULL, (void *)&kinds[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
