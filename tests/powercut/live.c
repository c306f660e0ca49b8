/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree as a user of the engine sees it: reading directories, looking names up, reading files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "live.h"
#include "report.h"

struct name {
	char name[256];
	unsigned int len;
	uint32_t ino;
};

struct names {
	struct name *names;
	unsigned int nr, room;
};

struct live {
	struct ext4_fs *fs;
	struct view *v;
	char *why;
};

static bool differs(struct live *l, uint32_t ino, const char *what)
{
	snprintf(l->why, 200, "the engine shows another %s of inode %u than the disk has", what,
		 ino);
	return false;
}

static void add_name(struct names *n, const char *name, unsigned int len, uint32_t ino)
{
	if (len <= 2 && !memcmp(name, "..", len))
		return;
	if (n->nr == n->room) {
		n->room = n->room ? 2 * n->room : 64;
		n->names = realloc(n->names, n->room * sizeof(*n->names));
		if (!n->names)
			pc_die("out of memory");
	}
	memset(&n->names[n->nr], 0, sizeof(n->names[n->nr]));
	memcpy(n->names[n->nr].name, name, len);
	n->names[n->nr].len = len;
	n->names[n->nr++].ino = ino;
}

static bool take_dirent(void *priv, const struct ext4_dirent *ent)
{
	add_name(priv, ent->name, ent->len, ent->ino);
	return true;
}

static void take_entry(void *priv, const struct view_entry *e)
{
	add_name(priv, e->name, e->len, e->ino);
}

static int by_name(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct name));
}

static bool same_names(struct live *l, struct ext4_inode *dir, struct names *seen)
{
	struct names disk = { NULL, 0, 0 };
	bool ok;

	view_readdir(l->v, ext4_ino(dir), take_entry, &disk);
	ok = !ext4_readdir(dir, NULL, 0, take_dirent, seen) && seen->nr == disk.nr;
	if (ok && disk.nr) {
		qsort(seen->names, seen->nr, sizeof(*seen->names), by_name);
		qsort(disk.names, disk.nr, sizeof(*disk.names), by_name);
		ok = !memcmp(seen->names, disk.names, seen->nr * sizeof(*seen->names));
	}
	free(disk.names);
	return ok || differs(l, ext4_ino(dir), "list of names");
}

static bool same_content(struct live *l, struct ext4_inode *inode, bool symlink)
{
	uint64_t size;
	char *disk = view_read(l->v, ext4_ino(inode), &size), *seen = malloc(size + 1);
	ssize_t n;
	bool ok;

	if (!seen)
		pc_die("out of memory");
	n = symlink ? ext4_readlink(inode, seen, size + 1) : ext4_read(inode, seen, size + 1, 0);
	ok = n == (ssize_t)size && !memcmp(disk, seen, size);
	free(disk);
	free(seen);
	return ok || differs(l, ext4_ino(inode), "content");
}

static bool same_tree(struct live *l, struct ext4_inode *dir);

static bool same_inode(struct live *l, struct ext4_inode *dir, const struct name *name)
{
	struct ext4_inode *inode;
	mode_t mode;
	bool ok = true;

	if (ext4_lookup(dir, name->name, name->len, &inode))
		return differs(l, ext4_ino(dir), "name");
	mode = ext4_mode(inode);
	if (ext4_ino(inode) != name->ino)
		ok = differs(l, name->ino, "number");
	else if (S_ISDIR(mode))
		ok = same_tree(l, inode);
	else if (S_ISREG(mode) || S_ISLNK(mode))
		ok = same_content(l, inode, S_ISLNK(mode));
	ext4_iput(inode);
	return ok;
}

static bool same_tree(struct live *l, struct ext4_inode *dir)
{
	struct names seen = { NULL, 0, 0 };
	bool ok = same_names(l, dir, &seen);
	unsigned int i;

	for (i = 0; i < seen.nr && ok; i++)
		ok = same_inode(l, dir, &seen.names[i]);
	free(seen.names);
	return ok;
}

bool live_matches(struct ext4_fs *fs, struct view *v, char *why)
{
	struct live l = { fs, v, why };
	struct ext4_inode *root;
	bool ok;

	if (ext4_iget(fs, EXT4_ROOT_INODE, &root)) {
		snprintf(why, 200, "the engine has no root");
		return false;
	}
	ok = same_tree(&l, root);
	ext4_iput(root);
	return ok;
}
