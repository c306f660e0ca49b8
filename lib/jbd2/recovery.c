/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replaying a log after a crash, in three passes: find its end, collect what
 * was revoked (and check every target), write the copies into the cache.
 * Fast-commit blocks follow.  Nothing in the log is believed before it is checked, and
 * nothing is written before the first two passes are through.
 */
#include <stdlib.h>
#include <string.h>
#include "ext2fs/ext2fs.h"
#include "jbd2/jbd2_i.h"

enum pass { PASS_SCAN, PASS_REVOKE, PASS_REPLAY };

struct recovery {
	journal_t		*journal;
	struct jbd2_recovery_stats *stats;
	enum pass		pass;
	tid_t			tid;		/* expected now */
	tid_t			end;		/* first transaction that is not complete */
	uint32_t		head;		/* block after the last complete one */
	uint32_t		blk, left;	/* next block, and how many are left in the log */
	uint32_t		crc;		/* of csum v1 */
	/* a copy of this transaction has a wrong checksum */
	bool			damaged;
	/* ... or one of an earlier transaction: the log ends there */
	bool			cut;
	/* where the log ends, a block of the expected transaction has a wrong checksum */
	bool			broken;
	struct jbd2_revoke_table revokes;
	char			*desc;		/* the descriptor being worked on */
	char			*window;	/* blocks [window_blk, +window_n) of the log */
	uint32_t		window_blk, window_n;
};

/* pass results: < 0 error */
#define GO_ON	0
#define LOG_END	1

/* One block of the log, valid until the next call. */
static int read_log(struct recovery *r, uint32_t blk, char **data)
{
	journal_t *journal = r->journal;
	errcode_t io = 0;
	uint32_t n;

	if (blk < r->window_blk || blk - r->window_blk >= r->window_n) {
		n = jbd2_log_run(journal, blk, JBD2_LOG_RUN_BYTES / journal->block_size);
		io = io_channel_read_blk64(journal->log_dev, jbd2_log_phys(journal, blk), n,
					   r->window);
		if (io && n > 1) {
			/* A bad block further on may be one that is not needed. */
			n = 1;
			io = io_channel_read_blk64(journal->log_dev, jbd2_log_phys(journal, blk), n,
						   r->window);
		}
		r->window_n = io ? 0 : n;
		r->window_blk = blk;
		if (io) {
			jbd2_msg(journal, JBD2_LOG_ERR, "cannot read journal block %u: %s", blk,
				 error_message(io));
			return jbd2_errno(io);
		}
	}
	*data = r->window + (size_t)(blk - r->window_blk) * journal->block_size;
	return 0;
}

/* The next block in order; LOG_END when the log has been walked once around. */
static int read_next(struct recovery *r, char **data)
{
	int err;

	if (!r->left)
		return LOG_END;
	r->left--;
	err = read_log(r, r->blk, data);
	r->blk = jbd2_log_next(r->journal, r->blk);
	return err;
}

/* Is the block's own checksum, @off bytes into it, right? */
static bool block_csum_ok(const journal_t *journal, char *block, size_t off)
{
	__be32 *field = (__be32 *)(block + off), found = *field;
	bool ok;

	if (!journal->tail_bytes)
		return true;
	*field = 0;
	ok = found == cpu_to_be32(jbd2_csum(journal, block));
	*field = found;
	return ok;
}

/* ... of a descriptor or revoke block, at its end. */
static bool tail_csum_ok(const journal_t *journal, char *block)
{
	return block_csum_ok(journal, block,
			     journal->block_size - sizeof(struct journal_block_tail));
}

struct tag {
	blk64_t		blk;
	uint32_t	flags, csum;
};

/* Take the tag at *off of the descriptor apart and step over it; false when there is none. */
static bool next_tag(const struct recovery *r, unsigned int *off, struct tag *tag)
{
	const journal_t *journal = r->journal;
	const struct journal_block_tag3 *t3 = (void *)(r->desc + *off);
	const struct journal_block_tag *t = (void *)(r->desc + *off);

	if (*off + journal->tag_bytes > journal->block_size - journal->tail_bytes)
		return false;
	tag->blk = be32_to_cpu(t->t_blocknr);
	if (journal->is_64bit)
		tag->blk |= (uint64_t)be32_to_cpu(t->t_blocknr_high) << 32;
	tag->flags = journal->csum_v3 ? be32_to_cpu(t3->t_flags) : be16_to_cpu(t->t_flags);
	tag->csum = journal->csum_v3 ? be32_to_cpu(t3->t_checksum) : be16_to_cpu(t->t_checksum);
	*off += journal->tag_bytes;
	if (!(tag->flags & JBD2_FLAG_SAME_UUID))
		*off += 16;
	return true;
}

