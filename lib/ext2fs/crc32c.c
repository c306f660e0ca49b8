/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CRC-32C, with the processor's instruction where there is one and tables of
 * eight bytes a step otherwise, and the journal's old CRC-32.  What is summed
 * up, and how, is in csum.c.
 */
#include <string.h>
#include "ext2fs/crc32c_i.h"
#include "ext2fs/ext2fs.h"

#define CRC32C_POLY	0x82f63b78U	/* reflected */
#define CRC32_BE_POLY	0x04c11db7U
#define LANE		((size_t)336)	/* bytes; three lanes just fit 1 KiB */

static uint32_t slice[8][256];
static uint32_t be_table[256];
static uint32_t (*crc32c_fn)(uint32_t, const uint8_t *, size_t);

static uint32_t byte_step(uint32_t crc, uint8_t byte)
{
	return slice[0][(crc ^ byte) & 0xff] ^ (crc >> 8);
}

uint32_t ext2fs_crc32c_sliced(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len && (uintptr_t)p % 8; len--)
		crc = byte_step(crc, *p++);
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t v;

		memcpy(&v, p, sizeof(v));
		v = le64_to_cpu(v) ^ crc;
		crc = slice[7][v & 0xff] ^ slice[6][v >> 8 & 0xff] ^
		      slice[5][v >> 16 & 0xff] ^ slice[4][v >> 24 & 0xff] ^
		      slice[3][v >> 32 & 0xff] ^ slice[2][v >> 40 & 0xff] ^
		      slice[1][v >> 48 & 0xff] ^ slice[0][v >> 56];
	}
	while (len--)
		crc = byte_step(crc, *p++);
	return crc;
}

#if defined(__x86_64__)

/* shift[i][b]: byte i of a sum, of value b, after LANE zero bytes */
static uint32_t shift[4][256];

static uint32_t shift_lane(uint32_t crc)
{
	return shift[0][crc & 0xff] ^ shift[1][crc >> 8 & 0xff] ^
	       shift[2][crc >> 16 & 0xff] ^ shift[3][crc >> 24];
}

static void init_shift(void)
{
	static const uint8_t zeroes[LANE];

	for (unsigned int i = 0; i < 4; i++)
		for (uint32_t b = 0; b < 256; b++)
			shift[i][b] = ext2fs_crc32c_sliced(b << (8 * i), zeroes, LANE);
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * The instruction gives a result after three cycles but can start one each
 * cycle: three independent sums keep it busy.  Sums are linear, so the lanes
 * are joined by moving the earlier ones over the length of the later ones.
 */
__attribute__((target("sse4.2")))
static uint32_t three_lanes(uint32_t crc, const uint8_t *p)
{
	uint64_t a = crc, b = 0, c = 0;

	for (size_t i = 0; i < LANE; i += 8) {
		a = __builtin_ia32_crc32di(a, load64(p + i));
		b = __builtin_ia32_crc32di(b, load64(p + LANE + i));
		c = __builtin_ia32_crc32di(c, load64(p + 2 * LANE + i));
	}
	return shift_lane(shift_lane((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
}

__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t v;

	for (; len >= 3 * LANE; len -= 3 * LANE, p += 3 * LANE)
		crc = three_lanes(crc, p);
	for (v = crc; len >= 8; len -= 8, p += 8)
		v = __builtin_ia32_crc32di(v, load64(p));
	for (crc = (uint32_t)v; len; len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}

static void choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("sse4.2")) {
		init_shift();
		crc32c_fn = crc32c_sse42;
	}
}

#else

static void choose(void)
{
}

#endif

static void init_tables(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t le = b, be = b << 24;

		for (int bit = 0; bit < 8; bit++) {
			le = le >> 1 ^ (le & 1 ? CRC32C_POLY : 0);
			be = be << 1 ^ (be & 0x80000000U ? CRC32_BE_POLY : 0);
		}
		slice[0][b] = le;
		be_table[b] = be;
	}
	for (unsigned int i = 1; i < 8; i++)
		for (uint32_t b = 0; b < 256; b++)
			slice[i][b] = slice[i - 1][b] >> 8 ^ slice[0][slice[i - 1][b] & 0xff];
}

/* Before main(), so that no sum needs to ask whether the tables are there. */
__attribute__((constructor))
static void crc_init(void)
{
	init_tables();
	crc32c_fn = ext2fs_crc32c_sliced;
	choose();
}

uint32_t ext2fs_crc32c_le(uint32_t seed, const void *buf, size_t len)
{
	return crc32c_fn(seed, buf, len);
}

uint32_t ext2fs_crc32_be(uint32_t seed, const void *buf, size_t len)
{
	for (const uint8_t *p = buf; len--; p++)
		seed = seed << 8 ^ be_table[seed >> 24 ^ *p];
	return seed;
}
