/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The buffer cache as an I/O manager: block transfers hit the cache, all the
 * rest writes the cache home and goes to the manager below.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "support/iocache_i.h"

#define READAHEAD_BLOCKS	256U

struct iocache_channel {
	io_channel		dev;
	struct iocache		*cache;
	uint64_t		cache_blocks;	/* 0 = no bound */
	struct struct_io_stats	stats;
};

static io_manager backing_manager;

void iocache_set_backing_manager(io_manager manager)
{
	backing_manager = manager;
}

static struct iocache_channel *data_of(io_channel channel)
{
	return channel->private_data;
}

struct iocache *iocache_from_channel(io_channel channel)
{
	return data_of(channel)->cache;
}

/* A new, empty cache of the channel's block size in place of the old one. */
static errcode_t make_cache(io_channel channel)
{
	struct iocache_channel *data = data_of(channel);
	struct iocache_params params = {
		.block_size = data->dev->block_size,
		.max_bytes = data->cache_blocks * data->dev->block_size,
	};
	struct iocache *cache;
	errcode_t err;

	err = iocache_create(data->dev, &params, &cache);
	if (err)
		return err;
	iocache_destroy(data->cache);
	data->cache = cache;
	channel->block_size = params.block_size;
	return 0;
}

static errcode_t iocache_io_open(const char *name, int flags, io_channel *ret)
{
	struct iocache_channel *data = NULL;
	io_channel channel = NULL;
	errcode_t err = ENOMEM;

	*ret = NULL;
	if (!backing_manager)
		return EXT2_ET_INVALID_ARGUMENT;
	channel = calloc(1, sizeof(*channel));
	data = calloc(1, sizeof(*data));
	if (!channel || !data)
		goto fail;
	err = backing_manager->open(name, flags, &data->dev);
	if (err)
		goto fail;
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = iocache_io_manager;
	channel->name = data->dev->name;
	channel->refcount = 1;
	channel->flags = data->dev->flags & ~CHANNEL_FLAGS_WRITETHROUGH;
	channel->private_data = data;
	err = make_cache(channel);
	if (err)
		goto fail_close;
	*ret = channel;
	return 0;
fail_close:
	io_channel_close(data->dev);
fail:
	free(data);
	free(channel);
	return err;
}

static errcode_t iocache_io_close(io_channel channel)
{
	struct iocache_channel *data = data_of(channel);
	errcode_t err, err2;

	if (__atomic_sub_fetch(&channel->refcount, 1, __ATOMIC_ACQ_REL) > 0)
		return 0;
	err = iocache_flush(data->cache);
	iocache_destroy(data->cache);
	err2 = io_channel_close(data->dev);
	free(data);
	free(channel);
	return err ? err : err2;
}

/* Everything home and out of the cache; nothing is dropped when that fails. */
static errcode_t flush_and_drop(io_channel channel)
{
	errcode_t err = iocache_flush(data_of(channel)->cache);

	if (!err)
		iocache_forget(data_of(channel)->cache, 0, ~0ULL);
	return err;
}

static errcode_t iocache_io_set_blksize(io_channel channel, int blksize)
{
	struct iocache_channel *data = data_of(channel);
	int old = channel->block_size;
	errcode_t err;

	if (blksize == old)
		return 0;
	if (blksize < 1024 || blksize > 65536 || (blksize & (blksize - 1)))
		return EXT2_ET_INVALID_ARGUMENT;
	err = flush_and_drop(channel);
	if (err)
		return err;
	err = io_channel_set_blksize(data->dev, blksize);
	if (err)
		return err;
	err = make_cache(channel);
	if (err)
		io_channel_set_blksize(data->dev, old);
	return err;
}

static void readahead_range(struct iocache *ic, blk64_t blk, unsigned int count)
{
	blk64_t blks[READAHEAD_BLOCKS];
	unsigned int i;

	for (i = 0; i < count; i++)
		blks[i] = blk + i;
	iocache_readahead(ic, blks, count);
}