static bool copy_csum_ok(const struct recovery *r, const struct tag *tag, const char *copy)
{
	const journal_t *journal = r->journal;
	__be32 seq = cpu_to_be32(r->tid);
	uint32_t csum;

	if (!journal->tail_bytes)
		return true;
	csum = ext2fs_crc32c_le(journal->csum_seed, &seq, sizeof(seq));
	csum = ext2fs_crc32c_le(csum, copy, journal->block_size);
	return tag->csum == (journal->csum_v3 ? csum : csum & 0xffff);
}

static int scan_copy(struct recovery *r, const struct tag *tag, const char *copy)
{
	if (!copy_csum_ok(r, tag, copy))
		r->damaged = true;
	if (r->journal->csum_v1)
		r->crc = ext2fs_crc32_be(r->crc, copy, r->journal->block_size);
	return GO_ON;
}

static int check_target(struct recovery *r, blk64_t blk)
{
	const struct jbd2_ops *ops = r->journal->ops;

	if (!ops->block_ok || ops->block_ok(r->journal->priv, blk))
		return GO_ON;
	jbd2_msg(r->journal, JBD2_LOG_ERR, "transaction %u in the journal wants to write "
		 "block %llu, which is not the file system's to write; run e2fsck", r->tid,
		 (unsigned long long)blk);
	return -EUCLEAN;
}

static int replay_copy(struct recovery *r, const struct tag *tag, const char *copy)
{
	journal_t *journal = r->journal;
	struct iocache_buf *buf;
	errcode_t io;
	tid_t revoked;

	if (jbd2_revoke_find(&r->revokes, tag->blk, &revoked) && tid_geq(revoked, r->tid)) {
		r->stats->revoked++;
		return GO_ON;
	}
	if (!copy_csum_ok(r, tag, copy))
		return -EBADMSG;
	io = iocache_get(journal->cache, tag->blk, IOCACHE_GET_NOREAD, &buf);
	if (io)
		return jbd2_errno(io);
	iocache_lock(buf);
	memcpy(buf->b_data, copy, journal->block_size);
	if (tag->flags & JBD2_FLAG_ESCAPE)
		*(__be32 *)buf->b_data = cpu_to_be32(JBD2_MAGIC_NUMBER);
	iocache_clear(buf, IOCACHE_BUF_VERIFIED);
	iocache_set(buf, IOCACHE_BUF_UPTODATE);
	iocache_mark_dirty(buf);
	iocache_unlock(buf);
	iocache_put(buf);
	r->stats->blocks++;
	return GO_ON;
}

static int one_copy(struct recovery *r, const struct tag *tag)
{
	bool skip = r->pass == PASS_REVOKE ||
		    (r->pass == PASS_SCAN && !r->journal->tail_bytes && !r->journal->csum_v1);
	char *copy;
	int ret;

	if (r->pass == PASS_REVOKE) {
		ret = check_target(r, tag->blk);
		if (ret)
			return ret;
	}
	if (skip) {
		if (!r->left)
			return LOG_END;
		r->left--;
		r->blk = jbd2_log_next(r->journal, r->blk);
		return GO_ON;
	}
	ret = read_next(r, &copy);
	if (ret)
		return ret;
	return r->pass == PASS_SCAN ? scan_copy(r, tag, copy) : replay_copy(r, tag, copy);
}

static int descriptor(struct recovery *r, char *block)
{
	journal_t *journal = r->journal;
	unsigned int off = sizeof(struct journal_header);
	struct tag tag = { 0 };
	int ret = GO_ON;

	if (!tail_csum_ok(journal, block)) {
		r->broken = true;
		return LOG_END;
	}
	if (r->pass == PASS_SCAN && journal->csum_v1)
		r->crc = ext2fs_crc32_be(r->crc, block, journal->block_size);
	memcpy(r->desc, block, journal->block_size);
	while (!ret && !(tag.flags & JBD2_FLAG_LAST_TAG) && next_tag(r, &off, &tag))
		ret = one_copy(r, &tag);
	return ret;
}

