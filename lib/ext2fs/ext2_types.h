/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The number types of the file system: block, group and inode numbers in host
 * byte order.  On-disk structures are in ext2_fs.h.
 */
#ifndef EXT2FS_EXT2_TYPES_H
#define EXT2FS_EXT2_TYPES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <et/com_err.h>

typedef uint32_t	ext2_ino_t;	/* inode number, 1 is the first */
typedef uint32_t	blk_t;		/* block number, or a count, below 2^32 */
typedef uint64_t	blk64_t;	/* block number, or a count */
typedef uint32_t	dgrp_t;		/* block group number */
typedef uint64_t	ext2_off64_t;	/* offset or length in bytes */
typedef uint32_t	ext2_dirhash_t;	/* hash of a directory entry's name */

#endif /* EXT2FS_EXT2_TYPES_H */
