/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running cases and counting what came of them.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>
#include "ext2fs/ext2_err.h"
#include "alloc.h"
#include "cases.h"
#include "judge.h"

#define CASE_SECONDS	60	/* one that takes longer hangs */
#define SHOW		5	/* failures shown in full */

/* What the processes tell each other. */
struct shared {
	struct golden	golden;
	char		image[DEV_MAX_SIZE];
	uint64_t	size;
	bool		journal[DEV_MAX_SIZE / 1024];
	bool		old_acked;
	struct listing	old;
	/* the case */
	char		failure[512];
	bool		happened, errors, read_only, tolerated, repaired, fscked, found;
};

struct counts {
	unsigned int cases, happened, errors, read_only, tolerated, repaired, fscked, found, failed;
};

static struct shared *shared;
static const char *image_options;
static enum ext4_data_mode data_mode;
static unsigned int points, bad_points;

static const char *const kind_names[] = {
	"nothing", "read fails", "write fails", "flush fails", "read is cut short", "write is cut short",
	"read has a wrong bit", "write has a wrong bit", "allocation fails",
};

unsigned int cases_stride(unsigned int stride)
{
	const char *env = getenv("FAULT_STRIDE");

	return env && atoi(env) > 0 ? (unsigned int)atoi(env) : stride;
}