static int revoke_block(struct recovery *r, char *block)
{
	const struct journal_revoke_header *h = (void *)block;
	const journal_t *journal = r->journal;
	uint32_t count = be32_to_cpu(h->r_count), off;
	uint64_t blk;
	int err;

	if (!tail_csum_ok(journal, block) ||
	    count < sizeof(*h) || count > journal->block_size - journal->tail_bytes) {
		r->broken = true;
		return LOG_END;
	}
	if (r->pass != PASS_REVOKE)
		return GO_ON;
	for (off = sizeof(*h); off + journal->revoke_bytes <= count; off += journal->revoke_bytes) {
		if (journal->is_64bit)
			blk = be64_to_cpu(*(__be64 *)(block + off));
		else
			blk = be32_to_cpu(*(__be32 *)(block + off));
		err = jbd2_revoke_set(&r->revokes, blk, r->tid);
		if (err)
			return err;
	}
	return GO_ON;
}

static bool commit_block_ok(struct recovery *r, char *block)
{
	const struct commit_header *h = (void *)block;

	if (!block_csum_ok(r->journal, block, offsetof(struct commit_header, h_chksum)))
		return false;
	if (r->journal->csum_v1 && h->h_chksum_type == JBD2_CRC32_CHKSUM &&
	    h->h_chksum_size == JBD2_CRC32_CHKSUM_SIZE && be32_to_cpu(h->h_chksum[0]) != r->crc)
		r->damaged = true;
	return true;
}

/* Who only reads sees what was complete before it. */
static int lost_in_the_middle(struct recovery *r)
{
	if (r->journal->read_only) {
		jbd2_msg(r->journal, JBD2_LOG_WARN, "a block in the middle of the journal is damaged, in transaction %u: "
			 "what was written since then is not shown", r->end);
		r->stats->damaged = true;
		return LOG_END;
	}
	jbd2_msg(r->journal, JBD2_LOG_ERR, "a block in the middle of the journal is damaged, in transaction %u of %u to %u at least",
		 r->end, be32_to_cpu(r->journal->sb->s_sequence), r->tid);
	return -EBADMSG;
}

/*
 * A transaction is complete.  One with a damaged copy ends the log, as a torn write of an async
 * commit does; but when complete ones follow, the device has lost something that was durable.
 */
static int commit_block(struct recovery *r, char *block)
{
	if (r->pass == PASS_SCAN) {
		if (!commit_block_ok(r, block)) {
			r->broken = true;
			return LOG_END;
		}
		if (r->cut)
			return lost_in_the_middle(r);
		r->cut = r->damaged;
		if (!r->cut) {
			r->end = r->tid + 1;
			r->head = r->blk;
		}
		r->damaged = false;
		r->crc = ~0U;
	}
	r->tid++;
	return GO_ON;
}

static int one_block(struct recovery *r)
{
	const struct journal_header *h;
	char *block;
	int ret;

	ret = read_next(r, &block);
	if (ret)
		return ret;
	h = (void *)block;
	if (be32_to_cpu(h->h_magic) != JBD2_MAGIC_NUMBER || be32_to_cpu(h->h_sequence) != r->tid)
		return LOG_END;
	switch (be32_to_cpu(h->h_blocktype)) {
	case JBD2_DESCRIPTOR_BLOCK:
		return descriptor(r, block);
	case JBD2_COMMIT_BLOCK:
		return commit_block(r, block);
	case JBD2_REVOKE_BLOCK:
		return revoke_block(r, block);
	default:
		return LOG_END;
	}
}

static bool is_later_commit(struct recovery *r, char *block)
{
	const struct journal_header *h = (void *)block;
	uint32_t later = be32_to_cpu(h->h_sequence) - r->tid;

	return be32_to_cpu(h->h_magic) == JBD2_MAGIC_NUMBER &&
	       be32_to_cpu(h->h_blocktype) == JBD2_COMMIT_BLOCK &&
	       later && later < jbd2_log_capacity(r->journal) &&
	       block_csum_ok(r->journal, block, offsetof(struct commit_header, h_chksum));
}

#define UNREADABLE_MAX	8	/* blocks behind the end; more is a device that fails */

