/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening, loading and ending a journal, and where its blocks lie.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "jbd2/jbd2_i.h"

#define MIN_LOG		1024U	/* blocks; mke2fs makes none smaller */

void jbd2_msg(journal_t *journal, enum jbd2_log_level level, const char *fmt, ...)
{
	char text[512];
	va_list args;

	if (!journal->ops->log)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	journal->ops->log(journal->priv, level, text);
}

uint32_t jbd2_log_capacity(const journal_t *journal)
{
	return journal->last - journal->first;
}

uint32_t jbd2_log_used(const journal_t *journal)
{
	return jbd2_log_capacity(journal) - journal->free;
}

uint32_t jbd2_log_next(const journal_t *journal, uint32_t blk)
{
	return blk + 1 < journal->last ? blk + 1 : journal->first;
}

/* The log of an external journal is numbered by the blocks of its device. */
blk64_t jbd2_log_phys(const journal_t *journal, uint32_t blk)
{
	return journal->log_map ? journal->log_map[blk] : blk;
}

uint32_t jbd2_log_run(const journal_t *journal, uint32_t blk, uint32_t count)
{
	uint32_t end = blk < journal->last ? journal->last : journal->log_blocks, n;

	if (count > end - blk)
		count = end - blk;
	if (!journal->log_map)
		return count;
	for (n = 1; n < count; n++)
		if (journal->log_map[blk + n] != journal->log_map[blk] + n)
			break;
	return n;
}

static void init_sync(journal_t *journal)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&journal->sb_lock, NULL);
	pthread_mutex_init(&journal->mutex, NULL);
	pthread_mutex_init(&journal->cp_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&journal->commit_cond, &attr);
	pthread_cond_init(&journal->drain_cond, &attr);
	pthread_cond_init(&journal->start_cond, &attr);
	pthread_cond_init(&journal->done_cond, &attr);
	pthread_cond_init(&journal->durable_cond[0], &attr);
	pthread_cond_init(&journal->durable_cond[1], &attr);
	pthread_cond_init(&journal->ckpt_cond, &attr);
	pthread_condattr_destroy(&attr);
	INIT_LIST_HEAD(&journal->cp_txs);
	INIT_LIST_HEAD(&journal->failed_txs);
}

journal_t *jbd2_journal_alloc(const struct jbd2_params *params)
{
	journal_t *journal = aligned_alloc(64, sizeof(*journal));

	if (!journal)
		return NULL;
	memset(journal, 0, sizeof(*journal));
	init_sync(journal);
	journal->ops = params->ops;
	journal->priv = params->priv;
	journal->cache = params->cache;
	journal->home_dev = iocache_backing(params->cache);
	journal->log_dev = params->log_dev;
	journal->block_size = params->block_size;
	journal->barrier = params->barrier;
	journal->read_only = params->read_only;
	journal->async_commit = params->async_commit;
	journal->ordered_data = params->ordered_data;
	journal->want_csum_v3 = params->csum_v3;
	journal->want_64bit = params->csum_64bit_tags;
	journal->commit_interval = params->commit_interval ? params->commit_interval :
							     JBD2_DEFAULT_COMMIT_INTERVAL;
	return journal;
}

void jbd2_journal_free(journal_t *journal)
{
	pthread_mutex_destroy(&journal->sb_lock);
	pthread_mutex_destroy(&journal->mutex);
	pthread_mutex_destroy(&journal->cp_lock);
	pthread_cond_destroy(&journal->commit_cond);
	pthread_cond_destroy(&journal->drain_cond);
	pthread_cond_destroy(&journal->start_cond);
	pthread_cond_destroy(&journal->done_cond);
	pthread_cond_destroy(&journal->durable_cond[0]);
	pthread_cond_destroy(&journal->durable_cond[1]);
	pthread_cond_destroy(&journal->ckpt_cond);
	free(journal->log_map);
	free(journal->sb_mem);
	free(journal);
}

/* The caller's map of the log, copied. */
static int copy_log_map(journal_t *journal, const struct jbd2_params *params)
{
	size_t size = (size_t)params->log_blocks * sizeof(*params->log_map);

	if (!params->log_map) {
		journal->sb_blk = params->log_start;
		return 0;
	}
	if (!params->log_blocks)
		return -EINVAL;
	journal->log_map = malloc(size);
	if (!journal->log_map)
		return -ENOMEM;
	memcpy(journal->log_map, params->log_map, size);
	journal->log_blocks = params->log_blocks;
	journal->sb_blk = params->log_map[0];
	return 0;
}

int jbd2_journal_open(const struct jbd2_params *params, journal_t **ret)
{
	journal_t *journal = jbd2_journal_alloc(params);
	void *mem;
	int err;

	*ret = NULL;
	if (!journal)
		return -ENOMEM;
	err = copy_log_map(journal, params);
	if (!err && posix_memalign(&mem, 4096, journal->block_size))
		err = -ENOMEM;
	if (!err) {
		journal->sb_mem = mem;
		journal->sb = mem;
		err = jbd2_sb_read(journal, params);
	}
	if (err) {
		jbd2_journal_free(journal);
		return err;
	}
	*ret = journal;
	return 0;
}

int jbd2_journal_open_null(const struct jbd2_params *params, journal_t **ret)
{
	journal_t *journal = jbd2_journal_alloc(params);

	*ret = journal;
	if (!journal)
		return -ENOMEM;
	journal->null = true;
	return 0;
}

bool jbd2_journal_needs_recovery(const journal_t *journal)
{
	return !journal->null && !journal->sb_clean;
}

void *jbd2_journal_priv(const journal_t *journal)
{
	return journal->priv;
}

