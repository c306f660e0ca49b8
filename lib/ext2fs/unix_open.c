/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a unix channel begins: a path is opened, or a descriptor that somebody
 * else opened is adopted; and what is found out about it.  The tables of both
 * managers are here; what their functions do is in unix_io.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ext2fs/ext2fs.h"
#include "ext2fs/unix_io_ops.h"

#define FILE_DIRECT_ALIGN	4096	/* enough for any file system, where it does not tell */

/* ---- what a descriptor is ---- */

static errcode_t check_type(mode_t mode)
{
	if (S_ISBLK(mode) || S_ISREG(mode))
		return 0;
	return S_ISDIR(mode) ? EISDIR : ENOTBLK;
}

static size_t device_align(int fd)
{
	int size = 0;

	if (ioctl(fd, BLKSSZGET, &size) < 0 || size < 512)
		return FILE_DIRECT_ALIGN;
	return (size_t)size;
}

static size_t file_align(int fd)
{
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
	    (stx.stx_mask & STATX_DIOALIGN) && stx.stx_dio_offset_align) {
		size_t align = stx.stx_dio_offset_align;

		return stx.stx_dio_mem_align > align ? stx.stx_dio_mem_align : align;
	}
#else
	(void)fd;
#endif
	return FILE_DIRECT_ALIGN;
}

errcode_t ext2fs_get_fd_size(int fd, uint64_t *bytes)
{
	struct stat st;

	*bytes = 0;
	if (fstat(fd, &st) < 0)
		return errno;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, bytes) < 0 ? errno : 0;
	if (!S_ISREG(st.st_mode))
		return ENOTBLK;
	*bytes = (uint64_t)st.st_size;
	return 0;
}

static errcode_t describe_fd(struct unix_private_data *data, int flags)
{
	int fd_flags = fcntl(data->fd, F_GETFL);
	errcode_t err;
	struct stat st;

	if (fd_flags < 0 || fstat(data->fd, &st) < 0)
		return errno;
	err = check_type(st.st_mode);
	if (err)
		return err;
	if ((fd_flags & O_PATH) || (fd_flags & O_ACCMODE) == O_WRONLY ||
	    ((flags & IO_FLAG_RW) && (fd_flags & O_ACCMODE) != O_RDWR))
		return EBADF;
	data->regular = S_ISREG(st.st_mode);
	data->writable = flags & IO_FLAG_RW;
	data->direct = fd_flags & O_DIRECT;
	data->force_bounce = flags & IO_FLAG_FORCE_BOUNCE;
	if ((flags & IO_FLAG_DIRECT_IO) && !data->direct)
		return EINVAL;
	data->align = 1;
	if (data->direct)
		data->align = data->regular ? file_align(data->fd) : device_align(data->fd);
	return 0;
}

/*
 * Large transfers go past the page cache of a block device: who reads or writes file
 * data caches it already.  Small ones and metadata stay in it.  It is not needed: where the device cannot
 * be opened once more, all goes one way.
 */
static void open_direct(struct unix_private_data *data)
{
	char path[32];
	struct stat a, b;

	if (data->direct || data->regular || data->force_bounce)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", data->fd);
	data->direct_fd = open(path, O_CLOEXEC | O_DIRECT | (data->writable ? O_RDWR : O_RDONLY));
	if (data->direct_fd < 0)
		return;
	if (fstat(data->fd, &a) || fstat(data->direct_fd, &b) || !S_ISBLK(b.st_mode) || a.st_rdev != b.st_rdev) {
		close(data->direct_fd);
		data->direct_fd = -1;
		return;
	}
	data->direct_align = device_align(data->direct_fd);
}

/* ---- channels ---- */

void unix_free_channel(io_channel channel)
{
	struct unix_private_data *data = channel->private_data;

	if (data->direct_fd >= 0)
		close(data->direct_fd);
	unsynced_destroy(&data->unsynced);
	pthread_mutex_destroy(&data->rmw_lock);
	pthread_mutex_destroy(&data->flush_lock);
	channel->magic = 0;
	data->magic = 0;
	free(channel->name);
	free(data);
	free(channel);
}

static errcode_t alloc_channel(io_manager manager, const char *name, io_channel *ret)
{
	struct unix_private_data *data = calloc(1, sizeof(*data));
	io_channel channel = calloc(1, sizeof(*channel));
	char *copy = strdup(name);

	if (!data || !channel || !copy) {
		free(data);
		free(channel);
		free(copy);
		return ENOMEM;
	}
	data->magic = EXT2_ET_MAGIC_UNIX_IO_CHANNEL;
	data->fd = data->direct_fd = -1;
	data->stats.num_fields = 2;
	unsynced_init(&data->unsynced);
	pthread_mutex_init(&data->rmw_lock, NULL);
	pthread_mutex_init(&data->flush_lock, NULL);
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = manager;
	channel->name = copy;
	channel->block_size = 1024;
	channel->refcount = 1;
	channel->private_data = data;
	*ret = channel;
	return 0;
}

