/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names: all kinds of files, a directory that becomes indexed, links, renames, removal.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "load.h"

#define MANY	24

static size_t long_name(char *name, int i)
{
	return sprintf(name, "a-name-that-is-long-enough-to-fill-a-small-block-soon-%03d", i);
}

static void many_names(struct load *l, struct ext4_inode *dir)
{
	struct ext4_inode *inode;
	char name[80];
	size_t len;
	int i;

	for (i = 0; i < MANY; i++) {
		long_name(name, i);
		inode = load_create(l, dir, name, S_IFREG | 0644);
		ext4_iput(inode);
	}
	for (i = 0; i < MANY; i += 3) {
		len = long_name(name, i);
		STEP(l, 0, ext4_unlink, dir, name, len);
	}
}

static void kinds(struct load *l)
{
	struct ext4_inode *dir = l->dir, *inode;
	char target[900];
	size_t i;

	/* No more than file data is it covered by a checksum. */
	for (i = 0; i < sizeof(target) - 1; i++)
		target[i] = (char)(DEV_DATA_MARK >> i % 4 * 8);
	target[i] = '\0';
	ext4_iput(load_create(l, dir, "fifo", S_IFIFO | 0600));
	ext4_iput(load_create(l, dir, "device", S_IFCHR | 0600));
	if (!STEP(l, 0, ext4_symlink, dir, "short", 5, "file", &load_user, &inode))
		ext4_iput(inode);
	if (!STEP(l, 0, ext4_symlink, dir, "long", 4, target, &load_user, &inode)) {
		STEP(l, 0, ext4_readlink, inode, target, sizeof(target));
		ext4_iput(inode);
	}
	STEP(l, -EEXIST, ext4_mkdir, dir, "fifo", 4, 0755, 0, &load_user, &inode);
}

static void links(struct load *l)
{
	struct ext4_inode *dir = l->dir, *inode = load_create(l, dir, "file", S_IFREG | 0644), *other;

	if (!inode)
		return;
	load_write(l, inode, 100, 0, 0);
	STEP(l, 0, ext4_link, inode, dir, "link", 4);
	STEP(l, 0, ext4_rename, dir, "link", 4, dir, "renamed", 7, 0, &load_user);
	other = load_create(l, dir, "other", S_IFREG | 0600);
	load_write(l, other, 3000, 0, 0);
	STEP(l, 0, ext4_rename, dir, "other", 5, dir, "file", 4, 0, &load_user);
	STEP(l, -EEXIST, ext4_rename, dir, "renamed", 7, dir, "file", 4, EXT4_RENAME_NOREPLACE, &load_user);
	STEP(l, 0, ext4_rename, dir, "renamed", 7, dir, "file", 4, EXT4_RENAME_EXCHANGE, &load_user);
	STEP(l, 0, ext4_rename, dir, "renamed", 7, dir, "moved", 5, EXT4_RENAME_WHITEOUT, &load_root);
	STEP(l, -ENOENT, ext4_unlink, dir, "missing", 7);
	ext4_iput(other);
	ext4_iput(inode);
}

static void directories(struct load *l)
{
	struct ext4_inode *sub = load_mkdir(l, l->dir, "sub"), *inner, *parent;

	if (!sub)
		return;
	many_names(l, sub);
	inner = load_mkdir(l, l->dir, "inner");
	STEP(l, 0, ext4_rename, l->dir, "inner", 5, sub, "inner", 5, 0, &load_user);
	if (inner && !STEP(l, 0, ext4_get_parent, inner, &parent))
		ext4_iput(parent);
	STEP(l, -ENOTEMPTY, ext4_rmdir, l->dir, "sub", 3);
	STEP(l, 0, ext4_fsync, sub, false);
	ext4_iput(inner);
	ext4_iput(load_mkdir(l, sub, "empty"));
	STEP(l, 0, ext4_rmdir, sub, "empty", 5);
	ext4_iput(sub);
}

static void nameless(struct load *l)
{
	struct ext4_inode *inode;

	if (!STEP(l, 0, ext4_tmpfile, l->dir, 0600, 022, &load_user, &inode)) {
		load_write(l, inode, 7000, 0, 0);
		STEP(l, 0, ext4_link, inode, l->dir, "named", 5);
		ext4_iput(inode);
	}
	if (!STEP(l, 0, ext4_tmpfile, l->dir, 0600, 022, &load_user, &inode)) {
		load_write(l, inode, 7000, 0, 0);
		ext4_iput(inode);
	}
	inode = load_create(l, l->dir, "unlinked", S_IFREG | 0600);
	load_write(l, inode, 10000, 0, 0);
	STEP(l, inode ? 0 : -ENOENT, ext4_unlink, l->dir, "unlinked", 8);
	load_write(l, inode, 10000, 20000, 0);
	CALL_VOID(ext4_iput_many, inode, 1);
}

void load_names(struct load *l)
{
	kinds(l);
	links(l);
	directories(l);
	nameless(l);
}

/* ---- removal ---- */

struct some_names {
	int	n;
	char	name[16][80];
	int	len[16];
	bool	is_dir[16];
};

static bool take(void *priv, const struct ext4_dirent *ent)
{
	struct some_names *s = priv;

	if ((ent->len == 1 && *ent->name == '.') || (ent->len == 2 && !memcmp(ent->name, "..", 2)))
		return true;
	if (s->n == 16 || ent->len >= sizeof(s->name[0]))
		return false;
	memcpy(s->name[s->n], ent->name, ent->len);
	s->len[s->n] = ent->len;
	s->is_dir[s->n++] = ent->type == DT_DIR;
	return true;
}

static bool remove_some(struct load *l, struct ext4_inode *dir)
{
	struct ext4_dir_cursor *cursor = CALL(ext4_dir_open, dir);
	struct some_names s = { .n = 0 };
	struct ext4_inode *sub;
	int i, failed = 0;

	if (STEP(l, 0, ext4_readdir, dir, cursor, 0, take, &s))
		failed++;
	CALL_VOID(ext4_dir_close, cursor);
	for (i = 0; i < s.n && !failed; i++) {
		if (!s.is_dir[i]) {
			failed += STEP(l, 0, ext4_unlink, dir, s.name[i], s.len[i]) < 0;
			continue;
		}
		if (!STEP(l, 0, ext4_lookup, dir, s.name[i], s.len[i], &sub)) {
			load_remove(l, sub);
			ext4_iput(sub);
		}
		failed += STEP(l, 0, ext4_rmdir, dir, s.name[i], s.len[i]) < 0;
	}
	return s.n && !failed;
}

/* What cannot be removed ends it. */
void load_remove(struct load *l, struct ext4_inode *dir)
{
	while (remove_some(l, dir))
		;
}
