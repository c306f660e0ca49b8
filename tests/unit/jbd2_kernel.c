/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Journals that the kernel left dirty: our replay and e2fsck's give the same
 * bytes.  Needs root and a loop device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "jtest.h"

static bool any_block(void *priv, blk64_t blk)
{
	const struct jtest *t = priv;

	return blk * t->block_size < t->mem->size;
}

static bool in_log(const struct jtest *t, blk64_t blk)
{
	uint32_t i;

	for (i = 0; i < t->log_blocks; i++)
		if (t->map[i] == blk)
			return true;
	return false;
}

/* The kernel's work, copied from under it: the log is full of it then. */
static bool make_dirty(struct jtest *t)
{
	memio_save(t->mem, t->image);
	return !jtest_system("set -e; cd %s; mkdir -p m; mount -o loop,commit=300 image m; "
			     "trap 'umount m' EXIT; mkdir m/a m/b m/gone; "
			     "for i in $(seq 1 400); do echo $i >m/a/file$i; done; "
			     "for i in $(seq 1 300); do : >m/gone/a-rather-long-file-name-$i; done; "
			     "sync -f m; rm -r m/gone; sync -f m; "
			     "dd if=/dev/zero of=m/big bs=1k count=900 status=none; rm m/a/file7; "
			     "mv m/a m/b/; ln -s x m/y; sync -f m; cp image dirty", t->dir);
}

static void compare(const char *options, unsigned int block_size)
{
	struct jtest *t = jtest_new(options, block_size), *ours;
	struct jbd2_ops ops = *t->params.ops;
	char path[100], *theirs;
	struct memio *dirty;
	blk64_t blk;

	if (geteuid() || !make_dirty(t)) {
		jtest_free(t);
		skip();
	}
	snprintf(path, sizeof(path), "%s/dirty", t->dir);
	dirty = memio_load(path);
	ours = jtest_copy(t, dirty->data);
	ops.block_ok = any_block;
	ours->params.ops = &ops;
	jtest_open(ours);
	assert_true(ours->stats.blocks > 0);
	assert_int_equal(jtest_close(ours), 0);
	theirs = malloc(t->mem->size);
	memcpy(theirs, dirty->data, t->mem->size);
	jtest_e2fsck_replay(t, theirs);
	for (blk = 2; blk < t->mem->size / block_size; blk++)
		if (!in_log(t, blk) && memcmp(theirs + blk * block_size,
					      ours->mem->data + blk * block_size, block_size))
			fail_msg("block %llu differs", (unsigned long long)blk);
	memio_free(dirty);
	jtest_free(ours);
	jtest_free(t);
	free(theirs);
}

static void test_defaults(void **state)
{
	(void)state;
	compare("-J size=1", 1024);
	compare("-J size=4", 4096);
}

static void test_old_format(void **state)
{
	(void)state;
	compare("-J size=1 -O ^metadata_csum,^64bit", 1024);
	compare("-J size=4 -O ^metadata_csum,64bit", 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_old_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
