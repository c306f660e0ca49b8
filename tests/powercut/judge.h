/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One state after a power cut, and everything that must be true of it.
 */
#ifndef POWERCUT_JUDGE_H
#define POWERCUT_JUDGE_H

#include "config.h"

struct tally {
	unsigned long	states;		/* different ones that were judged, second cuts included */
	unsigned long	flushes;	/* of them, exactly at a flush */
	unsigned long	second;		/* of them, cut again during recovery */
	unsigned long	agreed;		/* e2fsck -fn and our walk say the same */
	unsigned long	dirty;		/* of them, both say: not clean */
	unsigned long	replays;	/* e2fsck's replay gave our tree */
	unsigned long	read;		/* read back through the engine, too */
	unsigned long	repaired;	/* without a journal: e2fsck -fy repaired it */
	unsigned long	rounds, operations, events;
	unsigned long	failures;
};

struct judge {
	const struct config *config;
	const struct model *model;
	struct pc_device *dev;		/* holds the state */
	struct tally	*tally;
	uint64_t	round;		/* for messages: the seed */
	uint64_t	seed;		/* for choices of its own */
	const char	*keep;		/* folder for images that failed, or NULL */
	/* one in so many: e2fsck -fn, e2fsck's replay, a second cut, read back; 0: never */
	unsigned int	fsck_every, replay_every, second_every, read_every;
	bool		quiet;
	char		why[256];	/* of the first failure */
};

/*
 * What @j->dev holds is what a cut before event @cut of the workload left; it is as before
 * afterwards.
 */
void judge_state(struct judge *j, size_t cut);

#endif /* POWERCUT_JUDGE_H */
