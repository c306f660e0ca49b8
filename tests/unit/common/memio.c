/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device in memory, its faults and its history.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "memio.h"

static struct struct_io_manager memio_manager;

static void die(const char *what)
{
	perror(what);
	abort();
}

struct memio *memio_new(uint64_t size)
{
	struct memio *m = calloc(1, sizeof(*m));

	m->data = calloc(1, size);
	m->size = size;
	m->fail_after = -1;
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

struct memio *memio_load(const char *path)
{
	struct memio *m;
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		die(path);
	m = memio_new(st.st_size);
	if (read(fd, m->data, st.st_size) != st.st_size)
		die(path);
	close(fd);
	return m;
}

void memio_free(struct memio *m)
{
	size_t i;

	for (i = 0; i < m->nr_events; i++)
		free(m->events[i].data);
	free(m->events);
	free(m->data);
	free(m->base);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

io_channel memio_channel(struct memio *m, int block_size)
{
	io_channel channel = calloc(1, sizeof(*channel));

	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = &memio_manager;
	channel->name = (char *)"memory";
	channel->block_size = block_size;
	channel->refcount = 1;
	channel->private_data = m;
	return channel;
}

void memio_start(struct memio *m)
{
	m->base = malloc(m->size);
	memcpy(m->base, m->data, m->size);
	m->record = true;
}

static void record(struct memio *m, bool flush, uint64_t off, const void *data, uint64_t len)
{
	struct memio_event *e;

	if (!m->record)
		return;
	if (m->nr_events == m->room) {
		m->room = m->room ? 2 * m->room : 1024;
		m->events = realloc(m->events, m->room * sizeof(*m->events));
	}
	e = &m->events[m->nr_events++];
	e->flush = flush;
	e->off = off;
	e->len = len;
	e->data = NULL;
	if (len) {
		e->data = malloc(len);
		memcpy(e->data, data, len);
	}
}

static bool overlaps(uint64_t off, uint64_t len, uint64_t from, uint64_t to)
{
	return off < to && from < off + len;
}

static errcode_t memio_read(io_channel channel, unsigned long long block, int count, void *data)
{
	struct memio *m = channel->private_data;
	uint64_t off = block * channel->block_size;
	uint64_t len = count < 0 ? -(uint64_t)count : (uint64_t)count * channel->block_size;
	errcode_t err = 0;

	pthread_mutex_lock(&m->lock);
	m->reads++;
	if (off >= m->size || off + len > m->size)
		err = EXT2_ET_SHORT_READ;
	else if (overlaps(off, len, m->fail_read_from, m->fail_read_to))
		err = EIO;
	else
		memcpy(data, m->data + off, len);
	pthread_mutex_unlock(&m->lock);
	return err;
}

static errcode_t write_bytes(struct memio *m, uint64_t off, uint64_t len, const void *data)
{
	errcode_t err = 0;

	if (m->write_delay_us)
		usleep(m->write_delay_us);
	pthread_mutex_lock(&m->lock);
	m->writes++;
	if (off >= m->size || off + len > m->size)
		err = EXT2_ET_SHORT_WRITE;
	else if (!m->fail_after || overlaps(off, len, m->fail_from, m->fail_to))
		err = EIO;
	if (m->fail_after > 0)
		m->fail_after--;
	if (!err) {
		memcpy(m->data + off, data, len);
		record(m, false, off, data, len);
	}
	pthread_mutex_unlock(&m->lock);
	return err;
}

static errcode_t memio_write(io_channel channel, unsigned long long block, int count,
			     const void *data)
{
	return write_bytes(channel->private_data, block * channel->block_size,
			   count < 0 ? -(uint64_t)count : (uint64_t)count * channel->block_size,
			   data);
}

static errcode_t memio_write_byte(io_channel channel, unsigned long offset, int count,
				  const void *data)
{
	return write_bytes(channel->private_data, offset, count, data);
}

static errcode_t memio_write_out(io_channel channel)
{
	struct memio *m = channel->private_data;

	pthread_mutex_lock(&m->lock);
	m->write_outs++;
	m->last_write_out = m->nr_events;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static errcode_t memio_flush(io_channel channel)
{
	struct memio *m = channel->private_data;
	errcode_t err;

	if (m->flush_delay_us)
		usleep(m->flush_delay_us);
	pthread_mutex_lock(&m->lock);
	m->flushes++;
	err = m->fail_flush ? EIO : 0;
	if (!err)
		record(m, true, 0, NULL, 0);
	pthread_mutex_unlock(&m->lock);
	return err;
}

static errcode_t memio_zeroout(io_channel channel, unsigned long long block,
			       unsigned long long count)
{
	struct memio *m = channel->private_data;
	uint64_t len = count * channel->block_size;
	void *zeroes = calloc(1, len);
	errcode_t err;

	__atomic_store_n(&m->zeroing, true, __ATOMIC_RELEASE);
	if (m->zero_delay_us)
		usleep(m->zero_delay_us);
	err = write_bytes(m, block * channel->block_size, len, zeroes);
	__atomic_store_n(&m->zeroing, false, __ATOMIC_RELEASE);
	free(zeroes);
	return err;
}

static errcode_t memio_set_blksize(io_channel channel, int block_size)
{
	channel->block_size = block_size;
	return 0;
}

static errcode_t memio_set_option(io_channel channel, const char *option, const char *arg)
{
	(void)channel;
	(void)arg;
	return strcmp(option, "known") ? EXT2_ET_INVALID_ARGUMENT : 0;
}

static errcode_t memio_close(io_channel channel)
{
	if (--channel->refcount > 0)
		return 0;
	free(channel);
	return 0;
}

static struct struct_io_manager memio_manager = {
	.magic		= EXT2_ET_MAGIC_IO_MANAGER,
	.name		= "memory",
	.close		= memio_close,
	.set_blksize	= memio_set_blksize,
	.set_option	= memio_set_option,
	.flush		= memio_flush,
	.write_out	= memio_write_out,
	.write_byte	= memio_write_byte,
	.read_blk64	= memio_read,
	.write_blk64	= memio_write,
	.discard	= memio_zeroout,
	.zeroout	= memio_zeroout,
};

/* How much at byte @pos is written whole or not at all: a sector; the superblock, as everybody assumes. */
static uint64_t atom_at(uint64_t pos)
{
	return pos == 1024 ? 1024 : 512;
}

static void apply_some(const struct memio_event *e, int percent, unsigned int *seed, char *image)
{
	uint64_t off, len;

	for (off = 0; off < e->len; off += len) {
		len = atom_at(e->off + off);
		if (len > e->len - off)
			len = e->len - off;
		if (rand_r(seed) % 100 < percent)
			memcpy(image + e->off + off, e->data + off, len);
	}
}

void memio_crash(struct memio *m, size_t upto, int percent, unsigned int *seed, char *image)
{
	size_t durable = upto, i;

	while (durable && !m->events[durable - 1].flush)
		durable--;
	memcpy(image, m->base, m->size);
	for (i = 0; i < upto; i++) {
		if (i < durable && m->events[i].len)
			memcpy(image + m->events[i].off, m->events[i].data, m->events[i].len);
		else if (i >= durable)
			apply_some(&m->events[i], percent, seed, image);
	}
}

void memio_save_bytes(const char *path, const char *data, uint64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		die(path);
	close(fd);
}

void memio_save(const struct memio *m, const char *path)
{
	memio_save_bytes(path, m->data, m->size);
}
