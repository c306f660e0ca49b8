/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commits: the running transaction is closed and made durable, by whoever
 * waits for it when nobody else is committing (that spares two changes of
 * threads), else by the commit thread: when asked, when it is old, at the end.
 * The buffers' part is in logwrite.c (before) and finish.c (after).
 */
#include <string.h>
#include "jbd2/jbd2_i.h"

/*
 * mutex held: shut the door and wait until everybody has left.  From
 * then on a new transaction may begin.
 */
static struct transaction *close_running(journal_t *journal)
{
	struct transaction *tx = journal->running;
	struct jbd2_door *door = &journal->doors[tx->tid & 1];
	int credits;

	journal->closing = true;
	__atomic_or_fetch(&door->word, JBD2_DOOR_LOCKED, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&door->word, __ATOMIC_ACQUIRE) != JBD2_DOOR_LOCKED)
		pthread_cond_wait(&journal->drain_cond, &journal->mutex);
	journal->running = NULL;
	journal->committing = tx;
	journal->closing = false;
	tx->log_start = journal->head;
	credits = __atomic_load_n(&door->credits, __ATOMIC_RELAXED) +
		  (int)(tx->revokes.count / jbd2_revokes_per_block(journal)) + 1;
	journal->reserved = jbd2_space_for(journal, credits);
	pthread_cond_broadcast(&journal->start_cond);
	return tx;
}

/* Without barriers the order of writes is kept all the same; only the device's own cache is left alone. */
int jbd2_flush_dev(journal_t *journal, io_channel dev)
{
	return jbd2_errno(journal->barrier ? io_channel_flush(dev) : io_channel_write_out(dev));
}

/* File data and, on the same device, the log so far become durable. */
static int flush_before_commit_block(journal_t *journal, struct transaction *tx)
{
	int err = 0;

	pthread_mutex_lock(&journal->mutex);
	tx->flush_started = true;
	pthread_mutex_unlock(&journal->mutex);
	if (journal->home_dev != journal->log_dev)
		err = jbd2_flush_dev(journal, journal->home_dev);
	if (!err && (!journal->async_commit ||
		     (journal->ordered_data && journal->home_dev == journal->log_dev)))
		err = jbd2_flush_dev(journal, journal->log_dev);
	return err;
}

/*
 * The order on disk: everything that the commit block vouches for is durable before the
 * block is written; with async_commit a checksum says so of the log, and one flush is enough
 * where file data need not be ordered.
 */
static int write_transaction(journal_t *journal, struct transaction *tx)
{
	uint32_t crc;
	int err = 0;

	/* The log was marked empty: tell the disk where it begins again. */
	if (jbd2_sb_is_clean(journal))
		err = jbd2_sb_write(journal, tx->log_start, tx->tid, false);
	if (!err)
		err = jbd2_write_log_blocks(journal, tx, &crc);
	if (!err)
		err = flush_before_commit_block(journal, tx);
	if (!err)
		err = jbd2_write_commit_block(journal, tx, crc);
	if (!err)
		err = jbd2_flush_dev(journal, journal->log_dev);
	return err;
}

void jbd2_run_callbacks(struct list_head *callbacks, int err)
{
	struct jbd2_commit_cb *cb;

	while (!list_empty(callbacks)) {
		cb = list_first_entry(callbacks, struct jbd2_commit_cb, cb_list);
		list_del_init(&cb->cb_list);
		cb->func(cb, err);
	}
}

static void tell_owner(journal_t *journal, struct transaction *tx, int err)
{
	jbd2_run_callbacks(&tx->callbacks, err);
	if (journal->ops->committed)
		journal->ops->committed(journal->priv, tx->tid, err);
}

/* mutex held: somebody waits for, or asked for, the next commit while this one ran. */
static void wake_next_committer(journal_t *journal)
{
	tid_t next;

	if (!journal->running)
		return;
	next = journal->running->tid;
	if (!journal_errno(journal) && journal->durable_waiters[next & 1])
		pthread_cond_signal(&journal->durable_cond[next & 1]);
	else if (journal_errno(journal) || tid_geq(journal->commit_request, next))
		pthread_cond_signal(&journal->commit_cond);
}

