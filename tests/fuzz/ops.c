/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations of the image fuzzer.  A walk collects names; operations
 * choose among them, or among a few new names, by the bytes of the input.
 * Results do not matter, only that there is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/falloc.h>
#include "ops.h"

#define MAX_NAMES	200
#define MAX_DEPTH	6
#define MAX_ENTRIES	300	/* of one directory */
#define MAX_CPU_MS	3000	/* of one operation: a second, three times that with sanitizers; FUZZ_OP_MS is another limit */

struct name {
	uint32_t	dir, ino;
	uint8_t		len;
	char		text[255];
};

struct walk {
	struct ext4_fs	*fs;
	struct name	names[MAX_NAMES];
	size_t		n;
	/* of the directory that is being read */
	uint32_t	dir;
	unsigned int	entries;
	uint64_t	pos;
};

static const struct ext4_cred cred = { .privileged = true };
static char buffer[70000];

/* ---- looking ---- */

static void look_at_data(struct ext4_inode *inode)
{
	struct ext4_run runs[8];
	struct ext4_stat st;
	off_t off = 0, size;
	int i;

	ext4_getattr(inode, &st);
	size = st.st.st_size;
	ext4_read(inode, buffer, 5000, 0);
	ext4_read(inode, buffer, 3000, size > 2000 ? size - 2000 : 1);
	ext4_read(inode, buffer, 3000, size / 2);
	ext4_map_runs(inode, 0, 1 << 20, runs, 8);
	ext4_map_runs(inode, size / 3, 1 << 20, runs, 8);
	for (i = 0; i < 8 && off >= 0; i++)
		off = ext4_seek(inode, off, i % 2 ? SEEK_HOLE : SEEK_DATA);
}

static void look_at_xattrs(struct ext4_inode *inode)
{
	char list[4096];
	ssize_t len = ext4_listxattr(inode, list, sizeof(list), true), off;

	ext4_listxattr(inode, NULL, 0, false);
	for (off = 0; off < len; off += strlen(list + off) + 1) {
		ext4_getxattr(inode, list + off, NULL, 0);
		ext4_getxattr(inode, list + off, buffer, sizeof(buffer));
	}
	ext4_getxattr(inode, "user.nothing", buffer, sizeof(buffer));
	ext4_getxattr(inode, "system.posix_acl_access", buffer, 100);
	ext4_getxattr(inode, "system.posix_acl_default", buffer, 100);
}

static void look_at(struct ext4_inode *inode)
{
	struct ext4_fsxattr fa;

	if (S_ISREG(ext4_mode(inode)))
		look_at_data(inode);
	else if (S_ISLNK(ext4_mode(inode)))
		ext4_readlink(inode, buffer, sizeof(buffer));
	look_at_xattrs(inode);
	ext4_get_flags(inode);
	ext4_get_fsxattr(inode, &fa);
}

static bool fill(void *priv, const struct ext4_dirent *ent)
{
	struct walk *w = priv;
	struct name *n = &w->names[w->n];

	if (++w->entries > MAX_ENTRIES)
		return false;
	w->pos = ent->next_pos;
	if (ent->len > 255 || memchr(ent->name, '/', ent->len) || memchr(ent->name, '\0', ent->len))
		abort();	/* no caller may ever see such a name */
	if (w->n == MAX_NAMES || (ent->len == 1 && ent->name[0] == '.') ||
	    (ent->len == 2 && !memcmp(ent->name, "..", 2)))
		return true;
	n->dir = w->dir;
	n->ino = ent->ino;
	n->len = ent->len;
	memcpy(n->text, ent->name, ent->len);
	w->n++;
	return w->entries % 50 != 0;
}

static void read_dir(struct walk *w, struct ext4_inode *dir)
{
	struct ext4_dir_cursor *cursor = ext4_dir_open(dir);
	unsigned int before;

	w->dir = ext4_ino(dir);
	w->entries = 0;
	w->pos = 0;
	do {
		before = w->entries;
	} while (!ext4_readdir(dir, cursor, w->pos, fill, w) && w->entries > before &&
		 w->entries <= MAX_ENTRIES);
	ext4_dir_close(cursor);
}

