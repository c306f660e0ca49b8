/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load's frame: mounts, rounds, steps and promises.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "load.h"

const struct ext4_cred load_root = { .privileged = true };
const struct ext4_cred load_user = { .uid = 1000, .gid = 1000 };

static void note_message(void *priv, enum ext4_log_level level, const char *message)
{
	struct load *l = priv;

	if (getenv("FAULT_LOG"))
		fprintf(stderr, "# step %d: %s\n", l->step, message);
	if (level != EXT4_LOG_ERR)
		return;
	__atomic_fetch_add(&l->complaints, 1, __ATOMIC_RELAXED);
	snprintf(l->complaint, sizeof(l->complaint), "%s", message);
}

struct load *load_new(struct dev *dev, struct golden *golden)
{
	struct load *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (l == MAP_FAILED)
		abort();
	l->dev = dev;
	l->golden = golden;
	l->opts = (struct ext4_mount_opts){
		.device_name = "memory", .barrier = true, .acl = EXT4_UNSET, .user_xattr = EXT4_UNSET,
		.atime = EXT4_ATIME_NONE, .commit_interval = 3600, .log = note_message, .log_priv = l,
	};
	return l;
}

/* ---- steps ---- */

static struct listing scratch;

static uint64_t tree_now(struct load *l)
{
	int err = list_tree(&scratch, l->root);

	return err ? 0 : list_hash(scratch.text, scratch.len, 1);
}

/*
 * A step that failed has happened or not.  Only if the journal has died, or damage was noted, nobody
 * knows.
 */
static void check_whole(struct load *l, bool partial)
{
	const uint64_t *after = l->golden->after;
	uint64_t now;

	if (partial || l->step < 1 || l->dev->fault.stays || l->complaints || ext4_is_read_only(l->fs))
		return;
	now = tree_now(l);
	if (now && now != after[l->step - 1] && now != after[l->step]) {
		l->half_done = true;
		if (getenv("FAULT_LOG"))
			fprintf(stderr, "%s", scratch.text);
	}
}

static void note_error(struct load *l, const char *name, int err, bool partial)
{
	if (getenv("FAULT_LOG"))
		fprintf(stderr, "# step %d, %s: %s\n", l->step, name, strerror(-err));
	if (l->errors++)
		return;
	l->first_err = err;
	l->first_step = l->step;
	snprintf(l->first_name, sizeof(l->first_name), "%s", name);
	check_whole(l, partial);
}

ssize_t load_step(struct load *l, const char *name, ssize_t ret, int may)
{
	bool partial = may == LOAD_PARTIAL;

	if (partial)
		may = 0;
	if (l->step >= LOAD_MAX_STEPS)
		abort();
	if (getenv("FAULT_STEPS"))
		fprintf(stderr, "# step %d: %s: %zd\n", l->step, name, ret);
	if (ret < 0 && ret != may)
		note_error(l, name, ret, partial);
	else if (ret >= 0 && may && !l->errors)
		l->lied = true;
	if (l->record) {
		if (ret < 0 && ret != may) {
			fprintf(stderr, "# step %d, %s: %s, without a fault\n", l->step, name, strerror(-ret));
			abort();
		}
		l->golden->after[l->step] = tree_now(l);
	}
	l->step++;
	return ret;
}

/* ---- promises ---- */

void load_promise(struct load *l, const char *path, struct ext4_inode *inode)
{
	struct promise *p = &l->promises[l->n_promises];

	if (l->n_promises == LOAD_PROMISES)
		abort();
	if (list_content(inode, &p->content))
		return;
	snprintf(p->path, sizeof(p->path), "%s", path);
	p->round = l->round;
	l->n_promises++;
}

void load_unpromise(struct load *l, const char *path)
{
	int i;

	for (i = 0; i < l->n_promises; i++) {
		if (l->promises[i].round == l->round && !strcmp(l->promises[i].path, path))
			l->promises[i].path[0] = '\0';
	}
}

static void acknowledge(struct load *l, int round, struct ext4_inode *dir)
{
	int err;

	if (!dir || STEP(l, 0, ext4_syncfs, l->fs))
		return;
	/* Whatever was promised of single files is part of it. */
	l->n_promises = 0;
	err = list_tree(&l->ack[round], dir);
	if (err)
		note_error(l, "list", err, false);
	l->acked[round] = !err;
}

/* ---- shorthands ---- */

const char *load_data(size_t len)
{
	static uint32_t data[16384];
	size_t i;

	if (!data[0]) {
		for (i = 0; i < 16384; i += 2) {
			data[i] = DEV_DATA_MARK;
			data[i + 1] = i;
		}
	}
	if (len > sizeof(data))
		abort();
	return (const char *)data;
}

struct ext4_inode *load_create(struct load *l, struct ext4_inode *dir, const char *name, mode_t mode)
{
	struct ext4_inode *inode = NULL;

	if (dir && STEP(l, 0, ext4_create, dir, name, strlen(name), mode, 022, 0x0105, &load_user, &inode))
		return NULL;
	return inode;
}

