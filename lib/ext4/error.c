/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens when something is wrong: messages, the errors= policy, and the
 * record of the first and the last error that the superblock keeps.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <et/com_err.h>
#include "ext4/ext4_i.h"
#include "ext2fs/ext2_err.h"

struct ext4_error_record {
	uint64_t	time;
	uint32_t	ino, line;
	blk64_t		block;
	uint8_t		code;
	char		func[32];
	uint32_t	count;		/* not yet in the superblock */
};

static void left_out(void *priv, const char *name, unsigned int count)
{
	struct ext4_fs *fs = priv;
	char msg[256];

	snprintf(msg, sizeof(msg), "%s: %u more messages from %s were left out", fs->device_name, count, name);
	fs->opts.log(fs->opts.log_priv, EXT4_LOG_WARN, msg);
}

static void __attribute__((format(printf, 5, 0)))
log_from(struct ext4_fs *fs, enum ext4_log_level level, const char *name, unsigned int line, const char *fmt,
	 va_list ap)
{
	unsigned int before = 0;
	char msg[512];

	if (!fs->opts.log)
		return;
	if (name && level <= EXT4_LOG_WARN && !support_limit_pass(&fs->log_limit, name, line, &before))
		return;
	if (before)
		left_out(fs, name, before);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	fs->opts.log(fs->opts.log_priv, level, msg);
}

void ext4_log(struct ext4_fs *fs, enum ext4_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_from(fs, level, NULL, 0, fmt, ap);
	va_end(ap);
}

void ext4_log_at(struct ext4_fs *fs, enum ext4_log_level level, const char *func, unsigned int line,
		 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_from(fs, level, func, line, fmt, ap);
	va_end(ap);
}

void ext4_log_flush(struct ext4_fs *fs)
{
	if (fs->opts.log)
		support_limit_flush(&fs->log_limit, left_out, fs);
}

