/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -o timing: how often each kind of request came and how long it took.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <time.h>
#include "logging.h"
#include "timing.h"

#define NR_OPCODES	64

static const char *const names[NR_OPCODES] = {
	[1] = "lookup", [2] = "forget", [3] = "getattr", [4] = "setattr", [5] = "readlink",
	[6] = "symlink", [8] = "mknod", [9] = "mkdir", [10] = "unlink", [11] = "rmdir",
	[12] = "rename", [13] = "link", [14] = "open", [15] = "read", [16] = "write",
	[17] = "statfs", [18] = "release", [20] = "fsync", [21] = "setxattr", [22] = "getxattr",
	[23] = "listxattr", [24] = "removexattr", [25] = "flush", [26] = "init", [27] = "opendir",
	[28] = "readdir", [29] = "releasedir", [30] = "fsyncdir", [34] = "access", [35] = "create",
	[39] = "ioctl", [42] = "batch_forget", [43] = "fallocate", [44] = "readdirplus",
	[45] = "rename2", [46] = "lseek", [47] = "copy_file_range", [50] = "syncfs",
	[51] = "tmpfile", [52] = "statx",
};

static struct {
	atomic_ulong count, total, longest;
} table[NR_OPCODES];

uint64_t timing_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

void timing_count(uint32_t opcode, uint64_t start)
{
	unsigned long took = timing_now() - start, longest;

	if (opcode >= NR_OPCODES)
		return;
	atomic_fetch_add(&table[opcode].count, 1);
	atomic_fetch_add(&table[opcode].total, took);
	longest = atomic_load(&table[opcode].longest);
	while (took > longest &&
	       !atomic_compare_exchange_weak(&table[opcode].longest, &longest, took))
		;
}

void timing_report(void)
{
	log_info("timing: request, count, mean and longest time in microseconds");
	for (int i = 0; i < NR_OPCODES; i++) {
		unsigned long count = atomic_load(&table[i].count);

		if (count)
			log_info("timing: %s %lu %.1f %.1f", names[i] ? names[i] : "other", count,
				 atomic_load(&table[i].total) / 1e3 / count,
				 atomic_load(&table[i].longest) / 1e3);
	}
}
