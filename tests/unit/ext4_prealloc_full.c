/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Space that was allocated ahead can be written, and holes be punched into it, when the file system is full otherwise:
 * the blocks that its tree of extents needs for that were held back.
 */
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include "etest.h"

#define PREALLOC	(24 << 20)

static const struct ext4_cred *who(void **state)
{
	return *state;
}

static void fill_up(struct ext4_inode *inode, const struct ext4_cred *cred)
{
	static char data[1 << 16];
	off_t off = 0;
	size_t len = sizeof(data);
	ssize_t put;

	memset(data, 'f', sizeof(data));
	while (len >= 1024) {
		put = ext4_write(inode, data, len, off, 0, cred);
		if (put > 0) {
			off += put;
		} else {
			assert_int_equal(put, -ENOSPC);
			len /= 2;
		}
	}
	assert_true(off > 16 << 20);
}

static void check_content(struct ext4_inode *inode, unsigned int bs)
{
	char want[4096], got[4096];
	off_t off;

	for (off = 0; off < PREALLOC; off += bs) {
		memset(want, off / bs % 2 ? 'p' : 0, bs);
		assert_int_equal(ext4_read(inode, got, bs, off), bs);
		assert_memory_equal(got, want, bs);
	}
}

static struct etest *full_with_prealloc(const char *mke2fs, const struct ext4_cred *cred, struct ext4_inode **pre)
{
	struct etest *t = etest_new(mke2fs);
	struct ext4_inode *fill;

	etest_mount(t);
	*pre = etest_create(t->root, "prealloc");
	fill = etest_create(t->root, "fill");
	assert_int_equal(ext4_fallocate(*pre, 0, 0, PREALLOC, 0, cred), 0);
	fill_up(fill, cred);
	ext4_iput(fill);
	return t;
}

static void finish(struct etest *t, struct ext4_inode *pre)
{
	ext4_iput(pre);
	assert_int_equal(etest_umount(t), 0);
	assert_int_equal(etest_fsck(t), 0);
	etest_free(t);
}

static void write_every_second(const char *mke2fs, unsigned int bs, const struct ext4_cred *cred)
{
	struct ext4_inode *pre;
	struct etest *t = full_with_prealloc(mke2fs, cred, &pre);
	char data[4096];
	off_t off;

	memset(data, 'p', sizeof(data));
	for (off = bs; off < PREALLOC; off += 2 * bs)
		assert_int_equal(ext4_write(pre, data, bs, off, 0, cred), bs);
	check_content(pre, bs);
	finish(t, pre);
}

static void written_4k(void **state)
{
	write_every_second("-t ext4 -b 4096 64M", 4096, who(state));
}

static void written_1k(void **state)
{
	write_every_second("-t ext4 -b 1024 64M", 1024, who(state));
}

static void written_without_reserve(void **state)
{
	write_every_second("-t ext4 -b 4096 -m 0 64M", 4096, who(state));
}

static void written_without_journal(void **state)
{
	write_every_second("-t ext4 -b 4096 -m 0 -O ^has_journal 64M", 4096, who(state));
}

static void punched(void **state)
{
	struct ext4_inode *pre;
	struct etest *t = full_with_prealloc("-t ext4 -b 4096 -m 0 64M", who(state), &pre);
	off_t off;

	/* A hole next to the other gives blocks back; one that only splits needs some first. */
	for (off = 4096; off < PREALLOC; off += 2 * 4096)
		assert_int_equal(ext4_fallocate(pre, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, 4096, 0,
						who(state)), 0);
	finish(t, pre);
}

/* Written from its start on, the tree does not grow at all. */
static void written_in_order(void **state)
{
	struct ext4_inode *pre;
	struct etest *t = full_with_prealloc("-t ext4 -b 4096 -m 0 64M", who(state), &pre);
	struct ext4_stat before, after;
	char data[4096];
	off_t off;

	memset(data, 'p', sizeof(data));
	ext4_getattr(pre, &before);
	for (off = 0; off < PREALLOC; off += 4096)
		assert_int_equal(ext4_write(pre, data, 4096, off, 0, who(state)), 4096);
	ext4_getattr(pre, &after);
	assert_int_equal(before.st.st_blocks, after.st.st_blocks);
	finish(t, pre);
}

#define BOTH(test) \
	cmocka_unit_test_prestate(test, (void *)&etest_root), cmocka_unit_test_prestate(test, (void *)&etest_user)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(written_4k),
		BOTH(written_1k),
		BOTH(written_without_reserve),
		BOTH(written_without_journal),
		BOTH(punched),
		BOTH(written_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
