/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A folder of its own for a unit test, and commands run in it.  The folder goes
 * when the program ends.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stdbool.h>

/* Absolute; made on first use. */
const char *scratch_dir(void);
/* "DIR/name" in memory that is valid until the program ends. */
const char *scratch_path(const char *name);
/* Run a shell command in the folder; output is dropped.  Returns its exit status. */
int scratch_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, returning standard output, to be freed. */
char *scratch_output(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Is there a program of this name? */
bool scratch_have(const char *program);

#endif /* TESTS_SCRATCH_H */
