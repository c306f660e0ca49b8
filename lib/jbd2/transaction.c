/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles: joining and leaving the running transaction, and making a new one
 * when there is none.  Joining an open door is two atomic additions; only a
 * closed or full one takes the journal's mutex.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "jbd2/jbd2_i.h"

enum join_result { JOINED, CLOSED, FULL };

void jbd2_doors_init(journal_t *journal)
{
	journal->doors[0].word = journal->doors[1].word = JBD2_DOOR_LOCKED;
	journal->soft_log = jbd2_log_capacity(journal);
	journal->max_credits = journal->soft_credits = journal->soft_log / 4;
}

int jbd2_revokes_per_block(const journal_t *journal)
{
	return (journal->block_size - sizeof(struct journal_revoke_header) - journal->tail_bytes) /
	       journal->revoke_bytes;
}

/*
 * A descriptor block is closed when it is full or when the staging area is, so there
 * are at most two for each time that the smaller of both fills.
 */
uint32_t jbd2_space_for(const journal_t *journal, int credits)
{
	uint32_t tags = (journal->block_size - sizeof(struct journal_header) - 16 -
			 journal->tail_bytes) / journal->tag_bytes;
	uint32_t staged = JBD2_LOG_RUN_BYTES / journal->block_size - 1;
	uint32_t per = tags < staged ? tags : staged;

	return credits + 2 * (credits / per + 1) + 4;
}

struct transaction *jbd2_transaction_alloc(tid_t tid)
{
	struct transaction *tx = calloc(1, sizeof(*tx));

	if (!tx)
		return NULL;
	tx->tid = tid;
	INIT_LIST_HEAD(&tx->list);
	INIT_LIST_HEAD(&tx->cp_list);
	INIT_LIST_HEAD(&tx->callbacks);
	pthread_mutex_init(&tx->lock, NULL);
	return tx;
}

void jbd2_transaction_free(struct transaction *tx)
{
	jbd2_revoke_free(&tx->revokes);
	pthread_mutex_destroy(&tx->lock);
	free(tx);
}

static void door_leave(journal_t *journal, struct jbd2_door *door)
{
	if (__atomic_sub_fetch(&door->word, 1, __ATOMIC_ACQ_REL) != JBD2_DOOR_LOCKED)
		return;
	pthread_mutex_lock(&journal->mutex);
	pthread_cond_broadcast(&journal->drain_cond);
	pthread_mutex_unlock(&journal->mutex);
}

/* Blocks that @credits and @revokes make together, an open revoke block included. */
static int total_credits(const journal_t *journal, int credits, int revokes)
{
	return credits + (revokes > 0 ? revokes / jbd2_revokes_per_block(journal) + 1 : 0);
}

/* Who needs more than memory's bound gets it, but no one after him. */
static bool door_reserve(journal_t *journal, struct jbd2_door *door, int nblocks, int revokes)
{
	int credits, all_revokes;

	credits = __atomic_add_fetch(&door->credits, nblocks, __ATOMIC_RELAXED);
	all_revokes = revokes ? __atomic_add_fetch(&door->revokes, revokes, __ATOMIC_RELAXED) :
				__atomic_load_n(&door->revokes, __ATOMIC_RELAXED);
	return total_credits(journal, credits, all_revokes) <= journal->max_credits &&
	       credits - nblocks <= __atomic_load_n(&journal->soft_credits, __ATOMIC_RELAXED);
}

/* Returns the credits of the transaction afterwards. */
static int door_unreserve(struct jbd2_door *door, int nblocks, int revokes)
{
	if (revokes)
		__atomic_sub_fetch(&door->revokes, revokes, __ATOMIC_RELAXED);
	return __atomic_sub_fetch(&door->credits, nblocks, __ATOMIC_RELAXED);
}

static enum join_result try_join(handle_t *handle)
{
	journal_t *journal = handle->journal;
	struct jbd2_door *door;

