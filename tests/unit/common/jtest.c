/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal harness.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "jtest.h"

#define IMAGE_BLOCKS(block_size)	((block_size) == 1024 ? 8192 : 4096)

int jtest_system(const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return system(command);
}

static bool block_ok(void *priv, blk64_t blk)
{
	struct jtest *t = priv;

	return blk >= t->first && blk - t->first < t->count;
}

static void aborted(void *priv, int err)
{
	struct jtest *t = priv;

	(void)err;
	t->aborts++;
}

static void log_message(void *priv, enum jbd2_log_level level, const char *message)
{
	struct jtest *t = priv;

	(void)level;
	if (t->loud)
		fprintf(stderr, "# jbd2: %s\n", message);
}

static const struct jbd2_ops ops = {
	.block_ok = block_ok,
	.aborted = aborted,
	.log = log_message,
};

/* The journal inode's blocks, as debugfs lists them. */
static void read_map(struct jtest *t)
{
	char command[200];
	unsigned long long blk;
	FILE *f;

	snprintf(command, sizeof(command), "debugfs -R 'blocks <8>' %s 2>/dev/null", t->image);
	f = popen(command, "r");
	assert_non_null(f);
	t->map = malloc(65536 * sizeof(*t->map));
	while (t->log_blocks < 65536 && fscanf(f, "%llu", &blk) == 1)
		t->map[t->log_blocks++] = blk;
	pclose(f);
	assert_true(t->log_blocks >= 1024);
}

static void default_params(struct jtest *t)
{
	struct jbd2_params params = {
		.ops = &ops,
		.priv = t,
		.block_size = t->block_size,
		.log_blocks = t->log_blocks,
		.log_map = t->map,
		.commit_interval = 3600,
		.barrier = true,
		.csum_v3 = true,
		.csum_64bit_tags = true,
	};

	t->params = params;
}

struct jtest *jtest_new_sized(const char *mke2fs_options, unsigned int block_size, unsigned int blocks,
			      unsigned int region)
{
	struct jtest *t = calloc(1, sizeof(*t));
	const char *tmp = getenv("TMPDIR");

	snprintf(t->dir, sizeof(t->dir), "%.40s/jtest-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->image, sizeof(t->image), "%s/image", t->dir);
	t->block_size = block_size;
	assert_int_equal(jtest_system("mke2fs -q -F -t ext4 -b %u %s %s %u >/dev/null 2>&1",
				      block_size, mke2fs_options, t->image, blocks), 0);
	/* e2fsck and the kernel replay only then. */
	assert_int_equal(jtest_system("debugfs -w -R 'feature needs_recovery' %s >/dev/null 2>&1",
				      t->image), 0);
	read_map(t);
	t->mem = memio_load(t->image);
	memio_start(t->mem);
	t->count = region;
	t->first = blocks - t->count - 8;
	default_params(t);
	return t;
}

struct jtest *jtest_new(const char *mke2fs_options, unsigned int block_size)
{
	return jtest_new_sized(mke2fs_options, block_size, IMAGE_BLOCKS(block_size), 512);
}

struct jtest *jtest_copy(const struct jtest *from, const char *data)
{
	struct jtest *t = calloc(1, sizeof(*t));

	*t = *from;
	t->aborts = 0;
	t->dir[0] = '\0';
	t->map = malloc(t->log_blocks * sizeof(*t->map));
	memcpy(t->map, from->map, t->log_blocks * sizeof(*t->map));
	t->mem = memio_new(from->mem->size);
	memcpy(t->mem->data, data, t->mem->size);
	t->params.priv = t;
	t->params.log_map = t->map;
	t->params.log_dev = NULL;
	return t;
}

int jtest_try_open(struct jtest *t)
{
	struct iocache_params cp = {
		.block_size = t->block_size,
		.read_only = t->params.read_only,
	};
	int err;

	t->dev = memio_channel(t->mem, t->block_size);
	assert_int_equal(iocache_create(t->dev, &cp, &t->cache), 0);
	t->params.cache = t->cache;
	if (!t->params.log_dev)
		t->params.log_dev = t->dev;
	err = jbd2_journal_open(&t->params, &t->journal);
	if (!err) {
		err = jbd2_journal_load(t->journal, &t->stats);
		if (err)
			jbd2_journal_destroy(t->journal);
	}
	if (err) {
		iocache_destroy(t->cache);
		io_channel_close(t->dev);
		t->params.log_dev = NULL;
	}
	return err;
}

void jtest_open(struct jtest *t)
{
	t->loud = true;
	assert_int_equal(jtest_try_open(t), 0);
}

int jtest_close(struct jtest *t)
{
	int err = jbd2_journal_destroy(t->journal);

	if (!err)
		err = iocache_flush(t->cache);
	iocache_destroy(t->cache);
	io_channel_close(t->dev);
	t->params.log_dev = NULL;
	return err;
}

void jtest_kill(struct jtest *t)
{
	pthread_mutex_lock(&t->mem->lock);
	t->mem->fail_after = 0;
	pthread_mutex_unlock(&t->mem->lock);
	jbd2_journal_abort(t->journal, -EIO);
	jtest_close(t);
	t->mem->fail_after = -1;
}

void jtest_free(struct jtest *t)
{
	if (t->dir[0])
		jtest_system("rm -rf %s", t->dir);
	memio_free(t->mem);
	free(t->map);
	free(t);
}

void jtest_fill(struct jtest *t, handle_t *h, blk64_t index, uint64_t value)
{
	struct iocache_buf *buf;
	unsigned int i;

	assert_int_equal(iocache_get(t->cache, t->first + index, 0, &buf), 0);
	assert_int_equal(jbd2_journal_get_write_access(h, buf), 0);
	for (i = 0; i < t->block_size / 8; i++)
		((uint64_t *)(void *)buf->b_data)[i] = value;
	assert_int_equal(jbd2_journal_dirty_metadata(h, buf), 0);
	iocache_put(buf);
}

void jtest_put(struct jtest *t, blk64_t index, unsigned int n, uint64_t value)
{
	handle_t *h;
	unsigned int i;

	assert_int_equal(jbd2_journal_start(t->journal, n, 0, &h), 0);
	for (i = 0; i < n; i++)
		jtest_fill(t, h, index + i, value);
	assert_int_equal(jbd2_journal_stop(h), 0);
}

uint64_t jtest_value(const struct jtest *t, const char *data, blk64_t index)
{
	const uint64_t *words;
	unsigned int i;

	data = data ? data : t->mem->data;
	words = (const void *)(data + (t->first + index) * t->block_size);
	for (i = 1; i < t->block_size / 8; i++)
		if (words[i] != words[0])
			return ~0ULL;
	return words[0];
}

void jtest_e2fsck_replay(const struct jtest *t, char *data)
{
	char path[100];
	struct memio *after;
	int status;

	snprintf(path, sizeof(path), "%s/fsck", t->dir);
	memio_save_bytes(path, data, t->mem->size);
	status = jtest_system("e2fsck -y -E journal_only %s >%s.log 2>&1", path, path);
	if (WEXITSTATUS(status) > 1)
		jtest_system("sed 's/^/# /' %s.log >&2", path);
	assert_true(WEXITSTATUS(status) <= 1);
	after = memio_load(path);
	memcpy(data, after->data, t->mem->size);
	memio_free(after);
}
