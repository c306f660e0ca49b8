/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device's memory, its log of events, and its marks.  Going back to a mark
 * costs as much as was written since, not as much as the device is large.
 */
#include <stdlib.h>
#include <string.h>
#include "device.h"
#include "report.h"

#define PAGE 4096

static struct struct_io_manager pc_manager;

static void *need(void *mem)
{
	if (!mem)
		pc_die("out of memory");
	return mem;
}

struct pc_device *pc_device_new(const char *image, uint64_t size0, uint64_t size1)
{
	struct pc_device *dev = need(calloc(1, sizeof(*dev)));
	uint64_t size = size0 + size1;

	dev->data = need(malloc(size));
	memcpy(dev->data, image, size);
	dev->size = size;
	dev->drives[0] = (struct pc_drive){ dev, 0, size0 };
	dev->drives[1] = (struct pc_drive){ dev, size0, size1 };
	dev->page_depth = need(calloc((size + PAGE - 1) / PAGE, sizeof(*dev->page_depth)));
	pthread_mutex_init(&dev->lock, NULL);
	return dev;
}

void pc_log_free(struct pc_log *log)
{
	size_t i;

	for (i = 0; i < log->nr; i++)
		free(log->events[i].data);
	free(log->events);
	memset(log, 0, sizeof(*log));
}

