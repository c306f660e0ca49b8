/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mount, unmount, look; and what e2fsck makes of a copy.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check.h"
#include "damage.h"
#include "fsck.h"
#include "judge.h"
#include "live.h"
#include "report.h"
#include "states.h"
#include "walk.h"

#define TIME_LIMIT 60 /* seconds for one state: recovery must end */

static bool failed(struct judge *j, size_t cut, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The state itself is kept where the caller has put it back by then. */
static bool failed(struct judge *j, size_t cut, const char *fmt, ...)
{
	char text[220];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	j->tally->failures++;
	if (!*j->why)
		snprintf(j->why, sizeof(j->why), "%s", text);
	if (!j->quiet) {
		printf("# %s, seed %llu, cut before event %zu: %s\n", j->config->name,
		       (unsigned long long)j->round, cut, text);
		fflush(stdout);
	}
	return false;
}

static void keep_image(struct judge *j, const char *image, size_t cut, const char *what)
{
	char path[300];

	if (!j->keep)
		return;
	snprintf(path, sizeof(path), "%s/%s-%llu-%zu-%lu.%s", j->keep, j->config->name,
		 (unsigned long long)j->round, cut, j->tally->failures, what);
	fsck_save(path, image, j->dev->drives[0].size);
}

static bool one_in(struct judge *j, unsigned int every)
{
	return every && !pc_below(&j->seed, every);
}

/* Once recovered, nothing lies in the cache that is not on the disk as well. */
static bool looks_alike(struct judge *j, struct ext4_fs *fs, const char *image, size_t cut)
{
	struct view v;
	char why[200];

	if (!view_open(&v, image, j->dev->drives[0].size))
		return failed(j, cut, "after recovery: %s", v.first);
	if (ext4_syncfs(fs) || !live_matches(fs, &v, why))
		return failed(j, cut, "%s", why);
	j->tally->read++;
	return true;
}

/* Recover and end cleanly, as a mount and an unmount do. */
static bool recover(struct judge *j, struct pc_device *dev, size_t cut)
{
	struct ext4_mount_opts opts = config_mount(j->config);
	io_channel channel = pc_device_channel(dev, 0), log = pc_device_channel(dev, 1);
	struct ext4_fs *fs;
	char reason[256];
	bool same = true;
	int err;

	if (j->config->journal_mib)
		opts.journal_dev = log;
	err = ext4_mount(channel, &opts, &fs, reason, sizeof(reason));
	if (err) {
		failed(j, cut, "cannot be mounted: %s", reason);
	} else {
		if (one_in(j, j->read_every))
			same = looks_alike(j, fs, dev->data, cut);
		err = ext4_unmount(fs);
		if (err)
			failed(j, cut, "cannot be unmounted: %s", strerror(-err));
	}
	io_channel_close(channel);
	io_channel_close(log);
	return !err && same;
}

static bool is_clean(struct judge *j, struct view *v, const char *image, size_t cut)
{
	if (view_open(v, image, j->dev->drives[0].size))
		walk_check(v);
	if (v->problems)
		return failed(j, cut, "not consistent (%u problems): %s", v->problems, v->first);
	return true;
}

static bool keeps_promises(struct judge *j, struct view *v, size_t cut)
{
	char why[200];

	if (check_promises(j->model, v, cut, j->config->data == EXT4_DATA_JOURNAL, why))
		return true;
	return failed(j, cut, "a promise is broken: %s", why);
}

/* ---- against e2fsck ---- */

static bool agrees(struct judge *j, const char *image, size_t cut)
{
	bool only_orphans;
	struct view v;
	int status;

	if (view_open(&v, image, j->dev->drives[0].size))
		walk_check(&v);
	status = fsck_run("-fn", image, j->dev->drives[0].size, NULL);
	/* Which e2fsck finishes, if only in memory, before it looks. */
	only_orphans = v.problems == 1 && !strcmp(v.first, WALK_ORPHANS);
	if (!v.problems == !status || (only_orphans && !status)) {
		j->tally->agreed++;
		j->tally->dirty += !!status;
		return true;
	}
	keep_image(j, image, cut, "disagree");
	return failed(j, cut, "e2fsck -fn says %d (%.120s), the walk says: %s", status, fsck_says(),
		      v.problems ? v.first : "clean");
}

static bool same_replay(struct judge *j, struct view *ours, const char *theirs, int status,
			size_t cut)
{
	struct view v;

	if (status & ~1)
		return failed(j, cut, "e2fsck -fy exits with %d: %.120s", status, fsck_says());
	if (!view_open(&v, theirs, j->dev->drives[0].size) ||
	    walk_digest(&v) != walk_digest(ours)) {
		keep_image(j, theirs, cut, "e2fsck");
		return failed(j, cut, "e2fsck's replay gives another tree");
	}
	j->tally->replays++;
	return true;
}

/* What the cut left, as if there had never been a journal: mostly, but not always, damaged. */
static bool damaged_agrees(struct judge *j, size_t cut)
{
	char *copy = malloc(j->dev->drives[0].size);
	bool ok;

	if (!copy)
		pc_die("out of memory");
	memcpy(copy, j->dev->data, j->dev->drives[0].size);
	damage_forget_journal(copy, j->dev->drives[0].size);
	ok = agrees(j, copy, cut);
	free(copy);
	return ok;
}

/* ---- with a journal ---- */

static bool judge_once(struct judge *j, size_t cut, bool again)
{
	bool replay = !again && one_in(j, j->replay_every), ok;
	char *theirs = NULL;
	struct view v;
	int status = 0;

	if (!again && one_in(j, j->fsck_every * 3) && !damaged_agrees(j, cut))
		return false;
	if (replay) {
		theirs = malloc(j->dev->drives[0].size);
		status = fsck_run("-fy", j->dev->data, j->dev->drives[0].size, theirs);
	}
	ok = recover(j, j->dev, cut) && is_clean(j, &v, j->dev->data, cut) &&
	     keeps_promises(j, &v, cut);
	if (ok && replay)
		ok = same_replay(j, &v, theirs, status, cut);
	if (ok && one_in(j, j->fsck_every))
		ok = agrees(j, j->dev->data, cut);
	if (!ok)
		keep_image(j, j->dev->data, cut, "recovered");
	free(theirs);
	j->tally->states++;
	return ok;
}

/* The power goes once more, while the mount that follows recovers. */
static bool cut_again(struct judge *j, const struct pc_log *log, size_t cut)
{
	struct pc_pending pending = { .log = log };
	size_t at, i;
	bool ok;

	if (!log->nr)
		return true;
	at = 1 + pc_below(&j->seed, log->nr);
	pc_device_mark(j->dev);
	for (i = 0; i < at; i++)
		pc_pending_event(&pending, j->dev, i);
	pc_state_apply(j->dev, &pending, &j->seed);
	pc_pending_free(&pending);
	pc_device_mark(j->dev);
	ok = judge_once(j, cut, true);
	pc_device_back(j->dev);
	if (!ok)
		keep_image(j, j->dev->data, cut, "twice");
	pc_device_back(j->dev);
	j->tally->second++;
	return ok;
}

static void judge_journaled(struct judge *j, size_t cut)
{
	bool twice = one_in(j, j->second_every), ok;
	struct pc_log log = { NULL, 0, 0 };

	if (twice)
		j->dev->log = &log;
	pc_device_mark(j->dev);
	ok = judge_once(j, cut, false);
	pc_device_back(j->dev);
	j->dev->log = NULL;
	if (!ok)
		keep_image(j, j->dev->data, cut, "cut");
	else if (twice)
		cut_again(j, &log, cut);
	pc_log_free(&log);
}

/* ---- without one ---- */

static bool judge_repaired(struct judge *j, char *image, size_t cut)
{
	struct pc_device *dev;
	char why[200];
	struct view v;
	bool ok;

	if (!is_clean(j, &v, image, cut))
		return false;
	if (!check_survivors(j->model, &v, cut, why))
		return failed(j, cut, "after e2fsck -fy: %s", why);
	dev = pc_device_new(image, j->dev->drives[0].size, 0);
	ok = recover(j, dev, cut) && is_clean(j, &v, dev->data, cut);
	pc_device_free(dev);
	return ok;
}

static void judge_unjournaled(struct judge *j, size_t cut)
{
	char *image = malloc(j->dev->drives[0].size);
	int status = fsck_run("-fy", j->dev->data, j->dev->drives[0].size, image);
	bool ok;

	if (status & ~1)
		ok = failed(j, cut, "e2fsck -fy exits with %d: %.120s", status, fsck_says());
	else
		ok = judge_repaired(j, image, cut);
	if (ok && one_in(j, j->fsck_every / 8))
		ok = agrees(j, image, cut) && damaged_agrees(j, cut);
	if (!ok) {
		keep_image(j, j->dev->data, cut, "cut");
		keep_image(j, image, cut, "repaired");
	}
	j->tally->repaired += status == 1;
	j->tally->states++;
	free(image);
}

void judge_state(struct judge *j, size_t cut)
{
	alarm(TIME_LIMIT);
	if (j->config->journal)
		judge_journaled(j, cut);
	else
		judge_unjournaled(j, cut);
	alarm(0);
}
