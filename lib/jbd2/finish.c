/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After the commit: the transaction's buffers become dirty in the cache and go
 * to its checkpoint list; those that it freed leave the cache.
 */
#include <stdlib.h>
#include "jbd2/jbd2_i.h"

/* b_lock held: from the checkpoint list of an older transaction to @tx's, or (NULL) to none. */
static void move_checkpoint(journal_t *journal, struct journal_head *jh, struct transaction *tx)
{
	pthread_mutex_lock(&journal->cp_lock);
	if (jh->cp_tx)
		list_del(&jh->cp_list);
	if (tx)
		list_add_tail(&jh->cp_list, &tx->cp_list);
	jh->cp_tx = tx;
	pthread_mutex_unlock(&journal->cp_lock);
}

/*
 * b_lock held.  True when the buffer's block is free now.  A buffer that the running
 * transaction has taken again belongs to that one.
 */
static bool settle(journal_t *journal, struct transaction *tx, struct journal_head *jh,
		   uint32_t flags)
{
	bool again = jh->recs[~tx->tid & 1].tx != NULL;

	if (flags & JBD2_REC_DIRTY) {
		iocache_mark_dirty(jh->buf);
		move_checkpoint(journal, jh, tx);
	} else if (flags & JBD2_REC_FORGET) {
		move_checkpoint(journal, jh, NULL);
		if (again)
			return false;
		iocache_clear_dirty(jh->buf);
		return true;
	}
	return false;
}

/* The transaction has done with the buffer, which is locked on entry and not on return. */
static void release_rec(struct journal_head *jh, struct jbd2_rec *rec)
{
	struct iocache_buf *buf = jh->buf;
	bool freed;

	free(rec->frozen);
	rec->frozen = NULL;
	rec->tx = NULL;
	freed = jbd2_head_try_free(jh);
	iocache_unlock(buf);
	iocache_unpin(buf);
	if (freed)
		iocache_put(buf);
}

static void finish_buf(journal_t *journal, struct transaction *tx, struct journal_head *jh)
{
	struct jbd2_rec *rec = &jh->recs[tx->tid & 1];
	struct iocache_buf *buf = jh->buf;
	blk64_t blk = buf->b_blocknr;
	bool gone;

	iocache_lock(buf);
	gone = settle(journal, tx, jh, __atomic_load_n(&rec->flags, __ATOMIC_ACQUIRE));
	release_rec(jh, rec);
	if (gone)
		iocache_forget(journal->cache, blk, 1);
}

void jbd2_finish_transaction(journal_t *journal, struct transaction *tx)
{
	struct journal_head *jh, *next;

	for (jh = tx->recs; jh; jh = next) {
		next = jh->recs[tx->tid & 1].next;
		finish_buf(journal, tx, jh);
	}
	tx->recs = NULL;
	jbd2_revoke_free(&tx->revokes);
}

/* Let go of a failed transaction's buffer; nothing of it may get home. */
static void drop_buf(journal_t *journal, struct transaction *tx, struct journal_head *jh)
{
	struct jbd2_rec *rec = &jh->recs[tx->tid & 1];
	struct iocache_buf *buf = jh->buf;

	iocache_lock(buf);
	iocache_clear_dirty(buf);
	move_checkpoint(journal, jh, NULL);
	release_rec(jh, rec);
}

/* After the threads have ended. */
void jbd2_drop_failed(journal_t *journal)
{
	struct transaction *tx, *next_tx;
	struct journal_head *jh, *next;

	list_for_each_entry_safe(tx, next_tx, &journal->failed_txs, list) {
		for (jh = tx->recs; jh; jh = next) {
			next = jh->recs[tx->tid & 1].next;
			drop_buf(journal, tx, jh);
		}
		list_del(&tx->list);
		jbd2_transaction_free(tx);
	}
}
