/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Positional reads and writes of a descriptor: complete in spite of short
 * transfers and signals, and through aligned buffers where O_DIRECT asks for
 * them.  Channels and sync state are in unix_io.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ext2fs/unix_io_i.h"

#define BOUNCE_SIZE	((size_t)1 << 20)	/* bytes at most in one bounce buffer */
#define DIRECT_MIN	((size_t)64 << 10)	/* bytes of a transfer that is worth going past the page cache */

struct unix_io_calls unix_io_calls = {
	.pread = pread,
	.pwrite = pwrite,
	.fsync = fdatasync,
	.sync_file_range = sync_file_range,
	.close = close,
};

/* @buf, @len and @pos are as the descriptor wants them. */
static errcode_t raw_read(int fd, char *buf, size_t len, uint64_t pos, size_t *done)
{
	*done = 0;
	while (*done < len) {
		ssize_t n = unix_io_calls.pread(fd, buf + *done, len - *done,
						(off_t)(pos + *done));

		if (n == 0)
			return EXT2_ET_SHORT_READ;
		if (n > 0)
			*done += (size_t)n;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

static errcode_t raw_write(const struct unix_private_data *data, int fd, const char *buf, size_t len,
			   uint64_t pos, size_t *done)
{
	*done = 0;
	while (*done < len) {
		ssize_t n = unix_io_calls.pwrite(fd, buf + *done, len - *done,
						 (off_t)(pos + *done));

		if (n == 0)
			return EXT2_ET_SHORT_WRITE;
		if (n > 0)
			*done += (size_t)n;
		else if (errno == ENOSPC && !data->regular)
			return EXT2_ET_SHORT_WRITE;	/* how a device says that it ends here */
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

static bool needs_bounce(const struct unix_private_data *data, const void *buf, size_t len,
			 uint64_t pos)
{
	if (data->force_bounce)
		return true;
	return ((uintptr_t)buf | len | pos) % data->align != 0;
}

/* A window of whole sectors around a part of a transfer, no larger than a bounce buffer */
struct window {
	uint64_t	start;		/* on the descriptor */
	size_t		len;
	size_t		skip;		/* bytes before the part that is wanted */
	size_t		part;		/* bytes that are wanted */
};

static struct window window_at(size_t align, uint64_t pos, size_t len)
{
	struct window w = { .start = pos - pos % align };

	w.skip = (size_t)(pos - w.start);
	w.part = len < BOUNCE_SIZE - w.skip ? len : BOUNCE_SIZE - w.skip;
	w.len = (w.skip + w.part + align - 1) / align * align;
	return w;
}

static char *bounce_alloc(size_t align, size_t skip, size_t len)
{
	size_t size = (skip + len + align - 1) / align * align;
	void *buf;

	if (align < sizeof(void *))
		align = sizeof(void *);
	return posix_memalign(&buf, align, size < BOUNCE_SIZE ? size : BOUNCE_SIZE) ? NULL : buf;
}

static errcode_t bounce_read(struct unix_private_data *data, char *buf, size_t len,
			     uint64_t pos, size_t *done)
{
	char *bounce = bounce_alloc(data->align, pos % data->align, len);
	errcode_t err = 0;

	*done = 0;
	if (!bounce)
		return ENOMEM;
	while (!err && *done < len) {
		struct window w = window_at(data->align, pos + *done, len - *done);
		size_t got, usable;

		err = raw_read(data->fd, bounce, w.len, w.start, &got);
		usable = got > w.skip ? got - w.skip : 0;
		if (usable >= w.part) {
			usable = w.part;
			err = 0;	/* only the rest of the last sector is missing */
		}
		memcpy(buf + *done, bounce + w.skip, usable);
		*done += usable;
	}
	free(bounce);
	return err;
}

/*
 * Fill the first and the last sector of a window, where they are only written in part,
 * with what is on the device.  What lies past the end is zero.
 */
static errcode_t read_edges(struct unix_private_data *data, const struct window *w, char *bounce)
{
	size_t align = data->align, last = w->len - align, got;
	bool head = w->skip > 0, tail = (w->skip + w->part) % align != 0;
	errcode_t err = 0;

	memset(bounce, 0, align);
	memset(bounce + last, 0, align);
	if (head || (tail && last == 0))
		err = raw_read(data->fd, bounce, align, w->start, &got);
	if ((!err || err == EXT2_ET_SHORT_READ) && tail && last > 0)
		err = raw_read(data->fd, bounce + last, align, w->start + last, &got);
	return err == EXT2_ET_SHORT_READ ? 0 : err;
}

static errcode_t write_window(struct unix_private_data *data, const struct window *w,
			      char *bounce, const char *buf, size_t *written)
{
	bool partial = w->skip > 0 || w->skip + w->part < w->len;
	errcode_t err = 0;
	size_t done = 0;

	if (partial) {
		/* Two writers of one sector must not undo each other. */
		pthread_mutex_lock(&data->rmw_lock);
		err = read_edges(data, w, bounce);
	}
	if (!err) {
		memcpy(bounce + w->skip, buf, w->part);
		err = raw_write(data, data->fd, bounce, w->len, w->start, &done);
	}
	if (partial)
		pthread_mutex_unlock(&data->rmw_lock);
	done = done > w->skip ? done - w->skip : 0;
	*written = done < w->part ? done : w->part;
	return err;
}

static errcode_t bounce_write(struct unix_private_data *data, const char *buf, size_t len,
			      uint64_t pos, size_t *done)
{
	char *bounce = bounce_alloc(data->align, pos % data->align, len);
	errcode_t err = 0;

	*done = 0;
	if (!bounce)
		return ENOMEM;
	while (!err && *done < len) {
		struct window w = window_at(data->align, pos + *done, len - *done);
		size_t written;

		err = write_window(data, &w, bounce, buf + *done, &written);
		*done += written;
	}
	free(bounce);
	return err;
}

/* The descriptor for a transfer that needs no bounce buffer. */
static int best_fd(const struct unix_private_data *data, const void *buf, size_t len, uint64_t pos)
{
	if (data->direct_fd < 0 || len < DIRECT_MIN || ((uintptr_t)buf | len | pos) % data->direct_align)
		return data->fd;
	return data->direct_fd;
}

errcode_t unix_read(struct unix_private_data *data, void *buf, size_t len, uint64_t pos,
		    size_t *done)
{
	errcode_t err;

	if (needs_bounce(data, buf, len, pos))
		err = bounce_read(data, buf, len, pos, done);
	else
		err = raw_read(best_fd(data, buf, len, pos), buf, len, pos, done);
	__atomic_add_fetch(&data->stats.bytes_read, *done, __ATOMIC_RELAXED);
	return err;
}

errcode_t unix_write(struct unix_private_data *data, const void *buf, size_t len, uint64_t pos,
		     size_t *done)
{
	errcode_t err;

	if (needs_bounce(data, buf, len, pos))
		err = bounce_write(data, buf, len, pos, done);
	else
		err = raw_write(data, best_fd(data, buf, len, pos), buf, len, pos, done);
	__atomic_add_fetch(&data->stats.bytes_written, *done, __ATOMIC_RELAXED);
	return err;
}
