/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying a transaction to the log: revoke blocks, descriptors and copies are
 * laid out in a staging area exactly as they will lie on disk, and go there in
 * few large transfers.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ext2fs/ext2fs.h"
#include "jbd2/jbd2_i.h"

struct log_writer {
	journal_t		*journal;
	struct transaction	*tx;
	char			*mem;
	unsigned int		room, used;	/* blocks of mem */
	char			*desc;		/* the open descriptor block, in mem, or NULL */
	char			*tag, *last_tag;	/* next tag, and the last one */
	char			*desc_end;	/* tags end here */
	bool			with_crc;	/* blocks from now on count for csum v1 */
	uint32_t		crc;
};

static void put_header(void *block, uint32_t type, tid_t tid)
{
	struct journal_header *h = block;

	h->h_magic = cpu_to_be32(JBD2_MAGIC_NUMBER);
	h->h_blocktype = cpu_to_be32(type);
	h->h_sequence = cpu_to_be32(tid);
}

/* The checksum in the last four bytes of descriptor and revoke blocks. */
static void put_tail(const journal_t *journal, char *block)
{
	struct journal_block_tail *tail;

	if (!journal->tail_bytes)
		return;
	tail = (struct journal_block_tail *)(block + journal->block_size - sizeof(*tail));
	tail->t_checksum = 0;
	tail->t_checksum = cpu_to_be32(jbd2_csum(journal, block));
}

/* Take @n blocks at the head of the log into use. */
static int advance_head(journal_t *journal, uint32_t n, uint32_t *blk)
{
	int err = 0;

	pthread_mutex_lock(&journal->mutex);
	*blk = journal->head;
	if (journal->free < n) {
		err = -ENOSPC;
	} else {
		journal->free -= n;
		journal->reserved -= n < journal->reserved ? n : journal->reserved;
		journal->head = journal->first + (journal->head - journal->first + n) %
				jbd2_log_capacity(journal);
	}
	pthread_mutex_unlock(&journal->mutex);
	return err;
}

/* Write @n blocks at the head of the log. */
static int write_at_head(journal_t *journal, struct transaction *tx, const char *mem, uint32_t n)
{
	uint32_t blk, run;
	int err;

	err = advance_head(journal, n, &blk);
	if (err)
		jbd2_msg(journal, JBD2_LOG_ERR, "transaction %u does not fit into the log",
			 tx->tid);
	tx->log_blocks += n;
	for (; !err && n; n -= run, mem += (size_t)run * journal->block_size) {
		run = jbd2_log_run(journal, blk, n);
		err = jbd2_errno(io_channel_write_blk64(journal->log_dev,
							jbd2_log_phys(journal, blk), run, mem));
		blk = run == journal->last - blk ? journal->first : blk + run;
	}
	return err;
}

static void close_descriptor(struct log_writer *lw)
{
	journal_t *journal = lw->journal;
	struct journal_block_tag3 *tag3;
	struct journal_block_tag *tag;

	if (!lw->desc)
		return;
	tag3 = (struct journal_block_tag3 *)lw->last_tag;
	tag = (struct journal_block_tag *)lw->last_tag;
	if (journal->csum_v3)
		tag3->t_flags |= cpu_to_be32(JBD2_FLAG_LAST_TAG);
	else
		tag->t_flags |= cpu_to_be16(JBD2_FLAG_LAST_TAG);
	put_tail(journal, lw->desc);
	lw->desc = NULL;
}

static int flush_staged(struct log_writer *lw)
{
	int err;

	close_descriptor(lw);
	if (!lw->used)
		return 0;
	if (lw->with_crc && lw->journal->csum_v1)
		lw->crc = ext2fs_crc32_be(lw->crc, lw->mem,
					  (size_t)lw->used * lw->journal->block_size);
	err = write_at_head(lw->journal, lw->tx, lw->mem, lw->used);
	lw->used = 0;
	return err;
}

/* The next block of the staging area, zeroed. */
static char *stage_block(struct log_writer *lw)
{
	char *block = lw->mem + (size_t)lw->used++ * lw->journal->block_size;

	memset(block, 0, lw->journal->block_size);
	return block;
}