struct ext4_inode *load_mkdir(struct load *l, struct ext4_inode *dir, const char *name)
{
	struct ext4_inode *inode = NULL;

	if (dir && STEP(l, 0, ext4_mkdir, dir, name, strlen(name), 0755, 022, &load_user, &inode))
		return NULL;
	return inode;
}

void load_write(struct load *l, struct ext4_inode *inode, size_t len, off_t off, unsigned int flags)
{
	ssize_t n;

	if (!inode)
		return;
	n = CALL(ext4_write, inode, load_data(len), len, off, flags, &load_user);
	/* Less than all is how write(2) tells of an error after the first byte. */
	load_step(l, "ext4_write", n < 0 || n == (ssize_t)len ? n : -EIO, LOAD_PARTIAL);
}

/* ---- rounds ---- */

static void drop_round(struct load *l, int round, const char *name)
{
	struct ext4_inode *dir;

	l->acked[round] = false;
	if (STEP(l, 0, ext4_lookup, l->root, name, strlen(name), &dir))
		return;
	load_remove(l, dir);
	ext4_iput(dir);
	STEP(l, 0, ext4_rmdir, l->root, name, strlen(name));
}

static void one_round(struct load *l, int round)
{
	char name[16];

	l->round = round;
	snprintf(name, sizeof(name), "r%d", round);
	l->dir = load_mkdir(l, l->root, name);
	if (l->dir) {
		load_names(l);
		load_file_data(l);
		load_attributes(l);
	}
	load_whole(l);
	acknowledge(l, round, l->dir);
	ext4_iput(l->dir);
	l->dir = NULL;
	if (round == 1)
		drop_round(l, LOAD_ROUNDS, "old");
	snprintf(name, sizeof(name), "r%d", round - 2);
	if (round >= 2)
		drop_round(l, round - 2, name);
}

static int mount(struct load *l)
{
	struct ext4_probe_info info;
	int err;

	l->reason[0] = '\0';
	err = CALL(ext4_probe, dev_channel(l->dev), 0, &info, l->reason, sizeof(l->reason));
	if (err)
		return err;
	err = CALL(ext4_mount, dev_channel(l->dev), &l->opts, &l->fs, l->reason, sizeof(l->reason));
	if (err)
		return err;
	err = CALL(ext4_iget, l->fs, EXT4_ROOT_INODE, &l->root);
	if (err) {
		CALL(ext4_unmount, l->fs);
		l->fs = NULL;
	}
	return err;
}

static int unmount(struct load *l)
{
	int err;

	CALL_VOID(ext4_iput, l->root);
	err = CALL(ext4_unmount, l->fs);
	l->fs = NULL;
	return err;
}

/* After a shutdown nothing goes any more. */
static void shut_down(struct load *l)
{
	struct ext4_inode *inode;

	if (!STEP(l, 0, ext4_shutdown, l->fs) &&
	    !STEP(l, -EIO, ext4_create, l->root, "late", 4, S_IFREG | 0644, 0, 0, &load_root, &inode))
		ext4_iput(inode);
}

void load_run(struct load *l)
{
	int round, err, i;

	l->mount_err = mount(l);
	if (l->mount_err)
		return;
	for (round = 0; round < LOAD_ROUNDS; round++)
		one_round(l, round);
	err = list_tree(&l->final, l->root);
	if (err)
		note_error(l, "list", err, false);
	l->hit_journal = l->dev->hit_journal;
	/* Who notices a failed commit may be another thread, and a moment later. */
	for (i = 0; l->hit_journal && i < 500 && !ext4_is_read_only(l->fs); i++)
		usleep(10000);
	l->read_only = CALL(ext4_is_read_only, l->fs);
	l->umount_err = unmount(l);
	if (l->umount_err)
		return;
	l->mount_err = mount(l);
	if (l->mount_err)
		return;
	shut_down(l);
	unmount(l);
}

void load_prepare(struct load *l)
{
	struct ext4_inode *dir, *inode;

	if (mount(l)) {
		fprintf(stderr, "# %s\n", l->reason);
		abort();
	}
	l->record = false;
	dir = load_mkdir(l, l->root, "old");
	inode = load_create(l, dir, "file", S_IFREG | 0644);
	load_write(l, inode, 20000, 0, 0);
	ext4_iput(inode);
	ext4_iput(load_mkdir(l, dir, "directory"));
	inode = load_create(l, dir, "gone", S_IFREG | 0644);
	load_write(l, inode, 50000, 0, 0);
	STEP(l, 0, ext4_unlink, dir, "gone", 4);
	acknowledge(l, LOAD_ROUNDS, dir);
	/* The device is taken as it is now; the rest only ends the process properly. */
	memcpy(l->dev->durable, l->dev->data, l->dev->size);
	memset(l->dev->unflushed, 0, sizeof(l->dev->unflushed));
	l->dev->fault = (struct fault){ .kind = FAULT_FLUSH, .stays = true };
	ext4_iput(inode);
	ext4_iput(dir);
	unmount(l);
}
