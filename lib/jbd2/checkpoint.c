/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The checkpoint thread: writes committed buffers home and then, after a flush
 * of their device, moves the tail of the log.  It works in the background
 * when the log is half full, and at once when somebody waits for space.
 */
#include <stdlib.h>
#include "jbd2/jbd2_i.h"

#define BATCH_BUFS	8192	/* buffers written between two looks */

struct tail {
	uint32_t	blk;	/* where the log begins then */
	tid_t		tid;	/* its first transaction */
	uint32_t	freed;	/* blocks */
	struct list_head done;	/* transactions that end */
};

/* mutex held. */
bool jbd2_ckpt_wanted_locked(journal_t *journal)
{
	if (journal_errno(journal) || list_empty(&journal->cp_txs))
		return false;
	return journal->starters_waiting || journal->ckpt_all ||
	       jbd2_log_used(journal) > journal->soft_log / 2;
}

/* mutex held: how many blocks the next round should free. */
static uint32_t goal_locked(journal_t *journal)
{
	uint32_t used = jbd2_log_used(journal), keep = journal->soft_log / 4;

	if (journal->ckpt_all)
		return used;
	return used > keep ? used - keep : 1;
}

/* Referenced buffers of the oldest transactions, whose logs together are @goal blocks long. */
static size_t collect(journal_t *journal, uint32_t goal, struct iocache_buf **bufs)
{
	struct transaction *tx;
	struct journal_head *jh;
	uint32_t blocks = 0;
	size_t n = 0;

	pthread_mutex_lock(&journal->cp_lock);
	list_for_each_entry(tx, &journal->cp_txs, list) {
		list_for_each_entry(jh, &tx->cp_list, cp_list) {
			if (n == BATCH_BUFS)
				goto out;
			iocache_hold(jh->buf);
			bufs[n++] = jh->buf;
		}
		blocks += tx->log_blocks;
		if (blocks >= goal)
			break;
	}
out:
	pthread_mutex_unlock(&journal->cp_lock);
	return n;
}

/* A buffer that is clean has been written home: it leaves its checkpoint list. */
static void release_if_clean(journal_t *journal, struct iocache_buf *buf)
{
	struct journal_head *jh;
	bool freed = false;

	iocache_lock(buf);
	jh = buf->b_private;
	if (jh && jh->cp_tx && !iocache_test(buf, IOCACHE_BUF_DIRTY)) {
		pthread_mutex_lock(&journal->cp_lock);
		list_del(&jh->cp_list);
		jh->cp_tx = NULL;
		pthread_mutex_unlock(&journal->cp_lock);
		freed = jbd2_head_try_free(jh);
	}
	iocache_unlock(buf);
	if (freed)
		iocache_put(buf);
}

static int write_home(journal_t *journal, uint32_t goal, struct iocache_buf **bufs)
{
	size_t n = collect(journal, goal, bufs), i;
	errcode_t io;

	io = iocache_write_bufs(journal->cache, bufs, n);
	for (i = 0; i < n; i++) {
		release_if_clean(journal, bufs[i]);
		iocache_put(bufs[i]);
	}
	if (io)
		jbd2_msg(journal, JBD2_LOG_ERR, "cannot write metadata home: %s",
			 error_message(io));
	return jbd2_errno(io);
}

/* mutex held: the tail that the device may have once what is home now is durable. */
static void find_tail(journal_t *journal, struct tail *tail)
{
	struct transaction *tx, *next;

	INIT_LIST_HEAD(&tail->done);
	tail->freed = 0;
	pthread_mutex_lock(&journal->cp_lock);
	list_for_each_entry_safe(tx, next, &journal->cp_txs, list) {
		if (!list_empty(&tx->cp_list))
			break;
		tail->freed += tx->log_blocks;
		list_move_tail(&tx->list, &tail->done);
	}
	tx = list_first_entry_or_null(&journal->cp_txs, struct transaction, list);
	pthread_mutex_unlock(&journal->cp_lock);
	if (!tx)
		tx = journal->committing;
	if (tx) {
		tail->blk = tx->log_start;
		tail->tid = tx->tid;
	} else {
		tail->blk = journal->head;
		tail->tid = journal->running ? journal->running->tid : journal->next_tid;
	}
}

/*
 * Everything before the new tail is home: make that durable, then say so in the
 * superblock, make that durable, and only then use the space again.
 */