static int write_revokes(struct log_writer *lw)
{
	journal_t *journal = lw->journal;
	unsigned int end = journal->block_size - journal->tail_bytes, off = 0;
	char *block = NULL;
	size_t pos = 0;
	uint64_t blk;
	int err;

	while (jbd2_revoke_next(&lw->tx->revokes, &pos, &blk)) {
		if (!block && lw->used == lw->room) {
			err = flush_staged(lw);
			if (err)
				return err;
		}
		if (!block) {
			block = stage_block(lw);
			put_header(block, JBD2_REVOKE_BLOCK, lw->tx->tid);
			off = sizeof(struct journal_revoke_header);
		}
		if (journal->is_64bit)
			*(__be64 *)(block + off) = cpu_to_be64(blk);
		else
			*(__be32 *)(block + off) = cpu_to_be32((uint32_t)blk);
		off += journal->revoke_bytes;
		((struct journal_revoke_header *)block)->r_count = cpu_to_be32(off);
		if (off + journal->revoke_bytes > end) {
			put_tail(journal, block);
			block = NULL;
		}
	}
	if (block)
		put_tail(journal, block);
	/* Checksums of version 1 do not cover revoke blocks. */
	return journal->csum_v1 ? flush_staged(lw) : 0;
}

static void open_descriptor(struct log_writer *lw)
{
	journal_t *journal = lw->journal;

	lw->desc = stage_block(lw);
	put_header(lw->desc, JBD2_DESCRIPTOR_BLOCK, lw->tx->tid);
	lw->tag = lw->desc + sizeof(struct journal_header);
	lw->last_tag = NULL;
	lw->desc_end = lw->desc + journal->block_size - journal->tail_bytes;
}

static void put_tag(struct log_writer *lw, blk64_t blk, uint32_t flags, uint32_t csum)
{
	journal_t *journal = lw->journal;
	struct journal_block_tag3 *tag3 = (struct journal_block_tag3 *)lw->tag;
	struct journal_block_tag *tag = (struct journal_block_tag *)lw->tag;
	bool first = !lw->last_tag;

	if (!first)
		flags |= JBD2_FLAG_SAME_UUID;
	tag->t_blocknr = cpu_to_be32((uint32_t)blk);
	if (journal->csum_v3) {
		tag3->t_flags = cpu_to_be32(flags);
		tag3->t_checksum = cpu_to_be32(csum);
	} else {
		tag->t_flags = cpu_to_be16((uint16_t)flags);
		/* only csum v2 has one here, and it is not written any more */
		tag->t_checksum = 0;
	}
	if (journal->is_64bit)
		tag3->t_blocknr_high = cpu_to_be32((uint32_t)(blk >> 32));
	lw->last_tag = lw->tag;
	lw->tag += journal->tag_bytes;
	if (first) {
		memcpy(lw->tag, journal->sb->s_uuid, 16);
		lw->tag += 16;
	}
}

static uint32_t copy_csum(const journal_t *journal, tid_t tid, const char *copy)
{
	__be32 seq = cpu_to_be32(tid);
	uint32_t csum;

	if (!journal->tail_bytes)
		return 0;
	csum = ext2fs_crc32c_le(journal->csum_seed, &seq, sizeof(seq));
	return ext2fs_crc32c_le(csum, copy, journal->block_size);
}

/*
 * The content that belongs to the transaction, into the staging area; false
 * when the buffer did not change.  From now on the next transaction may change it.
 */
static bool copy_content(struct log_writer *lw, struct journal_head *jh)
{
	struct jbd2_rec *rec = &jh->recs[lw->tx->tid & 1];
	bool dirty;
	char *copy;

	iocache_lock(jh->buf);
	dirty = __atomic_load_n(&rec->flags, __ATOMIC_ACQUIRE) & JBD2_REC_DIRTY;
	if (dirty) {
		copy = lw->mem + (size_t)lw->used++ * lw->journal->block_size;
		memcpy(copy, rec->frozen ? rec->frozen : jh->buf->b_data, lw->journal->block_size);
		__atomic_or_fetch(&rec->flags, JBD2_REC_COPIED, __ATOMIC_RELAXED);
		free(rec->frozen);
		rec->frozen = NULL;
	}
	iocache_unlock(jh->buf);
	return dirty;
}

