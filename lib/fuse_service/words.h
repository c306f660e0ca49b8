/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mount options as words, sorted by who has to know them.
 */
#ifndef FUSE_SERVICE_WORDS_H
#define FUSE_SERVICE_WORDS_H

#include <stdbool.h>

struct mount_words {
	unsigned long	flags;		/* MS_* */
	char		*kernel;	/* for the kernel's FUSE, comma separated; NULL = none */
	char		*mtab;		/* for the list of mounts */
	char		*fsname, *subtype;
	bool		blkdev;
};

void mount_words_init(struct mount_words *words);
/*
 * Take one word, without escapes.  0 when it is noted, 1 when libfuse's session has to see it
 * (also), or -ENOMEM.
 */
int mount_words_add(struct mount_words *words, const char *word);
void mount_words_free(struct mount_words *words);

#endif /* FUSE_SERVICE_WORDS_H */
