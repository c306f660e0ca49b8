/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that a program is started with.  To be called first thing in main(), before anything
 * is opened and while there is a single thread.
 */
#ifndef SUPPORT_FDS_H
#define SUPPORT_FDS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Open /dev/null as each of the descriptors 0 to 2 that is closed: the next file to be opened, like a
 * device or the kernel's, must not become the place where messages go.  False, with errno, when
 * it cannot be had.
 */
bool support_fds_standard(void);

/*
 * Close all descriptors above 2 but the @count ones in @keep, in any order; those are not handed
 * on to programs.  @keep is sorted by it.
 */
void support_fds_close_others(int *keep, size_t count);

#endif /* SUPPORT_FDS_H */
