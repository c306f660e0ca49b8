/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images that are not right, for comparing our walk with e2fsck.
 */
#ifndef POWERCUT_DAMAGE_H
#define POWERCUT_DAMAGE_H

#include <stdint.h>

/*
 * The journal becomes empty and nobody will replay it.  The superblock's counts become what the
 * groups say, so that only what a lost journal loses is wrong.
 */
void damage_forget_journal(char *image, uint64_t size);

#endif /* POWERCUT_DAMAGE_H */
