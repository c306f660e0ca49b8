/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A buffer's way into a transaction and out of it again: write access, dirty,
 * forget.
 *
 * A buffer of the running transaction is pinned, so the cache does not write
 * it home.  The committing transaction copies its buffers to a staging area;
 * who wants to change one before that makes a frozen copy first, and nobody
 * waits for I/O.
 */
#include <stdlib.h>
#include <string.h>
#include "jbd2/jbd2_i.h"

/* b_lock held.  A new one holds a reference to the buffer. */
static struct journal_head *head_get(struct iocache_buf *buf)
{
	struct journal_head *jh = buf->b_private;

	if (jh)
		return jh;
	jh = calloc(1, sizeof(*jh));
	if (!jh)
		return NULL;
	jh->buf = buf;
	iocache_hold(buf);
	buf->b_private = jh;
	return jh;
}

bool jbd2_head_try_free(struct journal_head *jh)
{
	if (jh->recs[0].tx || jh->recs[1].tx || jh->cp_tx)
		return false;
	jh->buf->b_private = NULL;
	free(jh);
	return true;
}

/* b_lock held: keep the committing transaction's content where it was not copied to the log yet. */
static int freeze(struct journal_head *jh, struct jbd2_rec *rec, unsigned int block_size)
{
	if (!rec->tx || rec->frozen)
		return 0;
	if ((__atomic_load_n(&rec->flags, __ATOMIC_RELAXED) & (JBD2_REC_DIRTY | JBD2_REC_COPIED)) !=
	    JBD2_REC_DIRTY)
		return 0;
	rec->frozen = malloc(block_size);
	if (!rec->frozen)
		return -ENOMEM;
	memcpy(rec->frozen, jh->buf->b_data, block_size);
	return 0;
}

