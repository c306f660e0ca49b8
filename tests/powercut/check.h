/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a file system keep what the model says was promised?
 */
#ifndef POWERCUT_CHECK_H
#define POWERCUT_CHECK_H

#include "model.h"
#include "view.h"

/*
 * With a journal: after a cut before event @cut the tree must be the one of some state k between
 * what was promised and what was reached; and every byte of a file must be one that the
 * file held in state k or, unless @exact_data (data=journal), later.  The reason goes to
 * @why (200 bytes).
 */
bool check_promises(const struct model *m, struct view *v, size_t cut, bool exact_data, char *why);
/*
 * Without one, after e2fsck: files that did not change since what was promised have their content,
 * and their names where the directory did not change either.
 */
bool check_survivors(const struct model *m, struct view *v, size_t cut, char *why);

#endif /* POWERCUT_CHECK_H */