static void walk_dir(struct walk *w, struct ext4_inode *dir, int depth)
{
	size_t i = w->n, end;
	struct ext4_inode *inode;

	read_dir(w, dir);
	end = w->n;
	for (; i < end; i++) {
		if (ext4_lookup(dir, w->names[i].text, w->names[i].len, &inode))
			continue;
		look_at(inode);
		if (S_ISDIR(ext4_mode(inode)) && depth < MAX_DEPTH && w->n < MAX_NAMES)
			walk_dir(w, inode, depth + 1);
		ext4_iput(inode);
	}
}

static void walk(struct walk *w)
{
	struct ext4_inode *root;

	w->n = 0;
	if (ext4_iget(w->fs, EXT4_ROOT_INODE, &root))
		return;
	look_at(root);
	walk_dir(w, root, 0);
	ext4_iput(root);
}

/* ---- choosing ---- */

/* By lookup of the name where there is one, as the kernel does; else by number. */
static struct ext4_inode *get(struct walk *w, uint8_t which)
{
	struct ext4_inode *inode = NULL;

	if (which == 255 || !w->n)
		ext4_iget(w->fs, EXT4_ROOT_INODE, &inode);
	else if (which == 254)
		ext4_iget_handle(w->fs, which % 64, 0, &inode);
	else
		ext4_iget(w->fs, w->names[which % w->n].ino, &inode);
	return inode;
}

static struct ext4_inode *get_dir(struct walk *w, uint8_t which)
{
	struct ext4_inode *inode = NULL;
	size_t i;

	if (which & 1 && w->n) {
		for (i = 0; i < w->n; i++) {
			if (ext4_iget(w->fs, w->names[(which + i) % w->n].ino, &inode))
				continue;
			if (S_ISDIR(ext4_mode(inode)))
				return inode;
			ext4_iput(inode);
		}
	}
	inode = NULL;
	ext4_iget(w->fs, which & 1 || !w->n ? EXT4_ROOT_INODE : w->names[which % w->n].dir, &inode);
	return inode;
}

static void new_name(struct name *n, uint8_t which)
{
	n->len = which % 16 ? 3 + which % 30 : 255;
	memset(n->text, 'a' + which % 26, n->len);
}

/* ---- doing ---- */

static void op_new(struct walk *w, const struct input_op *op)
{
	struct ext4_inode *dir = get_dir(w, op->a), *inode = NULL;
	struct name name;

	if (!dir)
		return;
	new_name(&name, op->b);
	switch (op->c % 5) {
	case 0:
		ext4_create(dir, name.text, name.len, S_IFREG | 0644, 022, 0, &cred, &inode);
		break;
	case 1:
		ext4_mkdir(dir, name.text, name.len, 0755, 022, &cred, &inode);
		break;
	case 2:
		memset(buffer, 't', op->b * 8);
		buffer[op->b * 8] = '\0';
		ext4_symlink(dir, name.text, name.len, buffer, &cred, &inode);
		break;
	case 3:
		ext4_create(dir, name.text, name.len, S_IFCHR | 0644, 022, 0x1234, &cred, &inode);
		break;
	default:
		ext4_tmpfile(dir, S_IFREG | 0600, 022, &cred, &inode);
	}
	if (inode) {
		ext4_write(inode, "DDDD", 4, op->c, 0, &cred);
		ext4_iput(inode);
	}
	ext4_iput(dir);
}

static void op_many(struct walk *w, const struct input_op *op)
{
	struct ext4_inode *dir = get_dir(w, op->a), *inode;
	char text[64];
	int i, len;

	if (!dir)
		return;
	for (i = 0; i < op->b % 64; i++) {
		len = snprintf(text, sizeof(text), "%0*d", 8 + op->c % 40, i);
		if (!ext4_create(dir, text, len, S_IFREG | 0644, 0, 0, &cred, &inode))
			ext4_iput(inode);
	}
	ext4_iput(dir);
}

