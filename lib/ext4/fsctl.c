/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What ioctl(2) asks of the whole file system: label, trimming, shutting down.
 */
#include <stddef.h>
#include "ext4/ext4_i.h"

int ext4_get_label(struct ext4_fs *fs, char label[17])
{
	ext4_take_tuned(fs);
	pthread_mutex_lock(&fs->sb_lock);
	memcpy(label, fs->sb->s_volume_name, sizeof(fs->sb->s_volume_name));
	pthread_mutex_unlock(&fs->sb_lock);
	label[sizeof(fs->sb->s_volume_name)] = '\0';
	return 0;
}

/* A replay of the log must not bring the old one back. */
static int log_super(struct ext4_fs *fs)
{
	handle_t *handle;
	int err = ext4_journal_start(fs, 1, &handle);

	if (err)
		return err;
	jbd2_handle_set_sync(handle);
	err = ext4_sb_begin(handle, fs);
	return ext4_journal_stop(handle, err ? err : ext4_sb_end(handle, fs));
}

int ext4_set_label(struct ext4_fs *fs, const char *label)
{
	char name[sizeof(fs->sb->s_volume_name)] = { 0 };
	int err = ext4_check_rw(fs);

	if (strlen(label) > sizeof(name))
		return -EINVAL;
	memcpy(name, label, strlen(label));
	if (!err)
		err = ext4_tuned_write(fs, offsetof(struct ext2_super_block, s_volume_name), name, sizeof(name));
	return err ? err : log_super(fs);
}

/* ---- tuning ---- */

#define TUNES	(EXT4_TUNE_ERRORS | EXT4_TUNE_MAX_MNT_COUNT | EXT4_TUNE_CHECKINTERVAL | EXT4_TUNE_LAST_CHECK | \
		 EXT4_TUNE_RESERVED | EXT4_TUNE_RESUID | EXT4_TUNE_RESGID | EXT4_TUNE_DEFAULT_OPTS | \
		 EXT4_TUNE_STRIDE | EXT4_TUNE_STRIPE_WIDTH | EXT4_TUNE_MOUNT_OPTS)

void ext4_get_tune(struct ext4_fs *fs, struct ext4_tune *tune)
{
	const struct ext2_super_block *sb = fs->sb;

	ext4_take_tuned(fs);
	pthread_mutex_lock(&fs->sb_lock);
	*tune = (struct ext4_tune) {
		.set = TUNES,
		.errors = le16_to_cpu(sb->s_errors),
		.mnt_count = le16_to_cpu(sb->s_mnt_count),
		.max_mnt_count = le16_to_cpu(sb->s_max_mnt_count),
		.stride = le16_to_cpu(sb->s_raid_stride),
		.encoding = le16_to_cpu(sb->s_encoding),
		.encoding_flags = le16_to_cpu(sb->s_encoding_flags),
		.checkinterval = le32_to_cpu(sb->s_checkinterval),
		.default_opts = le32_to_cpu(sb->s_default_mount_opts),
		.resuid = le16_to_cpu(sb->s_def_resuid) | (uint32_t)le16_to_cpu(sb->s_def_resuid_hi) << 16,
		.resgid = le16_to_cpu(sb->s_def_resgid) | (uint32_t)le16_to_cpu(sb->s_def_resgid_hi) << 16,
		.stripe_width = le32_to_cpu(sb->s_raid_stripe_width),
		.last_check = le32_to_cpu(sb->s_lastcheck),
		.reserved = ext2fs_r_blocks_count(sb),
		.blocks = fs->blocks_count,
		.compat = le32_to_cpu(sb->s_feature_compat),
		.incompat = le32_to_cpu(sb->s_feature_incompat),
		.ro_compat = le32_to_cpu(sb->s_feature_ro_compat),
		.hash = sb->s_def_hash_version,
	};
	memcpy(tune->mount_opts, sb->s_mount_opts, sizeof(sb->s_mount_opts));
	pthread_mutex_unlock(&fs->sb_lock);
}

