/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a power cut leaves: everything before the last flush, and any part of
 * what was written after it.
 */
#ifndef POWERCUT_STATES_H
#define POWERCUT_STATES_H

#include "device.h"

/*
 * Put onto @dev, which holds all that was durable at event @from of @log (no flush
 * lies in [from, to)), a choice of the events [from, to) that *seed makes.
 * Returns a number that is the same for the same choice.
 */
uint64_t pc_state_apply(struct pc_device *dev, const struct pc_log *log, size_t from, size_t to,
			uint64_t *seed);
/* All of them. */
void pc_state_apply_all(struct pc_device *dev, const struct pc_log *log, size_t from, size_t to);

#endif /* POWERCUT_STATES_H */
