/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal's inside: what its files share.
 *
 * Life of a transaction: running (takes handles) -> committing (all handles
 * have ended, its buffers are copied to the log) -> checkpoint
 * (durable in the log, its buffers are on their way home) -> gone when the
 * tail of the log has passed it.  There is at most one running and one
 * committing transaction; their numbers follow each other, so the lowest bit
 * of the number tells them apart, and everything that exists once per live
 * transaction is an array of two.
 *
 * Locks, outermost first:
 *   b_lock of a buffer		its journal_head
 *   journal->mutex		the state of the journal and its transactions
 *   journal->cp_lock		checkpoint lists
 *   transaction->lock		revoke table, callbacks
 *   journal->sb_lock		the superblock's bytes and its write; held over that
 *				write, and nothing is taken inside
 * b_lock and mutex are never held together.
 */
#ifndef JBD2_JBD2_I_H
#define JBD2_JBD2_I_H

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include "jbd2/jbd2.h"
#include "jbd2/jbd2_disk.h"

#define JBD2_DEFAULT_COMMIT_INTERVAL	5	/* seconds */
#define JBD2_LOG_RUN_BYTES	(1U << 20)	/* largest transfer to or from the log */

struct transaction;

/* jbd2_rec.flags; changed atomically */
#define JBD2_REC_DIRTY		0x1	/* goes to the log */
#define JBD2_REC_FORGET		0x2	/* freed by this transaction */
#define JBD2_REC_COPIED		0x4	/* is in the staging area: may change again */

/*
 * A buffer's part in one live transaction.  Changed under b_lock while tx is
 * not NULL, except flags.
 */
struct jbd2_rec {
	struct transaction	*tx;
	struct journal_head	*next;		/* of tx->recs */
	/* content for tx when the next transaction may change b_data */
	char			*frozen;
	uint32_t		flags;
};

/* What the journal knows about a buffer: its b_private.  Holds a reference to the buffer. */
struct journal_head {
	struct iocache_buf	*buf;
	struct jbd2_rec		recs[2];	/* by tid & 1; each with tx set holds a pin */
	struct transaction	*cp_tx;		/* on whose checkpoint list; b_lock and cp_lock */
	struct list_head	cp_list;	/* cp_lock */
};

/* Block number -> newest transaction that revoked it. */
struct jbd2_revoke_entry {
	uint64_t	blk;
	tid_t		tid;
};
struct jbd2_revoke_table {
	struct jbd2_revoke_entry *entries;	/* open addressing */
	/* size: a power of two; used: with deleted ones */
	size_t			size, used, count;
};

struct transaction {
	tid_t			tid;
	struct journal_head	*recs;		/* atomic stack, linked by recs[tid & 1].next */
	uint32_t		nr_recs;	/* atomic */
	struct timespec		expires;
	bool			flush_started;	/* mutex: its data flush has begun */
	bool			expedite;	/* mutex: somebody waits */
	int			err;
	uint32_t		log_start;	/* first block in the log, once committing */
	uint32_t		log_blocks;
	struct list_head	list;		/* journal->cp_txs or failed_txs */
	struct list_head	cp_list;	/* cp_lock: journal_head.cp_list */
	pthread_mutex_t		lock;
	struct jbd2_revoke_table revokes;
	struct list_head	callbacks;
};

/*
 * The door of the running transaction: handles come and go with atomic
 * operations.  A door is never freed, so looking at a stale one is harmless.
 */
#define JBD2_DOOR_LOCKED	(1U << 31)
struct jbd2_door {
	uint32_t		word;		/* open handles, JBD2_DOOR_LOCKED */
	int32_t			credits;	/* blocks reserved or used */
	int32_t			revokes;	/* revoke records reserved or used */
	struct transaction	*tx;		/* stable for those inside */
} __attribute__((aligned(64)));

struct journal_s {
	const struct jbd2_ops	*ops;
	void			*priv;
	struct iocache		*cache;
	io_channel		home_dev, log_dev;
	unsigned int		block_size;
	bool			barrier, read_only, async_commit, ordered_data, want_csum_v3, want_64bit;
	bool			null;		/* writes go straight to the cache */
	bool			live;		/* takes handles */
	blk64_t			*log_map;	/* NULL = identity (external) */
	uint32_t		log_blocks;
	blk64_t			sb_blk;		/* of log_dev */

	/* superblock */
	pthread_mutex_t		sb_lock;
	char			*sb_mem;	/* the block that holds it */
	struct journal_superblock *sb;		/* in sb_mem */
	bool			sb_clean;	/* sb_lock: on disk the log is marked empty */
	int			open_errno;

