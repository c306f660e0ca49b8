/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aio-cache FILE ROUNDS: asynchronous writes past the page cache while threads read through it.  When a
 * round's writes have ended, whatever is read through the cache is of that round.  Exits with 1, and says how
 * many blocks were not, if there was one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK	16384
#define BLOCKS	32	/* all under way at once; of more than that, some are told before their old pages are dropped */
#define READERS	3

static const char *file_path;
static atomic_bool stop;

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void *reader(void *arg)
{
	int fd = open(file_path, O_RDONLY), i;
	static _Thread_local char buf[BLOCK];

	if (fd < 0)
		fail(file_path);
	/* What a write has just dropped from the cache is read anew while that write is under way. */
	for (i = 0; !atomic_load(&stop); i = (i + 7) % BLOCKS)
		if (pread(fd, buf, BLOCK, (off_t)i * BLOCK) != BLOCK)
			fail("read");
	close(fd);
	return arg;
}

static void submit(aio_context_t ctx, int fd, char *data, uint64_t round)
{
	static struct iocb cb[BLOCKS], *list[BLOCKS];
	int i;

	for (i = 0; i < BLOCKS; i++) {
		*(uint64_t *)(data + (size_t)i * BLOCK) = round;
		cb[i] = (struct iocb) {
			.aio_lio_opcode = IOCB_CMD_PWRITE,
			.aio_fildes = fd,
			.aio_buf = (uintptr_t)(data + (size_t)i * BLOCK),
			.aio_nbytes = BLOCK,
			.aio_offset = (int64_t)i * BLOCK,
		};
		list[i] = &cb[i];
	}
	for (i = 0; i < BLOCKS; ) {
		long n = syscall(SYS_io_submit, ctx, BLOCKS - i, list + i);

		if (n <= 0)
			fail("io_submit");
		i += n;
	}
}

static void collect(aio_context_t ctx)
{
	static struct io_event events[BLOCKS];
	int left, i;

	for (left = BLOCKS; left; ) {
		long n = syscall(SYS_io_getevents, ctx, 1, left, events, NULL);

		if (n < 0)
			fail("io_getevents");
		for (i = 0; i < n; i++)
			if (events[i].res != BLOCK)
				fail("write");
		left -= n;
	}
}

static int stale(int fd, uint64_t round)
{
	uint64_t seen;
	int i, n = 0;

	for (i = 0; i < BLOCKS; i++) {
		if (pread(fd, &seen, sizeof(seen), (off_t)i * BLOCK) != sizeof(seen))
			fail("read");
		n += seen != round;
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc == 3 ? strtoull(argv[2], NULL, 0) : 0, round;
	int direct, cached, i, bad = 0;
	pthread_t thread[READERS];
	aio_context_t ctx = 0;
	char *data;

	if (!rounds)
		return 2;
	file_path = argv[1];
	if (posix_memalign((void **)&data, BLOCK, (size_t)BLOCKS * BLOCK))
		fail("memory");
	memset(data, 0, (size_t)BLOCKS * BLOCK);
	cached = open(file_path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (cached < 0 || write(cached, data, (size_t)BLOCKS * BLOCK) != BLOCKS * BLOCK || fsync(cached))
		fail(file_path);
	direct = open(file_path, O_RDWR | O_DIRECT);
	if (direct < 0 || syscall(SYS_io_setup, BLOCKS, &ctx))
		fail("O_DIRECT and AIO");
	for (i = 0; i < READERS; i++)
		if (pthread_create(&thread[i], NULL, reader, NULL))
			fail("thread");
	for (round = 1; round <= rounds; round++) {
		submit(ctx, direct, data, round);
		collect(ctx);
		bad += stale(cached, round);
	}
	atomic_store(&stop, true);
	for (i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	/* What was told too early is right a moment later. */
	usleep(500000);
	i = stale(cached, rounds);
	printf("blocks that were stale: %d after a round, %d at the end\n", bad, i);
	return bad || i;
}
