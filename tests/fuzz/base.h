/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The base images of the image fuzzer and where their metadata lies.
 */
#ifndef FUZZ_BASE_H
#define FUZZ_BASE_H

#include "fuzzio.h"
#include "input.h"

struct base {
	struct fuzzio	*dev;
	uint32_t	*meta;		/* units that are not empty and not file data */
	size_t		n_meta;
};

/* All images of a folder, in the order of their names; ends the program when there are none. */
void base_load(const char *dir);
struct base *base_get(unsigned int number);
size_t base_count(void);
/* Apply the patches of an input. */
void base_patch(struct base *b, const struct input_patch *p, size_t n);

#endif /* FUZZ_BASE_H */