static int write_buf(struct log_writer *lw, struct journal_head *jh)
{
	journal_t *journal = lw->journal;
	uint32_t flags = 0;
	__be32 *copy;
	int err;

	if (!(__atomic_load_n(&jh->recs[lw->tx->tid & 1].flags, __ATOMIC_ACQUIRE) & JBD2_REC_DIRTY))
		return 0;
	if (lw->desc && lw->tag + journal->tag_bytes > lw->desc_end)
		close_descriptor(lw);
	if (lw->used + (lw->desc ? 1 : 2) > lw->room) {
		err = flush_staged(lw);
		if (err)
			return err;
	}
	if (!lw->desc)
		open_descriptor(lw);
	copy = (__be32 *)(lw->mem + (size_t)lw->used * journal->block_size);
	if (!copy_content(lw, jh))
		return 0;
	if (*copy == cpu_to_be32(JBD2_MAGIC_NUMBER)) {
		*copy = 0;
		flags = JBD2_FLAG_ESCAPE;
	}
	put_tag(lw, jh->buf->b_blocknr, flags, copy_csum(journal, lw->tx->tid, (char *)copy));
	return 0;
}

/* Memory for the whole transaction, or for one large transfer. */
static int alloc_staging(struct log_writer *lw)
{
	journal_t *journal = lw->journal;
	struct journal_head *jh;
	uint32_t blocks = 4, max = JBD2_LOG_RUN_BYTES / journal->block_size;
	void *mem;

	for (jh = lw->tx->recs; jh && blocks < max; jh = jh->recs[lw->tx->tid & 1].next)
		blocks++;
	if (lw->tx->revokes.count)
		blocks += lw->tx->revokes.count / jbd2_revokes_per_block(journal) + 1;
	lw->room = blocks < max ? blocks : max;
	if (posix_memalign(&mem, 4096, (size_t)lw->room * journal->block_size))
		return -ENOMEM;
	lw->mem = mem;
	return 0;
}

int jbd2_write_log_blocks(journal_t *journal, struct transaction *tx, uint32_t *crc)
{
	struct log_writer lw = { .journal = journal, .tx = tx, .crc = ~0U };
	struct journal_head *jh;
	int err;

	err = alloc_staging(&lw);
	if (err)
		return err;
	err = write_revokes(&lw);
	lw.with_crc = true;
	for (jh = tx->recs; jh && !err; jh = jh->recs[tx->tid & 1].next)
		err = write_buf(&lw, jh);
	if (!err)
		err = flush_staged(&lw);
	free(lw.mem);
	*crc = lw.crc;
	return err;
}

int jbd2_write_commit_block(journal_t *journal, struct transaction *tx, uint32_t crc)
{
	struct commit_header *h;
	struct timespec now;
	void *mem;
	int err;

	if (posix_memalign(&mem, 4096, journal->block_size))
		return -ENOMEM;
	memset(mem, 0, journal->block_size);
	h = mem;
	put_header(mem, JBD2_COMMIT_BLOCK, tx->tid);
	clock_gettime(CLOCK_REALTIME, &now);
	h->h_commit_sec = cpu_to_be64((uint64_t)now.tv_sec);
	h->h_commit_nsec = cpu_to_be32((uint32_t)now.tv_nsec);
	if (journal->csum_v1) {
		h->h_chksum_type = JBD2_CRC32_CHKSUM;
		h->h_chksum_size = JBD2_CRC32_CHKSUM_SIZE;
		h->h_chksum[0] = cpu_to_be32(crc);
	} else if (journal->tail_bytes) {
		h->h_chksum[0] = cpu_to_be32(jbd2_csum(journal, mem));
	}
	err = write_at_head(journal, tx, mem, 1);
	free(mem);
	return err;
}
