/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking for commits and waiting for them.  Everybody who waits at the same
 * moment shares one commit; who comes while it runs shares the next.
 */
#include "jbd2/jbd2_i.h"

tid_t jbd2_journal_running_tid(journal_t *journal)
{
	tid_t tid;

	pthread_mutex_lock(&journal->mutex);
	tid = journal->next_tid - 1;
	pthread_mutex_unlock(&journal->mutex);
	return tid;
}

tid_t jbd2_journal_committed_tid(journal_t *journal)
{
	tid_t tid;

	pthread_mutex_lock(&journal->mutex);
	tid = journal->durable_tid;
	pthread_mutex_unlock(&journal->mutex);
	return tid;
}

void jbd2_log_start_commit(journal_t *journal, tid_t tid)
{
	pthread_mutex_lock(&journal->mutex);
	jbd2_request_commit_locked(journal, tid);
	pthread_mutex_unlock(&journal->mutex);
}

/*
 * mutex held.  The commit thread is not asked: when the commit that is going on
 * ends, one of those who sleep here does the next, and none of the others is woken for it.
 */
static void sleep_until_durable(journal_t *journal, tid_t tid)
{
	journal->durable_waiters[tid & 1]++;
	pthread_cond_wait(&journal->durable_cond[tid & 1], &journal->mutex);
	journal->durable_waiters[tid & 1]--;
}

/* mutex held: until *done, durable_tid or finished_tid, has reached @tid. */
static int wait_locked(journal_t *journal, tid_t tid, const tid_t *done)
{
	while (!tid_geq(*done, tid)) {
		if (journal_errno(journal))
			return -EIO;
		if (jbd2_may_commit_locked(journal) && journal->running->tid == tid) {
			jbd2_commit_running_locked(journal);
			continue;
		}
		if (done == &journal->durable_tid) {
			sleep_until_durable(journal, tid);
			continue;
		}
		jbd2_request_commit_locked(journal, tid);
		pthread_cond_wait(&journal->done_cond, &journal->mutex);
	}
	return 0;
}

/* A number that no transaction has had yet is from a time before: durable. */
static bool unknown_tid(const journal_t *journal, tid_t tid)
{
	return tid_geq(tid, journal->next_tid);
}

int jbd2_log_wait_commit(journal_t *journal, tid_t tid)
{
	int err = 0;

	if (journal->null)
		return jbd2_null_commit(journal);
	pthread_mutex_lock(&journal->mutex);
	if (!unknown_tid(journal, tid))
		err = wait_locked(journal, tid, &journal->finished_tid);
	pthread_mutex_unlock(&journal->mutex);
	return err;
}

int jbd2_complete_transaction(journal_t *journal, tid_t tid, bool *flushed)
{
	struct transaction *tx;
	bool will_flush = false;
	int err = 0;

	if (journal->null) {
		if (flushed)
			*flushed = journal->barrier && !journal->read_only;
		return jbd2_null_commit(journal);
	}
	pthread_mutex_lock(&journal->mutex);
	if (!unknown_tid(journal, tid) && !tid_geq(journal->durable_tid, tid)) {
		tx = journal->running && journal->running->tid == tid ? journal->running :
									  journal->committing;
		will_flush = tx && tx->tid == tid && journal->barrier && !tx->flush_started;
		err = wait_locked(journal, tid, &journal->durable_tid);
	}
	pthread_mutex_unlock(&journal->mutex);
	if (flushed)
		*flushed = !err && will_flush;
	return err;
}

/* The running or else the last transaction. */
int jbd2_journal_force_commit(journal_t *journal)
{
	int err = jbd2_log_wait_commit(journal, jbd2_journal_running_tid(journal));

	return !err && journal_errno(journal) ? -EIO : err;
}

bool jbd2_journal_force_commit_nested(journal_t *journal)
{
	tid_t tid;
	bool busy;

	if (journal->null)
		return false;
	pthread_mutex_lock(&journal->mutex);
	tid = journal->next_tid - 1;
	busy = !tid_geq(journal->finished_tid, tid);
	if (busy)
		busy = !wait_locked(journal, tid, &journal->finished_tid);
	pthread_mutex_unlock(&journal->mutex);
	return busy;
}

int jbd2_journal_flush(journal_t *journal)
{
	int err;

	if (journal->null)
		return jbd2_null_commit(journal);
	if (!journal->live)
		return 0;
	jbd2_barrier_begin(journal);
	err = jbd2_checkpoint_all(journal);
	jbd2_barrier_end(journal);
	return err;
}

void jbd2_wake_durable_waiters_locked(journal_t *journal)
{
	pthread_cond_broadcast(&journal->durable_cond[0]);
	pthread_cond_broadcast(&journal->durable_cond[1]);
}

void jbd2_journal_abort(journal_t *journal, int err)
{
	int none = 0;

	if (err >= 0)
		err = -EIO;
	if (!__atomic_compare_exchange_n(&journal->aborted, &none, err, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&journal->mutex);
	jbd2_wake_durable_waiters_locked(journal);
	pthread_cond_broadcast(&journal->done_cond);
	pthread_cond_broadcast(&journal->start_cond);
	pthread_cond_broadcast(&journal->commit_cond);
	pthread_cond_broadcast(&journal->ckpt_cond);
	pthread_mutex_unlock(&journal->mutex);
	/* Asked for, it is no error that somebody has to repair. */
	if (journal->sb_mem && !journal->read_only && err != -ESHUTDOWN)
		jbd2_sb_write_errno(journal, err);
	if (journal->ops->aborted)
		journal->ops->aborted(journal->priv, err);
}

bool jbd2_journal_aborted(const journal_t *journal)
{
	return journal_errno(journal) != 0;
}

void jbd2_journal_set_commit_interval(journal_t *journal, unsigned int seconds)
{
	pthread_mutex_lock(&journal->mutex);
	journal->commit_interval = seconds ? seconds : JBD2_DEFAULT_COMMIT_INTERVAL;
	pthread_cond_signal(&journal->commit_cond);
	pthread_mutex_unlock(&journal->mutex);
}
