/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the image fuzzer does with a mounted file system.
 */
#ifndef FUZZ_OPS_H
#define FUZZ_OPS_H

#include "ext4/ext4.h"
#include "input.h"

/* Walk over everything, do @ops, walk again. */
void ops_run(struct ext4_fs *fs, const struct input_op *ops, size_t n);

#endif /* FUZZ_OPS_H */
