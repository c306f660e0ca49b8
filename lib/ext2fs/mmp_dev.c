/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How multi-mount protection reaches its block: past the page cache, because
 * another machine may have written it.  What is in the block and what follows
 * from it is in mmp.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "ext2fs/mmp_i.h"
#include "ext2fs/unix_io_i.h"

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	if (fstat(a, &sa) < 0 || fstat(b, &sb) < 0)
		return false;
	if (S_ISBLK(sa.st_mode))
		return S_ISBLK(sb.st_mode) && sa.st_rdev == sb.st_rdev;
	return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* Open the file behind @data once more, with flags of our own. */
static errcode_t open_own(const char *path, const struct unix_private_data *data,
			  io_channel *ret)
{
	int flags = data->writable ? IO_FLAG_RW : 0;
	io_channel io;
	errcode_t err;

	err = unix_io_manager->open(path, flags | IO_FLAG_DIRECT_IO, &io);
	/* Not every file system knows O_DIRECT, and a file needs it less than a disk. */
	if (err == EINVAL && data->regular)
		err = unix_io_manager->open(path, flags, &io);
	if (err)
		return err;
	/* The name may lead elsewhere by now. */
	if (!same_file(unix_io_data(io)->fd, data->fd)) {
		io_channel_close(io);
		return ESTALE;
	}
	unix_io_data(io)->offset = data->offset;
	*ret = io;
	return 0;
}

static void reopen_path(const struct ext2fs_super *sup, const struct unix_private_data *data,
			char *path, size_t len)
{
	if (sup->io->manager == unixfd_io_manager)
		snprintf(path, len, "/dev/fd/%d", data->fd);
	else
		snprintf(path, len, "%s", sup->io->name);
}

static errcode_t choose_channel(const struct ext2fs_super *sup, struct mmp_dev *dev)
{
	const struct unix_private_data *data = unix_io_data(sup->io);
	char path[4096];
	errcode_t err;
	int flags;

	dev->io = sup->io;
	dev->own = false;
	if (!data)
		return 0;	/* not a device: there is no page cache to get past */
	reopen_path(sup, data, path, sizeof(path));
	err = open_own(path, data, &dev->io);
	if (!err) {
		dev->own = true;
		return io_channel_set_blksize(dev->io, (int)sup->block_size);
	}
	/* A sandbox: share the open file, and with it the channel that knows how to use it. */
	dev->io = sup->io;
	flags = fcntl(data->fd, F_GETFL);
	if (flags < 0)
		return errno;
	return (flags & O_DIRECT) || data->regular ? 0 : EXT2_ET_MMP_OPEN_DIRECT;
}

errcode_t mmp_dev_open(const struct ext2fs_super *sup, struct mmp_dev *dev)
{
	errcode_t err;

	dev->blk = le64_to_cpu(sup->raw.s_mmp_block);
	dev->csum = &sup->csum;
	if (!ext2fs_blocks_valid(sup, dev->blk, 1))
		return EXT2_ET_MMP_BAD_BLOCK;
	err = choose_channel(sup, dev);
	if (err)
		mmp_dev_close(dev);
	return err;
}

errcode_t mmp_dev_close(struct mmp_dev *dev)
{
	return dev->own ? io_channel_close(dev->io) : 0;
}

errcode_t mmp_read(const struct mmp_dev *dev, struct mmp_struct *mmp)
{
	errcode_t err;

	err = io_channel_read_blk64(dev->io, dev->blk, -(int)sizeof(*mmp), mmp);
	if (err)
		return err;
	if (le32_to_cpu(mmp->mmp_magic) != EXT4_MMP_MAGIC)
		return EXT2_ET_MMP_MAGIC_INVALID;
	if (!ext2fs_mmp_csum_verify(dev->csum, mmp))
		return EXT2_ET_MMP_CSUM_INVALID;
	return 0;
}

errcode_t mmp_write(const struct mmp_dev *dev, struct mmp_struct *mmp)
{
	errcode_t err;

	ext2fs_mmp_csum_set(dev->csum, mmp);
	err = io_channel_write_blk64(dev->io, dev->blk, -(int)sizeof(*mmp), mmp);
	/* The shared channel's flushes are its owner's business, and O_DIRECT is seen at once. */
	if (!err && dev->own && !(dev->io->flags & CHANNEL_FLAGS_BLOCK_DEVICE))
		err = io_channel_flush(dev->io);
	return err;
}

static void copy_text(char *to, const char *from, size_t len)
{
	size_t i;

	for (i = 0; i < len && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

void mmp_describe(const struct mmp_struct *mmp, struct ext2fs_mmp_holder *holder)
{
	copy_text(holder->nodename, mmp->mmp_nodename, sizeof(mmp->mmp_nodename));
	copy_text(holder->bdevname, mmp->mmp_bdevname, sizeof(mmp->mmp_bdevname));
	holder->time = le64_to_cpu(mmp->mmp_time);
	holder->seq = le32_to_cpu(mmp->mmp_seq);
}
