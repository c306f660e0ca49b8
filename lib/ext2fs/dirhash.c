/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hashes of names in indexed directories: legacy, half MD4 and TEA, over
 * signed or unsigned characters.  Where a hash leads is not known here.
 */
#include <string.h>
#include "ext2fs/ext2fs.h"

#define TEA_DELTA	0x9e3779b9U
#define TEA_ROUNDS	16
#define MD4_ROUND2	0x5a827999U	/* 2^30 * sqrt(2) */
#define MD4_ROUND3	0x6ed9eba1U	/* 2^30 * sqrt(3) */

/* The state of MD4 at its start, used for want of a seed. */
static const uint32_t standard_seed[4] = {
	0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
};

/* A character, extended to 32 bits with or without its sign. */
static uint32_t char_value(char c, bool is_unsigned)
{
	return is_unsigned ? (uint32_t)(unsigned char)c : (uint32_t)(int32_t)(signed char)c;
}

static uint32_t legacy_hash(const char *name, size_t len, bool is_unsigned)
{
	uint32_t now = 0x12a3fe2d, before = 0x37abe8f9;

	for (size_t i = 0; i < len; i++) {
		uint32_t next = before + (now ^ char_value(name[i], is_unsigned) * 7152373U);

		if (next & 0x80000000U)
			next -= 0x7fffffffU;
		before = now;
		now = next;
	}
	return now << 1;
}

/*
 * Pack at most @words * 4 characters into words, big end first; what is missing
 * is filled up with the length, which is one byte as no name is longer.  @len may
 * be more than what is packed.
 */
static void pack(const char *name, size_t len, uint32_t *out, size_t words, bool is_unsigned)
{
	uint32_t pad = (uint32_t)len * 0x01010101U;
	size_t used = len < words * 4 ? len : words * 4;
	size_t word = 0;
	uint32_t v = pad;

	for (size_t i = 0; i < used; i++) {
		v = char_value(name[i], is_unsigned) + (v << 8);
		if (i % 4 == 3) {
			out[word++] = v;
			v = pad;
		}
	}
	if (word < words)
		out[word++] = v;
	while (word < words)
		out[word++] = pad;
}

static void tea_block(uint32_t state[4], const uint32_t key[4])
{
	uint32_t x = state[0], y = state[1], sum = 0;

	for (int i = 0; i < TEA_ROUNDS; i++) {
		sum += TEA_DELTA;
		x += ((y << 4) + key[0]) ^ (y + sum) ^ ((y >> 5) + key[1]);
		y += ((x << 4) + key[2]) ^ (x + sum) ^ ((x >> 5) + key[3]);
	}
	state[0] += x;
	state[1] += y;
}

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z) { return (x & y) | (~x & z); }
static uint32_t majority(uint32_t x, uint32_t y, uint32_t z) { return (x & y) | (z & (x ^ y)); }
static uint32_t parity(uint32_t x, uint32_t y, uint32_t z) { return x ^ y ^ z; }

struct md4_round {
	uint32_t (*mix)(uint32_t, uint32_t, uint32_t);
	uint32_t constant;
	uint8_t order[8];	/* in which the input words are taken */
	uint8_t rotate[4];
};

static const struct md4_round md4_rounds[3] = {
	{ choose,   0,		{ 0, 1, 2, 3, 4, 5, 6, 7 }, { 3, 7, 11, 19 } },
	{ majority, MD4_ROUND2,	{ 1, 3, 5, 7, 0, 2, 4, 6 }, { 3, 5, 9, 13 } },
	{ parity,   MD4_ROUND3,	{ 3, 7, 2, 6, 1, 5, 0, 4 }, { 3, 9, 11, 15 } },
};

/* MD4 over half a block: eight words and eight steps a round. */
static inline void half_md4_block(uint32_t state[4], const uint32_t in[8])
{
	uint32_t s[4] = { state[0], state[1], state[2], state[3] };

#pragma GCC unroll 3
	for (int r = 0; r < 3; r++) {
		const struct md4_round *round = &md4_rounds[r];

#pragma GCC unroll 8
		for (int i = 0; i < 8; i++) {
			/* the roles of a, b, c, d move by one each step */
			uint32_t *a = &s[(4 - i % 4) % 4];
			uint32_t v = *a + in[round->order[i]] + round->constant +
				     round->mix(s[(5 - i % 4) % 4], s[(6 - i % 4) % 4],
						s[(7 - i % 4) % 4]);

			*a = v << round->rotate[i % 4] | v >> (32 - round->rotate[i % 4]);
		}
	}
	for (int i = 0; i < 4; i++)
		state[i] += s[i];
}

static void half_md4_hash(uint32_t state[4], const char *name, size_t len, bool is_unsigned)
{
	uint32_t in[8];

	for (size_t done = 0; done < len; done += 32) {
		pack(name + done, len - done, in, 8, is_unsigned);
		half_md4_block(state, in);
	}
}

static void tea_hash(uint32_t state[4], const char *name, size_t len, bool is_unsigned)
{
	uint32_t in[4];

	for (size_t done = 0; done < len; done += 16) {
		pack(name + done, len - done, in, 4, is_unsigned);
		tea_block(state, in);
	}
}

static void start_state(uint32_t state[4], const uint32_t *seed)
{
	bool seeded = seed && (seed[0] | seed[1] | seed[2] | seed[3]);

	memcpy(state, seeded ? seed : standard_seed, sizeof(standard_seed));
}

errcode_t ext2fs_dirhash(int version, const char *name, size_t len, const uint32_t *seed,
			 ext2_dirhash_t *hash, ext2_dirhash_t *minor_hash)
{
	bool is_unsigned = version >= EXT2_HASH_LEGACY_UNSIGNED;
	uint32_t state[4], major, minor = 0;

	start_state(state, seed);
	switch (version) {
	case EXT2_HASH_LEGACY:
	case EXT2_HASH_LEGACY_UNSIGNED:
		major = legacy_hash(name, len, is_unsigned);
		break;
	case EXT2_HASH_HALF_MD4:
	case EXT2_HASH_HALF_MD4_UNSIGNED:
		half_md4_hash(state, name, len, is_unsigned);
		major = state[1];
		minor = state[2];
		break;
	case EXT2_HASH_TEA:
	case EXT2_HASH_TEA_UNSIGNED:
		tea_hash(state, name, len, is_unsigned);
		major = state[0];
		minor = state[1];
		break;
	default:
		return EXT2_ET_DIRHASH_UNSUPP;
	}
	/* The low bit marks, in an index, the continuation of a collision. */
	major &= ~1U;
	if (major == EXT2_HTREE_EOF_32BIT << 1)
		major = (EXT2_HTREE_EOF_32BIT - 1) << 1;
	*hash = major;
	if (minor_hash)
		*minor_hash = minor;
	return 0;
}
