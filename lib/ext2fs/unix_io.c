/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The operations of the two unix I/O managers on an open channel: transfers,
 * flush with a memory for failures, discard, zeroout, options.  How a channel
 * comes to its descriptor is in unix_open.c, the system calls are in unix_rw.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ext2fs/unix_io_ops.h"

#define ZERO_BUF_SIZE	((size_t)1 << 20)

struct unix_private_data *unix_io_data(io_channel channel)
{
	struct unix_private_data *data = channel->private_data;

	if (channel->manager != unix_io_manager && channel->manager != unixfd_io_manager)
		return NULL;
	return data->magic == EXT2_ET_MAGIC_UNIX_IO_CHANNEL ? data : NULL;
}

/* A range of blocks of the channel as bytes of the descriptor. */
static errcode_t byte_range(io_channel channel, uint64_t block, uint64_t count, uint64_t *pos,
			    uint64_t *len)
{
	struct unix_private_data *data = unix_io_data(channel);
	uint64_t size = (uint64_t)channel->block_size;

	if (!data)
		return EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	if (__builtin_mul_overflow(block, size, pos) ||
	    __builtin_add_overflow(*pos, data->offset, pos) ||
	    __builtin_mul_overflow(count, size, len) ||
	    *pos > INT64_MAX || *len > INT64_MAX - *pos)
		return EXT2_ET_INVALID_ARGUMENT;
	return 0;
}

/* The same for the @count of a transfer, which may be negative: bytes. */
static errcode_t transfer_range(io_channel channel, uint64_t block, int count, uint64_t *pos,
				size_t *len)
{
	uint64_t bytes;
	errcode_t err;

	err = byte_range(channel, block, count < 0 ? 0 : (uint64_t)count, pos, &bytes);
	if (err)
		return err;
	*len = count < 0 ? (size_t)-(int64_t)count : (size_t)bytes;
	if (*len > INT64_MAX - *pos)
		return EXT2_ET_INVALID_ARGUMENT;
	return 0;
}

errcode_t unix_set_blksize(io_channel channel, int blksize)
{
	channel->block_size = blksize;
	return 0;
}

errcode_t unix_read_blk64(io_channel channel, unsigned long long block, int count, void *buf)
{
	errcode_t err;
	uint64_t pos;
	size_t len, done;

	err = transfer_range(channel, block, count, &pos, &len);
	if (err)
		return err;
	err = unix_read(channel->private_data, buf, len, pos, &done);
	if (!err)
		return 0;
	memset((char *)buf + done, 0, len - done);
	if (channel->read_error)
		err = channel->read_error(channel, (unsigned long)block, count, buf, len,
					  (int)done, err);
	return err;
}

/* All that writes data goes through here. */
static errcode_t write_bytes(struct unix_private_data *data, const void *buf, size_t len,
			     uint64_t pos, size_t *done)
{
	uint64_t ticket;
	errcode_t err;

	*done = 0;
	if (!data->writable)
		return EXT2_ET_RO_FILSYS;
	ticket = unsynced_begin(&data->unsynced, pos, len, false);
	err = unix_write(data, buf, len, pos, done);
	unsynced_end(&data->unsynced, ticket, pos, len, err == 0, false);
	return err;
}

errcode_t unix_write_blk64(io_channel channel, unsigned long long block, int count,
			   const void *buf)
{
	uint64_t pos;
	size_t len, done;
	errcode_t err;

	err = transfer_range(channel, block, count, &pos, &len);
	if (err)
		return err;
	err = write_bytes(channel->private_data, buf, len, pos, &done);
	if (err && channel->write_error)
		err = channel->write_error(channel, (unsigned long)block, count, buf, len,
					   (int)done, err);
	return err;
}

errcode_t unix_read_blk(io_channel channel, unsigned long block, int count, void *buf)
{
	return unix_read_blk64(channel, block, count, buf);
}

errcode_t unix_write_blk(io_channel channel, unsigned long block, int count, const void *buf)
{
	return unix_write_blk64(channel, block, count, buf);
}

