/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The n-th allocation of a load that uses every function of the engine fails, once or from then on,
 * for every n: nothing crashes, each operation happens or does not, what was acknowledged is
 * there, and the file system is consistent.
 */
#include "common/cases.h"

static void both(unsigned int stride)
{
	cases_run(FAULT_ALLOC, false, stride, EXT4_DATA_DEFAULT);
	cases_run(FAULT_ALLOC, true, stride * 3, EXT4_DATA_DEFAULT);
}

int main(void)
{
	cases_image("-t ext4 -b 1024 -O ^resize_inode -J size=1 8M");
	both(15);
	cases_image("-t ext4 -b 1024 -I 512 -O ^resize_inode,inline_data,ea_inode,orphan_file -J size=1 8M");
	both(40);
	cases_image("-t ext3 -b 1024 -O ^resize_inode -J size=1 8M");
	both(60);
	return cases_end();
}
