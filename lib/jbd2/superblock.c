/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal superblock: checking what the device says, the features, and
 * writing it, always as one transfer of its block.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ext2fs/ext2fs.h"
#include "jbd2/jbd2_i.h"

static bool is_v2(const struct journal_superblock *sb)
{
	return be32_to_cpu(sb->s_header.h_blocktype) == JBD2_SUPERBLOCK_V2;
}

static bool has_compat(const struct journal_superblock *sb, uint32_t feature)
{
	return is_v2(sb) && (be32_to_cpu(sb->s_feature_compat) & feature);
}

static bool has_incompat(const struct journal_superblock *sb, uint32_t feature)
{
	return is_v2(sb) && (be32_to_cpu(sb->s_feature_incompat) & feature);
}

static uint32_t sb_csum(const struct journal_superblock *sb)
{
	struct journal_superblock copy = *sb;

	copy.s_checksum = 0;
	return ext2fs_crc32c_le(~0U, &copy, sizeof(copy));
}

uint32_t jbd2_csum(const journal_t *journal, const void *block)
{
	return ext2fs_crc32c_le(journal->csum_seed, block, journal->block_size);
}

static int corrupt(journal_t *journal, const char *what)
{
	jbd2_msg(journal, JBD2_LOG_ERR, "journal superblock at block %llu: %s; run e2fsck",
		 (unsigned long long)journal->sb_blk, what);
	return -EUCLEAN;
}

static int check_features(journal_t *journal)
{
	const struct journal_superblock *sb = journal->sb;
	uint32_t unknown, sums = 0;

	if (!is_v2(sb))
		return 0;
	unknown = be32_to_cpu(sb->s_feature_incompat) & ~JBD2_KNOWN_INCOMPAT;
	if (unknown) {
		jbd2_msg(journal, JBD2_LOG_ERR,
			 "the journal has unknown incompatible features 0x%x; "
			 "a newer version is needed",
			 unknown);
		return -EOPNOTSUPP;
	}
	unknown = be32_to_cpu(sb->s_feature_ro_compat);
	if (unknown && !journal->read_only) {
		jbd2_msg(journal, JBD2_LOG_ERR,
			 "the journal has unknown read-only compatible features 0x%x; "
			 "mount read-only",
			 unknown);
		return -EOPNOTSUPP;
	}
	sums += has_compat(sb, JBD2_FEATURE_COMPAT_CHECKSUM);
	sums += has_incompat(sb, JBD2_FEATURE_INCOMPAT_CSUM_V2);
	sums += has_incompat(sb, JBD2_FEATURE_INCOMPAT_CSUM_V3);
	if (sums > 1)
		return corrupt(journal, "more than one kind of checksum at once");
	return 0;
}

static int check_csum(journal_t *journal)
{
	const struct journal_superblock *sb = journal->sb;

	if (!has_incompat(sb, JBD2_FEATURE_INCOMPAT_CSUM_V2 | JBD2_FEATURE_INCOMPAT_CSUM_V3))
		return 0;
	if (sb->s_checksum_type != JBD2_CRC32C_CHKSUM)
		return corrupt(journal, "unknown checksum type");
	if (be32_to_cpu(sb->s_checksum) != sb_csum(sb)) {
		corrupt(journal, "checksum is wrong");
		return -EBADMSG;
	}
	return 0;
}

static int check_geometry(journal_t *journal)
{
	const struct journal_superblock *sb = journal->sb;
	uint32_t maxlen = be32_to_cpu(sb->s_maxlen), first = be32_to_cpu(sb->s_first);
	uint32_t start = be32_to_cpu(sb->s_start);

	if (be32_to_cpu(sb->s_blocksize) != journal->block_size)
		return corrupt(journal, "block size differs from the file system's");
	if (journal->log_map && maxlen > journal->log_blocks)
		return corrupt(journal, "longer than the journal file");
	if (maxlen < JBD2_MIN_JOURNAL_BLOCKS)
		return corrupt(journal, "journal is too short");
	if (!first || first >= maxlen || maxlen - first < JBD2_MIN_JOURNAL_BLOCKS / 2)
		return corrupt(journal, "invalid first block");
	if (!journal->log_map && first <= journal->sb_blk)
		return corrupt(journal, "log overlaps the superblock");
	journal->log_blocks = maxlen;
	jbd2_sb_set_format(journal);
	if (journal->last <= first || journal->last - first < JBD2_MIN_JOURNAL_BLOCKS / 2)
		return corrupt(journal, "no room beside the fast-commit blocks");
	if (start && (start < first || start >= journal->last))
		return corrupt(journal, "start of the log is outside of it");
	return 0;
}