/* b_lock held. */
static void join_rec(struct transaction *tx, struct journal_head *jh, struct jbd2_rec *rec)
{
	if (rec->tx)
		return;
	rec->tx = tx;
	rec->frozen = NULL;
	rec->flags = 0;
	iocache_pin(jh->buf);
	rec->next = __atomic_load_n(&tx->recs, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&tx->recs, &rec->next, jh, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

/* b_lock held: @buf is the handle's to change from now on. */
static int join_buf(handle_t *handle, struct iocache_buf *buf, struct jbd2_rec **ret)
{
	struct transaction *tx = handle->tx;
	struct journal_head *jh = head_get(buf);
	int err;

	if (!jh)
		return -ENOMEM;
	err = freeze(jh, &jh->recs[~tx->tid & 1], handle->journal->block_size);
	if (err)
		return err;
	*ret = &jh->recs[tx->tid & 1];
	join_rec(tx, jh, *ret);
	return 0;
}

static int take_access(handle_t *handle, struct iocache_buf *buf, struct jbd2_rec **ret)
{
	int err;

	if (journal_errno(handle->journal))
		return -EROFS;
	iocache_lock(buf);
	err = join_buf(handle, buf, ret);
	iocache_unlock(buf);
	return err;
}

static void cancel_revoke(struct transaction *tx, struct jbd2_rec *rec, blk64_t blk)
{
	__atomic_and_fetch(&rec->flags, ~JBD2_REC_FORGET, __ATOMIC_RELAXED);
	pthread_mutex_lock(&tx->lock);
	jbd2_revoke_clear(&tx->revokes, blk);
	pthread_mutex_unlock(&tx->lock);
}

int jbd2_journal_get_write_access(handle_t *handle, struct iocache_buf *buf)
{
	struct jbd2_rec *rec;
	int err;

	if (!handle->tx)
		return jbd2_null_access(handle, buf);
	err = take_access(handle, buf, &rec);
	if (!err && (__atomic_load_n(&rec->flags, __ATOMIC_RELAXED) & JBD2_REC_FORGET))
		cancel_revoke(handle->tx, rec, buf->b_blocknr);
	return err;
}

int jbd2_journal_get_create_access(handle_t *handle, struct iocache_buf *buf)
{
	struct jbd2_rec *rec;
	int err;

	if (!handle->tx)
		return jbd2_null_access(handle, buf);
	err = take_access(handle, buf, &rec);
	if (!err)
		cancel_revoke(handle->tx, rec, buf->b_blocknr);
	return err;
}

/* One more block than the handle has asked for: take it if the transaction has room. */
static int take_extra_credit(handle_t *handle)
{
	if (jbd2_journal_extend(handle, 1, 0)) {
		jbd2_msg(handle->journal, JBD2_LOG_ERR,
			 "an operation needs more room in the log than it asked for");
		return -ENOSPC;
	}
	return 0;
}

int jbd2_journal_dirty_metadata(handle_t *handle, struct iocache_buf *buf)
{
	struct journal_head *jh = buf->b_private;
	struct jbd2_rec *rec;
	int err;

	if (journal_errno(handle->journal))
		return -EROFS;
	handle->changed = true;
	if (!handle->tx)
		return jbd2_null_dirty(handle, buf);
	/* Without the lock: this handle has joined the buffer, so its record cannot go away. */
	rec = &jh->recs[handle->tx->tid & 1];
	if (__atomic_load_n(&rec->flags, __ATOMIC_RELAXED) & JBD2_REC_DIRTY)
		return 0;
	if (handle->credits <= 0) {
		err = take_extra_credit(handle);
		if (err)
			return err;
	}
	if (!(__atomic_fetch_or(&rec->flags, JBD2_REC_DIRTY, __ATOMIC_ACQ_REL) & JBD2_REC_DIRTY))
		handle->credits--;
	return 0;
}

/* Record that log copies of @blk up to this transaction are void. */
static int revoke(handle_t *handle, blk64_t blk)
{
	struct transaction *tx = handle->tx;
	int err;

	if (handle->revokes <= 0 && jbd2_journal_extend(handle, 0, 1))
		return -ENOSPC;
	pthread_mutex_lock(&tx->lock);
	err = jbd2_revoke_set(&tx->revokes, blk, tx->tid);
	pthread_mutex_unlock(&tx->lock);
	if (!err)
		handle->revokes--;
	return err;
}

/*
 * A buffer that older transactions still need stays, pinned, until this one is durable: only
 * then may it miss its way home.
 */
static int forget_buf(handle_t *handle, struct iocache_buf *buf, bool *drop)
{
	struct jbd2_rec *rec;
	uint32_t flags;
	int err = 0;

	*drop = false;
	iocache_lock(buf);
	iocache_clear(buf, IOCACHE_BUF_VERIFIED);
	if (!buf->b_private) {
		*drop = !iocache_test(buf, IOCACHE_BUF_DIRTY);
	} else {
		err = join_buf(handle, buf, &rec);
		if (!err) {
			flags = __atomic_fetch_and(&rec->flags, ~JBD2_REC_DIRTY, __ATOMIC_RELAXED);
			__atomic_or_fetch(&rec->flags, JBD2_REC_FORGET, __ATOMIC_RELAXED);
			if (flags & JBD2_REC_DIRTY)
				handle->credits++;
		}
	}
	iocache_unlock(buf);
	return err;
}

int jbd2_journal_forget(handle_t *handle, blk64_t blk, struct iocache_buf *buf)
{
	struct iocache *ic = handle->journal->cache;
	struct iocache_buf *mine = NULL;
	bool drop = true;
	int err = 0;

	if (journal_errno(handle->journal))
		return -EROFS;
	handle->changed = true;
	if (!handle->tx)
		return jbd2_null_forget(handle, blk);
	err = revoke(handle, blk);
	if (err)
		return err;
	if (!buf) {
		iocache_get(ic, blk, IOCACHE_GET_PEEK, &mine);
		buf = mine;
	}
	if (buf)
		err = forget_buf(handle, buf, &drop);
	iocache_put(mine);
	if (!err && drop)
		iocache_forget(ic, blk, 1);
	return err;
}
