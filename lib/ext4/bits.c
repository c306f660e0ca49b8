/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bitmaps in the order of the disk: bit n is bit n % 8 of byte n / 8.  Worked
 * on 64 bits at a time; maps are multiples of eight bytes and so aligned.
 */
#include "ext4/ext4_i.h"

static uint64_t word(const void *map, uint32_t i)
{
	return le64_to_cpu(((const __le64 *)map)[i]);
}

bool ext4_test_bit(const void *map, uint32_t bit)
{
	return ((const uint8_t *)map)[bit >> 3] >> (bit & 7) & 1;
}

static uint64_t mask(uint32_t from, uint32_t to)
{
	uint64_t m = ~0ULL << from;

	return to == 64 ? m : m & ~(~0ULL << to);
}

static void change(void *map, uint32_t start, uint32_t len, bool set)
{
	__le64 *words = map;
	uint32_t i, from, to, end = start + len;

	while (start < end) {
		i = start / 64;
		from = start % 64;
		to = end - i * 64 < 64 ? end - i * 64 : 64;
		if (set)
			words[i] |= cpu_to_le64(mask(from, to));
		else
			words[i] &= ~cpu_to_le64(mask(from, to));
		start = (i + 1) * 64;
	}
}

void ext4_set_bits(void *map, uint32_t start, uint32_t len)
{
	change(map, start, len, true);
}

void ext4_clear_bits(void *map, uint32_t start, uint32_t len)
{
	change(map, start, len, false);
}

/* @flip: all ones to look for zeroes. */
static uint32_t next(const void *map, uint32_t size, uint32_t start, uint64_t flip)
{
	uint32_t i, bit;
	uint64_t w;

	if (start >= size)
		return size;
	i = start / 64;
	w = (word(map, i) ^ flip) & (~0ULL << (start % 64));
	for (;;) {
		if (w) {
			bit = i * 64 + __builtin_ctzll(w);
			return bit < size ? bit : size;
		}
		if (++i * 64 >= size)
			return size;
		w = word(map, i) ^ flip;
	}
}

uint32_t ext4_next_zero(const void *map, uint32_t size, uint32_t start)
{
	return next(map, size, start, ~0ULL);
}

uint32_t ext4_next_set(const void *map, uint32_t size, uint32_t start)
{
	return next(map, size, start, 0);
}

uint32_t ext4_count_zero(const void *map, uint32_t size)
{
	uint32_t i, n = 0;

	for (i = 0; i < size / 64; i++)
		n += 64 - __builtin_popcountll(word(map, i));
	if (size % 64)
		n += size % 64 - __builtin_popcountll(word(map, i) & mask(0, size % 64));
	return n;
}
