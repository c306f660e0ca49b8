/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device whose flush takes as many milliseconds as $TEST_FLUSH_MS says, loaded with LD_PRELOAD.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void take_long(void)
{
	const char *text = getenv("TEST_FLUSH_MS");
	long ms = text ? atol(text) : 0;
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

int fsync(int fd)
{
	take_long();
	return syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	take_long();
	return syscall(SYS_fdatasync, fd);
}