static errcode_t read_bytes(io_channel channel, blk64_t blk, size_t size, char *data)
{
	struct iocache *ic = data_of(channel)->cache;
	size_t bs = channel->block_size, len, done;
	struct iocache_buf *buf;
	errcode_t err;

	for (done = 0; done < size; done += len, blk++) {
		if (size - done > bs && done / bs % READAHEAD_BLOCKS == 0) {
			len = (size - done + bs - 1) / bs;
			readahead_range(ic, blk, len < READAHEAD_BLOCKS ? len : READAHEAD_BLOCKS);
		}
		err = iocache_get(ic, blk, 0, &buf);
		if (err) {
			memset(data + done, 0, size - done);
			if (channel->read_error)
				err = channel->read_error(channel, blk, (size - done) / bs,
							  data + done, size - done, 0, err);
			return err;
		}
		len = size - done < bs ? size - done : bs;
		iocache_lock(buf);
		memcpy(data + done, buf->b_data, len);
		iocache_unlock(buf);
		iocache_put(buf);
	}
	return 0;
}

static errcode_t iocache_io_read_blk64(io_channel channel, unsigned long long block, int count,
				       void *data)
{
	size_t size = count < 0 ? -(size_t)count : (size_t)count * channel->block_size;

	return read_bytes(channel, block, size, data);
}

static errcode_t iocache_io_read_blk(io_channel channel, unsigned long block, int count, void *data)
{
	return iocache_io_read_blk64(channel, block, count, data);
}

/*
 * A transfer that bypasses the cache: bring everything home first and drop the touched
 * blocks before (their bytes are old) and after (somebody may have read them in between).
 */
static errcode_t write_around(io_channel channel, uint64_t offset, size_t size,
			      errcode_t (*write)(io_channel, uint64_t, size_t, const void *),
			      const void *data)
{
	struct iocache_channel *d = data_of(channel);
	blk64_t first = offset / channel->block_size;
	blk64_t count = (offset + size + channel->block_size - 1) / channel->block_size - first;
	errcode_t err;

	err = iocache_flush(d->cache);
	if (err)
		return err;
	iocache_forget(d->cache, first, count);
	err = write(d->dev, offset, size, data);
	iocache_forget(d->cache, first, count);
	return err;
}

static errcode_t write_odd(io_channel dev, uint64_t offset, size_t size, const void *data)
{
	return io_channel_write_blk64(dev, offset / dev->block_size, -(int)size, data);
}

static errcode_t write_at_byte(io_channel dev, uint64_t offset, size_t size, const void *data)
{
	return io_channel_write_byte(dev, offset, size, data);
}

/* The cached copy of one block becomes *data. */
static errcode_t write_one(struct iocache *ic, blk64_t blk, const char *data, bool through)
{
	struct iocache_buf *buf;
	errcode_t err;

	err = iocache_get(ic, blk, IOCACHE_GET_NOREAD, &buf);
	if (err)
		return err;
	iocache_lock(buf);
	memcpy(buf->b_data, data, ic->block_size);
	iocache_clear(buf, IOCACHE_BUF_VERIFIED);
	iocache_set(buf, IOCACHE_BUF_UPTODATE);
	iocache_mark_dirty(buf);
	iocache_unlock(buf);
	if (through)
		err = iocache_write_bufs(ic, &buf, 1);
	iocache_put(buf);
	return err;
}

static errcode_t iocache_io_write_blk64(io_channel channel, unsigned long long block, int count,
					const void *data)
{
	struct iocache *ic = data_of(channel)->cache;
	errcode_t err = 0;
	int i;

	if (count < 0)
		return write_around(channel, block * channel->block_size, -(size_t)count, write_odd,
				    data);
	for (i = 0; i < count && !err; i++)
		err = write_one(ic, block + i, (const char *)data + (size_t)i * channel->block_size,
				channel->flags & CHANNEL_FLAGS_WRITETHROUGH);
	if (err && channel->write_error)
		err = channel->write_error(channel, block, count, data,
					   (size_t)count * channel->block_size,
					   (i - 1) * channel->block_size, err);
	return err;
}

static errcode_t iocache_io_write_blk(io_channel channel, unsigned long block, int count,
				      const void *data)
{
	return iocache_io_write_blk64(channel, block, count, data);
}

static errcode_t iocache_io_write_byte(io_channel channel, unsigned long offset, int count,
				       const void *data)
{
	if (count < 0)
		return EXT2_ET_INVALID_ARGUMENT;
	return write_around(channel, offset, count, write_at_byte, data);
}

