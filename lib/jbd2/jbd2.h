/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal's public face: handles, transactions and recovery over a buffer
 * cache.  The on-disk format is in jbd2_disk.h.  Inodes, directories and what
 * a block means are not known here.
 *
 * All functions return 0 or a negative errno unless said otherwise.
 */
#ifndef JBD2_JBD2_H
#define JBD2_JBD2_H

#include <stdbool.h>
#include <stdint.h>
#include "ext2fs/ext2_io.h"
#include "support/iocache.h"
#include "support/list.h"

typedef uint32_t tid_t;
typedef struct journal_s journal_t;
typedef struct jbd2_handle_s handle_t;

/* a newer than b, in wrapping transaction numbers */
static inline bool tid_gt(tid_t a, tid_t b) { return (int32_t)(a - b) > 0; }
static inline bool tid_geq(tid_t a, tid_t b) { return (int32_t)(a - b) >= 0; }

enum jbd2_log_level { JBD2_LOG_ERR, JBD2_LOG_WARN, JBD2_LOG_INFO };

/* What a fast-commit replay callback is given; see jbd2_ops.fc_replay. */
enum jbd2_fc_pass { JBD2_FC_SCAN, JBD2_FC_REPLAY };

/*
 * What the owner of the journal provides.  @priv is journal_params.priv.
 * Callbacks run without any journal lock held.
 */
struct jbd2_ops {
	/* May a log record be replayed onto, or revoke, block @blk of the file system? */
	bool (*block_ok)(void *priv, blk64_t blk);
	/*
	 * Fast-commit block number @off (0 ..) of the area, block @data (journal block size
	 * bytes). Scan pass first over all blocks in order: returns 1 to go on, 0 when the
	 * area ends here (tail with wrong tid or checksum is the ordinary end), < 0 on error.
	 * Replay pass then gets the blocks that the scan accepted.  @expected is the tid that
	 * fast commits must carry.
	 */
	int (*fc_replay)(void *priv, enum jbd2_fc_pass pass, const void *data, unsigned int off,
			 tid_t expected);
	/*
	 * All accepted fast-commit blocks were given to fc_replay: apply them.  Called by
	 * jbd2_journal_load(), which afterwards flushes the cache and marks the log empty, so
	 * that a crash in between repeats the whole.  Meanwhile the journal works as if it
	 * were none: handles may be started as usual and what they dirty goes straight to the
	 * cache.  < 0 ends the load. May be NULL.
	 */
	int (*fc_finish)(void *priv);
	/*
	 * The journal has aborted; called once, from whichever thread noticed.
	 */
	void (*aborted)(void *priv, int err);
	/*
	 * Called once for each transaction, after it has become durable (err 0) or failed
	 * (err < 0) and after its own callbacks, by the commit thread or by a thread that
	 * waits for the commit; may be NULL.
	 */
	void (*committed)(void *priv, tid_t tid, int err);
	/*
	 * jbd2_journal_quiesce(): all is at home and the log is empty; no handle is open and none
	 * starts before this returns.  An error leaves the journal as it was, in use.
	 */
	int (*settled)(void *priv);
	/* The first handle since then is about to start; it waits, and fails with the error. */
	int (*woken)(void *priv);
	void (*log)(void *priv, enum jbd2_log_level level, const char *message);
};

struct jbd2_params {
	const struct jbd2_ops	*ops;
	void			*priv;
	struct iocache		*cache;		/* home of the file system's blocks */
	/* where the log lies: the cache's backing channel, or another device */
	io_channel		log_dev;
	unsigned int		block_size;	/* of the file system; the log must have the same */
	/* length of the journal in blocks; 0 with an external device (read from its superblock) */
	uint32_t		log_blocks;
	/*
	 * log block -> block of log_dev, log_blocks entries, copied; NULL = external: starts at
	 * log_start
	 */
	blk64_t			*log_map;
	blk64_t			log_start;	/* external: block of the journal superblock */
	/* 16 bytes; must be among the users of an external journal */
	const uint8_t		*fs_uuid;
	/* 16 bytes; external: must equal the journal's own; else NULL */
	const uint8_t		*journal_uuid;
	unsigned int		commit_interval;/* seconds; 0 = default of 5 */
	bool			barrier;	/* where order matters, flush the device; else wait for its writes */
	bool			read_only;	/* replay into the cache only; nothing is written */
	bool			async_commit;	/* journal_async_commit */
	/* file data on cache's device is durable before the commit block, even with async_commit */
	bool			ordered_data;
	/* the features the file system wants: set at first use as the kernel does */
	bool			csum_v3, csum_64bit_tags;
};

/*
 * Check the journal superblock; no log is read yet, nothing is written.
 * *needs_recovery tells whether the log has anything to replay.
 */
int jbd2_journal_open(const struct jbd2_params *params, journal_t **ret);
bool jbd2_journal_needs_recovery(const journal_t *journal);
/* The error number recorded in the journal superblock (s_errno), 0 when none. */
int jbd2_journal_errno(const journal_t *journal);
/* The error is recorded elsewhere, durably: forget the journal's record.  After jbd2_journal_load(). */
void jbd2_journal_clear_errno(journal_t *journal);

struct jbd2_recovery_stats {
	tid_t	first, last;		/* transactions replayed */
	uint64_t blocks, revoked;	/* replayed, skipped as revoked */
	unsigned int fc_blocks;		/* fast-commit blocks replayed */
	bool	damaged;		/* read_only: the log goes on behind a damaged block, where this ended */
};
/*
 * Replay the log into the cache, flush the cache and mark the log empty (not
 * when read_only), running the fast-commit callbacks last.  Then, unless
 * read_only, the journal takes handles and its commit thread runs.
 */
