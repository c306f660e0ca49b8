/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One kind of fault at every place where it can happen, each case in a process of its own, so that
 * a crash or a hang is one case's failure.
 */
#ifndef FAULTS_CASES_H
#define FAULTS_CASES_H

#include <stdbool.h>
#include "dev.h"
#include "ext4/ext4.h"

/* Begin with an image made with these options of mke2fs ("-t ext4 -b 1024 8M"), and run without faults. */
void cases_image(const char *mke2fs);
/*
 * All cases of one kind, every FAULT_STRIDE-th of them (default @stride); prints one test point.
 * FAULT_POINT=N runs only those of test point N, FAULT_ONLY=N only case N of them; FAULT_LOG=1 shows what happens in it.
 */
void cases_run(enum fault_kind kind, bool stays, unsigned int stride, enum ext4_data_mode mode);
/* A test point of one's own. */
void cases_point(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The plan; exit status of the program. */
int cases_end(void);
/* As the environment says it, or @stride. */
unsigned int cases_stride(unsigned int stride);
unsigned int cases_steps(void);

#endif /* FAULTS_CASES_H */