errcode_t unix_write_byte(io_channel channel, unsigned long offset, int count, const void *buf)
{
	struct unix_private_data *data = unix_io_data(channel);
	uint64_t pos;
	size_t done;

	if (!data)
		return EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	if (__builtin_add_overflow((uint64_t)offset, data->offset, &pos) ||
	    pos > INT64_MAX - (uint64_t)count)
		return EXT2_ET_INVALID_ARGUMENT;
	return write_bytes(data, buf, (size_t)count, pos, &done);
}

/* Everything becomes durable. */
static int sync_device(int fd)
{
	return unix_io_calls.fsync(fd);
}

/* Dirty pages go to the device, and that is waited for; direct writes are there already. */
static int write_out_pages(int fd)
{
	unsigned int all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	int ret = unix_io_calls.sync_file_range(fd, 0, 0, all);

	return ret < 0 && (errno == ENOSYS || errno == ESPIPE) ? unix_io_calls.fsync(fd) : ret;
}

static errcode_t flush_by(io_channel channel, int (*how)(int fd))
{
	struct unix_private_data *data = unix_io_data(channel);
	struct byte_set flushing;
	errcode_t err = 0;

	if (!data)
		return EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	if (!data->writable)
		return 0;
	/* Who waits here finds that the fsync before has done the work, if it has. */
	pthread_mutex_lock(&data->flush_lock);
	if (unsynced_flush_begin(&data->unsynced, &flushing)) {
		while (how(data->fd) < 0) {
			err = errno;
			if (err != EINTR)
				break;
			err = 0;
		}
		err = unsynced_flush_end(&data->unsynced, &flushing, err);
		if (how != sync_device)
			unsynced_flush_is_due(&data->unsynced);
	}
	pthread_mutex_unlock(&data->flush_lock);
	return err;
}

errcode_t unix_flush(io_channel channel)
{
	return flush_by(channel, sync_device);
}

errcode_t unix_write_out(io_channel channel)
{
	return flush_by(channel, write_out_pages);
}

errcode_t unix_close(io_channel channel)
{
	struct unix_private_data *data = unix_io_data(channel);
	errcode_t err;

	if (!data)
		return EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	if (__atomic_sub_fetch(&channel->refcount, 1, __ATOMIC_ACQ_REL) > 0)
		return 0;
	err = unix_flush(channel);
	if (data->own_fd && unix_io_calls.close(data->fd) < 0 && !err)
		err = errno;
	unix_free_channel(channel);
	return err;
}

static errcode_t set_offset(struct unix_private_data *data, const char *arg)
{
	unsigned long long v;
	char *end;

	if (!arg || *arg < '0' || *arg > '9')
		return EXT2_ET_INVALID_ARGUMENT;
	errno = 0;
	v = strtoull(arg, &end, 0);
	if (errno || *end || v > INT64_MAX)
		return EXT2_ET_INVALID_ARGUMENT;
	data->offset = v;
	return 0;
}

errcode_t unix_set_option(io_channel channel, const char *option, const char *arg)
{
	struct unix_private_data *data = unix_io_data(channel);

	if (!data)
		return EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	if (strcmp(option, "offset") == 0)
		return set_offset(data, arg);
	return EXT2_ET_INVALID_ARGUMENT;
}

errcode_t unix_get_stats(io_channel channel, io_stats *stats)
{
	struct unix_private_data *data = unix_io_data(channel);

	if (!data)
		return EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	*stats = &data->stats;
	return 0;
}

errcode_t unix_get_fd(io_channel channel, int *fd)
{
	struct unix_private_data *data = unix_io_data(channel);

	if (!data)
		return EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	if (data->offset)
		return EINVAL;
	*fd = data->fd;
	return 0;
}

errcode_t unix_flock(io_channel channel, int operation)
{
	struct unix_private_data *data = unix_io_data(channel);

	if (!data)
		return EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	return flock(data->fd, operation) < 0 ? errno : 0;
}