int jbd2_journal_load(journal_t *journal, struct jbd2_recovery_stats *stats);

/* A journal that is none: same calls, writes go to the cache at once, a commit is a flush. */
int jbd2_journal_open_null(const struct jbd2_params *params, journal_t **ret);

/*
 * Commit, checkpoint everything, mark the log empty, stop the threads, free.
 * After an abort nothing is written.  Returns the first error.
 */
int jbd2_journal_destroy(journal_t *journal);

/* ---- handles ---- */

/*
 * Join the running transaction with room for @nblocks dirty metadata blocks and
 * @revokes revoke records.  Waits for log space (checkpointing) and for a closing
 * transaction; must be called with no handle of this journal open by the thread.
 * -EROFS after an abort, -ENOSPC when the log could never hold it.
 */
int jbd2_journal_start(journal_t *journal, int nblocks, int revokes, handle_t **ret);
/* Ends the handle.  With h_sync set, waits for the commit; returns -EIO after an abort. */
int jbd2_journal_stop(handle_t *handle);
void jbd2_handle_set_sync(handle_t *handle);
/* More room without waiting: 0, or 1 when there is none (restart instead). */
int jbd2_journal_extend(handle_t *handle, int nblocks, int revokes);
/*
 * End the part done so far and go on in a (maybe new) transaction. The caller holds no lock
 * that a commit needs.
 */
int jbd2_journal_restart(handle_t *handle, int nblocks, int revokes);
int jbd2_handle_credits(const handle_t *handle);	/* left */
tid_t jbd2_handle_tid(const handle_t *handle);
journal_t *jbd2_handle_journal(const handle_t *handle);
bool jbd2_handle_aborted(const handle_t *handle);
/* Has it changed anything since it was started? */
bool jbd2_handle_changed(const handle_t *handle);
/* A free word for the owner. */
void *jbd2_handle_priv(const handle_t *handle);
void jbd2_handle_set_priv(handle_t *handle, void *priv);

/* Before changing b_data of a buffer that holds live metadata. */
int jbd2_journal_get_write_access(handle_t *handle, struct iocache_buf *buf);
/* Before filling a buffer of a just allocated block (IOCACHE_GET_NEW); cancels a revoke. */
int jbd2_journal_get_create_access(handle_t *handle, struct iocache_buf *buf);
/*
 * After the change: the buffer goes to the log with this transaction. Costs a credit once per
 * transaction and buffer.
 */
int jbd2_journal_dirty_metadata(handle_t *handle, struct iocache_buf *buf);
/*
 * The metadata block @blk is being freed: revoke it where it may be in the log,
 * and take its buffer (@buf, referenced, or NULL if not at hand) out of the
 * running transaction and of the cache.  The caller's reference stays its own.
 */
int jbd2_journal_forget(handle_t *handle, blk64_t blk, struct iocache_buf *buf);

/*
 * Run @func(cb, err) once the transaction of this handle is durable (err < 0: it never will
 * be), in the commit thread or
 * in one that waits for the commit, with no journal lock held.  Null journal: at handle stop.
 */
struct jbd2_commit_cb {
	struct list_head	cb_list;
	void (*func)(struct jbd2_commit_cb *cb, int err);
};
void jbd2_handle_on_commit(handle_t *handle, struct jbd2_commit_cb *cb);

/* ---- commits ---- */

/* of the running or, if none, the last transaction */
tid_t jbd2_journal_running_tid(journal_t *journal);
tid_t jbd2_journal_committed_tid(journal_t *journal);
/* Ask for the commit of @tid if it is still running; does not wait. */
void jbd2_log_start_commit(journal_t *journal, tid_t tid);
/* Wait until @tid is durable. */
int jbd2_log_wait_commit(journal_t *journal, tid_t tid);
/*
 * fsync's core: start and wait as needed.  *flushed tells whether a commit that began after
 * the call has flushed the data device, so that the caller need not do it again.  @flushed
 * may be NULL.
 */
int jbd2_complete_transaction(journal_t *journal, tid_t tid, bool *flushed);
/* Commit everything and wait. */
int jbd2_journal_force_commit(journal_t *journal);
/* Commit, checkpoint everything and mark the log empty (clean on disk). */
int jbd2_journal_flush(journal_t *journal);
/*
 * The same, and ops->settled() is told, if anything has happened since it was last told (else *@was_quiet).  No
 * handle may be open in this thread.
 */
int jbd2_journal_quiesce(journal_t *journal, bool *was_quiet);
/*
 * The transaction grew old: used on ENOSPC to get freed blocks back sooner. True if one was
 * committed.
 */
bool jbd2_journal_force_commit_nested(journal_t *journal);
/* @err goes into the journal superblock, unless it is -ESHUTDOWN. */
void jbd2_journal_abort(journal_t *journal, int err);
bool jbd2_journal_aborted(const journal_t *journal);
void jbd2_journal_set_commit_interval(journal_t *journal, unsigned int seconds);
bool jbd2_journal_is_null(const journal_t *journal);
/* jbd2_params.priv */
void *jbd2_journal_priv(const journal_t *journal);
/*
 * Keep about @blocks buffers from leaving the cache at most: those of live transactions, and those that are not at home
 * yet.  As with a small log, commits and checkpoints come earlier, and who starts a handle waits for them; with less than
 * the smallest log that mke2fs makes it goes no further down, so that every operation stays possible.  Any thread, after
 * jbd2_journal_load().
 */
void jbd2_journal_set_memory(journal_t *journal, uint64_t blocks);
/* Largest nblocks that jbd2_journal_start takes. */
int jbd2_journal_max_credits(const journal_t *journal);

#endif /* JBD2_JBD2_H */
