/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CRC-16, which sums up group descriptors where there is no metadata_csum.
 */
#include "ext2fs/ext2fs.h"

#define CRC16_POLY	0xa001U	/* 0x8005, reflected */

static uint16_t table[256];

__attribute__((constructor))
static void crc16_init(void)
{
	for (unsigned int b = 0; b < 256; b++) {
		unsigned int v = b;

		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? CRC16_POLY : 0);
		table[b] = (uint16_t)v;
	}
}

uint16_t ext2fs_crc16(uint16_t seed, const void *buf, size_t len)
{
	for (const uint8_t *p = buf; len--; p++)
		seed = (uint16_t)(seed >> 8 ^ table[(seed ^ *p) & 0xff]);
	return seed;
}
