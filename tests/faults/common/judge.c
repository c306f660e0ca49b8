/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounting again, comparing what is there with the promises, e2fsck.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "judge.h"

extern char **environ;

static void wrong(struct verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	if (v->text[0])
		return;
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
}

/* ---- e2fsck ---- */

static int run_e2fsck(int image, const char *options)
{
	char path[32];
	char *argv[] = { "e2fsck", (char *)options, path, NULL };
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	posix_spawn_file_actions_init(&actions);
	if (!getenv("FAULT_LOG"))
		posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (posix_spawnp(&pid, "e2fsck", &actions, NULL, argv, environ) || waitpid(pid, &status, 0) < 0)
		status = -1;
	posix_spawn_file_actions_destroy(&actions);
	return status < 0 || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
}

int judge_e2fsck(char *data, uint64_t size, const char *options)
{
	const char *keep = getenv("FAULT_KEEP");
	int image, status = -1;

	/* A file of this name is left for a look. */
	image = keep ? open(keep, O_RDWR | O_CREAT | O_TRUNC, 0600) : memfd_create("image", 0);
	if (image >= 0 && pwrite(image, data, size, 0) == (ssize_t)size) {
		status = run_e2fsck(image, options);
		if (pread(image, data, size, 0) != (ssize_t)size)
			status = -1;
	}
	close(image);
	return status;
}

/* ---- promises ---- */

static struct listing found;

/* One line of @b that @a has not. */
static void show_difference(const char *a, const char *b, char *out, size_t size)
{
	const char *line = b, *end;
	char text[512];

	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		snprintf(text, sizeof(text), "%.*s", (int)(end - line) + 1, line);
		if (!strstr(a, text))
			break;
	}
	snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
}

static void compare(const struct listing *wanted, struct verdict *v, const char *what)
{
	char was[200], is[200];

	if (wanted->len == found.len && !memcmp(wanted->text, found.text, found.len))
		return;
	show_difference(found.text, wanted->text, was, sizeof(was));
	show_difference(wanted->text, found.text, is, sizeof(is));
	wrong(v, "%s: promised '%s', found '%s'", what, was, is);
}

static struct ext4_inode *get(struct load *l, const char *name, struct ext4_inode *dir, bool wrong_bits,
			      struct verdict *v)
{
	struct ext4_inode *inode;
	int err = ext4_lookup(dir, name, strlen(name), &inode);

	(void)l;
	if (!err)
		return inode;
	if (!wrong_bits || err == -ENOENT)
		wrong(v, "promised %s: %s", name, strerror(-err));
	v->found = true;
	return NULL;
}

static void check_round(struct load *l, int round, bool wrong_bits, struct verdict *v)
{
	struct ext4_inode *dir;
	char name[16];
	int err;

	snprintf(name, sizeof(name), round == LOAD_ROUNDS ? "old" : "r%d", round);
	dir = get(l, name, l->root, wrong_bits, v);
	if (!dir)
		return;
	err = list_tree(&found, dir);
	ext4_iput(dir);
	if (!err)
		compare(&l->ack[round], v, name);
	else if (wrong_bits)
		v->found = true;
	else
		wrong(v, "listing %s: %s", name, strerror(-err));
}

static void check_promise(struct load *l, const struct promise *p, bool wrong_bits, struct verdict *v)
{
	struct ext4_inode *dir, *inode = NULL;
	uint64_t content;
	char name[16];

	snprintf(name, sizeof(name), "r%d", p->round);
	dir = get(l, name, l->root, wrong_bits, v);
	if (dir)
		inode = get(l, p->path, dir, wrong_bits, v);
	if (inode && !list_content(inode, &content) && content != p->content)
		wrong(v, "%s/%s has not the promised content", name, p->path);
	ext4_iput(inode);
	ext4_iput(dir);
}

static void check_promises(struct load *l, bool wrong_bits, struct verdict *v)
{
	int i, err;

	for (i = 0; i <= LOAD_ROUNDS; i++) {
		if (l->acked[i])
			check_round(l, i, wrong_bits, v);
	}
	for (i = 0; i < l->n_promises; i++) {
		if (l->promises[i].path[0])
			check_promise(l, &l->promises[i], wrong_bits, v);
	}
	err = list_tree(&found, l->root);
	/* What failed half way and is marked as damage is for e2fsck. */
	if (err && !wrong_bits && !v->had_errors)
		wrong(v, "listing all: %s", strerror(-err));
	v->found |= err != 0;
	v->complete = !err && found.len == l->golden->final.len &&
		      !memcmp(found.text, l->golden->final.text, found.len);
}

/* ---- mounting again ---- */

static int look(struct load *l, bool wrong_bits, struct verdict *v)
{
	struct ext4_probe_info info;
	int err = ext4_probe(dev_channel(l->dev), 0, &info, l->reason, sizeof(l->reason));

	if (!err)
		err = ext4_mount(dev_channel(l->dev), &l->opts, &l->fs, l->reason, sizeof(l->reason));
	if (!err)
		err = ext4_iget(l->fs, EXT4_ROOT_INODE, &l->root);
	if (err) {
		v->refused = true;
		if (l->fs)
			ext4_unmount(l->fs);
		l->fs = NULL;
		if (!wrong_bits)
			wrong(v, "mounting again: %s: %s", strerror(-err), l->reason);
		return err;
	}
	v->had_errors = info.has_errors;
	check_promises(l, wrong_bits, v);
	ext4_iput(l->root);
	err = ext4_unmount(l->fs);
	l->fs = NULL;
	if (err && !wrong_bits)
		wrong(v, "unmounting again: %s", strerror(-err));
	return err;
}

static void fsck(struct load *l, struct verdict *v)
{
	int status = judge_e2fsck(l->dev->data, l->dev->size, v->had_errors ? "-fy" : "-fn");

	v->fscked = true;
	if (status < 0 || status > (v->had_errors ? 1 : 0))
		wrong(v, "e2fsck %s ends with %d", v->had_errors ? "-fy" : "-fn", status);
}

void judge(struct load *l, bool wrong_bits, bool want_fsck, struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	l->dev->fault.kind = FAULT_NONE;
	if (look(l, wrong_bits, v) || v->text[0])
		return;
	if (wrong_bits && (v->found || l->errors))
		return;
	if (want_fsck || v->had_errors)
		fsck(l, v);
	/* What it repaired has cost nothing of what was promised. */
	if (v->had_errors && !v->text[0]) {
		look(l, wrong_bits, v);
		if (v->had_errors)
			wrong(v, "e2fsck has left the mark of errors");
		v->had_errors = true;
	}
}
