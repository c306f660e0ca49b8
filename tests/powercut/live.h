/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does the engine show what lies on the disk?
 */
#ifndef POWERCUT_LIVE_H
#define POWERCUT_LIVE_H

#include "ext4/ext4.h"
#include "view.h"

/*
 * Compare all names, sizes and bytes that @fs gives with those of the view @v of the same device.
 * false: they differ, or the engine failed; @why (200 bytes) says where.
 */
bool live_matches(struct ext4_fs *fs, struct view *v, char *why);

#endif /* POWERCUT_LIVE_H */
