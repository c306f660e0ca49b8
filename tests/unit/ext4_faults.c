/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device fails at the n-th write, for every n, once all writes after it
 * too: no operation hangs or lies, the file system goes read-only when its journal cannot
 * be written, and without the fault everything that was acknowledged is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ext2fs/ext2_fs.h"
#include "etest.h"

#define FILES	30

static const char text[] = "what was acknowledged";

struct outcome {
	bool	durable[FILES];	/* fsync returned 0 */
	int	failed;		/* operations that returned an error */
};

static void note(struct outcome *o, ssize_t ret)
{
	o->failed += ret < 0;
}

static void one_file(struct etest *t, int i, struct outcome *o)
{
	struct ext4_inode *inode = NULL, *dir = NULL;
	char name[32], value[200];
	ssize_t n;

	snprintf(name, sizeof(name), "dir%d", i % 5);
	if (ext4_lookup(t->root, name, strlen(name), &dir))
		note(o, ext4_mkdir(t->root, name, strlen(name), 0755, 0, &etest_root, &dir));
	if (!dir)
		return;
	snprintf(name, sizeof(name), "file%d", i);
	note(o, ext4_create(dir, name, strlen(name), S_IFREG | 0644, 0, 0, &etest_root, &inode));
	if (inode) {
		n = ext4_write(inode, text, sizeof(text), (off_t)i * 5000, 0, &etest_root);
		note(o, n);
		memset(value, i, sizeof(value));
		note(o, ext4_setxattr(inode, "user.v", value, sizeof(value), 0));
		if (n == sizeof(text)) {
			n = ext4_fsync(inode, false);
			note(o, n);
			o->durable[i] = n == 0;
		}
		ext4_iput(inode);
	}
	snprintf(name, sizeof(name), "gone%d", i);
	inode = NULL;
	note(o, ext4_create(dir, name, strlen(name), S_IFREG | 0644, 0, 0, &etest_root, &inode));
	if (inode) {
		note(o, ext4_write(inode, text, sizeof(text), 0, 0, &etest_root));
		note(o, ext4_unlink(dir, name, strlen(name)));
		ext4_iput(inode);
	}
	ext4_iput(dir);
}

static void check_durable(struct etest *t, const struct outcome *o)
{
	struct ext4_inode *dir, *inode;
	char name[32], buf[sizeof(text)];
	int i;

	for (i = 0; i < FILES; i++) {
		if (!o->durable[i])
			continue;
		snprintf(name, sizeof(name), "dir%d", i % 5);
		dir = etest_lookup(t->root, name);
		snprintf(name, sizeof(name), "file%d", i);
		inode = etest_lookup(dir, name);
		assert_int_equal(ext4_read(inode, buf, sizeof(buf), (off_t)i * 5000), sizeof(buf));
		assert_memory_equal(buf, text, sizeof(text));
		ext4_iput(inode);
		ext4_iput(dir);
	}
}

/* Returns how many operations failed. */
static int fail_at(const char *image, uint64_t size, int n, unsigned int *writes)
{
	struct etest *t = etest_from(image, size), *after;
	struct outcome o = { .failed = 0 };
	int i, err;

	t->opts.errors = EXT4_ERRORS_RO;
	t->opts.log = NULL;
	t->mem->fail_after = n;
	if (!etest_try_mount(t)) {
		for (i = 0; i < FILES; i++)
			one_file(t, i, &o);
		err = etest_umount(t);
		if (o.failed)
			assert_int_not_equal(err, 0);
		o.failed += err != 0;
	} else {
		o.failed++;
	}
	*writes = t->mem->writes;
	after = etest_from(t->mem->data, size);
	after->opts.log = NULL;
	etest_mount(after);
	check_durable(after, &o);
	assert_int_equal(etest_umount(after), 0);
	if (n % 10 == 0)
		assert_int_equal(etest_fsck(after), 0);
	etest_free(after);
	etest_free(t);
	return o.failed;
}

static void every_write(const char *mke2fs)
{
	struct etest *t = etest_new(mke2fs);
	uint64_t size = t->mem->size;
	char *image = malloc(size);
	unsigned int writes, total;
	int n;

	memcpy(image, t->mem->data, size);
	etest_free(t);
	assert_int_equal(fail_at(image, size, -1, &total), 0);
	assert_true(total > 100);
	for (n = 0; n < (int)total; n++)
		assert_true(fail_at(image, size, n, &writes) > 0);
	free(image);
}

static void ordered(void **state)
{
	(void)state;
	every_write("-t ext4 -b 1024 -J size=1 8M");
}

static void orphan_file_and_inline_data(void **state)
{
	(void)state;
	every_write("-t ext4 -b 1024 -O orphan_file,inline_data -J size=1 8M");
}

/* Groups whose bitmap is on a bad sector are no reason not to make directories elsewhere. */
static void unreadable_inode_bitmap(void **state)
{
	struct etest *t = etest_new("-t ext4 -b 1024 -O 64bit -G 4 64M");
	const struct ext4_group_desc *gd = (void *)(t->mem->data + 2048 + 5 * sizeof(*gd));
	char name[16];
	int i;

	(void)state;
	etest_mount(t);
	t->mem->fail_read_from = ext2fs_bg_inode_bitmap_loc(gd, sizeof(*gd)) * 1024;
	t->mem->fail_read_to = t->mem->fail_read_from + 1024;
	for (i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "dir%d", i);
		ext4_iput(etest_mkdir(t->root, name));
	}
	t->mem->fail_read_from = t->mem->fail_read_to = 0;
	etest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordered),
		cmocka_unit_test(orphan_file_and_inline_data),
		cmocka_unit_test(unreadable_inode_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
