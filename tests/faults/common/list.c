/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listing a tree with the engine's own functions.  Nothing is allocated.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ext2fs/ext2_fs.h"
#include "api.h"
#include "list.h"

#define MAX_NAMES	128
#define MAX_DEPTH	4
#define NAME_ROOM	80

struct names {
	int	n;
	char	name[MAX_NAMES][NAME_ROOM];
};

static struct names level[MAX_DEPTH];

uint64_t list_hash(const void *data, size_t len, uint64_t hash)
{
	const unsigned char *p = data;

	while (len--)
		hash = (hash ^ *p++) * 0x100000001b3ULL;
	return hash;
}

static void add(struct listing *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct listing *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, LIST_SIZE - l->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= LIST_SIZE - l->len)
		abort();
	l->len += n;
}

static bool take_name(void *priv, const struct ext4_dirent *ent)
{
	struct names *names = priv;

	if ((ent->len == 1 && ent->name[0] == '.') || (ent->len == 2 && !memcmp(ent->name, "..", 2)))
		return true;
	if (names->n == MAX_NAMES || ent->len >= NAME_ROOM)
		abort();
	memcpy(names->name[names->n], ent->name, ent->len);
	names->name[names->n++][ent->len] = '\0';
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int list_content(struct ext4_inode *inode, uint64_t *hash)
{
	static char buf[32768];
	off_t off = 0;
	ssize_t n;

	*hash = 0xcbf29ce484222325ULL;
	do {
		n = CALL(ext4_read, inode, buf, sizeof(buf), off);
		if (n < 0)
			return n;
		*hash = list_hash(buf, n, *hash);
		off += n;
	} while (n);
	return 0;
}

static int list_xattrs(struct ext4_inode *inode, uint64_t *hash)
{
	static char names[8192], value[8192];
	ssize_t len = CALL(ext4_listxattr, inode, names, sizeof(names), true), n;
	char *p;

	*hash = 0;
	if (len < 0)
		return len;
	for (p = names; p < names + len; p += strlen(p) + 1) {
		n = CALL(ext4_getxattr, inode, p, value, sizeof(value));
		if (n < 0)
			return n;
		/* In whatever order they come. */
		*hash += list_hash(value, n, list_hash(p, strlen(p), 1));
	}
	return 0;
}

static int list_one(struct listing *l, const char *path, struct ext4_inode *inode)
{
	mode_t mode = CALL(ext4_mode, inode);
	uint64_t content = 0, xattrs;
	struct ext4_stat st;
	char target[1100];
	ssize_t n;
	int err;

	CALL(ext4_getattr, inode, &st);
	if (S_ISREG(mode)) {
		err = list_content(inode, &content);
		if (err)
			return err;
	} else if (S_ISLNK(mode)) {
		n = CALL(ext4_readlink, inode, target, sizeof(target));
		if (n < 0)
			return n;
		content = list_hash(target, n, 1);
	}
	err = list_xattrs(inode, &xattrs);
	if (err)
		return err;
	add(l, "%s %o %u %u n%lu s%lld r%lx f%x %llx %llx\n", path, mode, st.st.st_uid, st.st.st_gid,
	    (unsigned long)st.st.st_nlink, S_ISDIR(mode) ? 0LL : (long long)st.st.st_size,
	    (unsigned long)st.st.st_rdev, CALL(ext4_get_flags, inode) & ~(uint32_t)EXT2_INDEX_FL,
	    (unsigned long long)content, (unsigned long long)xattrs);
	return 0;
}

static int walk(struct listing *l, struct ext4_inode *dir, const char *prefix, int depth)
{
	struct names *names = &level[depth];
	struct ext4_inode *inode;
	char path[400];
	int err, i;

	names->n = 0;
	err = CALL(ext4_readdir, dir, NULL, 0, take_name, names);
	if (err)
		return err;
	qsort(names->name, names->n, NAME_ROOM, by_name);
	for (i = 0; i < names->n; i++) {
		snprintf(path, sizeof(path), "%s/%s", prefix, names->name[i]);
		err = CALL(ext4_lookup, dir, names->name[i], strlen(names->name[i]), &inode);
		if (err)
			return err;
		err = list_one(l, path, inode);
		if (!err && S_ISDIR(CALL(ext4_mode, inode)) && depth + 1 < MAX_DEPTH)
			err = walk(l, inode, path, depth + 1);
		CALL_VOID(ext4_iput, inode);
		if (err)
			return err;
	}
	return 0;
}

int list_tree(struct listing *l, struct ext4_inode *dir)
{
	l->len = 0;
	l->text[0] = '\0';
	return walk(l, dir, "", 0);
}
