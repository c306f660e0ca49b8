/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attribute values in inodes of their own, whose entries have a hash that was made with
 * signed characters, as older kernels did it: they can be read, and others are still found wrong.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include "craft.h"

#define NAME	"gr\xc3\xbc\xc3\x9f" "e"
#define SIZE	3000

static uint32_t hash_of(uint32_t value_hash, bool with_sign)
{
	const char *name = NAME;
	uint32_t hash = 0;

	for (; *name; name++)
		hash = hash << 5 ^ hash >> 27 ^ (with_sign ? (uint32_t)(signed char)*name : (unsigned char)*name);
	return hash << 16 ^ hash >> 16 ^ value_hash;
}

/* The entry of NAME in the inode's own attributes. */
static struct ext2_ext_attr_entry *find_entry(struct etest *t, uint32_t ino)
{
	char *raw = (char *)craft_inode(t, ino), *name;

	name = memmem(raw, 256, NAME, strlen(NAME));
	assert_non_null(name);
	return (struct ext2_ext_attr_entry *)(name - sizeof(struct ext2_ext_attr_entry));
}

static ssize_t read_with(uint32_t (*change)(uint32_t value_hash))
{
	struct etest *t = etest_new("-t ext4 -O ea_inode -I 256 16M");
	char value[SIZE], got[SIZE];
	struct ext2_ext_attr_entry *entry;
	struct ext4_inode *file;
	uint32_t ino, value_hash;
	ssize_t n;

	memset(value, 'v', SIZE);
	etest_mount(t);
	file = etest_create(t->root, "file");
	ino = ext4_ino(file);
	assert_int_equal(ext4_setxattr(file, "user." NAME, value, SIZE, 0), 0);
	ext4_iput(file);
	assert_int_equal(etest_umount(t), 0);

	entry = find_entry(t, ino);
	assert_true(le32_to_cpu(entry->e_value_inum) > 0);
	value_hash = le32_to_cpu(craft_inode(t, le32_to_cpu(entry->e_value_inum))->i_atime);
	assert_int_equal(le32_to_cpu(entry->e_hash), hash_of(value_hash, false));
	entry->e_hash = cpu_to_le32(change(value_hash));
	craft_seal_inode(t, ino);

	etest_mount(t);
	file = etest_lookup(t->root, "file");
	n = ext4_getxattr(file, "user." NAME, got, SIZE);
	if (n == SIZE)
		assert_memory_equal(got, value, SIZE);
	ext4_iput(file);
	etest_free(t);
	return n;
}

static uint32_t with_sign(uint32_t value_hash)
{
	assert_int_not_equal(hash_of(value_hash, true), hash_of(value_hash, false));
	return hash_of(value_hash, true);
}

static uint32_t wrong(uint32_t value_hash)
{
	return hash_of(value_hash, true) + 1;
}

static void signed_is_read(void **state)
{
	(void)state;
	assert_int_equal(read_with(with_sign), SIZE);
}

static void wrong_is_found(void **state)
{
	(void)state;
	assert_int_equal(read_with(wrong), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signed_is_read),
		cmocka_unit_test(wrong_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
