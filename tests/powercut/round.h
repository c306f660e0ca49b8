/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One round: a workload with one seed, and the states that cuts during it leave.
 */
#ifndef POWERCUT_ROUND_H
#define POWERCUT_ROUND_H

#include "judge.h"

#define ROUND_OPERATIONS	500
#define FAILURES_MAX		3	/* then the round ends */

struct round {
	const struct config	*config;
	uint64_t		seed;
	unsigned int		states;		/* about so many */
	const char		*keep;
	bool			quiet;
	/* Called with the device before the workload begins; may be NULL. */
	void			(*prepare)(struct pc_device *dev);
};

/* Counts go to @tally; the first failure, if any, to @why (256 bytes). */
void round_run(const struct round *r, struct tally *tally, char *why);

#endif /* POWERCUT_ROUND_H */
