/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a superblock to an open journal: internal, on another device, or none;
 * and the replay of what a crash left in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include "ext4/super_i.h"

static bool block_ok(void *priv, blk64_t blk)
{
	struct ext4_fs *fs = priv;

	return blk < fs->blocks_count;
}

static void aborted(void *priv, int err)
{
	struct ext4_fs *fs = priv;

	if (__atomic_exchange_n(&fs->read_only, true, __ATOMIC_ACQ_REL))
		return;
	ext4_log(fs, EXT4_LOG_ERR, "%s: the journal was aborted (%s): now read-only; unmount and run e2fsck",
		 fs->device_name, strerror(-err));
	ext4_corrupt_at(fs, __func__, __LINE__, err, EXT2_JOURNAL_INO, 0, "the journal was aborted");
}

static void journal_log(void *priv, enum jbd2_log_level level, const char *message)
{
	struct ext4_fs *fs = priv;
	enum ext4_log_level to = level == JBD2_LOG_ERR ? EXT4_LOG_ERR :
				 level == JBD2_LOG_WARN ? EXT4_LOG_WARN : EXT4_LOG_INFO;

	ext4_log_at(fs, to, __func__, __LINE__, "%s: journal: %s", fs->device_name, message);
}

static const struct jbd2_ops journal_ops = {
	.block_ok = block_ok,
	.fc_replay = ext4_fc_replay,
	.fc_finish = ext4_fc_finish,
	.aborted = aborted,
	.settled = ext4_mark_settled,
	.woken = ext4_mark_woken,
	.log = journal_log,
};

static void common_params(struct ext4_fs *fs, struct jbd2_params *p)
{
	*p = (struct jbd2_params){
		.ops = &journal_ops,
		.priv = fs,
		.cache = fs->cache,
		.log_dev = fs->dev,
		.block_size = fs->block_size,
		.commit_interval = fs->opts.commit_interval,
		.barrier = fs->opts.barrier,
		.read_only = fs->opts.read_only,
		.async_commit = fs->opts.async_commit,
		.ordered_data = fs->data_mode == EXT4_DATA_ORDERED,
		.csum_v3 = fs->metadata_csum,
		.csum_64bit_tags = fs->is_64bit,
	};
}

static int open_null_journal(struct ext4_fs *fs)
{
	struct jbd2_params p;

	common_params(fs, &p);
	return jbd2_journal_open_null(&p, &fs->journal);
}