	/* format of the log */
	bool			csum_v1, csum_v2, csum_v3, is_64bit;
	uint32_t		csum_seed;
	unsigned int		tag_bytes, tail_bytes, revoke_bytes;
	uint32_t		first, last;	/* log blocks [first, last) */

	struct jbd2_door	doors[2];
	uint32_t		door;		/* atomic: which one may be open */
	int			aborted;	/* atomic: 0 or negative errno */

	/* all below: mutex */
	pthread_mutex_t		mutex;
	pthread_cond_t		commit_cond;	/* commit thread: something to do */
	pthread_cond_t		drain_cond;	/* commit thread: handles have ended */
	pthread_cond_t		start_cond;	/* starters: door, space */
	/* waiters: a transaction became durable or finished */
	pthread_cond_t		done_cond;
	/*
	 * Of transaction tid, at [tid & 1] (no more than two are under way): it is durable, or
	 * else one of those who wait shall commit it.
	 */
	pthread_cond_t		durable_cond[2];
	unsigned int		durable_waiters[2];
	pthread_cond_t		ckpt_cond;	/* checkpoint thread: something to do */
	struct transaction	*running, *committing;
	bool			closing;	/* the door is locked, handles are ending */
	unsigned int		barriers;	/* no new transactions */
	bool			quiet;		/* at rest: the next handle begins with ops->woken() */
	int			null_gate;	/* atomic: one of the two above, for a journal that is none ... */
	int			null_handles;	/* ... whose handles are counted here; atomic */
	tid_t			next_tid;	/* of the next transaction */
	tid_t			commit_request;
	tid_t			durable_tid;	/* newest transaction that is durable */
	/* newest whose buffers and callbacks are done, too */
	tid_t			finished_tid;
	unsigned int		commit_interval;
	uint32_t		head;		/* next log block to write */
	uint32_t		tail;		/* oldest log block needed */
	uint32_t		free;		/* log blocks */
	uint32_t		reserved;	/* ... of these, for the committing transaction */
	int			max_credits;	/* of one transaction, revokes included */
	int			soft_credits;	/* atomic: who finds so many waits for the next one; memory's bound */
	uint32_t		soft_log;	/* log blocks; above, who opens a transaction waits until some are home */
	unsigned int		starters_waiting;	/* for log space */
	unsigned int		ckpt_all;	/* waiters for an empty log */
	bool			ckpt_busy;	/* the checkpoint thread is at work */
	bool			stop_commit, stop_ckpt;
	struct list_head	cp_txs;		/* oldest first; mutex and cp_lock to change */
	struct list_head	failed_txs;
	pthread_t		commit_thread, ckpt_thread;

	pthread_mutex_t		cp_lock;
};

struct jbd2_handle_s {
	journal_t		*journal;
	struct transaction	*tx;		/* NULL: null journal */
	struct jbd2_door	*door;
	int			credits, revokes;	/* left */
	bool			sync;
	bool			changed;	/* something was dirtied or forgotten */
	void			*priv;
	/* null journal: what is pinned until the end, and callbacks */
	struct iocache_buf	**pinned;
	unsigned int		nr_pinned, room_pinned;
	bool			entered;	/* counted in journal->null_handles */
	struct list_head	callbacks;
};

static inline int journal_errno(const journal_t *journal)
{
	return __atomic_load_n(&journal->aborted, __ATOMIC_ACQUIRE);
}

/* Of errcode_t values only plain errnos mean anything to a caller of this floor. */
static inline int jbd2_errno(errcode_t err)
{
	return !err ? 0 : err > 0 && err < 4096 ? -(int)err : -EIO;
}