static void op_unlink(struct walk *w, const struct input_op *op)
{
	const struct name *n = &w->names[(op->a | op->b << 8) % w->n];
	struct ext4_inode *dir = NULL;

	if (ext4_iget(w->fs, n->dir, &dir))
		return;
	if (op->c & 1 || ext4_unlink(dir, n->text, n->len) == -EISDIR)
		ext4_rmdir(dir, n->text, n->len);
	ext4_iput(dir);
}

static void op_rename(struct walk *w, const struct input_op *op)
{
	const struct name *from = &w->names[op->a % w->n], *to = &w->names[op->b % w->n];
	struct ext4_inode *olddir = NULL, *newdir = NULL;
	struct name fresh;

	if (ext4_iget(w->fs, from->dir, &olddir))
		return;
	if (op->c & 8) {
		new_name(&fresh, op->b);
		newdir = get_dir(w, op->c >> 4);
		to = &fresh;
	} else if (ext4_iget(w->fs, to->dir, &newdir)) {
		newdir = NULL;
	}
	if (newdir)
		ext4_rename(olddir, from->text, from->len, newdir, to->text, to->len, op->c % 5, &cred);
	ext4_iput(olddir);
	ext4_iput(newdir);
}

static void op_link(struct walk *w, const struct input_op *op)
{
	struct ext4_inode *inode = get(w, op->a), *dir = get_dir(w, op->b);
	struct name name;

	new_name(&name, op->c);
	if (inode && dir && !S_ISDIR(ext4_mode(inode)))
		ext4_link(inode, dir, name.text, name.len);
	ext4_iput(inode);
	ext4_iput(dir);
}

static off_t offset(uint8_t b)
{
	return b & 0x80 ? (off_t)1 << (b % 63) : (off_t)b * 700;
}

static void op_data(struct ext4_inode *inode, const struct input_op *op)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE,
	};
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE, .size = offset(op->b) };
	size_t len = op->c & 1 ? (size_t)op->c * 200 : op->c;
	int mode;

	if (!S_ISREG(ext4_mode(inode)))
		return;
	memset(buffer, 'D', len);
	switch (op->op % OP_KINDS) {
	case 6:
	case 7:
		ext4_open_file(inode, true);
		ext4_write(inode, buffer, len, offset(op->b), op->c & 31, &cred);
		ext4_release_file(inode, true);
		break;
	case 8:
	case 9:
		ext4_setattr(inode, &attr);
		break;
	default:
		mode = modes[op->op % 7];
		ext4_fallocate(inode, mode, op->b * (mode & 0x28 ? 1024 : 600), op->c * 1024 + 1024, 0, &cred);
	}
}

/* The ACL of a base image, with one byte changed. */
static void set_acl(struct ext4_inode *inode, const struct input_op *op)
{
	static const uint16_t entries[][2] = { { 1, 6 }, { 2, 4 }, { 4, 4 }, { 16, 6 }, { 32, 4 } };
	uint32_t acl[11] = { 2 };
	int i;

	for (i = 0; i < 5; i++) {
		acl[1 + 2 * i] = entries[i][0] | (uint32_t)entries[i][1] << 16;
		acl[2 + 2 * i] = entries[i][0] == 2 ? 1 : ~0U;
	}
	if (op->c & 1)
		((uint8_t *)acl)[op->c % sizeof(acl)] = op->b;
	ext4_setxattr(inode, op->b & 16 ? "system.posix_acl_default" : "system.posix_acl_access", acl,
		      op->c & 2 ? sizeof(acl) : op->c % sizeof(acl), 0);
}

static void op_xattr(struct ext4_inode *inode, const struct input_op *op)
{
	static const char *const names[] = {
		"user.a", "user.small", "user.big", "user.huge", "trusted.t", "security.s", "user.shared",
		"user.a-name-that-is-somewhat-longer",
	};
	const char *name = names[op->b % 8];

	memset(buffer, 'x', 256 * 17);
	if (op->op % OP_KINDS == 16)
		ext4_removexattr(inode, name);
	else if (op->b % 8 == 5)
		set_acl(inode, op);
	else
		ext4_setxattr(inode, name, buffer, op->b & 8 ? op->c * 17 : op->c, 0);
}

