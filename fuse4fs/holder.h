/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else uses a device or an image file.  Best effort: without root only some
 * of the answers can be seen.
 */
#ifndef FUSE4FS_HOLDER_H
#define FUSE4FS_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct holder {
	char	text[700];	/* "process 123 (e2fsck)", for a sentence */
	char	where[300];	/* where it is mounted; "" when it is not, or we cannot see it */
	bool	ending;		/* it is a server of ours that is about to end */
	bool	stays;		/* it will not go by itself */
};

/* Describe who has the device or image @st.  False when none is found; @holder is empty then. */
bool holder_find(const struct stat *st, struct holder *holder);

#endif /* FUSE4FS_HOLDER_H */
