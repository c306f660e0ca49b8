/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An input of the image fuzzer: which base image, what is changed in its metadata
 * blocks, and what is then done with it.
 *
 *	struct input_head | struct input_patch [head.patches] | struct input_op [rest]
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IN_READ_ONLY	0x01
#define IN_ACCEPT	0x02	/* checksums are right */
#define IN_ZERO_CRC	0x04	/* every crc32c is 0: for logs */
#define IN_NO_SIZE	0x08	/* the device does not tell its size */
#define IN_ERRORS_RO	0x10
#define IN_JOURNAL_DATA	0x20
#define IN_NOLOAD	0x40
#define IN_SMALL_CACHE	0x80

#define MORE_LAZYTIME	0x01
#define MORE_SYNC	0x02
#define MORE_DISCARD	0x04
#define MORE_STRICTATIME 0x08
#define MORE_GRPID	0x10

struct input_head {
	uint8_t	seed;		/* base image, modulo their number */
	uint8_t	flags;		/* IN_* */
	uint8_t	patches;
	uint8_t	more;		/* MORE_* */
};

enum patch_kind { PATCH_8, PATCH_16, PATCH_32, PATCH_ADD16, PATCH_ADD32, PATCH_COPY, PATCH_MOVE, PATCH_KINDS };

struct input_patch {
	uint16_t block;		/* the how manieth metadata block of the base image */
	uint16_t off;		/* bytes in it */
	uint8_t	kind;		/* enum patch_kind, modulo */
	uint8_t	len;		/* of PATCH_MOVE: bytes, times 4 */
	uint8_t	value[4];	/* number, or block and offset of the source */
};

struct input_op {
	uint8_t	op, a, b, c;
};

#define OP_KINDS	26
#define MAX_PATCHES	32
#define MAX_OPS		64

/* Bring a blob into shape: NULL when it is too short to be one. */
const struct input_head *input_parse(const uint8_t *data, size_t size, const struct input_patch **patches,
				     size_t *n_patches, const struct input_op **ops, size_t *n_ops);

#endif /* FUZZ_INPUT_H */
