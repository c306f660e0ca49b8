/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wall clock that a test moves: loaded with LD_PRELOAD, or part of a program, it adds the
 * seconds that the file $TEST_CLOCK holds (an int64_t).  The clocks that only count are left alone.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t *offset;

static __attribute__((constructor)) void map_offset(void)
{
	const char *name = getenv("TEST_CLOCK");
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *mem;

	if (fd < 0)
		return;
	mem = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	if (mem != MAP_FAILED)
		offset = mem;
	close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int ret = syscall(SYS_clock_gettime, id, ts);

	if (!ret && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += __atomic_load_n(offset, __ATOMIC_RELAXED);
	return ret;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone __attribute__((unused)))
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
