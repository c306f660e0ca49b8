/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * I/O managers and channels: how the rest reads and writes a device without
 * knowing what it is.  The shape of the tables is that of e2fsprogs 1.47; the
 * get_fd and flock slots are taken from the reserved words.
 *
 * All managers of this project take concurrent reads, writes, flushes,
 * discards and zeroouts of one channel from several threads.  Opening, closing, changing the
 * block size and setting options need the channel for oneself.
 *
 * A @count of blocks that is negative means that many bytes; the transfer
 * still begins at the start of @block.
 */
#ifndef EXT2FS_EXT2_IO_H
#define EXT2FS_EXT2_IO_H

#include <assert.h>
#include "ext2fs/ext2_err.h"
#include "ext2fs/ext2_types.h"

typedef struct struct_io_manager *io_manager;
typedef struct struct_io_channel *io_channel;
typedef struct struct_io_stats *io_stats;

struct struct_io_channel {
	errcode_t	magic;		/* EXT2_ET_MAGIC_IO_CHANNEL */
	io_manager	manager;
	char		*name;
	int		block_size;	/* bytes */
	/*
	 * Called when a transfer failed, with what was asked and how many bytes got
	 * through; the return value (0 = ignore it) becomes the caller's.  May be NULL.
	 */
	errcode_t	(*read_error)(io_channel channel, unsigned long block, int count,
				      void *data, size_t size, int actual_bytes_read,
				      errcode_t error);
	errcode_t	(*write_error)(io_channel channel, unsigned long block, int count,
				       const void *data, size_t size, int actual_bytes_written,
				       errcode_t error);
	int		refcount;
	int		flags;		/* CHANNEL_FLAGS_* */
	long		reserved[14];
	void		*private_data;	/* the manager's */
	void		*app_data;	/* the opener's */
	int		align;		/* bytes; what buffers, offsets and lengths should be
					   multiples of; 0 = anything goes */
};

#define CHANNEL_FLAGS_WRITETHROUGH	0x01	/* a caching manager keeps nothing dirty */
#define CHANNEL_FLAGS_DISCARD_ZEROES	0x02	/* discarded blocks read as zeroes */
#define CHANNEL_FLAGS_BLOCK_DEVICE	0x04	/* not a regular file */

struct struct_io_stats {
	int			num_fields;	/* 2: both of the following are valid */
	int			reserved;
	unsigned long long	bytes_read;
	unsigned long long	bytes_written;
};

struct struct_io_manager {
	errcode_t	magic;		/* EXT2_ET_MAGIC_IO_MANAGER */
	const char	*name;
	errcode_t (*open)(const char *name, int flags, io_channel *channel);
	errcode_t (*close)(io_channel channel);
	errcode_t (*set_blksize)(io_channel channel, int blksize);
	errcode_t (*read_blk)(io_channel channel, unsigned long block, int count, void *data);
	errcode_t (*write_blk)(io_channel channel, unsigned long block, int count,
			       const void *data);
	errcode_t (*flush)(io_channel channel);
	errcode_t (*write_byte)(io_channel channel, unsigned long offset, int count,
				const void *data);
	errcode_t (*set_option)(io_channel channel, const char *option, const char *arg);
	errcode_t (*get_stats)(io_channel channel, io_stats *stats);
	errcode_t (*read_blk64)(io_channel channel, unsigned long long block, int count,
				void *data);
	errcode_t (*write_blk64)(io_channel channel, unsigned long long block, int count,
				 const void *data);
	errcode_t (*discard)(io_channel channel, unsigned long long block,
			     unsigned long long count);
	errcode_t (*cache_readahead)(io_channel channel, unsigned long long block,
				     unsigned long long count);
	errcode_t (*zeroout)(io_channel channel, unsigned long long block,
			     unsigned long long count);
	errcode_t (*get_fd)(io_channel channel, int *fd);
	errcode_t (*flock)(io_channel channel, int operation);
	errcode_t (*write_out)(io_channel channel);
	long	reserved[11];
};

static_assert(sizeof(struct struct_io_manager) == 30 * sizeof(long), "io_manager table");

/* Flags of open */
#define IO_FLAG_RW		0x0001
#define IO_FLAG_EXCLUSIVE	0x0002	/* O_EXCL where the name is a block device */
#define IO_FLAG_DIRECT_IO	0x0004	/* O_DIRECT */
#define IO_FLAG_FORCE_BOUNCE	0x0008	/* pass all data through aligned buffers */