static int check_users(journal_t *journal, const struct jbd2_params *params)
{
	const struct journal_superblock *sb = journal->sb;
	uint32_t users = be32_to_cpu(sb->s_nr_users), i;

	if (journal->log_map)
		return 0;
	if (params->journal_uuid && memcmp(params->journal_uuid, sb->s_uuid, 16)) {
		jbd2_msg(journal, JBD2_LOG_ERR, "this is not the file system's journal device: "
			 "its UUID is a different one");
		return -EINVAL;
	}
	if (users > JBD2_USERS_MAX)
		return corrupt(journal, "too many users");
	for (i = 0; i < users; i++)
		if (params->fs_uuid && !memcmp(params->fs_uuid, sb->s_users + 16 * i, 16))
			return 0;
	jbd2_msg(journal, JBD2_LOG_ERR, "the journal device does not list this file system "
		 "as a user");
	return -EINVAL;
}

int jbd2_sb_read(journal_t *journal, const struct jbd2_params *params)
{
	const struct journal_superblock *sb = journal->sb;
	errcode_t io;
	uint32_t type;
	int err;

	io = io_channel_read_blk64(journal->log_dev, journal->sb_blk, 1, journal->sb_mem);
	if (io) {
		jbd2_msg(journal, JBD2_LOG_ERR, "cannot read the journal superblock: %s",
			 error_message(io));
		return jbd2_errno(io);
	}
	type = be32_to_cpu(sb->s_header.h_blocktype);
	if (be32_to_cpu(sb->s_header.h_magic) != JBD2_MAGIC_NUMBER)
		return corrupt(journal, "no journal here (bad magic number)");
	if (type != JBD2_SUPERBLOCK_V1 && type != JBD2_SUPERBLOCK_V2)
		return corrupt(journal, "unknown version");
	err = check_features(journal);
	if (!err)
		err = check_csum(journal);
	if (!err)
		err = check_geometry(journal);
	if (!err)
		err = check_users(journal, params);
	journal->open_errno = (int32_t)be32_to_cpu(sb->s_errno);
	journal->sb_clean = !sb->s_start;
	return err;
}

void jbd2_sb_set_format(journal_t *journal)
{
	const struct journal_superblock *sb = journal->sb;
	uint32_t fc = 0;

	journal->csum_v1 = has_compat(sb, JBD2_FEATURE_COMPAT_CHECKSUM);
	journal->csum_v2 = has_incompat(sb, JBD2_FEATURE_INCOMPAT_CSUM_V2);
	journal->csum_v3 = has_incompat(sb, JBD2_FEATURE_INCOMPAT_CSUM_V3);
	journal->is_64bit = has_incompat(sb, JBD2_FEATURE_INCOMPAT_64BIT);
	journal->csum_seed = ext2fs_crc32c_le(~0U, sb->s_uuid, sizeof(sb->s_uuid));
	if (journal->csum_v3)
		journal->tag_bytes = sizeof(struct journal_block_tag3);
	else
		journal->tag_bytes = 8 + (journal->csum_v2 ? 2 : 0) + (journal->is_64bit ? 4 : 0);
	journal->tail_bytes = journal->csum_v2 || journal->csum_v3 ?
			      sizeof(struct journal_block_tail) : 0;
	journal->revoke_bytes = journal->is_64bit ? 8 : 4;
	journal->first = be32_to_cpu(sb->s_first);
	journal->last = journal->log_blocks;
	if (has_incompat(sb, JBD2_FEATURE_INCOMPAT_FAST_COMMIT)) {
		fc = be32_to_cpu(sb->s_num_fc_blks);
		if (!fc)
			fc = JBD2_DEFAULT_FAST_COMMIT_BLOCKS;
		journal->last = fc < journal->last ? journal->last - fc : 0;
	}
}

