/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is found when the device works again, against what was promised.
 */
#ifndef FAULTS_JUDGE_H
#define FAULTS_JUDGE_H

#include "load.h"

struct verdict {
	char	text[400];	/* what is wrong; empty: nothing */
	bool	had_errors;	/* the superblock said so, and e2fsck repaired it */
	bool	refused;	/* the mount said no (allowed after wrong bits only) */
	bool	found;		/* something answered with an error (likewise) */
	bool	complete;	/* all is as without a fault */
	bool	fscked;
};

/*
 * @wrong_bits: errors are allowed, wrong answers are not.  @fsck: let e2fsck have a look, too, even
 * if nothing asks for it.
 */
void judge(struct load *l, bool wrong_bits, bool fsck, struct verdict *v);
/* e2fsck with these options on @data, which may be changed: its exit status. */
int judge_e2fsck(char *data, uint64_t size, const char *options);

#endif /* FAULTS_JUDGE_H */