static int put16(struct ext4_fs *fs, size_t off, uint16_t value)
{
	__le16 raw = cpu_to_le16(value);

	return ext4_tuned_write(fs, off, &raw, sizeof(raw));
}

static int put32(struct ext4_fs *fs, size_t off, uint32_t value)
{
	__le32 raw = cpu_to_le32(value);

	return ext4_tuned_write(fs, off, &raw, sizeof(raw));
}

#define AT(field)	offsetof(struct ext2_super_block, field)

/* The numbers of two halves lie apart. */
static int put_halves(struct ext4_fs *fs, const struct ext4_tune *tune)
{
	int err = 0;

	if (tune->set & EXT4_TUNE_RESERVED) {
		err = put32(fs, AT(s_r_blocks_count), (uint32_t)tune->reserved);
		if (!err)
			err = put32(fs, AT(s_r_blocks_count_hi), tune->reserved >> 32);
	}
	if (!err && tune->set & EXT4_TUNE_RESUID) {
		err = put16(fs, AT(s_def_resuid), tune->resuid & 0xffff);
		if (!err)
			err = put16(fs, AT(s_def_resuid_hi), tune->resuid >> 16);
	}
	if (!err && tune->set & EXT4_TUNE_RESGID) {
		err = put16(fs, AT(s_def_resgid), tune->resgid & 0xffff);
		if (!err)
			err = put16(fs, AT(s_def_resgid_hi), tune->resgid >> 16);
	}
	return err;
}

static int put_tune(struct ext4_fs *fs, const struct ext4_tune *tune)
{
	int err = put_halves(fs, tune);

	if (!err && tune->set & EXT4_TUNE_ERRORS)
		err = put16(fs, AT(s_errors), tune->errors);
	if (!err && tune->set & EXT4_TUNE_MAX_MNT_COUNT)
		err = put16(fs, AT(s_max_mnt_count), tune->max_mnt_count);
	if (!err && tune->set & EXT4_TUNE_CHECKINTERVAL)
		err = put32(fs, AT(s_checkinterval), tune->checkinterval);
	if (!err && tune->set & EXT4_TUNE_LAST_CHECK)
		err = put32(fs, AT(s_lastcheck), (uint32_t)tune->last_check);
	if (!err && tune->set & EXT4_TUNE_DEFAULT_OPTS)
		err = put32(fs, AT(s_default_mount_opts), tune->default_opts);
	if (!err && tune->set & EXT4_TUNE_STRIDE)
		err = put16(fs, AT(s_raid_stride), tune->stride);
	if (!err && tune->set & EXT4_TUNE_STRIPE_WIDTH)
		err = put32(fs, AT(s_raid_stripe_width), tune->stripe_width);
	if (!err && tune->set & EXT4_TUNE_MOUNT_OPTS)
		err = ext4_tuned_write(fs, AT(s_mount_opts), tune->mount_opts, sizeof(tune->mount_opts));
	return err;
}

int ext4_set_tune(struct ext4_fs *fs, const struct ext4_tune *tune)
{
	int err = ext4_check_rw(fs);

	if (tune->set & ~(uint32_t)TUNES)
		return -EOPNOTSUPP;
	if (tune->set & EXT4_TUNE_ERRORS && tune->errors > EXT2_ERRORS_PANIC)
		return -EINVAL;
	if (tune->set & EXT4_TUNE_RESERVED && tune->reserved > fs->blocks_count / 2)
		return -EINVAL;
	if (!err)
		err = put_tune(fs, tune);
	ext4_take_tuned(fs);
	return err ? err : log_super(fs);
}

/* ---- trimming ---- */

/*
 * The next free run in [*start, to) of at least @min blocks is held: 1, or 0 when there is none, or an error; *end is
 * where it, or the group, ends.
 */
