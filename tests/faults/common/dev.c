/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The failing device.  Its memory comes from mmap(), so that it needs none while memory is out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "dev.h"

#define PIECE		1024
#define SUPERBLOCK	1024	/* where it is */

static struct struct_io_manager dev_manager;

struct dev *dev_new(const char *image, uint64_t size, const bool *journal)
{
	struct dev *d = mmap(NULL, sizeof(*d), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (d == MAP_FAILED || size > DEV_MAX_SIZE)
		abort();
	d->size = size;
	d->data = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (d->data == MAP_FAILED)
		abort();
	d->durable = d->data + size;
	memcpy(d->data, image, size);
	memcpy(d->durable, image, size);
	memcpy(d->journal, journal, sizeof(d->journal));
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void dev_free(struct dev *d)
{
	munmap(d->data, 2 * d->size);
	munmap(d, sizeof(*d));
}

void dev_power_cut(struct dev *d)
{
	memcpy(d->data, d->durable, d->size);
}

static struct struct_io_channel the_channel;

io_channel dev_channel(struct dev *d)
{
	the_channel = (struct struct_io_channel){
		.magic = EXT2_ET_MAGIC_IO_CHANNEL, .manager = &dev_manager, .name = (char *)"memory",
		.block_size = 1024, .refcount = 1, .private_data = d,
	};
	return &the_channel;
}

/* Is this transfer, number @n of its kind, one that fails? */
static bool fails(struct dev *d, enum fault_kind kind, unsigned long n)
{
	if (d->fault.kind != kind || n < d->fault.at || (n > d->fault.at && !d->fault.stays))
		return false;
	d->hits++;
	return true;
}

/* File data may begin anywhere in a block, or be zeroes, as unused metadata is. */
static bool is_data(const char *piece, size_t len)
{
	uint32_t mark = DEV_DATA_MARK;

	return memmem(piece, len, &mark, sizeof(mark)) || (!piece[0] && !memcmp(piece, piece + 1, len - 1));
}

/* No checksum covers file data.  A log that is read wrong looks like one whose end was not written. */
static bool is_unprotected(const struct dev *d, uint64_t blk, const char *piece, size_t len)
{
	return is_data(piece, len) || (d->journal[blk] && d->fault.kind == FAULT_FLIP_READ);
}

/* The bit depends on the number of the fault only. */
static void flip(struct dev *d, uint64_t off, char *data, uint64_t len)
{
	uint64_t mix = (d->fault.at + 1) * 0x9e3779b97f4a7c15ULL;
	uint64_t at = (mix >> 20) % len, start = at / PIECE * PIECE;

	if (is_unprotected(d, (off + at) / PIECE, data + start, len - start < PIECE ? len - start : PIECE))
		d->unprotected = true;
	if (getenv("FAULT_LOG"))
		fprintf(stderr, "# a bit of block %llu (of %u), byte %llu\n", (unsigned long long)(off + at) / PIECE,
			PIECE, (unsigned long long)(off + at) % PIECE);
	data[at] ^= 1 << (mix >> 61);
}

static errcode_t dev_read(io_channel channel, unsigned long long block, int count, void *data)
{
	struct dev *d = channel->private_data;
	uint64_t off = block * channel->block_size;
	uint64_t len = count < 0 ? -(uint64_t)count : (uint64_t)count * channel->block_size;
	errcode_t err = 0;

	if (off >= d->size || len > d->size - off)
		return EXT2_ET_SHORT_READ;
	pthread_mutex_lock(&d->lock);
	if (fails(d, FAULT_READ, d->reads)) {
		err = EIO;
	} else if (fails(d, FAULT_SHORT_READ, d->reads)) {
		memcpy(data, d->data + off, len / 2);
		err = EXT2_ET_SHORT_READ;
	} else {
		memcpy(data, d->data + off, len);
		if (fails(d, FAULT_FLIP_READ, d->reads))
			flip(d, off, data, len);
	}
	d->reads++;
	pthread_mutex_unlock(&d->lock);
	return err;
}

static void put(struct dev *d, uint64_t off, const void *data, uint64_t len)
{
	uint64_t p;

	if (data)
		memcpy(d->data + off, data, len);
	else
		memset(d->data + off, 0, len);
	for (p = off / PIECE; p * PIECE < off + len; p++)
		d->unflushed[p] = true;
}

static bool in_journal(const struct dev *d, uint64_t off, uint64_t len)
{
	uint64_t p;

	for (p = off / PIECE; p * PIECE < off + len; p++) {
		if (d->journal[p])
			return true;
	}
	return false;
}

/* @data NULL: zeroes */
static errcode_t write_bytes(struct dev *d, uint64_t off, uint64_t len, const void *data)
{
	errcode_t err = 0;

	if (off >= d->size || len > d->size - off)
		return EXT2_ET_SHORT_WRITE;
	pthread_mutex_lock(&d->lock);
	if (fails(d, FAULT_WRITE, d->writes)) {
		err = EIO;
	} else if (fails(d, FAULT_SHORT_WRITE, d->writes)) {
		/* The superblock is written whole or not at all, as everybody assumes. */
		if (off != SUPERBLOCK)
			put(d, off, data, len / 2 / 512 * 512);
		err = EXT2_ET_SHORT_WRITE;
	} else {
		put(d, off, data, len);
		if (fails(d, FAULT_FLIP_WRITE, d->writes))
			flip(d, off, d->data + off, len);
	}
	if (err && in_journal(d, off, len))
		d->hit_journal = true;
	d->writes++;
	pthread_mutex_unlock(&d->lock);
	return err;
}

static errcode_t dev_write(io_channel channel, unsigned long long block, int count, const void *data)
{
	return write_bytes(channel->private_data, block * channel->block_size,
			   count < 0 ? -(uint64_t)count : (uint64_t)count * channel->block_size, data);
}

static errcode_t dev_write_byte(io_channel channel, unsigned long offset, int count, const void *data)
{
	return write_bytes(channel->private_data, offset, count, data);
}

/*
 * After a flush that failed nobody knows what arrived, and the system takes it for written:
 * what was waiting is lost unless it is written again.
 */
static errcode_t dev_flush(io_channel channel)
{
	struct dev *d = channel->private_data;
	errcode_t err = 0;
	uint64_t p;

	pthread_mutex_lock(&d->lock);
	if (fails(d, FAULT_FLUSH, d->flushes))
		err = EIO;
	for (p = 0; p < d->size / PIECE; p++) {
		if (d->unflushed[p] && !err)
			memcpy(d->durable + p * PIECE, d->data + p * PIECE, PIECE);
		d->unflushed[p] = false;
	}
	d->flushes++;
	pthread_mutex_unlock(&d->lock);
	return err;
}

static errcode_t dev_zeroout(io_channel channel, unsigned long long block, unsigned long long count)
{
	return write_bytes(channel->private_data, block * channel->block_size, count * channel->block_size, NULL);
}

static errcode_t dev_set_blksize(io_channel channel, int block_size)
{
	channel->block_size = block_size;
	return 0;
}

static errcode_t dev_close(io_channel channel)
{
	channel->refcount--;
	return 0;
}

static struct struct_io_manager dev_manager = {
	.magic		= EXT2_ET_MAGIC_IO_MANAGER,
	.name		= "failing",
	.close		= dev_close,
	.set_blksize	= dev_set_blksize,
	.flush		= dev_flush,
	.write_byte	= dev_write_byte,
	.read_blk64	= dev_read,
	.write_blk64	= dev_write,
	.discard	= dev_zeroout,
	.zeroout	= dev_zeroout,
};