/*
 * As the kernel: csum v3 with metadata_csum, 64bit tags with 64bit, and the
 * fast-commit flag goes away with the last fast commits (nothing here writes
 * new ones), which also gives their blocks to the log.
 */
void jbd2_sb_set_features(journal_t *journal)
{
	struct journal_superblock *sb = journal->sb;
	uint32_t compat, incompat;

	if (!is_v2(sb)) {
		sb->s_header.h_blocktype = cpu_to_be32(JBD2_SUPERBLOCK_V2);
		memset(&sb->s_feature_compat, 0,
		       sizeof(*sb) - offsetof(struct journal_superblock, s_feature_compat));
		sb->s_nr_users = cpu_to_be32(1);
	}
	compat = be32_to_cpu(sb->s_feature_compat) & ~JBD2_FEATURE_COMPAT_CHECKSUM;
	incompat = be32_to_cpu(sb->s_feature_incompat) &
		   ~(JBD2_FEATURE_INCOMPAT_CSUM_V2 | JBD2_FEATURE_INCOMPAT_CSUM_V3 |
		     JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT | JBD2_FEATURE_INCOMPAT_FAST_COMMIT);
	incompat |= JBD2_FEATURE_INCOMPAT_REVOKE;
	if (journal->want_csum_v3)
		incompat |= JBD2_FEATURE_INCOMPAT_CSUM_V3;
	else if (journal->async_commit)
		compat |= JBD2_FEATURE_COMPAT_CHECKSUM;
	if (journal->async_commit)
		incompat |= JBD2_FEATURE_INCOMPAT_ASYNC_COMMIT;
	if (journal->want_64bit)
		incompat |= JBD2_FEATURE_INCOMPAT_64BIT;
	sb->s_feature_compat = cpu_to_be32(compat);
	sb->s_feature_incompat = cpu_to_be32(incompat);
	sb->s_checksum_type = journal->want_csum_v3 ? JBD2_CRC32C_CHKSUM : 0;
	sb->s_checksum = 0;
	jbd2_sb_set_format(journal);
}

/* sb_lock held. */
static int write_locked(journal_t *journal)
{
	struct journal_superblock *sb = journal->sb;

	if (has_incompat(sb, JBD2_FEATURE_INCOMPAT_CSUM_V2 | JBD2_FEATURE_INCOMPAT_CSUM_V3))
		sb->s_checksum = cpu_to_be32(sb_csum(sb));
	return jbd2_errno(io_channel_write_blk64(journal->log_dev, journal->sb_blk, 1,
						 journal->sb_mem));
}

int jbd2_sb_write(journal_t *journal, uint32_t start, tid_t sequence, bool flush)
{
	struct journal_superblock *sb = journal->sb;
	int err;

	pthread_mutex_lock(&journal->sb_lock);
	sb->s_start = cpu_to_be32(start);
	sb->s_sequence = cpu_to_be32(sequence);
	if (!start && is_v2(sb))
		sb->s_head = cpu_to_be32(journal->head);
	err = write_locked(journal);
	if (!err && flush)
		err = jbd2_flush_dev(journal, journal->log_dev);
	if (!err)
		journal->sb_clean = !start;
	pthread_mutex_unlock(&journal->sb_lock);
	return err;
}

bool jbd2_sb_is_clean(journal_t *journal)
{
	bool clean;

	pthread_mutex_lock(&journal->sb_lock);
	clean = journal->sb_clean;
	pthread_mutex_unlock(&journal->sb_lock);
	return clean;
}

void jbd2_sb_write_errno(journal_t *journal, int err)
{
	pthread_mutex_lock(&journal->sb_lock);
	journal->sb->s_errno = cpu_to_be32((uint32_t)err);
	/* The device may be what is broken; then there is no place for the message. */
	if (!write_locked(journal))
		io_channel_flush(journal->log_dev);
	pthread_mutex_unlock(&journal->sb_lock);
}
