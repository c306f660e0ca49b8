/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fuzzers' device in memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzzio.h"

static struct struct_io_manager fuzzio_manager;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

struct fuzzio *fuzzio_new(char *base, uint64_t size)
{
	struct fuzzio *d = calloc(1, sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	d->base = base;
	d->size = size;
	d->data = malloc(size);
	memcpy(d->data, base, size);
	d->dirty = calloc(1, size / FUZZIO_UNIT + 1);
	d->fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (d->fd < 0 || ftruncate(d->fd, size))
		die("memfd");
	return d;
}

struct fuzzio *fuzzio_load(const char *path)
{
	struct stat st;
	char *base;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		die(path);
	base = malloc(st.st_size);
	if (read(fd, base, st.st_size) != st.st_size)
		die(path);
	close(fd);
	return fuzzio_new(base, st.st_size);
}

static void put_bytes(struct fuzzio *d, uint64_t off, const void *data, uint64_t len)
{
	if (!len)
		return;
	memcpy(d->data + off, data, len);
	memset(d->dirty + off / FUZZIO_UNIT, 1, (off + len - 1) / FUZZIO_UNIT - off / FUZZIO_UNIT + 1);
}

void fuzzio_patch(struct fuzzio *d, uint64_t off, const void *data, uint64_t len)
{
	if (off < d->size && len <= d->size - off)
		put_bytes(d, off, data, len);
}

void fuzzio_restore(struct fuzzio *d)
{
	uint64_t i;

	for (i = 0; i * FUZZIO_UNIT < d->size; i++) {
		if (!d->dirty[i])
			continue;
		memcpy(d->data + i * FUZZIO_UNIT, d->base + i * FUZZIO_UNIT, FUZZIO_UNIT);
		d->dirty[i] = 0;
	}
}

static bool outside(const struct fuzzio *d, uint64_t off, uint64_t len)
{
	return off > d->size || len > d->size - off;
}

static uint64_t bytes(io_channel channel, int count)
{
	return count < 0 ? -(uint64_t)count : (uint64_t)count * channel->block_size;
}

static errcode_t fuzz_read(io_channel channel, unsigned long long block, int count, void *data)
{
	struct fuzzio *d = channel->private_data;
	uint64_t off = block * channel->block_size, len = bytes(channel, count);

	if (block > d->size || outside(d, off, len))
		return EXT2_ET_SHORT_READ;
	pthread_mutex_lock(&d->lock);
	memcpy(data, d->data + off, len);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static errcode_t write_bytes(struct fuzzio *d, uint64_t off, uint64_t len, const void *data)
{
	if (outside(d, off, len))
		return EXT2_ET_SHORT_WRITE;
	pthread_mutex_lock(&d->lock);
	put_bytes(d, off, data, len);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static errcode_t fuzz_write(io_channel channel, unsigned long long block, int count, const void *data)
{
	struct fuzzio *d = channel->private_data;

	if (block > d->size)
		return EXT2_ET_SHORT_WRITE;
	return write_bytes(d, block * channel->block_size, bytes(channel, count), data);
}

static errcode_t fuzz_write_byte(io_channel channel, unsigned long offset, int count, const void *data)
{
	return write_bytes(channel->private_data, offset, count, data);
}

static errcode_t fuzz_flush(io_channel channel __attribute__((unused)))
{
	return 0;
}

static errcode_t fuzz_zeroout(io_channel channel, unsigned long long block, unsigned long long count)
{
	struct fuzzio *d = channel->private_data;
	uint64_t off = block * channel->block_size, len = count * channel->block_size;
	void *zeroes;
	errcode_t err;

	if (block > d->size || count > d->size || outside(d, off, len))
		return EXT2_ET_SHORT_WRITE;
	zeroes = calloc(1, len + 1);
	err = write_bytes(d, off, len, zeroes);
	free(zeroes);
	return err;
}

static errcode_t fuzz_set_blksize(io_channel channel, int block_size)
{
	channel->block_size = block_size;
	return 0;
}

static errcode_t fuzz_get_fd(io_channel channel, int *fd)
{
	struct fuzzio *d = channel->private_data;

	*fd = d->hide_size ? -1 : d->fd;
	return d->hide_size ? EXT2_ET_OP_NOT_SUPPORTED : 0;
}

static errcode_t fuzz_close(io_channel channel)
{
	if (--channel->refcount == 0)
		free(channel);
	return 0;
}

static struct struct_io_manager fuzzio_manager = {
	.magic		= EXT2_ET_MAGIC_IO_MANAGER,
	.name		= "fuzz",
	.close		= fuzz_close,
	.set_blksize	= fuzz_set_blksize,
	.flush		= fuzz_flush,
	.write_byte	= fuzz_write_byte,
	.read_blk64	= fuzz_read,
	.write_blk64	= fuzz_write,
	.discard	= fuzz_zeroout,
	.zeroout	= fuzz_zeroout,
	.get_fd		= fuzz_get_fd,
};

io_channel fuzzio_channel(struct fuzzio *d, int block_size)
{
	io_channel channel = calloc(1, sizeof(*channel));

	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = &fuzzio_manager;
	channel->name = (char *)"fuzz";
	channel->block_size = block_size;
	channel->refcount = 1;
	channel->private_data = d;
	return channel;
}