/* journal.c */
void jbd2_msg(journal_t *journal, enum jbd2_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
journal_t *jbd2_journal_alloc(const struct jbd2_params *params);
void jbd2_journal_free(journal_t *journal);
/* the block after, around the end */
uint32_t jbd2_log_next(const journal_t *journal, uint32_t blk);
uint32_t jbd2_log_capacity(const journal_t *journal);
uint32_t jbd2_log_used(const journal_t *journal);	/* mutex held */
blk64_t jbd2_log_phys(const journal_t *journal, uint32_t blk);
/* How many of @count blocks from @blk on lie in one piece of log_dev. */
uint32_t jbd2_log_run(const journal_t *journal, uint32_t blk, uint32_t count);

/* superblock.c */
int jbd2_sb_read(journal_t *journal, const struct jbd2_params *params);
/* the format fields from the superblock's features */
void jbd2_sb_set_format(journal_t *journal);
/* what the file system wants; the log must be empty */
void jbd2_sb_set_features(journal_t *journal);
/* Write it with this start (0 = empty) and sequence; flushes the log device when @flush. */
int jbd2_sb_write(journal_t *journal, uint32_t start, tid_t sequence, bool flush);
/* commit.c: what was written to @dev precedes what will be: durable with barriers, else just written. */
int jbd2_flush_dev(journal_t *journal, io_channel dev);
bool jbd2_sb_is_clean(journal_t *journal);	/* is the log marked empty on disk? */
void jbd2_sb_write_errno(journal_t *journal, int err);
uint32_t jbd2_csum(const journal_t *journal, const void *block);	/* of a whole log block */

/* transaction.c */
void jbd2_doors_init(journal_t *journal);
uint32_t jbd2_space_for(const journal_t *journal, int credits);	/* log blocks, with all overhead */
int jbd2_revokes_per_block(const journal_t *journal);
struct transaction *jbd2_transaction_alloc(tid_t tid);
void jbd2_transaction_free(struct transaction *tx);
void jbd2_request_commit_locked(journal_t *journal, tid_t tid);
void jbd2_barrier_begin(journal_t *journal);
void jbd2_barrier_end(journal_t *journal);

/* wait.c */
int jbd2_wait_finished(journal_t *journal, tid_t tid);

/* access.c */
/*
 * b_lock held: free the journal_head if nothing needs it; true = the caller must iocache_put()
 * after unlocking.
 */
bool jbd2_head_try_free(struct journal_head *jh);

/* commit.c */
void *jbd2_commit_thread(void *arg);
/* mutex held; it is given up meanwhile.  Only when jbd2_may_commit_locked(). */
void jbd2_commit_running_locked(journal_t *journal);
bool jbd2_may_commit_locked(const journal_t *journal);
/* mutex held: all who sleep in wait.c look again. */
void jbd2_wake_durable_waiters_locked(journal_t *journal);

/* finish.c */
void jbd2_finish_transaction(journal_t *journal, struct transaction *tx);
void jbd2_drop_failed(journal_t *journal);
void jbd2_run_callbacks(struct list_head *callbacks, int err);

/* logwrite.c */
/* Copy @tx's revokes and buffers to the log; no flush, no commit block.  crc: of csum v1. */
int jbd2_write_log_blocks(journal_t *journal, struct transaction *tx, uint32_t *crc);
int jbd2_write_commit_block(journal_t *journal, struct transaction *tx, uint32_t crc);

/* checkpoint.c */
void *jbd2_ckpt_thread(void *arg);
/* barrier held, nothing running: wait until the log is empty */
int jbd2_checkpoint_all(journal_t *journal);
bool jbd2_ckpt_wanted_locked(journal_t *journal);

/* revoke.c */
int jbd2_revoke_set(struct jbd2_revoke_table *table, uint64_t blk, tid_t tid);
void jbd2_revoke_clear(struct jbd2_revoke_table *table, uint64_t blk);
bool jbd2_revoke_find(const struct jbd2_revoke_table *table, uint64_t blk, tid_t *tid);
bool jbd2_revoke_next(const struct jbd2_revoke_table *table, size_t *pos, uint64_t *blk);
void jbd2_revoke_free(struct jbd2_revoke_table *table);

/* recovery.c: leaves next_tid and head */
int jbd2_recover(journal_t *journal, struct jbd2_recovery_stats *stats);

/* null.c */
/* ---- quiesce.c ---- */
/* No new handles; and again.  mutex held. */
void jbd2_barrier_raise_locked(journal_t *journal);
void jbd2_barrier_lower_locked(journal_t *journal);
/* End the rest; mutex held, and given up meanwhile. */
int jbd2_wake_locked(journal_t *journal);
int jbd2_null_enter(journal_t *journal);
void jbd2_null_leave(journal_t *journal);

int jbd2_null_start(journal_t *journal, int nblocks, handle_t **ret);
int jbd2_null_stop(handle_t *handle);
int jbd2_null_access(handle_t *handle, struct iocache_buf *buf);
int jbd2_null_dirty(handle_t *handle, struct iocache_buf *buf);
int jbd2_null_forget(handle_t *handle, blk64_t blk);
int jbd2_null_commit(journal_t *journal);

#endif /* JBD2_JBD2_I_H */