static int hold_free_run(struct ext4_fs *fs, uint32_t group, uint32_t *start, uint32_t *end, uint32_t to, uint32_t min)
{
	struct ext4_group *gi;
	bool held = false;
	int err = ext4_lock_loaded_group(fs, group, &gi);

	if (err)
		return err;
	for (*end = to; !held && *start < to; *start = held ? *start : *end) {
		*start = ext4_next_zero(gi->busy, to, *start);
		*end = ext4_next_set(gi->busy, to, *start);
		held = *start < to && *end - *start >= min;
		if (held)
			ext4_hold_run(gi, *start, *end - *start);
	}
	pthread_mutex_unlock(&gi->lock);
	return held;
}

/*
 * Discard the free runs of at least @min blocks in [from, to) of one group.  A run is held
 * while it is discarded: nobody gets it meanwhile, and who needs it waits.
 */
static int trim_group(struct ext4_fs *fs, uint32_t group, uint32_t from, uint32_t to, uint32_t min, uint64_t *blocks)
{
	blk64_t first = ext4_group_first_block(fs, group);
	uint32_t start = from, end = to;
	errcode_t io = 0;
	int held = 1;

	while (!io && held > 0) {
		ext4_hold_begin(fs);
		held = hold_free_run(fs, group, &start, &end, to, min);
		if (held > 0) {
			io = io_channel_discard(fs->dev, first + start, end - start);
			ext4_unhold_run(fs, group, start, end - start);
			if (!io)
				*blocks += end - start;
		}
		ext4_hold_end(fs);
		start = end;
	}
	return held < 0 ? held : ext4_errno(io);
}

int ext4_trim(struct ext4_fs *fs, uint64_t start, uint64_t len, uint64_t minlen, uint64_t *trimmed)
{
	uint64_t first = start >> fs->block_bits, end, blocks = 0;
	uint64_t min = (minlen + fs->block_size - 1) >> fs->block_bits;
	uint32_t group, from, to;
	int err = ext4_check_rw(fs);

	*trimmed = 0;
	if (err)
		return err;
	if (first >= fs->blocks_count || len < fs->block_size || min > fs->blocks_per_group)
		return -EINVAL;
	end = len >> fs->block_bits > fs->blocks_count - first ? fs->blocks_count : first + (len >> fs->block_bits);
	if (first < fs->first_data_block)
		first = fs->first_data_block;
	/* What was just deleted is free from the commit on. */
	err = jbd2_journal_force_commit(fs->journal);
	while (!err && first < end) {
		group = ext4_group_of(fs, first);
		from = first - ext4_group_first_block(fs, group);
		to = ext4_group_blocks(fs, group);
		if (end - ext4_group_first_block(fs, group) < to)
			to = end - ext4_group_first_block(fs, group);
		err = trim_group(fs, group, from, to, min ? min : 1, &blocks);
		first = ext4_group_first_block(fs, group) + to;
	}
	*trimmed = blocks << fs->block_bits;
	return err;
}

/* ---- the log ---- */

int ext4_checkpoint(struct ext4_fs *fs, bool look_only)
{
	int err = ext4_check_rw(fs);

	if (!ext2fs_has_feature_journal(fs->sb))
		return -ENODEV;
	if (look_only)
		return 0;
	return err ? err : jbd2_journal_flush(fs->journal);
}

/* ---- shutting down ---- */

int ext4_shutdown(struct ext4_fs *fs)
{
	int err = 0;

	if (__atomic_load_n(&fs->shutdown, __ATOMIC_ACQUIRE))
		return 0;
	if (!ext4_is_read_only(fs))
		err = jbd2_journal_force_commit(fs->journal);
	__atomic_store_n(&fs->read_only, true, __ATOMIC_RELEASE);
	__atomic_store_n(&fs->shutdown, true, __ATOMIC_RELEASE);
	jbd2_journal_abort(fs->journal, -ESHUTDOWN);
	ext4_log(fs, EXT4_LOG_WARN, "%s: shut down on request; everything fails until it is mounted anew",
		 fs->device_name);
	return err;
}
