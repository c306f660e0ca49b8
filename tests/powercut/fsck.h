/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e2fsck on copies of images in memory, and the images that mke2fs makes.
 */
#ifndef POWERCUT_FSCK_H
#define POWERCUT_FSCK_H

#include <stdint.h>

/* A folder of this process' own; children begin another with their first call. */
const char *fsck_dir(void);
void fsck_cleanup(void);
/*
 * Run e2fsck with @options ("-fn", "-fy"): its exit status.  @out, of @size bytes, gets
 * the image as it is afterwards; NULL when that does not matter.
 */
int fsck_run(const char *options, const char *image, uint64_t size, char *out);
/* The output of the last run, a line of it or so. */
const char *fsck_says(void);
/* mke2fs with these options, into @image. */
void fsck_make_image(const char *options, char *image, uint64_t size);
void fsck_save(const char *path, const char *image, uint64_t size);

#endif /* POWERCUT_FSCK_H */
