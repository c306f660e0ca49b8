/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All operations from eight threads at once, on few names so that they meet;
 * then e2fsck.  Built with -fsanitize=thread this is the race test of the engine.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "etest.h"

#define THREADS	8
#define DIRS	4
#define NAMES	24
#define BIG	(300 << 10)

struct stress {
	struct etest		*t;
	struct ext4_inode	*dir[DIRS];
	int			rounds;
};

struct thread {
	struct stress	*s;
	unsigned int	seed;
	char		*buf;
	int		bad;	/* results that cannot be */
};

static unsigned int rnd(struct thread *th, unsigned int n)
{
	return rand_r(&th->seed) % n;
}

/* What may happen when others do the opposite at the same time. */
static bool expected(int err)
{
	return !err || err == -ENOENT || err == -EEXIST || err == -ENOTEMPTY || err == -EISDIR || err == -ENOTDIR ||
	       err == -ENOSPC || err == -ENODATA || err == -EPERM || err == -EINVAL || err == -ENXIO ||
	       err == -EMLINK || err == -EOPNOTSUPP || err == -ERANGE || err == -EFBIG;
}

static void result(struct thread *th, const char *what, int err)
{
	if (expected(err))
		return;
	fprintf(stderr, "# %s: %s\n", what, strerror(-err));
	th->bad++;
}

static bool fill(void *priv, const struct ext4_dirent *ent)
{
	(void)ent;
	return --*(int *)priv > 0;
}

static void use_file(struct thread *th, struct ext4_inode *inode)
{
	size_t len = 1 + rnd(th, rnd(th, 4) ? 9000 : BIG);
	off_t off = rnd(th, 4) ? rnd(th, 20000) : rnd(th, 1 << 20);
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE, .size = rnd(th, 3) ? (off_t)len : 0 };
	struct ext4_run runs[8];
	struct ext4_stat st;
	ssize_t n = 0;

	switch (rnd(th, 12)) {
	case 0: case 1: case 2:
		ext4_open_file(inode, true);
		n = ext4_write(inode, th->buf, len, off, rnd(th, 2) ? EXT4_WRITE_CACHED : 0, &etest_root);
		ext4_release_file(inode, true);
		break;
	case 3: case 4:
		n = ext4_read(inode, th->buf, len, off);
		break;
	case 5:
		n = ext4_setattr(inode, &attr);
		break;
	case 6:
		n = ext4_fallocate(inode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len, 0, &etest_root);
		break;
	case 7:
		n = ext4_fallocate(inode, rnd(th, 2) ? FALLOC_FL_ZERO_RANGE : 0, off, len, 0, &etest_root);
		break;
	case 8:
		n = ext4_fsync(inode, rnd(th, 2));
		break;
	case 9:
		n = ext4_map_runs(inode, off, len, runs, 8);
		ext4_getattr(inode, &st);
		break;
	case 10:
		attr = (struct ext4_iattr){ .valid = EXT4_ATTR_MODE, .mode = rnd(th, 0777) };
		n = ext4_setattr(inode, &attr);
		break;
	default:
		n = ext4_seek(inode, off, rnd(th, 2) ? SEEK_DATA : SEEK_HOLE);
	}
	result(th, "file", n < 0 ? (int)n : 0);
}

static void use_xattr(struct thread *th, struct ext4_inode *inode)
{
	char name[32], list[4096];
	ssize_t n;

	snprintf(name, sizeof(name), "user.a%u", rnd(th, 4));
	switch (rnd(th, 4)) {
	case 0:
		n = ext4_setxattr(inode, name, th->buf, rnd(th, 2) ? rnd(th, 60) : rnd(th, 900), 0);
		break;
	case 1:
		n = ext4_removexattr(inode, name);
		break;
	case 2:
		n = ext4_listxattr(inode, list, sizeof(list), true);
		break;
	default:
		n = ext4_getxattr(inode, name, list, sizeof(list));
	}
	result(th, "xattr", n < 0 ? (int)n : 0);
}

static void make(struct thread *th, struct ext4_inode *dir, const char *name)
{
	struct ext4_inode *inode = NULL;
	char target[300];
	int err;

	memset(target, 't', sizeof(target));
	target[rnd(th, 2) ? 20 : 200] = '\0';
	switch (rnd(th, 6)) {
	case 0:
		err = ext4_mkdir(dir, name, strlen(name), 0755, 022, &etest_user, &inode);
		break;
	case 1:
		err = ext4_symlink(dir, name, strlen(name), target, &etest_user, &inode);
		break;
	case 2:
		err = ext4_tmpfile(dir, 0600, 022, &etest_user, &inode);
		if (!err && rnd(th, 2))
			err = ext4_link(inode, dir, name, strlen(name));
		break;
	default:
		err = ext4_create(dir, name, strlen(name), S_IFREG | 0644, 022, 0, &etest_user, &inode);
	}
	result(th, "make", err);
	ext4_iput(inode);
}