	door = &journal->doors[__atomic_load_n(&journal->door, __ATOMIC_ACQUIRE)];
	if (__atomic_fetch_add(&door->word, 1, __ATOMIC_ACQ_REL) & JBD2_DOOR_LOCKED) {
		door_leave(journal, door);
		return CLOSED;
	}
	if (!door_reserve(journal, door, handle->credits, handle->revokes)) {
		door_unreserve(door, handle->credits, handle->revokes);
		door_leave(journal, door);
		return FULL;
	}
	handle->door = door;
	handle->tx = door->tx;
	return JOINED;
}

void jbd2_request_commit_locked(journal_t *journal, tid_t tid)
{
	if (!journal->running || journal->running->tid != tid ||
	    !tid_gt(tid, journal->commit_request))
		return;
	journal->commit_request = tid;
	pthread_cond_signal(&journal->commit_cond);
}

/* Room in the log for a transaction of any size, so that those who join need not ask. */
static bool have_log_space(journal_t *journal)
{
	return journal->free >= journal->reserved + jbd2_space_for(journal, journal->max_credits);
}

/* More is not at home than may be kept in memory. */
static bool keeps_too_much(const journal_t *journal)
{
	return jbd2_log_used(journal) > journal->soft_log && !list_empty(&journal->cp_txs);
}

/* mutex held, no running transaction. */
static int open_transaction(journal_t *journal)
{
	struct transaction *tx = jbd2_transaction_alloc(journal->next_tid);
	struct jbd2_door *door = &journal->doors[journal->next_tid & 1];

	if (!tx)
		return -ENOMEM;
	clock_gettime(CLOCK_MONOTONIC, &tx->expires);
	tx->expires.tv_sec += journal->commit_interval;
	journal->running = tx;
	journal->next_tid++;
	door->tx = tx;
	__atomic_store_n(&door->credits, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&door->revokes, 0, __ATOMIC_RELAXED);
	__atomic_and_fetch(&door->word, ~JBD2_DOOR_LOCKED, __ATOMIC_RELEASE);
	__atomic_store_n(&journal->door, tx->tid & 1, __ATOMIC_RELEASE);
	return 0;
}

static void wait_for_space(journal_t *journal)
{
	journal->starters_waiting++;
	pthread_cond_signal(&journal->ckpt_cond);
	pthread_cond_wait(&journal->start_cond, &journal->mutex);
	journal->starters_waiting--;
}

/* mutex held; it is given up while waiting. */
static int join_slowly(handle_t *handle)
{
	journal_t *journal = handle->journal;
	int err = 0;

	while (!err) {
		if (journal_errno(journal))
			return -EROFS;
		if (journal->running && !journal->closing) {
			if (try_join(handle) == JOINED)
				return 0;
			jbd2_request_commit_locked(journal, journal->running->tid);
			pthread_cond_wait(&journal->start_cond, &journal->mutex);
		} else if (journal->closing || journal->barriers) {
			pthread_cond_wait(&journal->start_cond, &journal->mutex);
		} else if (journal->quiet) {
			err = jbd2_wake_locked(journal);
		} else if (!have_log_space(journal) || keeps_too_much(journal)) {
			wait_for_space(journal);
		} else {
			err = open_transaction(journal);
		}
	}
	return err;
}

static int join(handle_t *handle)
{
	journal_t *journal = handle->journal;
	int err;

	if (journal_errno(journal))
		return -EROFS;
	if (try_join(handle) == JOINED)
		return 0;
	pthread_mutex_lock(&journal->mutex);
	err = join_slowly(handle);
	pthread_mutex_unlock(&journal->mutex);
	return err;
}