static int move_tail(journal_t *journal)
{
	struct transaction *tx, *next;
	struct tail tail;
	int err;

	pthread_mutex_lock(&journal->mutex);
	find_tail(journal, &tail);
	pthread_mutex_unlock(&journal->mutex);
	if (list_empty(&tail.done))
		return 0;
	err = jbd2_flush_dev(journal, journal->home_dev);
	if (!err)
		err = jbd2_sb_write(journal, tail.blk, tail.tid, true);
	if (err)
		jbd2_msg(journal, JBD2_LOG_ERR, "cannot move the tail of the log");
	list_for_each_entry_safe(tx, next, &tail.done, list)
		jbd2_transaction_free(tx);
	pthread_mutex_lock(&journal->mutex);
	if (!err) {
		journal->tail = tail.blk;
		journal->free += tail.freed;
	}
	pthread_mutex_unlock(&journal->mutex);
	return err;
}

/* mutex held.  What is left is pinned by younger transactions: let the next one of them finish. */
static void wait_for_commit(journal_t *journal)
{
	tid_t finished = journal->finished_tid;
	struct timespec soon;

	if (!journal->committing && !journal->running) {
		/* Pinned by somebody else, who will not tell. */
		clock_gettime(CLOCK_MONOTONIC, &soon);
		soon.tv_nsec += 10000000;
		if (soon.tv_nsec >= 1000000000) {
			soon.tv_sec++;
			soon.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&journal->ckpt_cond, &journal->mutex, &soon);
		return;
	}
	if (!journal->committing && journal->running)
		jbd2_request_commit_locked(journal, journal->running->tid);
	while ((journal->committing || journal->running) && journal->finished_tid == finished &&
	       !journal_errno(journal))
		pthread_cond_wait(&journal->done_cond, &journal->mutex);
}

/* mutex held on entry and return. */
static void checkpoint_round(journal_t *journal, struct iocache_buf **bufs)
{
	uint32_t goal = goal_locked(journal), free_before = journal->free;
	bool urgent = journal->starters_waiting || journal->ckpt_all;
	int err;

	journal->ckpt_busy = true;
	pthread_mutex_unlock(&journal->mutex);
	err = write_home(journal, goal, bufs);
	if (!err)
		err = move_tail(journal);
	if (err)
		jbd2_journal_abort(journal, err);
	pthread_mutex_lock(&journal->mutex);
	journal->ckpt_busy = false;
	pthread_cond_broadcast(&journal->start_cond);
	pthread_cond_broadcast(&journal->done_cond);
	if (err || journal->free > free_before)
		return;
	if (urgent)
		wait_for_commit(journal);
	else
		pthread_cond_wait(&journal->ckpt_cond, &journal->mutex);
}

void *jbd2_ckpt_thread(void *arg)
{
	journal_t *journal = arg;
	struct iocache_buf **bufs = malloc(BATCH_BUFS * sizeof(*bufs));

	pthread_setname_np(pthread_self(), "jbd2-ckpt");
	if (!bufs)
		jbd2_journal_abort(journal, -ENOMEM);
	pthread_mutex_lock(&journal->mutex);
	while (!journal->stop_ckpt) {
		if (jbd2_ckpt_wanted_locked(journal))
			checkpoint_round(journal, bufs);
		else
			pthread_cond_wait(&journal->ckpt_cond, &journal->mutex);
	}
	pthread_mutex_unlock(&journal->mutex);
	free(bufs);
	return NULL;
}

int jbd2_checkpoint_all(journal_t *journal)
{
	tid_t next;
	int err;

	pthread_mutex_lock(&journal->mutex);
	journal->ckpt_all++;
	while (journal->ckpt_busy || (!journal_errno(journal) && !list_empty(&journal->cp_txs))) {
		pthread_cond_signal(&journal->ckpt_cond);
		pthread_cond_wait(&journal->done_cond, &journal->mutex);
	}
	journal->ckpt_all--;
	next = journal->next_tid;
	pthread_mutex_unlock(&journal->mutex);
	if (journal_errno(journal))
		return -EIO;
	/* The last round has flushed the home device, so nothing is needed of the log. */
	if (jbd2_sb_is_clean(journal))
		return 0;
	err = jbd2_sb_write(journal, 0, next, true);
	if (err)
		jbd2_journal_abort(journal, err);
	return err;
}
