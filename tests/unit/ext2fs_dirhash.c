/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directory hashes, compared with what debugfs computes for the same names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ext2fs/ext2fs.h"
#include "scratch.h"

#define NAMES 300

static const char uuid_text[] = "01234567-89ab-cdef-fedc-ba9876543210";
/* the same as four words in little-endian order */
static const uint32_t uuid_words[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
static const char uuid2_text[] = "deadbeef-0102-0304-0506-0708090a0b0c";
static const uint32_t uuid2_words[4] = { 0xefbeadde, 0x04030201, 0x08070605, 0x0c0b0a09 };

static char names[NAMES][256];

/* Names of all lengths without what debugfs' command line would not take, half of them not ASCII */
static void make_names(void)
{
	uint32_t seed = 1;

	for (int i = 0; i < NAMES; i++) {
		size_t len = i < 255 ? (size_t)i + 1 : 1 + seed % 255;

		for (size_t j = 0; j < len; j++) {
			seed = seed * 1103515245U + 12345U;
			names[i][j] = (char)('a' + (seed >> 16) % 26);
			if (i % 2 && (seed >> 24) % 3 == 0)
				names[i][j] = (char)(0x80 + (seed >> 16) % 128);
		}
	}
}

static void compare(int version, const char *option, const uint32_t *seed)
{
	FILE *f = fopen(scratch_path("commands"), "w");
	char *text, *p;

	assert_non_null(f);
	for (int i = 0; i < NAMES; i++)
		fprintf(f, "dx_hash -h HASHALG_%d %s %s\n", version, option, names[i]);
	fclose(f);
	p = text = scratch_output("LC_ALL=C debugfs -f commands");
	for (int i = 0; i < NAMES; i++) {
		unsigned int hash, minor;
		ext2_dirhash_t h, m;

		p = strstr(p, "is 0x");
		assert_non_null(p);
		assert_int_equal(sscanf(p, "is 0x%x (minor 0x%x)", &hash, &minor), 2);
		p++;
		assert_int_equal(ext2fs_dirhash(version, names[i], strlen(names[i]), seed, &h, &m),
				 0);
		assert_int_equal(h, hash);
		assert_int_equal(m, minor);
	}
	free(text);
}

static void same_as_debugfs(void **state __attribute__((unused)))
{
	char option[64];

	if (!scratch_have("debugfs"))
		skip();
	make_names();
	for (int version = 0; version <= EXT2_HASH_TEA_UNSIGNED; version++) {
		compare(version, "", NULL);
		snprintf(option, sizeof(option), "-s %s", uuid_text);
		compare(version, option, uuid_words);
		snprintf(option, sizeof(option), "-s %s", uuid2_text);
		compare(version, option, uuid2_words);
	}
}

static void zero_seed_is_no_seed(void **state __attribute__((unused)))
{
	const uint32_t zero[4] = { 0 };
	ext2_dirhash_t a, b, ma, mb;

	assert_int_equal(ext2fs_dirhash(EXT2_HASH_TEA, "foo", 3, NULL, &a, &ma), 0);
	assert_int_equal(ext2fs_dirhash(EXT2_HASH_TEA, "foo", 3, zero, &b, &mb), 0);
	assert_int_equal(a, b);
	assert_int_equal(ma, mb);
}

static void known_values(void **state __attribute__((unused)))
{
	ext2_dirhash_t h, m;

	assert_int_equal(ext2fs_dirhash(EXT2_HASH_HALF_MD4, "foo", 3, NULL, &h, &m), 0);
	assert_int_equal(h, 0x74c657ac);
	assert_int_equal(m, 0x85a8d812);
	/* a name is bytes and a length, not a string */
	assert_int_equal(ext2fs_dirhash(EXT2_HASH_HALF_MD4, "foobar", 3, NULL, &h, NULL), 0);
	assert_int_equal(h, 0x74c657ac);
}

static void unknown_versions_fail(void **state __attribute__((unused)))
{
	ext2_dirhash_t h;

	assert_int_equal(ext2fs_dirhash(EXT2_HASH_SIPHASH, "a", 1, NULL, &h, NULL),
			 EXT2_ET_DIRHASH_UNSUPP);
	assert_int_equal(ext2fs_dirhash(7, "a", 1, NULL, &h, NULL), EXT2_ET_DIRHASH_UNSUPP);
	assert_int_equal(ext2fs_dirhash(-1, "a", 1, NULL, &h, NULL), EXT2_ET_DIRHASH_UNSUPP);
}

/* The hash that means "end of the directory" is never given to a name. */
static void end_of_directory_is_free(void **state __attribute__((unused)))
{
	char name[32];
	ext2_dirhash_t h;

	for (unsigned int i = 0; i < 200000; i++) {
		int len = snprintf(name, sizeof(name), "%u", i);

		ext2fs_dirhash(EXT2_HASH_TEA, name, (size_t)len, NULL, &h, NULL);
		assert_int_equal(h & 1, 0);
		assert_true(h < EXT2_HTREE_EOF_32BIT << 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(same_as_debugfs),
		cmocka_unit_test(zero_seed_is_no_seed),
		cmocka_unit_test(unknown_versions_fail),
		cmocka_unit_test(end_of_directory_is_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