/*
 * It will never be durable.  Its buffers stay pinned with what they hold, so
 * that readers go on seeing it and nothing of it gets home.
 */
static void fail_transaction(journal_t *journal, struct transaction *tx, int err)
{
	if (!journal_errno(journal))
		jbd2_msg(journal, JBD2_LOG_ERR, "commit of transaction %u failed: %s", tx->tid,
			 strerror(-err));
	jbd2_journal_abort(journal, err);
	tell_owner(journal, tx, -EIO);
	pthread_mutex_lock(&journal->mutex);
	journal->committing = NULL;
	journal->reserved = 0;
	list_add_tail(&tx->list, &journal->failed_txs);
	wake_next_committer(journal);
	jbd2_wake_durable_waiters_locked(journal);
	pthread_cond_broadcast(&journal->done_cond);
	pthread_cond_broadcast(&journal->start_cond);
	pthread_mutex_unlock(&journal->mutex);
}

static void complete_transaction(journal_t *journal, struct transaction *tx)
{
	pthread_mutex_lock(&journal->mutex);
	journal->durable_tid = tx->tid;
	pthread_cond_broadcast(&journal->durable_cond[tx->tid & 1]);
	pthread_mutex_unlock(&journal->mutex);

	jbd2_finish_transaction(journal, tx);
	tell_owner(journal, tx, 0);

	pthread_mutex_lock(&journal->mutex);
	pthread_mutex_lock(&journal->cp_lock);
	list_add_tail(&tx->list, &journal->cp_txs);
	pthread_mutex_unlock(&journal->cp_lock);
	journal->committing = NULL;
	journal->reserved = 0;
	journal->finished_tid = tx->tid;
	wake_next_committer(journal);
	pthread_cond_broadcast(&journal->done_cond);
	pthread_cond_broadcast(&journal->start_cond);
	if (jbd2_ckpt_wanted_locked(journal))
		pthread_cond_signal(&journal->ckpt_cond);
	pthread_mutex_unlock(&journal->mutex);
}

bool jbd2_may_commit_locked(const journal_t *journal)
{
	return journal->running && !journal->closing && !journal->committing;
}

void jbd2_commit_running_locked(journal_t *journal)
{
	struct transaction *tx = close_running(journal);
	int err;

	pthread_mutex_unlock(&journal->mutex);
	err = journal_errno(journal);
	if (!err)
		err = write_transaction(journal, tx);
	if (err)
		fail_transaction(journal, tx, err);
	else
		complete_transaction(journal, tx);
	pthread_mutex_lock(&journal->mutex);
}

static bool expired(const struct transaction *tx)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > tx->expires.tv_sec ||
	       (now.tv_sec == tx->expires.tv_sec && now.tv_nsec >= tx->expires.tv_nsec);
}

static bool commit_wanted(journal_t *journal)
{
	if (!jbd2_may_commit_locked(journal))
		return false;
	return journal->stop_commit || journal_errno(journal) ||
	       tid_geq(journal->commit_request, journal->running->tid) || expired(journal->running);
}

/*
 * mutex held.  A transaction that begins meanwhile is not old before this time is up;
 * one that is old already waits for the commit that another thread is doing.
 */
static void wait_for_work(journal_t *journal)
{
	struct timespec until;

	if (journal->running && !expired(journal->running)) {
		until = journal->running->expires;
	} else {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += journal->running ? 1 : journal->commit_interval;
	}
	pthread_cond_timedwait(&journal->commit_cond, &journal->mutex, &until);
}

void *jbd2_commit_thread(void *arg)
{
	journal_t *journal = arg;

	pthread_setname_np(pthread_self(), "jbd2-commit");
	pthread_mutex_lock(&journal->mutex);
	for (;;) {
		if (commit_wanted(journal))
			jbd2_commit_running_locked(journal);
		else if (journal->stop_commit && !journal->running)
			break;
		else
			wait_for_work(journal);
	}
	pthread_mutex_unlock(&journal->mutex);
	return NULL;
}
