/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the unix I/O managers share, and the seam through which
 * tests make system calls fail.  Private to the library and its tests.
 */
#ifndef EXT2FS_UNIX_IO_I_H
#define EXT2FS_UNIX_IO_I_H

#include <sys/types.h>
#include "ext2fs/ext2_io.h"
#include "ext2fs/unsynced.h"

/* The system calls whose failures matter; replaced by tests only, before any channel is open. */
struct unix_io_calls {
	ssize_t (*pread)(int fd, void *buf, size_t len, off_t offset);
	ssize_t (*pwrite)(int fd, const void *buf, size_t len, off_t offset);
	int (*fsync)(int fd);
	int (*sync_file_range)(int fd, off_t offset, off_t len, unsigned int flags);
	int (*close)(int fd);
};
extern struct unix_io_calls unix_io_calls;

struct unix_private_data {
	errcode_t	magic;		/* EXT2_ET_MAGIC_UNIX_IO_CHANNEL */
	int		fd;
	int		direct_fd;	/* a second, O_DIRECT one of the same block device; -1 = none */
	size_t		direct_align;	/* of its transfers, in bytes */
	bool		own_fd;		/* to be closed */
	bool		writable;
	bool		regular;	/* a file, not a block device */
	bool		direct;		/* fd has O_DIRECT */
	bool		force_bounce;
	size_t		align;		/* of direct transfers, in bytes; 1 = none needed */
	ext2_off64_t	offset;		/* of byte 0 of the channel */
	struct struct_io_stats stats;	/* atomic */
	pthread_mutex_t	rmw_lock;	/* held from reading a partial sector to writing it */
	pthread_mutex_t	flush_lock;	/* one fsync at a time; outside of unsynced.lock */
	struct unsynced	unsynced;
};

/*
 * Transfer @len bytes at byte @pos of the descriptor (offset= included), all
 * of them, over short transfers, and past the end: *@done tells how many bytes got through.
 * Writes must be entered in unsynced by the caller.
 */
errcode_t unix_read(struct unix_private_data *data, void *buf, size_t len, uint64_t pos,
		    size_t *done);
errcode_t unix_write(struct unix_private_data *data, const void *buf, size_t len, uint64_t pos,
		     size_t *done);

/* For mmp.c: the private data of a unix channel, or NULL if it is another manager's. */
struct unix_private_data *unix_io_data(io_channel channel);

/* Parse "/dev/fd/N" or "N".  EINVAL, or ERANGE for a number that no long can hold. */
errcode_t unixfd_parse_name(const char *name, int *fd);

#endif /* EXT2FS_UNIX_IO_I_H */