static void op_attr(struct ext4_inode *inode, const struct input_op *op)
{
	struct ext4_iattr attr = { .valid = op->c & ~EXT4_ATTR_SIZE, .mode = op->b * 8, .uid = op->b, .gid = 70000 };
	struct ext4_stat st;
	struct ext4_fsxattr fa;

	ext4_getattr(inode, &st);
	switch (op->b % 4) {
	case 0:
		ext4_setattr(inode, &attr);
		break;
	case 1:		/* journaled data, extents, and so on */
		ext4_set_flags(inode, st.flags ^ (1U << op->c % 32), &cred);
		break;
	case 2:
		ext4_get_fsxattr(inode, &fa);
		fa.projid = op->c;
		ext4_set_fsxattr(inode, &fa, &cred);
		break;
	default:
		ext4_set_version(inode, op->c);
	}
}

static void op_fs(struct ext4_fs *fs, const struct input_op *op)
{
	struct statvfs st;
	uint64_t trimmed;

	switch (op->a % 6) {
	case 0:
		ext4_syncfs(fs);
		break;
	case 1:
		ext4_statfs(fs, &st);
		break;
	case 2:
		ext4_trim(fs, op->b << 10, (uint64_t)op->c << 14, 0, &trimmed);
		break;
	case 3:
		ext4_set_label(fs, "label");
		break;
	case 4:
		ext4_shrink(fs, op->b & 1);
		break;
	default:
		if (op->b == 7)
			ext4_shutdown(fs);
	}
}

static void op_inode(struct walk *w, const struct input_op *op)
{
	struct ext4_inode *inode = get(w, op->a), *parent;

	if (!inode)
		return;
	switch (op->op % OP_KINDS) {
	case 14:
	case 15:
	case 16:
		op_xattr(inode, op);
		break;
	case 17:
		op_attr(inode, op);
		break;
	case 18:
		ext4_fsync(inode, op->b & 1);
		break;
	case 19:
		look_at(inode);
		break;
	case 20:
		if (S_ISDIR(ext4_mode(inode)) && !ext4_get_parent(inode, &parent))
			ext4_iput(parent);
		break;
	default:
		op_data(inode, op);
	}
	ext4_iput(inode);
}

static void do_op(struct walk *w, const struct input_op *op)
{
	switch (op->op % OP_KINDS) {
	case 0:
	case 1:
		op_new(w, op);
		break;
	case 2:
		op_many(w, op);
		break;
	case 3:
	case 4:
	case 25:
		if (w->n)
			op_unlink(w, op);
		break;
	case 5:
	case 24:
		if (w->n)
			op_rename(w, op);
		break;
	case 21:
		op_link(w, op);
		break;
	case 22:
		op_fs(w->fs, op);
		break;
	case 23:
		walk(w);
		break;
	default:
		op_inode(w, op);
	}
}

static long cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long max_cpu_ms(void)
{
	const char *env = getenv("FUZZ_OP_MS");

	return env && atol(env) > 0 ? atol(env) : MAX_CPU_MS;
}

/* Processor time, so that a busy machine does not matter; one that stands still meanwhile does. */
static void do_op_in_time(struct walk *w, const struct input_op *op)
{
	long before = cpu_ms(), took;

	do_op(w, op);
	took = cpu_ms() - before;
	if (took > max_cpu_ms()) {
		fprintf(stderr, "operation %u took %ld ms\n", op->op % OP_KINDS, took);
		abort();
	}
}

void ops_run(struct ext4_fs *fs, const struct input_op *ops, size_t n)
{
	struct walk *w = calloc(1, sizeof(*w));
	size_t i;

	w->fs = fs;
	walk(w);
	for (i = 0; i < n; i++)
		do_op_in_time(w, &ops[i]);
	if (n)
		walk(w);
	free(w);
}
