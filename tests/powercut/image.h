/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file system that a round begins with.
 */
#ifndef POWERCUT_IMAGE_H
#define POWERCUT_IMAGE_H

#include "config.h"

/* Bytes of the file system, and of the journal's own drive or 0. */
uint64_t image_size(const struct config *c);
uint64_t image_journal_size(const struct config *c);
/* Both, one behind the other; to be freed. */
char *image_make(const struct config *c);

#endif /* POWERCUT_IMAGE_H */