/* Where each block of the journal inode lies; all must be there. */
static int map_journal(struct ext4_fs *fs, struct ext4_inode *inode, blk64_t **ret, uint32_t *blocks)
{
	uint64_t n = ext4_isize(inode) >> fs->block_bits, i, k;
	struct ext4_map map;
	blk64_t *table;
	int err = 0;

	if (!S_ISREG(inode->i_type) || n < 2 || n > fs->blocks_count || n > UINT32_MAX)
		return ext4_corrupt(fs, inode->i_ino, 0, "the journal has an impossible size or type");
	table = malloc(n * sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (i = 0; i < n && !err; i += map.len) {
		map = (struct ext4_map){ .lblk = i, .len = n - i };
		err = ext4_map_blocks(inode, &map);
		if (!err && (!map.pblk || map.unwritten))
			err = ext4_corrupt(fs, inode->i_ino, 0, "the journal has a hole");
		for (k = 0; !err && k < map.len; k++)
			table[i + k] = map.pblk + k;
	}
	if (err) {
		free(table);
		return err;
	}
	*ret = table;
	*blocks = n;
	return 0;
}

static int open_internal(struct ext4_fs *fs)
{
	struct ext4_inode *inode;
	struct jbd2_params p;
	int err;

	common_params(fs, &p);
	err = ext4_iget_flags(fs, le32_to_cpu(fs->sb->s_journal_inum), EXT4_IGET_SPECIAL, &inode);
	if (err)
		return err;
	err = map_journal(fs, inode, &p.log_map, &p.log_blocks);
	ext4_iput(inode);
	if (err)
		return err;
	err = ext4_zone_set_journal(fs, p.log_map, p.log_blocks);
	if (!err)
		err = jbd2_journal_open(&p, &fs->journal);
	free(p.log_map);
	return err;
}

static int open_external(struct ext4_fs *fs, char *reason, size_t len)
{
	struct ext2fs_super *jsuper;
	struct jbd2_params p;
	const char *why = NULL;
	errcode_t io;
	int err;

	if (!fs->opts.journal_dev) {
		snprintf(reason, len, "its journal is on another device, which was not given (journal_path=)");
		return -EINVAL;
	}
	io = ext2fs_open_super(fs->opts.journal_dev, EXT2FS_SUPER_JOURNAL_DEV, 0, 0, &jsuper, &why);
	if (io) {
		snprintf(reason, len, "the journal device is not one: %s%s%s", error_message(io), why ? ": " : "",
			 why ? why : "");
		return -EINVAL;
	}
	if (jsuper->block_size != fs->block_size) {
		snprintf(reason, len, "the journal device has blocks of %u bytes, the file system of %u",
			 jsuper->block_size, fs->block_size);
		ext2fs_free_super(jsuper);
		return -EINVAL;
	}
	common_params(fs, &p);
	p.log_dev = fs->opts.journal_dev;
	p.log_start = jsuper->sb_block + 1;
	p.fs_uuid = fs->sb->s_uuid;
	p.journal_uuid = fs->sb->s_journal_uuid;
	err = jbd2_journal_open(&p, &fs->journal);
	ext2fs_free_super(jsuper);
	return err;
}

/* The replay wrote blocks that were checked before it; nothing read until now may be trusted. */
static int start_over(struct ext4_fs *fs)
{
	const char *why = NULL;
	errcode_t io;

	ext4_icache_destroy(fs);
	ext4_zones_destroy(fs);
	ext4_groups_destroy(fs);
	fs->super->raw = *fs->sb;
	io = ext2fs_check_super(fs->super, 0, fs->super->device_size, &why);
	if (io) {
		ext4_log(fs, EXT4_LOG_ERR, "%s: the journal held a bad superblock: %s", fs->device_name,
			 why ? why : error_message(io));
		return -EUCLEAN;
	}
	return ext4_load_geometry(fs);
}

/*
 * The journal was aborted in an earlier mount, which may not have come to saying so in the superblock.
 * With the next write of the superblock this record is there, and the journal's own one may go.
 */
static void note_old_error(struct ext4_fs *fs)
{
	if (jbd2_journal_errno(fs->journal) && !fs->opts.read_only)
		fs->sb->s_state |= cpu_to_le16(EXT2_ERROR_FS);
}

static bool is_damage(int err)
{
	return err == -EUCLEAN || err == -EBADMSG;
}

/* What is there to do. */
static void explain(struct ext4_fs *fs, const char *what, int err, char *reason, size_t len)
{
	if (is_damage(err))
		snprintf(reason, len, "the journal %s (%s): e2fsck -f %s replays what comes before the damage and repairs the rest; "
			 "%s", what, strerror(-err), fs->device_name, fs->opts.read_only ?
			 "-o noload shows what is outside of it" : "-o ro shows what can be shown");
	else
		snprintf(reason, len, "the journal %s (%s)", what, strerror(-err));
}

/* Nothing of the journal was replayed, nothing will be written: what is on the device can be looked at. */
static int go_without(struct ext4_fs *fs, int err)
{
	ext4_log(fs, EXT4_LOG_WARN, "%s: the journal is damaged (%s) and ignored: what was written last may be missing or in pieces; "
		 "e2fsck can repair it", fs->device_name, strerror(-err));
	if (fs->journal)
		jbd2_journal_destroy(fs->journal);
	fs->journal = NULL;
	return open_null_journal(fs);
}

static int replay(struct ext4_fs *fs, char *reason, size_t len)
{
	struct jbd2_recovery_stats stats = { 0 };
	bool needed = jbd2_journal_needs_recovery(fs->journal) ||
		      ext2fs_has_feature_journal_needs_recovery(fs->sb);
	int err;

	if (needed)
		ext4_log(fs, EXT4_LOG_INFO, "%s: recovering the journal%s", fs->device_name,
			 fs->opts.read_only ? " (in memory)" : "");
	err = jbd2_journal_load(fs->journal, &stats);
	ext4_divide_memory(fs);
	if (is_damage(err) && fs->opts.read_only && !stats.blocks)
		return go_without(fs, err);
	if (err) {
		explain(fs, "cannot be replayed", err, reason, len);
		return err;
	}
	if (!needed) {
		note_old_error(fs);
		return 0;
	}
	fs->replayed_ro = fs->opts.read_only;
	ext4_log(fs, EXT4_LOG_INFO, "%s: replayed %llu blocks, %llu revoked, %u of fast commits", fs->device_name,
		 (unsigned long long)stats.blocks, (unsigned long long)stats.revoked, stats.fc_blocks);
	err = start_over(fs);
	if (!err)
		note_old_error(fs);
	return err;
}

int ext4_open_journal(struct ext4_fs *fs, char *reason, size_t len)
{
	bool wanted = fs->has_journal && !fs->opts.noload;
	int err;

	if (!wanted)
		return open_null_journal(fs);
	err = fs->sb->s_journal_inum ? open_internal(fs) : open_external(fs, reason, len);
	if (is_damage(err) && fs->opts.read_only)
		return go_without(fs, err);
	if (err) {
		if (!reason[0])
			explain(fs, "cannot be opened", err, reason, len);
		return err;
	}
	return replay(fs, reason, len);
}

uint64_t ext4_journal_blocks(struct ext4_fs *fs)
{
	struct ext4_inode *inode;
	uint64_t n;

	if (!fs->has_journal || !fs->sb->s_journal_inum ||
	    ext4_iget_flags(fs, le32_to_cpu(fs->sb->s_journal_inum), EXT4_IGET_SPECIAL, &inode))
		return 0;
	n = ext4_isize(inode) >> fs->block_bits;
	ext4_iput(inode);
	return n;
}