int jbd2_journal_errno(const journal_t *journal)
{
	return journal->open_errno;
}

void jbd2_journal_clear_errno(journal_t *journal)
{
	if (journal->open_errno && !journal->read_only)
		jbd2_sb_write_errno(journal, 0);
}

bool jbd2_journal_is_null(const journal_t *journal)
{
	return journal->null;
}

int jbd2_journal_max_credits(const journal_t *journal)
{
	/* Without a log there is no limit but sense. */
	return journal->null ? 1 << 20 : journal->max_credits;
}

void jbd2_journal_set_memory(journal_t *journal, uint64_t blocks)
{
	if (journal->null || !journal->live)
		return;
	if (blocks < MIN_LOG)
		blocks = MIN_LOG;
	if (blocks > jbd2_log_capacity(journal))
		blocks = jbd2_log_capacity(journal);
	pthread_mutex_lock(&journal->mutex);
	journal->soft_log = blocks;
	__atomic_store_n(&journal->soft_credits, (int)blocks / 4, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&journal->start_cond);
	pthread_cond_signal(&journal->ckpt_cond);
	pthread_mutex_unlock(&journal->mutex);
}

static int start_threads(journal_t *journal)
{
	int err;

	err = pthread_create(&journal->commit_thread, NULL, jbd2_commit_thread, journal);
	if (err)
		return -err;
	err = pthread_create(&journal->ckpt_thread, NULL, jbd2_ckpt_thread, journal);
	if (err) {
		pthread_mutex_lock(&journal->mutex);
		journal->stop_commit = true;
		pthread_cond_broadcast(&journal->commit_cond);
		pthread_mutex_unlock(&journal->mutex);
		pthread_join(journal->commit_thread, NULL);
		return -err;
	}
	journal->live = true;
	return 0;
}

static void stop_threads(journal_t *journal)
{
	pthread_mutex_lock(&journal->mutex);
	journal->stop_commit = true;
	pthread_cond_broadcast(&journal->commit_cond);
	pthread_mutex_unlock(&journal->mutex);
	pthread_join(journal->commit_thread, NULL);
	pthread_mutex_lock(&journal->mutex);
	journal->stop_ckpt = true;
	pthread_cond_broadcast(&journal->ckpt_cond);
	pthread_cond_broadcast(&journal->done_cond);
	pthread_mutex_unlock(&journal->mutex);
	pthread_join(journal->ckpt_thread, NULL);
	journal->live = false;
}

/* A clean log goes on where it ended, with a number that was not used before. */
static void continue_clean_log(journal_t *journal)
{
	journal->next_tid = be32_to_cpu(journal->sb->s_sequence) + 1;
	journal->head = 0;
	if (be32_to_cpu(journal->sb->s_header.h_blocktype) == JBD2_SUPERBLOCK_V2)
		journal->head = be32_to_cpu(journal->sb->s_head);
}

/* What was replayed becomes durable at home, and then the log is not needed any more. */
static int retire_old_log(journal_t *journal)
{
	errcode_t io = iocache_flush(journal->cache);

	if (io) {
		jbd2_msg(journal, JBD2_LOG_ERR, "cannot write replayed blocks: %s",
			 error_message(io));
		return jbd2_errno(io);
	}
	jbd2_sb_set_features(journal);
	if (journal->head < journal->first || journal->head >= journal->last)
		journal->head = journal->first;
	return jbd2_sb_write(journal, 0, journal->next_tid, true);
}

int jbd2_journal_load(journal_t *journal, struct jbd2_recovery_stats *stats)
{
	struct jbd2_recovery_stats unused;
	int err = 0;

	memset(stats ? stats : (stats = &unused), 0, sizeof(*stats));
	if (journal->null)
		return 0;
	if (!journal->sb_clean)
		err = jbd2_recover(journal, stats);
	else
		continue_clean_log(journal);
	if (err || journal->read_only)
		return err;
	if (journal->sb_clean)
		jbd2_sb_set_features(journal);
	else
		err = retire_old_log(journal);
	if (err)
		return err;
	if (journal->head < journal->first || journal->head >= journal->last)
		journal->head = journal->first;
	journal->tail = journal->head;
	journal->free = jbd2_log_capacity(journal);
	journal->commit_request = journal->next_tid - 1;
	journal->durable_tid = journal->finished_tid = journal->commit_request;
	jbd2_doors_init(journal);
	return start_threads(journal);
}

/* After an abort: the checkpoint lists of what did get committed. */
static void drop_checkpoints(journal_t *journal)
{
	struct transaction *tx, *next_tx;
	struct journal_head *jh, *next;
	struct iocache_buf *buf;

	list_for_each_entry_safe(tx, next_tx, &journal->cp_txs, list) {
		list_for_each_entry_safe(jh, next, &tx->cp_list, cp_list) {
			buf = jh->buf;
			iocache_lock(buf);
			list_del(&jh->cp_list);
			jh->cp_tx = NULL;
			jbd2_head_try_free(jh);
			iocache_unlock(buf);
			iocache_put(buf);
		}
		jbd2_transaction_free(tx);
	}
}

int jbd2_journal_destroy(journal_t *journal)
{
	int err = 0, err2;

	if (journal->null) {
		err = jbd2_null_commit(journal);
	} else if (journal->live) {
		err = jbd2_journal_flush(journal);
		stop_threads(journal);
		jbd2_drop_failed(journal);
		drop_checkpoints(journal);
		err2 = journal_errno(journal) ? -EIO : 0;
		err = err ? err : err2;
	}
	jbd2_journal_free(journal);
	return err;
}
