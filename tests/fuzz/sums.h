/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fuzzers link the checksum functions through --wrap, so that an input may
 * say that checksums are right: whoever makes a hostile image can compute them.
 */
#ifndef FUZZ_SUMS_H
#define FUZZ_SUMS_H

#include <stdbool.h>

extern bool sums_accept;	/* every verification succeeds */
extern bool sums_zero;		/* every crc32c is 0, as the prepared logs have them */

#endif /* FUZZ_SUMS_H */