/*
 * io_channel_X() calls the manager's X, after a check of the arguments.  The
 * manager's close drops a reference and frees the channel with the last one.
 * A slot that a manager leaves empty gives EXT2_ET_OP_NOT_SUPPORTED, except:
 * read_blk64/write_blk64 fall back to read_blk/write_blk for blocks that fit
 * an unsigned long, a flush that does not exist succeeds, and a write_out that does not exist is a flush.
 */
errcode_t io_channel_close(io_channel channel);
/* One more reference; each is dropped by io_channel_close(). */
void io_channel_addref(io_channel channel);

/* Change the block size to @blksize bytes.  The channel must not be in use by others. */
errcode_t io_channel_set_blksize(io_channel channel, int blksize);

errcode_t io_channel_read_blk(io_channel channel, unsigned long block, int count, void *data);
errcode_t io_channel_write_blk(io_channel channel, unsigned long block, int count,
			       const void *data);
/*
 * Read or write @count blocks.  Reading past the end of the device is
 * EXT2_ET_SHORT_READ (the rest of @data is zeroed), writing past it is
 * EXT2_ET_SHORT_WRITE or the system's error.
 */
errcode_t io_channel_read_blk64(io_channel channel, unsigned long long block, int count,
				void *data);
errcode_t io_channel_write_blk64(io_channel channel, unsigned long long block, int count,
				 const void *data);
/* Write @count bytes at byte @offset of the channel, in one transfer where the device allows. */
errcode_t io_channel_write_byte(io_channel channel, unsigned long offset, int count,
				const void *data);

/*
 * Make everything written so far durable.  After a failure the channel stays
 * dirty, and later flushes fail too until all that was written since the last
 * good flush has been written again.
 */
errcode_t io_channel_flush(io_channel channel);
/*
 * Wait until the device has taken everything written so far, into its own cache maybe: what is written later
 * comes after it, as long as the power stays on.  The flush is still due, and failures count as failures of one.
 */
errcode_t io_channel_write_out(io_channel channel);

/* "name=value&name=value"; stops at the first error.  NULL and "" are fine. */
errcode_t io_channel_set_options(io_channel channel, const char *options);
/* The channel's own counters; they live as long as the channel. */
errcode_t io_channel_get_stats(io_channel channel, io_stats *stats);

/* The content of @count blocks is not needed any more, and may or may not read as zeroes. */
errcode_t io_channel_discard(io_channel channel, unsigned long long block,
			     unsigned long long count);
/* @count blocks read as zeroes afterwards. */
errcode_t io_channel_zeroout(io_channel channel, unsigned long long block,
			     unsigned long long count);
errcode_t io_channel_cache_readahead(io_channel channel, unsigned long long block,
				     unsigned long long count);

/*
 * The descriptor behind the channel, owned by the channel; byte 0 of the
 * channel is byte 0 of the descriptor.  EINVAL when that is not so (offset=),
 * EXT2_ET_OP_NOT_SUPPORTED when there is none; *@fd is then -1.  For reading:
 * the channel does not know what is written past it, and does not flush it.
 */
errcode_t io_channel_get_fd(io_channel channel, int *fd);
/* flock(2) on the channel's file with its LOCK_* operation; EWOULDBLOCK with LOCK_NB. */
errcode_t io_channel_flock(io_channel channel, int operation);

/*
 * @count blocks (negative: bytes) of memory aligned as the channel likes it,
 * stored in *(void **)@ptr; to be freed with free().
 */
errcode_t io_channel_alloc_buf(io_channel channel, int count, void *ptr);

/* Opens a path.  Options: offset=BYTES (0 .. INT64_MAX) of the file system in the file. */
extern io_manager unix_io_manager;
/*
 * Adopts an open descriptor named "/dev/fd/N" or "N"; it stays the caller's and
 * is not closed.  Its flags are kept, but IO_FLAG_RW needs one that can write (EBADF),
 * and IO_FLAG_DIRECT_IO one with O_DIRECT (EINVAL).
 */
extern io_manager unixfd_io_manager;

#endif /* EXT2FS_EXT2_IO_H */
