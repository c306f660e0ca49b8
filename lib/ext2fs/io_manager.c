/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of an I/O channel: they find the manager's function and say what
 * happens where there is none.  No I/O is done here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include "ext2fs/ext2_io.h"

static errcode_t check(io_channel channel)
{
	if (channel->magic != EXT2_ET_MAGIC_IO_CHANNEL)
		return EXT2_ET_MAGIC_IO_CHANNEL;
	if (channel->manager->magic != EXT2_ET_MAGIC_IO_MANAGER)
		return EXT2_ET_MAGIC_IO_MANAGER;
	return 0;
}

errcode_t io_channel_close(io_channel channel)
{
	errcode_t err = check(channel);

	return err ? err : channel->manager->close(channel);
}

void io_channel_addref(io_channel channel)
{
	__atomic_add_fetch(&channel->refcount, 1, __ATOMIC_RELAXED);
}

errcode_t io_channel_set_blksize(io_channel channel, int blksize)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (blksize <= 0)
		return EXT2_ET_INVALID_ARGUMENT;
	return channel->manager->set_blksize(channel, blksize);
}

errcode_t io_channel_read_blk(io_channel channel, unsigned long block, int count, void *data)
{
	return io_channel_read_blk64(channel, block, count, data);
}

errcode_t io_channel_write_blk(io_channel channel, unsigned long block, int count,
			       const void *data)
{
	return io_channel_write_blk64(channel, block, count, data);
}

errcode_t io_channel_read_blk64(io_channel channel, unsigned long long block, int count,
				void *data)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (channel->manager->read_blk64)
		return channel->manager->read_blk64(channel, block, count, data);
	if (!channel->manager->read_blk || block > ULONG_MAX)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->read_blk(channel, (unsigned long)block, count, data);
}

errcode_t io_channel_write_blk64(io_channel channel, unsigned long long block, int count,
				 const void *data)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (channel->manager->write_blk64)
		return channel->manager->write_blk64(channel, block, count, data);
	if (!channel->manager->write_blk || block > ULONG_MAX)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->write_blk(channel, (unsigned long)block, count, data);
}

errcode_t io_channel_write_byte(io_channel channel, unsigned long offset, int count,
				const void *data)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (count < 0)
		return EXT2_ET_INVALID_ARGUMENT;
	if (!channel->manager->write_byte)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->write_byte(channel, offset, count, data);
}

errcode_t io_channel_flush(io_channel channel)
{
	errcode_t err = check(channel);

	if (err || !channel->manager->flush)
		return err;
	return channel->manager->flush(channel);
}

errcode_t io_channel_write_out(io_channel channel)
{
	errcode_t err = check(channel);

	if (err || !channel->manager->write_out)
		return err ? err : io_channel_flush(channel);
	return channel->manager->write_out(channel);
}

static errcode_t set_one_option(io_channel channel, char *option)
{
	char *arg = strchr(option, '=');

	if (!*option)
		return 0;
	if (arg)
		*arg++ = '\0';
	return channel->manager->set_option(channel, option, arg);
}

errcode_t io_channel_set_options(io_channel channel, const char *options)
{
	errcode_t err = check(channel);
	char *copy, *next, *option;

	if (err || !options || !*options)
		return err;
	if (!channel->manager->set_option)
		return EXT2_ET_OP_NOT_SUPPORTED;
	copy = strdup(options);
	if (!copy)
		return ENOMEM;
	next = copy;
	while (!err && (option = strsep(&next, "&")))
		err = set_one_option(channel, option);
	free(copy);
	return err;
}

errcode_t io_channel_get_stats(io_channel channel, io_stats *stats)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (!channel->manager->get_stats)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->get_stats(channel, stats);
}

errcode_t io_channel_discard(io_channel channel, unsigned long long block,
			     unsigned long long count)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (!channel->manager->discard)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->discard(channel, block, count);
}

errcode_t io_channel_zeroout(io_channel channel, unsigned long long block,
			     unsigned long long count)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (!channel->manager->zeroout)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->zeroout(channel, block, count);
}

errcode_t io_channel_cache_readahead(io_channel channel, unsigned long long block,
				     unsigned long long count)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (!channel->manager->cache_readahead)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->cache_readahead(channel, block, count);
}

errcode_t io_channel_get_fd(io_channel channel, int *fd)
{
	errcode_t err = check(channel);

	*fd = -1;
	if (err)
		return err;
	if (!channel->manager->get_fd)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->get_fd(channel, fd);
}

errcode_t io_channel_flock(io_channel channel, int operation)
{
	errcode_t err = check(channel);

	if (err)
		return err;
	if (!channel->manager->flock)
		return EXT2_ET_OP_NOT_SUPPORTED;
	return channel->manager->flock(channel, operation);
}

errcode_t io_channel_alloc_buf(io_channel channel, int count, void *ptr)
{
	size_t align = sizeof(void *), size;
	void *buf;

	if (channel->align > (int)align)
		align = (size_t)channel->align;
	if (count == 0 || count == INT_MIN)
		return EXT2_ET_INVALID_ARGUMENT;
	size = count > 0 ? (size_t)count * (size_t)channel->block_size : (size_t)-count;
	/* Room up to the next multiple, so that direct I/O may round the length up. */
	size = (size + align - 1) / align * align;
	if (posix_memalign(&buf, align, size))
		return ENOMEM;
	memcpy(ptr, &buf, sizeof(buf));
	return 0;
}
