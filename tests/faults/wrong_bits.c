/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One bit is wrong in what the n-th read brings or the n-th write leaves, and the device does not say so:
 * nothing crashes or hangs, and with checksums no wrong metadata is believed.
 */
#include "common/cases.h"

static void both(unsigned int stride)
{
	cases_run(FAULT_FLIP_READ, false, stride, EXT4_DATA_DEFAULT);
	cases_run(FAULT_FLIP_READ, true, stride * 2, EXT4_DATA_DEFAULT);
	cases_run(FAULT_FLIP_WRITE, false, stride, EXT4_DATA_DEFAULT);
	cases_run(FAULT_FLIP_WRITE, true, stride * 2, EXT4_DATA_DEFAULT);
}

int main(void)
{
	cases_image("-t ext4 -b 1024 -O ^resize_inode -J size=1 8M");
	both(10);
	cases_image("-t ext4 -b 1024 -I 512 -O ^resize_inode,inline_data,ea_inode,orphan_file -J size=1 8M");
	both(30);
	return cases_end();
}