void cases_point(bool good, const char *fmt, ...)
{
	va_list ap;

	bad_points += !good;
	printf("%sok %u - ", good ? "" : "not ", ++points);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

int cases_end(void)
{
	printf("1..%u\n", points);
	return bad_points != 0;
}

unsigned int cases_steps(void)
{
	return shared->golden.steps;
}

/* ---- a process for each ---- */

static int in_child(void (*run)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		alarm(CASE_SECONDS);
		run(arg);
		exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static struct load *new_load(struct dev *d)
{
	struct load *l = load_new(d, &shared->golden);

	l->opts.data = data_mode;
	return l;
}

static void keep_image(void *arg __attribute__((unused)))
{
	struct dev *d = dev_new(shared->image, shared->size, shared->journal);
	struct load *l = new_load(d);

	load_prepare(l);
	memcpy(shared->image, d->durable, d->size);
	shared->old_acked = l->acked[LOAD_ROUNDS];
	shared->old = l->ack[LOAD_ROUNDS];
}

static void remember_old(struct load *l)
{
	l->acked[LOAD_ROUNDS] = shared->old_acked;
	l->ack[LOAD_ROUNDS] = shared->old;
}

/* The load without faults: once for the tree after each step, once for the counts. */
static void run_golden(void *arg)
{
	struct dev *d = dev_new(shared->image, shared->size, shared->journal);
	struct load *l = new_load(d);

	remember_old(l);
	l->record = *(bool *)arg;
	if (!l->record)
		alloc_arm(-1, false);
	load_run(l);
	shared->golden.allocs = alloc_disarm();
	if (l->mount_err || l->errors || l->umount_err || l->lied) {
		fprintf(stderr, "# without a fault: mount %d (%s), step %d %s: %d, unmount %d, lied %d\n", l->mount_err,
			l->reason, l->first_step, l->first_name, l->first_err, l->umount_err, l->lied);
		exit(1);
	}
	shared->golden.steps = l->step;
	shared->golden.final = l->final;
	shared->golden.reads = d->reads;
	shared->golden.writes = d->writes;
	shared->golden.flushes = d->flushes;
}

static void find_journal(const char *path)
{
	char command[300], word[32];
	unsigned long block, i, pieces = 1UL << shared->image[1024 + 24];	/* s_log_block_size */
	FILE *out;

	snprintf(command, sizeof(command), "debugfs -R 'blocks <8>' %s 2>/dev/null", path);
	out = popen(command, "r");
	if (!out)
		abort();
	while (fscanf(out, "%31s", word) == 1) {
		block = strtoul(word, NULL, 10) * pieces;
		for (i = block; block && i < block + pieces && i < DEV_MAX_SIZE / 1024; i++)
			shared->journal[i] = true;
	}
	pclose(out);
}

static void make_image(const char *mke2fs)
{
	char path[] = "/tmp/fuse4fs-faults.XXXXXX", command[600];
	const char *size = strrchr(mke2fs, ' ');
	int fd = mkstemp(path);
	struct stat st;

	if (fd < 0)
		abort();
	snprintf(command, sizeof(command), "truncate -s %s %s && mke2fs -q -F %.*s %s", size + 1, path,
		 (int)(size - mke2fs), mke2fs, path);
	if (system(command) || fstat(fd, &st) || st.st_size > DEV_MAX_SIZE ||
	    pread(fd, shared->image, st.st_size, 0) != st.st_size)
		abort();
	shared->size = st.st_size;
	find_journal(path);
	close(fd);
	unlink(path);
}

void cases_image(const char *mke2fs)
{
	bool record = true;

	initialize_ext2_error_table();
	if (shared)
		munmap(shared, sizeof(*shared));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	image_options = mke2fs;
	data_mode = EXT4_DATA_DEFAULT;
	make_image(mke2fs);
	if (in_child(keep_image, NULL) || in_child(run_golden, &record)) {
		cases_point(false, "%s: the load runs without faults", mke2fs);
		exit(cases_end());
	}
}

/* ---- one case ---- */

static void failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void failed(const char *fmt, ...)
{
	va_list ap;

	if (shared->failure[0])
		return;
	va_start(ap, fmt);
	vsnprintf(shared->failure, sizeof(shared->failure), fmt, ap);
	va_end(ap);
}

static bool is_flip(enum fault_kind kind)
{
	return kind == FAULT_FLIP_READ || kind == FAULT_FLIP_WRITE;
}

static bool any_error(const struct load *l)
{
	return l->mount_err || l->errors || l->umount_err;
}

static bool expected_error(enum fault_kind kind, int err)
{
	if (!err)
		return true;
	/* A commit that has no memory ends the journal. */
	if (kind == FAULT_ALLOC && (err == -ENOMEM || err == -EAGAIN))
		return true;
	if (is_flip(kind) && (err == -EBADMSG || err == -EUCLEAN || err == -EINVAL || err == -EOPNOTSUPP))
		return true;
	return err == -EIO || err == -EROFS;
}

/* What the caller was told, while it happened. */
static void check_told(const struct load *l, const struct fault *f, unsigned long hits)
{
	if (l->lied)
		failed("an operation succeeded that cannot have, or read what is not there");
	if (l->half_done && !l->dev->unprotected)
		failed("step %d, %s failed (%s) and left a tree that is neither as before nor as after",
		       l->first_step, l->first_name, strerror(-l->first_err));
	if (!is_flip(f->kind) && !expected_error(f->kind, l->mount_err))
		failed("the mount failed with %s: %s", strerror(-l->mount_err), l->reason);
	if (!is_flip(f->kind) && !expected_error(f->kind, l->first_err))
		failed("step %d, %s failed with %s", l->first_step, l->first_name, strerror(-l->first_err));
	if (l->hit_journal && !l->read_only)
		failed("the log could not be written, and the file system is not read-only");
	if (l->read_only && !l->complaints)
		failed("read-only, and nothing was said");
	if ((f->kind == FAULT_WRITE || f->kind == FAULT_SHORT_WRITE || f->kind == FAULT_FLUSH) && f->stays && hits &&
	    !any_error(l))
		failed("nothing can be written, and nobody was told");
}

/* @complaints: the errors that were logged meanwhile, as when an inode that nobody has open cannot be freed */
static void check_found(const struct load *l, const struct fault *f, unsigned int complaints, const struct verdict *v)
{
	/* What has no checksum was believed. */
	if (v->text[0] && !l->dev->unprotected)
		failed("%s", v->text);
	if (any_error(l) || complaints || v->found || v->refused || v->complete || l->dev->unprotected)
		return;
	if (f->kind == FAULT_FLIP_WRITE)
		return;
	failed("no error was told, but the tree is not what it should be");
}

static void report(const struct load *l, const struct verdict *v, unsigned long hits)
{
	shared->happened = hits;
	shared->errors = any_error(l);
	shared->read_only = l->read_only;
	shared->tolerated = hits && !any_error(l) && !v->found && !v->refused;
	shared->repaired = v->had_errors;
	shared->fscked = v->fscked;
	shared->found = any_error(l) || v->found || v->refused;
}

static void run_case(void *arg)
{
	const struct fault *f = arg;
	struct dev *d = dev_new(shared->image, shared->size, shared->journal);
	struct load *l = new_load(d);
	unsigned int complaints;
	unsigned long hits;
	struct verdict v;

	remember_old(l);
	l->opts.errors = f->at % 2 ? EXT4_ERRORS_CONTINUE : EXT4_ERRORS_RO;
	d->fault = *f;
	if (f->kind == FAULT_ALLOC)
		alloc_arm(f->at, f->stays);
	load_run(l);
	alloc_disarm();
	hits = f->kind == FAULT_ALLOC ? alloc_hits() : d->hits;
	complaints = l->complaints;
	check_told(l, f, hits);
	if (f->kind == FAULT_FLUSH)
		dev_power_cut(d);
	judge(l, is_flip(f->kind), !is_flip(f->kind), &v);
	check_found(l, f, complaints, &v);
	report(l, &v, hits);
}

/* ---- all cases ---- */

static void count(struct counts *c)
{
	c->cases++;
	c->happened += shared->happened;
	c->errors += shared->errors;
	c->read_only += shared->read_only;
	c->tolerated += shared->tolerated;
	c->repaired += shared->repaired;
	c->fscked += shared->fscked;
	c->found += shared->found;
}

static void one_case(struct fault *f, struct counts *c)
{
	int status;

	memset(shared->failure, 0, sizeof(shared->failure));
	status = in_child(run_case, f);
	if (WIFSIGNALED(status))
		failed(WTERMSIG(status) == SIGALRM ? "it hangs" : "it dies of signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		failed("it ends with %d", WEXITSTATUS(status));
	count(c);
	if (!shared->failure[0])
		return;
	if (c->failed++ < SHOW || getenv("FAULT_ALL"))
		printf("# case %lu: %s\n", f->at, shared->failure);
	fflush(stdout);
}

static unsigned long places(enum fault_kind kind)
{
	const struct golden *g = &shared->golden;

	switch (kind) {
	case FAULT_READ:
	case FAULT_SHORT_READ:
	case FAULT_FLIP_READ:
		return g->reads;
	case FAULT_FLUSH:
		return g->flushes;
	case FAULT_ALLOC:
		return g->allocs;
	default:
		return g->writes;
	}
}

void cases_run(enum fault_kind kind, bool stays, unsigned int stride, enum ext4_data_mode mode)
{
	static const char *const modes[] = { "", ", ordered", ", writeback", ", journaled data" };
	struct fault f = { .kind = kind, .stays = stays };
	const char *only = getenv("FAULT_ONLY"), *point = getenv("FAULT_POINT");
	struct counts c = { .cases = 0 };
	bool record = false;
	unsigned long n;

	if (point && (unsigned int)atoi(point) != points + 1) {
		points++;
		return;
	}
	data_mode = mode;
	if (in_child(run_golden, &record)) {
		cases_point(false, "%s: the load runs without faults", image_options);
		return;
	}
	n = places(kind);
	stride = cases_stride(stride);
	for (f.at = only ? strtoul(only, NULL, 10) : 0; f.at < n; f.at += stride) {
		one_case(&f, &c);
		if (only)
			break;
	}
	cases_point(!c.failed, "%s%s: %s%s: %u of %lu places, %u happened, %u told, %u read-only, %u without effect, "
		    "%u repaired, %u by e2fsck, %u wrong", image_options, modes[mode], kind_names[kind],
		    stays ? " from then on" : "", c.cases, n, c.happened, c.found, c.read_only, c.tolerated, c.repaired,
		    c.fscked, c.failed);
}