static void rename_some(struct thread *th, struct ext4_inode *dir, const char *name)
{
	static const unsigned int flags[] = { 0, 0, 0, EXT4_RENAME_NOREPLACE, EXT4_RENAME_EXCHANGE,
					      EXT4_RENAME_WHITEOUT };
	struct ext4_inode *to = th->s->dir[rnd(th, DIRS)];
	char newname[32];

	snprintf(newname, sizeof(newname), "name%u", rnd(th, NAMES));
	result(th, "rename", ext4_rename(dir, name, strlen(name), to, newname, strlen(newname), flags[rnd(th, 6)],
					 &etest_root));
}

static void one(struct thread *th)
{
	struct ext4_inode *dir = th->s->dir[rnd(th, DIRS)], *inode = NULL;
	int entries = rnd(th, 40) + 1, err;
	char name[32], target[512];

	snprintf(name, sizeof(name), "name%u", rnd(th, NAMES));
	switch (rnd(th, 10)) {
	case 0: case 1:
		make(th, dir, name);
		return;
	case 2:
		result(th, "unlink", ext4_unlink(dir, name, strlen(name)));
		return;
	case 3:
		result(th, "rmdir", ext4_rmdir(dir, name, strlen(name)));
		return;
	case 4:
		rename_some(th, dir, name);
		return;
	case 5:
		result(th, "readdir", ext4_readdir(dir, NULL, 0, fill, &entries));
		return;
	}
	err = ext4_lookup(dir, name, strlen(name), &inode);
	result(th, "lookup", err);
	if (err)
		return;
	if (S_ISREG(ext4_mode(inode)))
		use_file(th, inode);
	if (S_ISLNK(ext4_mode(inode)))
		result(th, "readlink", ext4_readlink(inode, target, sizeof(target)) < 0 ? -EIO : 0);
	if (!S_ISLNK(ext4_mode(inode)) && !rnd(th, 3))
		use_xattr(th, inode);
	if (!S_ISDIR(ext4_mode(inode)) && !rnd(th, 8)) {
		snprintf(name, sizeof(name), "name%u", rnd(th, NAMES));
		result(th, "link", ext4_link(inode, dir, name, strlen(name)));
	}
	ext4_iput(inode);
}

static void *run(void *arg)
{
	struct thread *th = arg;
	int i;

	for (i = 0; i < th->s->rounds; i++)
		one(th);
	return NULL;
}

static int rounds(void)
{
	const char *env = getenv("STRESS_ROUNDS");

	return env ? atoi(env) : 3000;
}

static void stress(const char *mke2fs)
{
	struct stress s = { .t = etest_new(mke2fs), .rounds = rounds() };
	struct thread th[THREADS];
	pthread_t id[THREADS];
	char name[16];
	int i, bad = 0;

	etest_mount(s.t);
	for (i = 0; i < DIRS; i++) {
		snprintf(name, sizeof(name), "dir%d", i);
		s.dir[i] = etest_mkdir(i < 2 ? s.t->root : s.dir[i - 2], name);
	}
	for (i = 0; i < THREADS; i++) {
		th[i] = (struct thread){ .s = &s, .seed = i * 7919 + 1, .buf = malloc(BIG) };
		memset(th[i].buf, 'a' + i, BIG);
		pthread_create(&id[i], NULL, run, &th[i]);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(id[i], NULL);
		bad += th[i].bad;
		free(th[i].buf);
	}
	for (i = 0; i < DIRS; i++)
		ext4_iput(s.dir[i]);
	assert_int_equal(bad, 0);
	assert_false(ext4_is_read_only(s.t->fs));
	assert_int_equal(etest_umount(s.t), 0);
	assert_int_equal(etest_fsck(s.t), 0);
	etest_free(s.t);
}

static void ext4_4k(void **state)
{
	(void)state;
	stress("-t ext4 -b 4096 64M");
}

static void ext4_1k(void **state)
{
	(void)state;
	stress("-t ext4 -b 1024 -O ea_inode,orphan_file 32M");
}

static void ext4_inline_data(void **state)
{
	(void)state;
	stress("-t ext4 -b 2048 -O inline_data 32M");
}

static void ext3(void **state)
{
	(void)state;
	stress("-t ext3 -b 1024 32M");
}

static void ext2(void **state)
{
	(void)state;
	stress("-t ext2 -b 1024 32M");
}

/* So small that space runs out all the time. */
static void full(void **state)
{
	(void)state;
	stress("-t ext4 -b 1024 -J size=1 4M");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ext4_4k),
		cmocka_unit_test(ext4_1k),
		cmocka_unit_test(ext4_inline_data),
		cmocka_unit_test(ext3),
		cmocka_unit_test(ext2),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