int jbd2_journal_start(journal_t *journal, int nblocks, int revokes, handle_t **ret)
{
	handle_t *handle;
	int err;

	*ret = NULL;
	if (journal->null)
		return jbd2_null_start(journal, nblocks, ret);
	if (!journal->live)
		return -EROFS;
	if (nblocks < 0 || revokes < 0 ||
	    total_credits(journal, nblocks, revokes) > journal->max_credits)
		return -ENOSPC;
	handle = malloc(sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	handle->journal = journal;
	handle->credits = nblocks;
	handle->revokes = revokes;
	handle->sync = handle->changed = handle->entered = false;
	handle->priv = NULL;
	err = join(handle);
	if (err) {
		free(handle);
		return err;
	}
	*ret = handle;
	return 0;
}

/*
 * Give back what is unused and leave. A transaction that has nearly all it may take is asked to
 * close.
 */
static void leave(handle_t *handle)
{
	journal_t *journal = handle->journal;
	int credits;

	credits = door_unreserve(handle->door, handle->credits, handle->revokes);
	if (credits > __atomic_load_n(&journal->soft_credits, __ATOMIC_RELAXED) / 4 * 3) {
		pthread_mutex_lock(&journal->mutex);
		jbd2_request_commit_locked(journal, handle->tx->tid);
		pthread_mutex_unlock(&journal->mutex);
	}
	door_leave(journal, handle->door);
}

int jbd2_journal_stop(handle_t *handle)
{
	journal_t *journal = handle->journal;
	bool sync = handle->sync;
	tid_t tid;

	if (!handle->tx)
		return jbd2_null_stop(handle);
	tid = handle->tx->tid;
	leave(handle);
	free(handle);
	if (journal_errno(journal))
		return -EIO;
	return sync ? jbd2_complete_transaction(journal, tid, NULL) : 0;
}

void jbd2_handle_set_sync(handle_t *handle)
{
	handle->sync = true;
}

int jbd2_journal_extend(handle_t *handle, int nblocks, int revokes)
{
	if (handle->tx && !door_reserve(handle->journal, handle->door, nblocks, revokes)) {
		door_unreserve(handle->door, nblocks, revokes);
		return 1;
	}
	handle->credits += nblocks;
	handle->revokes += revokes;
	return 0;
}

int jbd2_journal_restart(handle_t *handle, int nblocks, int revokes)
{
	journal_t *journal = handle->journal;
	struct transaction *tx = handle->tx;
	int err;

	if (!tx) {
		handle->credits = nblocks;
		return journal_errno(journal) ? -EROFS : 0;
	}
	if (total_credits(journal, nblocks, revokes) > journal->max_credits)
		return -ENOSPC;
	leave(handle);
	handle->credits = nblocks;
	handle->revokes = revokes;
	err = join(handle);
	if (err) {
		/* The handle must still be stopped: it is then one without a transaction. */
		handle->tx = NULL;
		handle->pinned = NULL;
		handle->nr_pinned = 0;
		INIT_LIST_HEAD(&handle->callbacks);
	}
	return err;
}

int jbd2_handle_credits(const handle_t *handle)
{
	return handle->credits;
}

tid_t jbd2_handle_tid(const handle_t *handle)
{
	return handle->tx ? handle->tx->tid : 0;
}

journal_t *jbd2_handle_journal(const handle_t *handle)
{
	return handle->journal;
}

bool jbd2_handle_changed(const handle_t *handle)
{
	return handle->changed;
}

bool jbd2_handle_aborted(const handle_t *handle)
{
	return journal_errno(handle->journal) != 0;
}

void *jbd2_handle_priv(const handle_t *handle)
{
	return handle->priv;
}

void jbd2_handle_set_priv(handle_t *handle, void *priv)
{
	handle->priv = priv;
}

void jbd2_handle_on_commit(handle_t *handle, struct jbd2_commit_cb *cb)
{
	if (!handle->tx) {
		list_add_tail(&cb->cb_list, &handle->callbacks);
		return;
	}
	pthread_mutex_lock(&handle->tx->lock);
	list_add_tail(&cb->cb_list, &handle->tx->callbacks);
	pthread_mutex_unlock(&handle->tx->lock);
}

/* No new transaction begins, and the present ones are finished, when this returns. */
void jbd2_barrier_begin(journal_t *journal)
{
	tid_t last;

	pthread_mutex_lock(&journal->mutex);
	jbd2_barrier_raise_locked(journal);
	if (journal->running)
		jbd2_request_commit_locked(journal, journal->running->tid);
	last = journal->next_tid - 1;
	while (!tid_geq(journal->finished_tid, last) && !journal_errno(journal))
		pthread_cond_wait(&journal->done_cond, &journal->mutex);
	pthread_mutex_unlock(&journal->mutex);
}

void jbd2_barrier_end(journal_t *journal)
{
	pthread_mutex_lock(&journal->mutex);
	jbd2_barrier_lower_locked(journal);
	pthread_mutex_unlock(&journal->mutex);
}
