/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plain checksums: published check values, and the fast ways against the slow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ext2fs/crc32c_i.h"
#include "ext2fs/ext2fs.h"

static const char digits[] = "123456789";

static void check_values(void **state __attribute__((unused)))
{
	uint8_t zeroes[32] = { 0 }, ones[32];

	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(~ext2fs_crc32c_le(~0U, digits, 9), 0xe3069283);
	/* from the iSCSI specification */
	assert_int_equal(~ext2fs_crc32c_le(~0U, zeroes, 32), 0x8a9136aa);
	assert_int_equal(~ext2fs_crc32c_le(~0U, ones, 32), 0x62a8ab43);
	assert_int_equal(ext2fs_crc16(0, digits, 9), 0xbb3d);		/* ARC */
	assert_int_equal(ext2fs_crc16(0xffff, digits, 9), 0x4b37);	/* MODBUS */
	assert_int_equal(~ext2fs_crc32_be(~0U, digits, 9), 0xfc891918);	/* BZIP2 */
	assert_int_equal(ext2fs_crc32_be(~0U, digits, 9), 0x0376e6e7);	/* MPEG-2 */
}

static uint32_t bitwise(uint32_t crc, const uint8_t *p, size_t len)
{
	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
	}
	return crc;
}

static void all_ways_agree(void **state __attribute__((unused)))
{
	static uint8_t buf[8192];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 2654435761U >> 13);
	for (size_t len = 0; len < 4200; len += len < 200 ? 1 : 37) {
		for (size_t start = 0; start < 9; start++) {
			uint32_t want = bitwise((uint32_t)len, buf + start, len);

			assert_int_equal(ext2fs_crc32c_le((uint32_t)len, buf + start, len), want);
			assert_int_equal(ext2fs_crc32c_sliced((uint32_t)len, buf + start, len),
					 want);
		}
	}
	for (size_t len = 1000; len < 1020; len++)
		assert_int_equal(ext2fs_crc32c_le(7, buf, len), bitwise(7, buf, len));
	assert_int_equal(ext2fs_crc32c_le(7, buf, 8192), bitwise(7, buf, 8192));
}

static void calls_chain(void **state __attribute__((unused)))
{
	uint32_t whole = ext2fs_crc32c_le(~0U, digits, 9);
	uint32_t be = ext2fs_crc32_be(~0U, digits, 9);

	for (size_t cut = 0; cut <= 9; cut++) {
		uint32_t crc = ext2fs_crc32c_le(~0U, digits, cut);

		assert_int_equal(ext2fs_crc32c_le(crc, digits + cut, 9 - cut), whole);
		crc = ext2fs_crc32_be(~0U, digits, cut);
		assert_int_equal(ext2fs_crc32_be(crc, digits + cut, 9 - cut), be);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_values),
		cmocka_unit_test(all_ways_agree),
		cmocka_unit_test(calls_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
