/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Are broken libraries found out?  TAP: one point for the libraries as they are, in which nothing
 * must be found, and one for each way to break them.
 */
#include <stdio.h>
#include <stdlib.h>
#include "broken.h"
#include "ext2fs/ext2_err.h"
#include "report.h"
#include "round.h"

#define ROUNDS 12
#define STATES 1500 /* of a round */

static const struct {
	enum breakage how;
	const char *config, *what;
} cases[] = {
	{ NOT_BROKEN, "ordered-tight", "the libraries as they are" },
	{ COMMIT_BEFORE_DATA, "ordered-tight",
	  "a commit block that does not wait for data and log" },
	{ COMMIT_BEFORE_DATA, "ordered-nocsum", "the same without checksums" },
	{ COMMIT_BEFORE_DATA, "two-drives", "the same with the journal on another drive" },
	{ NO_REVOKES, "ordered-tight", "revoke records that are not written" },
	{ EARLY_REUSE, "ordered-tight", "freed blocks that are used before the commit" },
	{ COMMIT_FIRST, "ordered", "a commit block that is written before what it commits" },
	{ COMMIT_FIRST, "ordered-nocsum", "the same without checksums" },
	{ FSYNC_IN_VAIN, "ordered", "fsync that flushes nothing but commits" },
	{ NO_CHECKPOINT_FLUSH, "ordered",
	  "a tail of the log that does not wait for the checkpoint" },
};

/* The failure that was found, in why; rounds are tried until there is one, or none are left. */
static unsigned long try(unsigned int i, unsigned int rounds, char *why, unsigned long *states)
{
	struct round r = { .config = config_find(cases[i].config),
			   .states = STATES,
			   .quiet = true,
			   .prepare = broken_prepare };
	struct tally t = { 0 };

	broken_how = cases[i].how;
	for (r.seed = 1; r.seed <= rounds && !t.failures; r.seed++)
		round_run(&r, &t, why);
	*states = t.states;
	return t.failures;
}

int main(void)
{
	unsigned int i, n = sizeof(cases) / sizeof(cases[0]), bad = 0;
	unsigned long failures, states;
	char why[256] = "";
	bool ok;

	initialize_ext2_error_table();
	for (i = 0; i < n; i++) {
		failures = try(i, cases[i].how == NOT_BROKEN ? 1 : ROUNDS, why, &states);
		ok = cases[i].how == NOT_BROKEN ? !failures : failures;
		bad += !ok;
		printf("%sok %u - %s (%s)\n", ok ? "" : "not ", i + 1, cases[i].what,
		       cases[i].config);
		printf("# %s after %lu states%s%s\n", failures ? "found" : "nothing found", states,
		       failures ? ": " : "", failures ? why : "");
		fflush(stdout);
	}
	printf("1..%u\n", n);
	return bad != 0;
}