errcode_t unix_cache_readahead(io_channel channel, unsigned long long block,
			       unsigned long long count)
{
	struct unix_private_data *data = channel->private_data;
	uint64_t pos, len;
	errcode_t err;

	err = byte_range(channel, block, count, &pos, &len);
	if (err || !len)
		return err;
	if (data->direct)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return posix_fadvise(data->fd, (off_t)pos, (off_t)len, POSIX_FADV_WILLNEED);
}

static bool unsupported(int err)
{
	return err == EOPNOTSUPP || err == ENOTTY || err == ENOSYS || err == EINVAL;
}

static errcode_t device_range(int fd, unsigned long request, uint64_t pos, uint64_t len)
{
	uint64_t range[2] = { pos, len };

	return ioctl(fd, request, range) < 0 ? errno : 0;
}

static errcode_t punch(int fd, uint64_t pos, uint64_t len)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	return fallocate(fd, mode, (off_t)pos, (off_t)len) < 0 ? errno : 0;
}

/* Of a request that would change the device; nothing to do when *len is 0. */
static errcode_t writable_range(io_channel channel, unsigned long long block,
				unsigned long long count, uint64_t *pos, uint64_t *len)
{
	struct unix_private_data *data = channel->private_data;
	errcode_t err = byte_range(channel, block, count, pos, len);

	return !err && *len && !data->writable ? EXT2_ET_RO_FILSYS : err;
}

errcode_t unix_discard(io_channel channel, unsigned long long block, unsigned long long count)
{
	struct unix_private_data *data = channel->private_data;
	uint64_t pos, len, ticket;
	errcode_t err;

	err = writable_range(channel, block, count, &pos, &len);
	if (err || !len)
		return err;
	ticket = unsynced_begin(&data->unsynced, pos, len, true);
	err = data->regular ? punch(data->fd, pos, len) :
			      device_range(data->fd, BLKDISCARD, pos, len);
	unsynced_end(&data->unsynced, ticket, pos, len, err == 0, true);
	return unsupported((int)err) ? EXT2_ET_OP_NOT_SUPPORTED : err;
}

/* Zeroes by hand, for what has no better way. */
static errcode_t write_zeroes(struct unix_private_data *data, uint64_t pos, uint64_t len)
{
	size_t size = len < ZERO_BUF_SIZE ? (size_t)len : ZERO_BUF_SIZE, done;
	errcode_t err = 0;
	void *zeroes;

	if (posix_memalign(&zeroes, 4096, size))
		return ENOMEM;
	memset(zeroes, 0, size);
	for (; len && !err; pos += size, len -= size) {
		if (len < size)
			size = (size_t)len;
		err = unix_write(data, zeroes, size, pos, &done);
	}
	free(zeroes);
	return err;
}

static errcode_t zero_range(struct unix_private_data *data, uint64_t pos, uint64_t len)
{
	struct stat st;
	errcode_t err;

	if (!data->regular) {
		err = device_range(data->fd, BLKZEROOUT, pos, len);
	} else if (fstat(data->fd, &st) < 0) {
		err = errno;
	} else if (st.st_size < 0 || pos + len > (uint64_t)st.st_size) {
		err = EOPNOTSUPP;	/* a hole does not make the file longer */
	} else {
		err = punch(data->fd, pos, len);
		if (err && unsupported((int)err) &&
		    fallocate(data->fd, FALLOC_FL_ZERO_RANGE, (off_t)pos, (off_t)len) == 0)
			err = 0;
	}
	return unsupported((int)err) ? write_zeroes(data, pos, len) : err;
}

errcode_t unix_zeroout(io_channel channel, unsigned long long block, unsigned long long count)
{
	struct unix_private_data *data = channel->private_data;
	uint64_t pos, len, ticket;
	errcode_t err;

	err = writable_range(channel, block, count, &pos, &len);
	if (err || !len)
		return err;
	ticket = unsynced_begin(&data->unsynced, pos, len, false);
	err = zero_range(data, pos, len);
	unsynced_end(&data->unsynced, ticket, pos, len, err == 0, false);
	return err;
}
