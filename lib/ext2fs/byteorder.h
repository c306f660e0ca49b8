/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Conversion between the host's byte order and the disk's: little endian for
 * the file system, big endian for the journal.  Unaligned access is not here.
 */
#ifndef EXT2FS_BYTEORDER_H
#define EXT2FS_BYTEORDER_H

#include <endian.h>
#include <linux/types.h>
#include <stdint.h>

static inline uint16_t le16_to_cpu(__le16 v) { return le16toh(v); }
static inline uint32_t le32_to_cpu(__le32 v) { return le32toh(v); }
static inline uint64_t le64_to_cpu(__le64 v) { return le64toh(v); }
static inline __le16 cpu_to_le16(uint16_t v) { return htole16(v); }
static inline __le32 cpu_to_le32(uint32_t v) { return htole32(v); }
static inline __le64 cpu_to_le64(uint64_t v) { return htole64(v); }

static inline uint16_t be16_to_cpu(__be16 v) { return be16toh(v); }
static inline uint32_t be32_to_cpu(__be32 v) { return be32toh(v); }
static inline uint64_t be64_to_cpu(__be64 v) { return be64toh(v); }
static inline __be16 cpu_to_be16(uint16_t v) { return htobe16(v); }
static inline __be32 cpu_to_be32(uint32_t v) { return htobe32(v); }
static inline __be64 cpu_to_be64(uint64_t v) { return htobe64(v); }

/* In-place arithmetic on a field of an on-disk structure. */
static inline void le16_add_cpu(__le16 *p, int16_t v) { *p = cpu_to_le16(le16_to_cpu(*p) + v); }
static inline void le32_add_cpu(__le32 *p, int32_t v)
{
	*p = cpu_to_le32(le32_to_cpu(*p) + (uint32_t)v);
}
static inline void le64_add_cpu(__le64 *p, int64_t v)
{
	*p = cpu_to_le64(le64_to_cpu(*p) + (uint64_t)v);
}

#endif /* EXT2FS_BYTEORDER_H */