void pc_device_free(struct pc_device *dev)
{
	size_t i;

	for (i = 0; i < dev->room_undo; i++)
		free(dev->undo[i].old);
	free(dev->undo);
	free(dev->page_depth);
	free(dev->data);
	pc_log_free(&dev->held);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

/* ---- marks ---- */

static void save_page(struct pc_device *dev, uint64_t page)
{
	struct pc_undo *undo;
	uint64_t len = dev->size - page * PAGE;

	if (dev->nr_undo == dev->room_undo) {
		dev->undo = need(realloc(dev->undo, (dev->room_undo + 256) * sizeof(*undo)));
		for (; dev->room_undo < dev->nr_undo + 256; dev->room_undo++)
			dev->undo[dev->room_undo].old = need(malloc(PAGE));
	}
	undo = &dev->undo[dev->nr_undo++];
	undo->page = page;
	undo->depth = dev->page_depth[page];
	memcpy(undo->old, dev->data + page * PAGE, len < PAGE ? len : PAGE);
	dev->page_depth[page] = dev->depth;
}

static void change(struct pc_device *dev, uint64_t off, uint64_t len, const char *data)
{
	uint64_t page;

	for (page = off / PAGE; page <= (off + len - 1) / PAGE; page++)
		if (dev->page_depth[page] < dev->depth)
			save_page(dev, page);
	if (data)
		memcpy(dev->data + off, data, len);
	else
		memset(dev->data + off, 0, len);
}

void pc_device_put(struct pc_device *dev, uint64_t off, uint64_t len, const char *data)
{
	change(dev, off, len, data);
}

void pc_device_mark(struct pc_device *dev)
{
	dev->marks[dev->depth++] = dev->nr_undo;
}

void pc_device_back(struct pc_device *dev)
{
	size_t end = dev->marks[--dev->depth];
	struct pc_undo *undo;
	uint64_t len;

	while (dev->nr_undo > end) {
		undo = &dev->undo[--dev->nr_undo];
		len = dev->size - undo->page * PAGE;
		memcpy(dev->data + undo->page * PAGE, undo->old, len < PAGE ? len : PAGE);
		dev->page_depth[undo->page] = undo->depth;
	}
}

/* ---- the log ---- */

static struct pc_event *add_event(struct pc_log *log)
{
	if (log->nr == log->room) {
		log->room = log->room ? 2 * log->room : 1024;
		log->events = need(realloc(log->events, log->room * sizeof(*log->events)));
	}
	return &log->events[log->nr++];
}

static void record(struct pc_drive *drive, enum pc_kind kind, uint64_t off, uint64_t len,
		   const char *data)
{
	struct pc_device *dev = drive->dev;
	struct pc_event *event;

	if (!dev->log)
		return;
	event = add_event(dev->holding && kind == PC_WRITE ? &dev->held : dev->log);
	*event = (struct pc_event){
		.kind = kind, .drive = drive - dev->drives, .off = off, .len = len
	};
	if (data) {
		event->data = need(malloc(len));
		memcpy(event->data, data, len);
	}
}

size_t pc_device_events(struct pc_device *dev)
{
	size_t nr;

	pthread_mutex_lock(&dev->lock);
	nr = dev->log ? dev->log->nr : 0;
	pthread_mutex_unlock(&dev->lock);
	return nr;
}

void pc_device_hold(struct pc_device *dev, bool hold)
{
	pthread_mutex_lock(&dev->lock);
	dev->holding = hold;
	pthread_mutex_unlock(&dev->lock);
}

void pc_device_release(struct pc_device *dev)
{
	size_t i;

	pthread_mutex_lock(&dev->lock);
	for (i = 0; i < dev->held.nr; i++)
		*add_event(dev->log) = dev->held.events[i];
	dev->held.nr = 0;
	pthread_mutex_unlock(&dev->lock);
}

/* ---- the I/O manager ---- */

static errcode_t drive_write(struct pc_drive *drive, enum pc_kind kind, uint64_t off, uint64_t len,
			     const char *data)
{
	struct pc_device *dev = drive->dev;

	if (!len)
		return 0;
	if (off >= drive->size || len > drive->size - off)
		return EXT2_ET_SHORT_WRITE;
	if (off % SECTOR || len % SECTOR)
		pc_die("a write of %llu bytes at %llu is not made of sectors",
		       (unsigned long long)len, (unsigned long long)off);
	pthread_mutex_lock(&dev->lock);
	change(dev, drive->start + off, len, data);
	record(drive, kind, drive->start + off, len, data);
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

static uint64_t bytes(io_channel channel, int count)
{
	return count < 0 ? -(uint64_t)count : (uint64_t)count * channel->block_size;
}

static errcode_t pc_read(io_channel channel, unsigned long long block, int count, void *data)
{
	struct pc_drive *drive = channel->private_data;
	uint64_t off = block * channel->block_size, len = bytes(channel, count);

	if (off >= drive->size || len > drive->size - off)
		return EXT2_ET_SHORT_READ;
	pthread_mutex_lock(&drive->dev->lock);
	memcpy(data, drive->dev->data + drive->start + off, len);
	pthread_mutex_unlock(&drive->dev->lock);
	return 0;
}

static errcode_t pc_write(io_channel channel, unsigned long long block, int count, const void *data)
{
	return drive_write(channel->private_data, PC_WRITE, block * channel->block_size,
			 bytes(channel, count), data);
}

static errcode_t pc_write_byte(io_channel channel, unsigned long offset, int count,
			       const void *data)
{
	return drive_write(channel->private_data, PC_WRITE, offset, count, data);
}

static errcode_t pc_zeroout(io_channel channel, unsigned long long block, unsigned long long count)
{
	return drive_write(channel->private_data, PC_WRITE, block * channel->block_size,
			 count * channel->block_size, NULL);
}

static errcode_t pc_discard(io_channel channel, unsigned long long block, unsigned long long count)
{
	return drive_write(channel->private_data, PC_DISCARD, block * channel->block_size,
			 count * channel->block_size, NULL);
}

static errcode_t pc_flush(io_channel channel)
{
	struct pc_drive *drive = channel->private_data;

	pthread_mutex_lock(&drive->dev->lock);
	record(drive, PC_FLUSH, 0, 0, NULL);
	pthread_mutex_unlock(&drive->dev->lock);
	return 0;
}

static errcode_t pc_set_blksize(io_channel channel, int block_size)
{
	channel->block_size = block_size;
	return 0;
}

static errcode_t pc_close(io_channel channel)
{
	if (--channel->refcount <= 0)
		free(channel);
	return 0;
}

static struct struct_io_manager pc_manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "powercut",
	.close = pc_close,
	.set_blksize = pc_set_blksize,
	.flush = pc_flush,
	.write_byte = pc_write_byte,
	.read_blk64 = pc_read,
	.write_blk64 = pc_write,
	.discard = pc_discard,
	.zeroout = pc_zeroout,
};

io_channel pc_device_channel(struct pc_device *dev, unsigned int drive)
{
	io_channel channel = need(calloc(1, sizeof(*channel)));

	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = &pc_manager;
	channel->name = (char *)"memory";
	channel->block_size = 1024;
	channel->refcount = 1;
	channel->private_data = &dev->drives[drive];
	return channel;
}
