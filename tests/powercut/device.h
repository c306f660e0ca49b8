/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices in memory: an I/O manager that records every write, discard
 * and flush in order, and that can go back to what they held at a mark.  What the
 * blocks mean is not known here.
 */
#ifndef POWERCUT_DEVICE_H
#define POWERCUT_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include "ext2fs/ext2_io.h"

#define SECTOR	512

enum pc_kind { PC_WRITE, PC_DISCARD, PC_FLUSH };

struct pc_event {
	enum pc_kind	kind;
	unsigned int	drive;
	uint64_t	off, len;	/* bytes of the whole memory; multiples of a sector */
	char		*data;		/* of a write; NULL: zeroes */
};

struct pc_log {
	struct pc_event	*events;
	size_t		nr, room;
};

struct pc_undo {
	uint64_t	page;
	unsigned int	depth;		/* of the page before */
	char		*old;
};

/* There may be two, one behind the other in the same memory: the second is for a journal. */
#define DRIVES	2

struct pc_drive {
	struct pc_device *dev;
	uint64_t	start, size;
};

struct pc_device {
	struct pc_drive	drives[DRIVES];
	pthread_mutex_t	lock;
	char		*data;		/* what a reader sees now */
	uint64_t	size;
	struct pc_log	*log;		/* where events go; NULL: they are not kept */
	/* A tampering test holds writes back: they are read, but go to the log later. */
	bool		holding;
	struct pc_log	held;
	/* what was there before the marks */
	unsigned int	depth;		/* marks */
	unsigned int	*page_depth;	/* at which a page was last saved */
	struct pc_undo	*undo;
	size_t		nr_undo, room_undo;
	size_t		marks[8];	/* nr_undo at each mark */
};

/* @image holds both drives, @size0 and @size1 (0: there is only one) bytes long. */
struct pc_device *pc_device_new(const char *image, uint64_t size0, uint64_t size1);
void pc_device_free(struct pc_device *dev);
/* One more channel over a drive; closing it leaves the device. */
io_channel pc_device_channel(struct pc_device *dev, unsigned int drive);
size_t pc_device_events(struct pc_device *dev);
/* Put bytes there without recording them; @data NULL: zeroes. */
void pc_device_put(struct pc_device *dev, uint64_t off, uint64_t len, const char *data);
/* Marks nest; going back forgets the newest. */
void pc_device_mark(struct pc_device *dev);
void pc_device_back(struct pc_device *dev);
/* From now on writes are not logged until pc_device_release(). */
void pc_device_hold(struct pc_device *dev, bool hold);
void pc_device_release(struct pc_device *dev);

void pc_log_free(struct pc_log *log);

#endif /* POWERCUT_DEVICE_H */
