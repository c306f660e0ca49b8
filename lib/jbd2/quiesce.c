/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rest: nothing in the log, nothing under way, everything at home, and whoever uses the journal has been
 * told so, once; and the end of it with the next handle.  What is on the device then is a clean file system,
 * although it stays in use.
 */
#include "jbd2/jbd2_i.h"

/* mutex held */
static void update_gate(journal_t *journal)
{
	__atomic_store_n(&journal->null_gate, journal->barriers > 0 || journal->quiet, __ATOMIC_SEQ_CST);
}

void jbd2_barrier_raise_locked(journal_t *journal)
{
	journal->barriers++;
	update_gate(journal);
}

void jbd2_barrier_lower_locked(journal_t *journal)
{
	journal->barriers--;
	update_gate(journal);
	pthread_cond_broadcast(&journal->start_cond);
}

int jbd2_wake_locked(journal_t *journal)
{
	int err;

	jbd2_barrier_raise_locked(journal);
	pthread_mutex_unlock(&journal->mutex);
	err = journal->ops->woken(journal->priv);
	pthread_mutex_lock(&journal->mutex);
	if (!err)
		journal->quiet = false;
	jbd2_barrier_lower_locked(journal);
	return err;
}

/* ---- handles of a journal that is none ---- */

static void leave_null(journal_t *journal)
{
	if (__atomic_sub_fetch(&journal->null_handles, 1, __ATOMIC_SEQ_CST) ||
	    !__atomic_load_n(&journal->null_gate, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&journal->mutex);
	pthread_cond_broadcast(&journal->done_cond);
	pthread_mutex_unlock(&journal->mutex);
}

int jbd2_null_enter(journal_t *journal)
{
	int err = 0;

	/* Whoever closes the gate counts those inside after that: one of the two sees the other. */
	__atomic_add_fetch(&journal->null_handles, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&journal->null_gate, __ATOMIC_SEQ_CST))
		return 0;
	leave_null(journal);
	pthread_mutex_lock(&journal->mutex);
	while (!err && (journal->barriers || journal->quiet)) {
		if (journal->barriers)
			pthread_cond_wait(&journal->start_cond, &journal->mutex);
		else
			err = jbd2_wake_locked(journal);
	}
	if (!err)
		__atomic_add_fetch(&journal->null_handles, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&journal->mutex);
	return err;
}

void jbd2_null_leave(journal_t *journal)
{
	leave_null(journal);
}

static void null_barrier_begin(journal_t *journal)
{
	pthread_mutex_lock(&journal->mutex);
	jbd2_barrier_raise_locked(journal);
	while (__atomic_load_n(&journal->null_handles, __ATOMIC_SEQ_CST))
		pthread_cond_wait(&journal->done_cond, &journal->mutex);
	pthread_mutex_unlock(&journal->mutex);
}

/* ---- rest ---- */

static int settle(journal_t *journal)
{
	int err = journal->null ? jbd2_null_commit(journal) : jbd2_checkpoint_all(journal);

	if (!err)
		err = journal->ops->settled(journal->priv);
	if (err)
		return err;
	pthread_mutex_lock(&journal->mutex);
	journal->quiet = true;
	update_gate(journal);
	pthread_mutex_unlock(&journal->mutex);
	return 0;
}

int jbd2_journal_quiesce(journal_t *journal, bool *was_quiet)
{
	int err = 0;

	if (!journal->null && !journal->live)
		return journal_errno(journal) ? -EIO : 0;
	if (journal->null)
		null_barrier_begin(journal);
	else
		jbd2_barrier_begin(journal);
	*was_quiet = journal->quiet;
	if (!*was_quiet)
		err = settle(journal);
	if (!err && journal_errno(journal))
		err = -EIO;
	jbd2_barrier_end(journal);
	return err;
}
