/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How this program ends when it cannot go on, and its random numbers.
 */
#ifndef POWERCUT_REPORT_H
#define POWERCUT_REPORT_H

#include <stdint.h>

/* Says what happened and ends the process with status 3. */
void pc_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The same numbers on every machine; *state must not be 0. */
static inline uint32_t pc_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 16);
}

static inline uint32_t pc_below(uint64_t *state, uint32_t n)
{
	return pc_random(state) % n;
}

#endif /* POWERCUT_REPORT_H */
