/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that runs out: every way in which the libraries allocate, and the start of threads, comes
 * through here (the linker's --wrap).
 */
#ifndef FAULTS_ALLOC_H
#define FAULTS_ALLOC_H

#include <stdbool.h>

/* Counting begins; allocation number @at fails (from 0; -1: none), with @stays all after it. */
void alloc_arm(long at, bool stays);
/* Returns how many were counted. */
unsigned long alloc_disarm(void);
/* How many have failed. */
unsigned long alloc_hits(void);

#endif /* FAULTS_ALLOC_H */
