/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The n-th read, write or flush of a load that uses every function of the engine fails, once or
 * from then on, for every n: the caller is told, what was acknowledged is there
 * afterwards, and the file system is consistent.
 */
#include "common/api.h"
#include "common/cases.h"

static void all_functions_are_used(void)
{
	int total, missing = api_missing(EXT4_HEADER, &total);

	cases_point(!missing && total > 50, "the load calls all %d functions of ext4.h", total);
	cases_point(cases_steps() >= 500, "in %u operations", cases_steps());
}

static void all_faults(unsigned int stride, enum ext4_data_mode mode)
{
	cases_run(FAULT_READ, false, stride, mode);
	cases_run(FAULT_READ, true, stride * 2, mode);
	cases_run(FAULT_WRITE, false, stride, mode);
	cases_run(FAULT_WRITE, true, stride * 2, mode);
	cases_run(FAULT_FLUSH, false, stride, mode);
	cases_run(FAULT_FLUSH, true, stride * 2, mode);
	cases_run(FAULT_SHORT_READ, false, stride * 4, mode);
	cases_run(FAULT_SHORT_WRITE, false, stride * 4, mode);
}

int main(void)
{
	cases_image("-t ext4 -b 1024 -O ^resize_inode -J size=1 8M");
	cases_run(FAULT_NONE, false, 100000, EXT4_DATA_ORDERED);
	all_functions_are_used();
	all_faults(10, EXT4_DATA_ORDERED);
	all_faults(40, EXT4_DATA_JOURNAL);
	cases_image("-t ext4 -b 1024 -I 512 -O ^resize_inode,inline_data,ea_inode,orphan_file -J size=1 8M");
	all_faults(30, EXT4_DATA_DEFAULT);
	cases_image("-t ext3 -b 1024 -O ^resize_inode -J size=1 8M");
	all_faults(40, EXT4_DATA_DEFAULT);
	cases_image("-t ext4 -b 4096 -O ^resize_inode 16M");
	all_faults(50, EXT4_DATA_DEFAULT);
	return cases_end();
}
