/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fields of the superblock that are not the mount's.  tune2fs changes them on the device while it is
 * mounted; under the kernel both see the same buffer.  So they are taken from the device before the superblock is
 * written there, and what a mount changes of them is written there at once.
 */
#include <stddef.h>
#include "ext4/super_i.h"

#define FIELD(name)	{ offsetof(struct ext2_super_block, name), sizeof(((struct ext2_super_block *)0)->name) }

static const struct {
	size_t off, len;
} tuned[] = {
	FIELD(s_r_blocks_count), FIELD(s_r_blocks_count_hi), FIELD(s_max_mnt_count), FIELD(s_checkinterval),
	FIELD(s_lastcheck), FIELD(s_lastcheck_hi), FIELD(s_errors), FIELD(s_def_resuid), FIELD(s_def_resgid),
	FIELD(s_def_resuid_hi), FIELD(s_def_resgid_hi), FIELD(s_volume_name), FIELD(s_default_mount_opts),
	FIELD(s_uuid), FIELD(s_mount_opts), FIELD(s_raid_stride), FIELD(s_raid_stripe_width), FIELD(s_mmp_update_interval),
};
#define N_TUNED	(sizeof(tuned) / sizeof(tuned[0]))

/* Nobody but tune2fs and its like writes there; what is not whole, or another file system's, is not taken. */
static bool read_tuned(struct ext4_fs *fs, struct ext2_super_block *disk)
{
	return !ext4_read_disk_super(fs->dev, fs->block_size, disk) &&
	       disk->s_magic == cpu_to_le16(EXT2_SUPER_MAGIC) && ext2fs_superblock_csum_verify(disk) &&
	       disk->s_inodes_count == fs->sb->s_inodes_count && disk->s_mkfs_time == fs->sb->s_mkfs_time &&
	       ext2fs_blocks_count(disk) == fs->blocks_count && ext2fs_r_blocks_count(disk) <= fs->blocks_count;
}

/* sb_buf locked. */
static void take_tuned(struct ext4_fs *fs)
{
	struct ext2_super_block disk;
	size_t i;

	if (!read_tuned(fs, &disk))
		return;
	pthread_mutex_lock(&fs->sb_lock);
	for (i = 0; i < N_TUNED; i++) {
		char *to = (char *)fs->sb + tuned[i].off;
		const char *from = (const char *)&disk + tuned[i].off;

		memcpy(to, from, tuned[i].len);
	}
	__atomic_store_n(&fs->reserved_blocks, ext2fs_r_blocks_count(fs->sb), __ATOMIC_RELAXED);
	ext2fs_superblock_csum_set(fs->sb);
	pthread_mutex_unlock(&fs->sb_lock);
}

/* The buffer cache is about to write it, and has it locked. */
static void before_write(void *priv)
{
	take_tuned(priv);
}

void ext4_tuned_watch(struct ext4_fs *fs)
{
	iocache_before_write(fs->cache, fs->sb_buf, before_write, fs);
}

void ext4_take_tuned(struct ext4_fs *fs)
{
	/* A copy is not what is tuned, and what a journal has that was replayed in memory is newer. */
	if (fs->opts.sb > 1 || fs->replayed_ro)
		return;
	iocache_lock(fs->sb_buf);
	take_tuned(fs);
	iocache_unlock(fs->sb_buf);
}

int ext4_tuned_write(struct ext4_fs *fs, size_t off, const void *data, size_t len)
{
	struct ext2_super_block disk;
	errcode_t io = 0;
	int err;

	/* Locked from reading to writing: a write of the cached one in between would put the old field back. */
	iocache_lock(fs->sb_buf);
	err = ext4_read_disk_super(fs->dev, fs->block_size, &disk);
	if (!err) {
		memcpy((char *)&disk + off, data, len);
		io = ext2fs_write_super(fs->dev, &disk);
		if (!io)
			io = io_channel_flush(fs->dev);
	}
	if (!err && !io) {
		pthread_mutex_lock(&fs->sb_lock);
		memcpy((char *)fs->sb + off, data, len);
		ext2fs_superblock_csum_set(fs->sb);
		pthread_mutex_unlock(&fs->sb_lock);
	}
	iocache_unlock(fs->sb_buf);
	return io ? ext4_io_error(fs, io, 0, 0, "writing the superblock") : err;
}
