/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File data: holes, appending, truncation, all that fallocate() does, reading back, durability.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>
#include "ext2fs/ext2_fs.h"
#include "load.h"

static void read_back(struct load *l, struct ext4_inode *inode, size_t len, off_t off)
{
	static char buf[65536];
	ssize_t n = STEP(l, 0, ext4_read, inode, buf, len, off);

	/* What was said to be written is what is read. */
	if (!l->errors && !l->dev->hits && (n != (ssize_t)len || memcmp(buf, load_data(len), len)))
		l->lied = true;
}

static void holes(struct load *l)
{
	struct ext4_inode *inode = load_create(l, l->dir, "holes", S_IFREG | 0644);
	struct ext4_run runs[8];

	if (!inode)
		return;
	CALL_VOID(ext4_open_file, inode, true);
	load_write(l, inode, 5000, 0, 0);
	load_write(l, inode, 3000, 20000, EXT4_WRITE_CACHED);
	CALL(ext4_open_for_writing, inode);
	read_back(l, inode, 5000, 0);
	CALL(ext4_map_runs, inode, 0, 30000, runs, 8);
	STEP(l, 0, ext4_seek, inode, 0, SEEK_HOLE);
	STEP(l, 0, ext4_seek, inode, 6000, SEEK_DATA);
	STEP(l, -ENXIO, ext4_seek, inode, 50000, SEEK_DATA);
	CALL_VOID(ext4_release_file, inode, true);
	if (!STEP(l, 0, ext4_fsync, inode, false))
		load_promise(l, "holes", inode);
	ext4_iput(inode);
}

static void growing(struct load *l)
{
	struct ext4_inode *inode = load_create(l, l->dir, "growing", S_IFREG | 0644);
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE };
	int i;

	if (!inode)
		return;
	CALL_VOID(ext4_open_file, inode, true);
	for (i = 0; i < 4; i++)
		load_write(l, inode, 16384, 0, EXT4_WRITE_APPEND);
	load_write(l, inode, 2000, 60000, i & 1 ? EXT4_WRITE_SYNC : EXT4_WRITE_DSYNC);
	attr.size = 30001;
	STEP(l, LOAD_PARTIAL, ext4_setattr, inode, &attr);
	attr.size = 90000;
	STEP(l, LOAD_PARTIAL, ext4_setattr, inode, &attr);
	read_back(l, inode, 16384, 0);
	CALL_VOID(ext4_release_file, inode, true);
	if (!STEP(l, 0, ext4_fsync, inode, true))
		load_promise(l, "growing", inode);
	load_unpromise(l, "growing");
	attr.size = 9;
	STEP(l, LOAD_PARTIAL, ext4_setattr, inode, &attr);
	ext4_iput(inode);
}

/* With extents only; without, the error is another matter. */
static void fallocate(struct load *l, struct ext4_inode *inode, int mode, off_t off, off_t len)
{
	int err = CALL(ext4_fallocate, inode, mode, off, len, 0, &load_user);

	load_step(l, "ext4_fallocate", err == -EOPNOTSUPP ? 0 : err, LOAD_PARTIAL);
}

static void allocation(struct load *l)
{
	struct ext4_inode *inode = load_create(l, l->dir, "allocated", S_IFREG | 0644);

	if (!inode)
		return;
	fallocate(l, inode, 0, 0, 40000);
	fallocate(l, inode, FALLOC_FL_KEEP_SIZE, 40000, 20000);
	load_write(l, inode, 30000, 1000, 0);
	fallocate(l, inode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3000, 9000);
	fallocate(l, inode, FALLOC_FL_ZERO_RANGE, 15000, 4000);
	fallocate(l, inode, FALLOC_FL_COLLAPSE_RANGE, 4096, 8192);
	fallocate(l, inode, FALLOC_FL_INSERT_RANGE, 8192, 4096);
	load_write(l, inode, 1000, 9000, 0);
	ext4_iput(inode);
}

/* Every other block, so that the tree of extents or blocks grows. */
static void scattered(struct load *l)
{
	struct ext4_inode *inode = load_create(l, l->dir, "scattered", S_IFREG | 0644);
	struct ext4_iattr attr = { .valid = EXT4_ATTR_SIZE, .size = 8000 };
	int i;

	for (i = 0; i < 8; i++)
		load_write(l, inode, 1024, (off_t)i * 2048 + (i > 5 ? 400000 : 0), 0);
	if (inode)
		STEP(l, LOAD_PARTIAL, ext4_setattr, inode, &attr);
	ext4_iput(inode);
}

static void copied(struct load *l)
{
	struct ext4_inode *from = load_create(l, l->dir, "copied-from", S_IFREG | 0644);
	struct ext4_inode *to = load_create(l, l->dir, "copied-to", S_IFREG | 0644);
	uint64_t found;
	ssize_t n;
	int err;

	if (from && to) {
		load_write(l, from, 9000, 0, 0);
		CALL_VOID(ext4_read_cached, from);
		CALL(ext4_was_read_cached, from);
		n = STEP(l, LOAD_PARTIAL, ext4_copy_range, from, 0, to, 0, 9000, &load_user);
		if (n == 9000 && !l->errors && !l->dev->hits)
			read_back(l, to, 9000, 0);
		STEP(l, 0, ext4_precache, to);
		/* What is in the inode is in no block. */
		err = CALL(ext4_bmap, to, 1, &found);
		load_step(l, "ext4_bmap", err == -EINVAL ? 0 : err, 0);
	}
	if (from)
		ext4_iput(from);
	if (to)
		ext4_iput(to);
}

static void journaled(struct load *l)
{
	struct ext4_inode *inode = load_create(l, l->dir, "journaled", S_IFREG | 0644);
	struct ext4_sync syncs[2] = { { inode, true }, { l->dir, false } };
	int err;

	if (!inode)
		return;
	err = CALL(ext4_set_flags, inode, CALL(ext4_get_flags, inode) | EXT3_JOURNAL_DATA_FL, &load_root);
	load_step(l, "ext4_set_flags", err == -EOPNOTSUPP ? 0 : err, 0);
	load_write(l, inode, 6000, 0, 0);
	if (!STEP(l, 0, ext4_fsync_many, l->fs, syncs, 2))
		load_promise(l, "journaled", inode);
	ext4_iput(inode);
}

void load_file_data(struct load *l)
{
	holes(l);
	growing(l);
	allocation(l);
	scattered(l);
	copied(l);
	journaled(l);
}
