/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The portable CRC-32C by its own name, for the tests: on a processor with the
 * instruction nothing else would run it.
 */
#ifndef EXT2FS_CRC32C_I_H
#define EXT2FS_CRC32C_I_H

#include <stddef.h>
#include <stdint.h>

uint32_t ext2fs_crc32c_sliced(uint32_t crc, const uint8_t *p, size_t len);

#endif /* EXT2FS_CRC32C_I_H */
