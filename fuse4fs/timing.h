/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -o timing: how often each kind of request came and how long it took.
 */
#ifndef FUSE4FS_TIMING_H
#define FUSE4FS_TIMING_H

#include <stdint.h>

uint64_t timing_now(void);	/* nanoseconds */
/* One request of @opcode took from @start until now.  Safe from all threads. */
void timing_count(uint32_t opcode, uint64_t start);
/* Write the table to the log. */
void timing_report(void);

#endif /* FUSE4FS_TIMING_H */
