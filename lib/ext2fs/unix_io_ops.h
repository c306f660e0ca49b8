/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions that unix_open.c puts into the tables of the unix managers.
 * What they do is described in ext2_io.h.
 */
#ifndef EXT2FS_UNIX_IO_OPS_H
#define EXT2FS_UNIX_IO_OPS_H

#include "ext2fs/unix_io_i.h"

errcode_t unix_close(io_channel channel);
errcode_t unix_set_blksize(io_channel channel, int blksize);
errcode_t unix_read_blk(io_channel channel, unsigned long block, int count, void *buf);
errcode_t unix_write_blk(io_channel channel, unsigned long block, int count, const void *buf);
errcode_t unix_read_blk64(io_channel channel, unsigned long long block, int count, void *buf);
errcode_t unix_write_blk64(io_channel channel, unsigned long long block, int count,
			   const void *buf);
errcode_t unix_write_byte(io_channel channel, unsigned long offset, int count, const void *buf);
errcode_t unix_flush(io_channel channel);
errcode_t unix_write_out(io_channel channel);
errcode_t unix_set_option(io_channel channel, const char *option, const char *arg);
errcode_t unix_get_stats(io_channel channel, io_stats *stats);
errcode_t unix_get_fd(io_channel channel, int *fd);
errcode_t unix_flock(io_channel channel, int operation);
errcode_t unix_discard(io_channel channel, unsigned long long block, unsigned long long count);
errcode_t unix_zeroout(io_channel channel, unsigned long long block, unsigned long long count);
errcode_t unix_cache_readahead(io_channel channel, unsigned long long block,
			       unsigned long long count);

/* Free the channel and all that hangs on it; the descriptor is left alone. */
void unix_free_channel(io_channel channel);

#endif /* EXT2FS_UNIX_IO_OPS_H */
