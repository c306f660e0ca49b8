/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Multi-mount protection as its own files and its tests see it: the access to
 * the block, and a clock that tests may speed up.
 */
#ifndef EXT2FS_MMP_I_H
#define EXT2FS_MMP_I_H

#include "ext2fs/ext2fs.h"

/* How long a second of the protocol takes, in milliseconds; 1000 except in tests. */
extern unsigned int ext2fs_mmp_second;

/* The way to the MMP block. */
struct mmp_dev {
	io_channel		io;
	bool			own;		/* io is ours: flushed and closed by us */
	blk64_t			blk;
	const struct ext2fs_csum *csum;
};

/* Find the block and a channel on which nothing is cached; see ext2fs_mmp_start(). */
errcode_t mmp_dev_open(const struct ext2fs_super *sup, struct mmp_dev *dev);
errcode_t mmp_dev_close(struct mmp_dev *dev);

/* Magic and checksum are checked. */
errcode_t mmp_read(const struct mmp_dev *dev, struct mmp_struct *mmp);
/* Sets the checksum in @mmp first. */
errcode_t mmp_write(const struct mmp_dev *dev, struct mmp_struct *mmp);

void mmp_describe(const struct mmp_struct *mmp, struct ext2fs_mmp_holder *holder);

#endif /* EXT2FS_MMP_I_H */