/* @fd becomes the channel's to close only if this succeeds. */
static errcode_t channel_for_fd(io_manager manager, const char *name, int fd, bool own_fd,
				int flags, io_channel *ret)
{
	struct unix_private_data *data;
	io_channel channel;
	errcode_t err;

	err = alloc_channel(manager, name, &channel);
	if (err)
		return err;
	data = channel->private_data;
	data->fd = fd;
	data->own_fd = own_fd;
	err = describe_fd(data, flags);
	if (err) {
		unix_free_channel(channel);
		return err;
	}
	open_direct(data);
	channel->align = data->direct ? (int)data->align : 0;
	channel->flags = data->regular ? CHANNEL_FLAGS_DISCARD_ZEROES :
					 CHANNEL_FLAGS_BLOCK_DEVICE;
	*ret = channel;
	return 0;
}

/* ---- paths ---- */

static errcode_t open_path(const char *name, int flags, int *fd)
{
	int open_flags = O_CLOEXEC | (flags & IO_FLAG_RW ? O_RDWR : O_RDONLY);
	struct stat st;
	errcode_t err;

	/* Opening a pipe or a tape has effects, or does not return. */
	if (stat(name, &st) < 0)
		return errno;
	err = check_type(st.st_mode);
	if (err)
		return err;
	if ((flags & IO_FLAG_EXCLUSIVE) && S_ISBLK(st.st_mode))
		open_flags |= O_EXCL;
	if (flags & IO_FLAG_DIRECT_IO)
		open_flags |= O_DIRECT;
	*fd = open(name, open_flags);
	return *fd < 0 ? errno : 0;
}

static errcode_t unix_open(const char *name, int flags, io_channel *channel)
{
	errcode_t err;
	int fd = -1;

	*channel = NULL;
	if (!name || !*name)
		return EXT2_ET_BAD_DEVICE_NAME;
	err = open_path(name, flags, &fd);
	if (err)
		return err;
	err = channel_for_fd(unix_io_manager, name, fd, true, flags, channel);
	if (err)
		close(fd);
	return err;
}

/* ---- descriptors ---- */

errcode_t unixfd_parse_name(const char *name, int *fd)
{
	static const char prefix[] = "/dev/fd/";
	const char *digits = name;
	char *end;
	long v;

	if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		digits += sizeof(prefix) - 1;
	/* strtol() would take white space and signs. */
	if (digits[0] != '-' && (digits[0] < '0' || digits[0] > '9'))
		return EINVAL;
	errno = 0;
	v = strtol(digits, &end, 10);
	if (end == digits || *end)
		return EINVAL;
	if (errno == ERANGE)
		return ERANGE;
	if (v < 0 || v > INT_MAX)
		return EINVAL;
	*fd = (int)v;
	return 0;
}

static errcode_t unixfd_open(const char *name, int flags, io_channel *channel)
{
	errcode_t err;
	int fd = -1;

	*channel = NULL;
	if (!name || !*name)
		return EXT2_ET_BAD_DEVICE_NAME;
	err = unixfd_parse_name(name, &fd);
	if (err)
		return err;
	return channel_for_fd(unixfd_io_manager, name, fd, false, flags, channel);
}

#define UNIX_MANAGER(title, open_fn) {			\
	.magic		= EXT2_ET_MAGIC_IO_MANAGER,	\
	.name		= title,			\
	.open		= open_fn,			\
	.close		= unix_close,			\
	.set_blksize	= unix_set_blksize,		\
	.read_blk	= unix_read_blk,		\
	.write_blk	= unix_write_blk,		\
	.flush		= unix_flush,			\
	.write_out	= unix_write_out,		\
	.write_byte	= unix_write_byte,		\
	.set_option	= unix_set_option,		\
	.get_stats	= unix_get_stats,		\
	.read_blk64	= unix_read_blk64,		\
	.write_blk64	= unix_write_blk64,		\
	.discard	= unix_discard,			\
	.cache_readahead = unix_cache_readahead,	\
	.zeroout	= unix_zeroout,			\
	.get_fd		= unix_get_fd,			\
	.flock		= unix_flock,			\
}

static struct struct_io_manager unix_manager = UNIX_MANAGER("Unix I/O Manager", unix_open);
static struct struct_io_manager unixfd_manager =
	UNIX_MANAGER("Unix fd I/O Manager", unixfd_open);

io_manager unix_io_manager = &unix_manager;
io_manager unixfd_io_manager = &unixfd_manager;
