/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ways to break the libraries on purpose, for the test of this test.
 */
#ifndef POWERCUT_BROKEN_H
#define POWERCUT_BROKEN_H

struct pc_device;

enum breakage {
	NOT_BROKEN,
	COMMIT_BEFORE_DATA,	/* no flush between data and log, and commit block */
	NO_REVOKES,		/* revoke records are not written */
	EARLY_REUSE,		/* freed blocks are free before the commit */
	COMMIT_FIRST,		/* the commit block is durable before what it commits is written */
	FSYNC_IN_VAIN,		/* fsync does not flush what needs no commit */
	NO_CHECKPOINT_FLUSH,	/* the log's tail moves before what was in it is durable at home */
	BREAKAGES
};

/* Only the workload runs broken: between broken_prepare(device) and broken_prepare(NULL). */
extern enum breakage broken_how;
void broken_prepare(struct pc_device *dev);

#endif /* POWERCUT_BROKEN_H */
