/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The broken libraries: this program is linked with --wrap, so that the calls between the files of
 * lib/ that matter come here first.  The libraries themselves know nothing of it.
 */
#include <stddef.h>
#include "broken.h"
#include "device.h"
#include "jbd2/jbd2_i.h"

enum breakage broken_how;

static struct pc_device *device; /* of the workload, while it runs */
/* by one thread: the next flush is left out, what was held back goes after it */
static __thread bool skip_flush, release_after_flush;

void broken_prepare(struct pc_device *dev)
{
	device = dev;
}

static bool is_broken(enum breakage how)
{
	return device && broken_how == how;
}

errcode_t __real_io_channel_flush(io_channel channel);
errcode_t __wrap_io_channel_flush(io_channel channel);
int __real_jbd2_write_log_blocks(journal_t *journal, struct transaction *tx, uint32_t *crc);
int __wrap_jbd2_write_log_blocks(journal_t *journal, struct transaction *tx, uint32_t *crc);
int __real_jbd2_write_commit_block(journal_t *journal, struct transaction *tx, uint32_t crc);
int __wrap_jbd2_write_commit_block(journal_t *journal, struct transaction *tx, uint32_t crc);
bool __real_jbd2_revoke_next(const struct jbd2_revoke_table *table, size_t *pos, uint64_t *blk);
bool __wrap_jbd2_revoke_next(const struct jbd2_revoke_table *table, size_t *pos, uint64_t *blk);
void __real_jbd2_handle_on_commit(handle_t *handle, struct jbd2_commit_cb *cb);
void __wrap_jbd2_handle_on_commit(handle_t *handle, struct jbd2_commit_cb *cb);
int __real_jbd2_complete_transaction(journal_t *journal, tid_t tid, bool *flushed);
int __wrap_jbd2_complete_transaction(journal_t *journal, tid_t tid, bool *flushed);
errcode_t __real_iocache_write_bufs(struct iocache *ic, struct iocache_buf **bufs, size_t count);
errcode_t __wrap_iocache_write_bufs(struct iocache *ic, struct iocache_buf **bufs, size_t count);

errcode_t __wrap_io_channel_flush(io_channel channel)
{
	errcode_t err;

	if (skip_flush) {
		skip_flush = false;
		return 0;
	}
	err = __real_io_channel_flush(channel);
	if (release_after_flush)
		pc_device_release(device);
	release_after_flush = false;
	return err;
}

int __wrap_jbd2_write_log_blocks(journal_t *journal, struct transaction *tx, uint32_t *crc)
{
	int err;

	if (is_broken(COMMIT_FIRST))
		pc_device_hold(device, true);
	err = __real_jbd2_write_log_blocks(journal, tx, crc);
	if (is_broken(COMMIT_FIRST))
		pc_device_hold(device, false);
	skip_flush = is_broken(COMMIT_BEFORE_DATA);
	return err;
}

int __wrap_jbd2_write_commit_block(journal_t *journal, struct transaction *tx, uint32_t crc)
{
	release_after_flush = is_broken(COMMIT_FIRST);
	return __real_jbd2_write_commit_block(journal, tx, crc);
}

bool __wrap_jbd2_revoke_next(const struct jbd2_revoke_table *table, size_t *pos, uint64_t *blk)
{
	return is_broken(NO_REVOKES) ? false : __real_jbd2_revoke_next(table, pos, blk);
}

void __wrap_jbd2_handle_on_commit(handle_t *handle, struct jbd2_commit_cb *cb)
{
	if (is_broken(EARLY_REUSE))
		cb->func(cb, 0);
	else
		__real_jbd2_handle_on_commit(handle, cb);
}

int __wrap_jbd2_complete_transaction(journal_t *journal, tid_t tid, bool *flushed)
{
	int err = __real_jbd2_complete_transaction(journal, tid, flushed);

	if (flushed && is_broken(FSYNC_IN_VAIN))
		*flushed = true;
	return err;
}

/* Checkpoints write many buffers; the flush that follows is the one that the tail waits for. */
errcode_t __wrap_iocache_write_bufs(struct iocache *ic, struct iocache_buf **bufs, size_t count)
{
	errcode_t err = __real_iocache_write_bufs(ic, bufs, count);

	skip_flush = is_broken(NO_CHECKPOINT_FLUSH) && count > 1;
	return err;
}