int ext4_errno(errcode_t err)
{
	if (!err)
		return 0;
	if (err > 0 && err < 4096)
		return -(int)err;
	switch (err) {
	case EXT2_ET_NO_MEMORY:
		return -ENOMEM;
	case EXT2_ET_OP_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* The numbers that the superblock's s_*_error_errcode uses. */
static uint8_t record_code(int err)
{
	switch (err) {
	case -EIO:
		return EXT4_ERR_EIO;
	case -ENOMEM:
		return EXT4_ERR_ENOMEM;
	case -EBADMSG:
		return EXT4_ERR_EFSBADCRC;
	case -EUCLEAN:
		return EXT4_ERR_EFSCORRUPTED;
	case -ENOSPC:
		return EXT4_ERR_ENOSPC;
	default:
		return EXT4_ERR_UNKNOWN;
	}
}

static void remember(struct ext4_fs *fs, const char *func, unsigned int line, int err, uint32_t ino,
		     blk64_t block)
{
	struct ext4_error_record *rec = fs->error_record;
	struct timespec now;

	if (!rec)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&fs->worker_lock);
	rec->time = now.tv_sec;
	rec->ino = ino;
	rec->line = line;
	rec->block = block;
	rec->code = record_code(err);
	snprintf(rec->func, sizeof(rec->func), "%s", func);
	rec->count++;
	fs->error_pending = true;
	pthread_cond_signal(&fs->worker_cond);
	pthread_mutex_unlock(&fs->worker_lock);
}

/* The journal stops too, so that nothing of what went wrong reaches the disk. */
void ext4_stop_writing(struct ext4_fs *fs, int err)
{
	if (__atomic_exchange_n(&fs->read_only, true, __ATOMIC_ACQ_REL))
		return;
	ext4_log(fs, EXT4_LOG_ERR, "%s: now read-only; unmount it and run e2fsck",
		 fs->device_name);
	if (fs->journal)
		jbd2_journal_abort(fs->journal, err);
}

/* The policy. */
static void apply_policy(struct ext4_fs *fs, int err)
{
	if (__atomic_load_n(&fs->read_only, __ATOMIC_ACQUIRE))
		return;
	if (fs->errors == EXT4_ERRORS_PANIC) {
		ext4_log(fs, EXT4_LOG_ERR, "%s: stopping at once, as errors=panic asks",
			 fs->device_name);
		ext4_write_error_record(fs);
		abort();
	}
	if (fs->errors == EXT4_ERRORS_RO)
		ext4_stop_writing(fs, err);
}

static void describe_place(char *buf, size_t size, uint32_t ino, blk64_t block)
{
	int n = 0;

	buf[0] = '\0';
	if (ino)
		n = snprintf(buf, size, ", inode %u", ino);
	if (block)
		snprintf(buf + n, size - n, ", block %llu", (unsigned long long)block);
}

int ext4_corrupt_at(struct ext4_fs *fs, const char *func, unsigned int line, int err, uint32_t ino,
		    blk64_t block, const char *fmt, ...)
{
	char what[256], place[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	describe_place(place, sizeof(place), ino, block);
	ext4_log_at(fs, EXT4_LOG_ERR, func, line, "%s: file system damage in %s:%u%s: %s; run e2fsck",
		    fs->device_name, func, line, place, what);
	remember(fs, func, line, err, ino, block);
	apply_policy(fs, err);
	return err;
}

int ext4_io_error_at(struct ext4_fs *fs, const char *func, unsigned int line, errcode_t err, uint32_t ino,
		     blk64_t block, const char *what)
{
	char place[64];
	int ret = ext4_errno(err);

	describe_place(place, sizeof(place), ino, block);
	ext4_log_at(fs, EXT4_LOG_ERR, func, line, "%s: %s failed in %s%s: %s; check the device and its cables",
		    fs->device_name, what, func, place, error_message(err));
	if (ret == -ENOMEM)
		return ret;
	remember(fs, func, line, ret, ino, block);
	return ret;
}

/* ---- the superblock's record ---- */

static void fill_record(struct ext2_super_block *sb, const struct ext4_error_record *rec)
{
	sb->s_state |= cpu_to_le16(EXT2_ERROR_FS);
	ext2fs_set_tstamp(sb, s_last_error_time, rec->time);
	sb->s_last_error_ino = cpu_to_le32(rec->ino);
	sb->s_last_error_line = cpu_to_le32(rec->line);
	sb->s_last_error_block = cpu_to_le64(rec->block);
	sb->s_last_error_errcode = rec->code;
	memcpy(sb->s_last_error_func, rec->func, sizeof(sb->s_last_error_func));
	if (!sb->s_first_error_time && !sb->s_first_error_time_hi) {
		sb->s_first_error_time = sb->s_last_error_time;
		sb->s_first_error_time_hi = sb->s_last_error_time_hi;
		sb->s_first_error_ino = sb->s_last_error_ino;
		sb->s_first_error_line = sb->s_last_error_line;
		sb->s_first_error_block = sb->s_last_error_block;
		sb->s_first_error_errcode = rec->code;
		memcpy(sb->s_first_error_func, rec->func, sizeof(sb->s_first_error_func));
	}
	sb->s_error_count = cpu_to_le32(le32_to_cpu(sb->s_error_count) + rec->count);
}

/*
 * After an abort the journal takes nothing any more, and the cached superblock may hold changes
 * that never committed: patch the bytes that are on disk.
 */
static void write_record_directly(struct ext4_fs *fs, const struct ext4_error_record *rec)
{
	struct ext2_super_block sb;

	if (ext4_read_disk_super(fs->dev, fs->block_size, &sb))
		return;
	fill_record(&sb, rec);
	ext2fs_superblock_csum_set(&sb);
	if (!ext2fs_write_super(fs->dev, &sb))
		io_channel_flush(fs->dev);
}

static bool take_record(struct ext4_fs *fs, struct ext4_error_record *rec)
{
	bool pending;

	pthread_mutex_lock(&fs->worker_lock);
	pending = fs->error_pending && fs->error_record->count;
	if (pending) {
		*rec = *fs->error_record;
		fs->error_record->count = 0;
		fs->error_pending = false;
	}
	pthread_mutex_unlock(&fs->worker_lock);
	return pending;
}

void ext4_write_error_record(struct ext4_fs *fs)
{
	struct ext4_error_record rec;
	handle_t *handle;

	if (fs->opts.read_only || !fs->error_record || !take_record(fs, &rec))
		return;
	if (!fs->journal || jbd2_journal_aborted(fs->journal) ||
	    ext4_journal_start(fs, 1, &handle)) {
		write_record_directly(fs, &rec);
		return;
	}
	if (!ext4_sb_begin(handle, fs)) {
		fill_record(fs->sb, &rec);
		ext4_sb_end(handle, fs);
	}
	ext4_journal_stop(handle, 0);
}

int ext4_error_init(struct ext4_fs *fs)
{
	support_limit_init(&fs->log_limit);
	fs->error_record = calloc(1, sizeof(*fs->error_record));
	return fs->error_record ? 0 : -ENOMEM;
}

void ext4_error_destroy(struct ext4_fs *fs)
{
	ext4_log_flush(fs);
	support_limit_destroy(&fs->log_limit);
	free(fs->error_record);
	fs->error_record = NULL;
}
