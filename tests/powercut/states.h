/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a power cut leaves: everything before the last flush, and any part of
 * what was written after it.
 */
#ifndef POWERCUT_STATES_H
#define POWERCUT_STATES_H

#include "device.h"

/* The writes that no flush of their drive has made durable yet: numbers of events, in order. */
struct pc_pending {
	const struct pc_log *log;
	size_t		*events;
	size_t		nr, room;
};

/*
 * Event @event has happened: a write waits, a flush puts what waits for its drive onto @dev.
 */
void pc_pending_event(struct pc_pending *p, struct pc_device *dev, size_t event);
void pc_pending_free(struct pc_pending *p);
/*
 * Put onto @dev, which holds all that is durable, a choice of what waits that *seed makes.
 * Returns a number that is the same for the same choice.
 */
uint64_t pc_state_apply(struct pc_device *dev, const struct pc_pending *p, uint64_t *seed);

#endif /* POWERCUT_STATES_H */
