/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files that make checksums; private to the library.
 */
#ifndef EXT2FS_CSUM_I_H
#define EXT2FS_CSUM_I_H

#include "ext2fs/ext2fs.h"

/* Go over a field as if it were zero; @len at most 4. */
static inline uint32_t csum_zeroes(uint32_t crc, size_t len)
{
	static const char zeroes[4];

	return ext2fs_crc32c_le(crc, zeroes, len);
}

#endif /* EXT2FS_CSUM_I_H */