static errcode_t iocache_io_flush(io_channel channel)
{
	return iocache_flush(data_of(channel)->cache);
}

static errcode_t set_cache_blocks(io_channel channel, const char *arg)
{
	struct iocache_channel *data = data_of(channel);
	unsigned long long n;
	char *end;

	if (!arg || *arg < '0' || *arg > '9')
		return EXT2_ET_INVALID_ARGUMENT;
	errno = 0;
	n = strtoull(arg, &end, 0);
	if (errno || *end || n > (1ULL << 40))
		return EXT2_ET_INVALID_ARGUMENT;
	data->cache_blocks = n;
	iocache_set_max_bytes(data->cache, n * channel->block_size);
	return 0;
}

static errcode_t iocache_io_set_option(io_channel channel, const char *option, const char *arg)
{
	io_channel dev = data_of(channel)->dev;
	errcode_t err;

	if (!strcmp(option, "cache_blocks"))
		return set_cache_blocks(channel, arg);
	/* The manager below has its own small cache, which this one replaces. */
	if (!strcmp(option, "cache"))
		return 0;
	if (!dev->manager->set_option)
		return EXT2_ET_INVALID_ARGUMENT;
	err = flush_and_drop(channel);
	return err ? err : dev->manager->set_option(dev, option, arg);
}

static errcode_t iocache_io_get_stats(io_channel channel, io_stats *ret)
{
	struct iocache_channel *data = data_of(channel);
	struct iocache_stats stats;

	iocache_get_stats(data->cache, &stats);
	data->stats.num_fields = 2;
	data->stats.bytes_read = stats.bytes_read;
	data->stats.bytes_written = stats.bytes_written;
	*ret = &data->stats;
	return 0;
}

/* A buffer that is dirty now must not be written over the result later. */
static errcode_t change_around(io_channel channel, unsigned long long block,
			       unsigned long long count,
			       errcode_t (*change)(io_channel, unsigned long long,
						   unsigned long long))
{
	struct iocache_channel *data = data_of(channel);
	errcode_t err;

	err = iocache_write_dirty(data->cache);
	if (!err)
		err = change(data->dev, block, count);
	if (!err)
		iocache_forget(data->cache, block, count);
	return err;
}

static errcode_t iocache_io_discard(io_channel channel, unsigned long long block,
				    unsigned long long count)
{
	return change_around(channel, block, count, io_channel_discard);
}

static errcode_t iocache_io_zeroout(io_channel channel, unsigned long long block,
				    unsigned long long count)
{
	return change_around(channel, block, count, io_channel_zeroout);
}

static errcode_t iocache_io_readahead(io_channel channel, unsigned long long block,
				      unsigned long long count)
{
	unsigned int n;

	for (; count; block += n, count -= n) {
		n = count < READAHEAD_BLOCKS ? count : READAHEAD_BLOCKS;
		readahead_range(data_of(channel)->cache, block, n);
	}
	return 0;
}

static errcode_t iocache_io_get_fd(io_channel channel, int *fd)
{
	return io_channel_get_fd(data_of(channel)->dev, fd);
}

static errcode_t iocache_io_flock(io_channel channel, int operation)
{
	return io_channel_flock(data_of(channel)->dev, operation);
}

static struct struct_io_manager struct_iocache_manager = {
	.magic		= EXT2_ET_MAGIC_IO_MANAGER,
	.name		= "buffer cache I/O manager",
	.open		= iocache_io_open,
	.close		= iocache_io_close,
	.set_blksize	= iocache_io_set_blksize,
	.read_blk	= iocache_io_read_blk,
	.write_blk	= iocache_io_write_blk,
	.flush		= iocache_io_flush,
	.write_byte	= iocache_io_write_byte,
	.set_option	= iocache_io_set_option,
	.get_stats	= iocache_io_get_stats,
	.read_blk64	= iocache_io_read_blk64,
	.write_blk64	= iocache_io_write_blk64,
	.discard	= iocache_io_discard,
	.cache_readahead = iocache_io_readahead,
	.zeroout	= iocache_io_zeroout,
	.get_fd		= iocache_io_get_fd,
	.flock		= iocache_io_flock,
};

io_manager iocache_io_manager = &struct_iocache_manager;