/*
 * The log ends at a broken block, which is what a cut leaves of the last transaction.  When later ones are complete,
 * though, this one was durable: the device has lost something, and to forget all of them would not be
 * noticed.  A transaction takes a quarter of the log at most, so there is no need to look through all of it.
 */
static int end_of_log(struct recovery *r)
{
	journal_t *journal = r->journal;
	uint32_t look = jbd2_log_capacity(journal) / 2;
	unsigned int unreadable = 0;
	char *block;
	int err;

	if (!journal->tail_bytes || !r->broken)
		return LOG_END;
	/* What cannot be read may be old; it hides nothing that comes after it. */
	while (look-- && (err = read_next(r, &block)) != LOG_END) {
		if (err && ++unreadable > UNREADABLE_MAX)
			return err;
		if (err || !is_later_commit(r, block))
			continue;
		return lost_in_the_middle(r);
	}
	return LOG_END;
}

static int run_pass(struct recovery *r, enum pass pass)
{
	const struct journal_superblock *sb = r->journal->sb;
	int ret = GO_ON;

	r->pass = pass;
	r->tid = be32_to_cpu(sb->s_sequence);
	r->blk = be32_to_cpu(sb->s_start);
	r->left = jbd2_log_capacity(r->journal);
	r->crc = ~0U;
	if (pass == PASS_SCAN) {
		r->end = r->tid;
		r->head = r->blk;
	}
	while (!ret && (pass == PASS_SCAN || r->tid != r->end))
		ret = one_block(r);
	if (ret == LOG_END && pass == PASS_SCAN && !r->stats->damaged)
		ret = end_of_log(r);
	if (ret == LOG_END && pass != PASS_SCAN) {
		jbd2_msg(r->journal, JBD2_LOG_ERR, "the journal changed while it was replayed");
		return -EIO;
	}
	return ret < 0 ? ret : 0;
}

/*
 * The area lies behind the log, with one unused block between.  The scan decides how
 * many blocks count.
 */
static int run_fast_commits(struct recovery *r)
{
	journal_t *journal = r->journal;
	const struct jbd2_ops *ops = journal->ops;
	uint32_t first = journal->last + 1, n = 0, i;
	char *block;
	int ret = 1;

	if (journal->last == journal->log_blocks || !ops->fc_replay)
		return 0;
	for (; first + n < journal->log_blocks && ret > 0; n += ret > 0) {
		ret = read_log(r, first + n, &block);
		if (!ret)
			ret = ops->fc_replay(journal->priv, JBD2_FC_SCAN, block, n, r->end);
	}
	for (i = 0; i < n && ret >= 0; i++) {
		ret = read_log(r, first + i, &block);
		if (!ret)
			ret = ops->fc_replay(journal->priv, JBD2_FC_REPLAY, block, i, r->end);
	}
	if (ret < 0)
		return ret;
	r->stats->fc_blocks = n;
	if (!n || !ops->fc_finish)
		return 0;
	journal->null = true;
	ret = ops->fc_finish(journal->priv);
	journal->null = false;
	return ret < 0 ? ret : 0;
}

static int run_passes(struct recovery *r)
{
	tid_t start = be32_to_cpu(r->journal->sb->s_sequence);
	int err;

	err = run_pass(r, PASS_SCAN);
	if (!err)
		err = run_pass(r, PASS_REVOKE);
	if (!err)
		err = run_pass(r, PASS_REPLAY);
	if (err)
		return err;
	r->stats->first = start;
	r->stats->last = r->end - 1;
	/* They come after the last of all transactions. */
	return r->stats->damaged ? 0 : run_fast_commits(r);
}

/* As the kernel: the number after the end is not used, so nothing old in the log can look valid. */
int jbd2_recover(journal_t *journal, struct jbd2_recovery_stats *stats)
{
	struct recovery r = { .journal = journal, .stats = stats };
	void *window = NULL;
	int err = -ENOMEM;

	r.desc = malloc(journal->block_size);
	if (r.desc && !posix_memalign(&window, 4096, JBD2_LOG_RUN_BYTES)) {
		r.window = window;
		err = run_passes(&r);
	}
	free(window);
	free(r.desc);
	jbd2_revoke_free(&r.revokes);
	journal->next_tid = r.end + 1;
	journal->head = r.head;
	return err;
}
