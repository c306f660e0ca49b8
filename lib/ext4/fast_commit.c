/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fast commits, read: the records behind the log that the kernel writes in
 * place of small full commits.  The scan checks them, the replay applies them
 * one after the other with ordinary operations through a journal that is none yet; a crash on the way repeats all of it, which gives the same result.
 *
 * Formats: the kernel's fs/ext4/fast_commit.h.
 */
#include <stdlib.h>
#include "ext4/fast_commit_i.h"

#define TAG_ADD_RANGE	1
#define TAG_DEL_RANGE	2
#define TAG_CREAT	3
#define TAG_LINK	4
#define TAG_UNLINK	5
#define TAG_INODE	6
#define TAG_PAD		7
#define TAG_TAIL	8
#define TAG_HEAD	9

#define TL_LEN		4	/* tag and length before each value */

struct fc_head {
	__le32	features;	/* none are known */
	__le32	tid;
};

struct fc_tail {
	__le32	tid;
	__le32	crc;		/* of all since the tail before, up to here */
};

struct ext4_fc_state {
	uint32_t	crc;
	unsigned int	tags;		/* seen so far */
	unsigned int	valid_tags;	/* before the last good tail */
	char		*blocks;	/* those to replay, one after the other */
	unsigned int	n_blocks;
	struct last_record *last;	/* inode records by number */
	unsigned int	n_last;
	unsigned int	current;	/* the record that is looked at */
};

/* ---- walking records of a block ---- */

struct record {
	uint16_t	tag, len;
	const char	*value;
	const char	*start;		/* of tag and length */
};

/* The record at *off of a block; false when there is none any more. */
static bool next_record(const char *block, unsigned int size, unsigned int *off, struct record *r)
{
	__le16 tl[2];

	if (size - *off < TL_LEN)
		return false;
	r->start = block + *off;
	memcpy(tl, r->start, sizeof(tl));
	r->tag = le16_to_cpu(tl[0]);
	r->len = le16_to_cpu(tl[1]);
	r->value = r->start + TL_LEN;
	if (r->len > size - *off - TL_LEN)
		return false;
	*off += TL_LEN + r->len;
	return true;
}

static unsigned int min_len(const struct ext4_fs *fs, uint16_t tag)
{
	switch (tag) {
	case TAG_ADD_RANGE:
		return sizeof(__le32) + sizeof(struct ext3_extent);
	case TAG_DEL_RANGE:
		return 3 * sizeof(__le32);
	case TAG_CREAT:
	case TAG_LINK:
	case TAG_UNLINK:
		return 2 * sizeof(__le32) + 1;
	case TAG_INODE:
		return sizeof(__le32) + EXT2_GOOD_OLD_INODE_SIZE;
	case TAG_TAIL:
	case TAG_HEAD:
		return sizeof(struct fc_head);
	case TAG_PAD:
		return 0;
	default:
		return fs->block_size;	/* unknown: never long enough */
	}
}

static unsigned int max_len(const struct ext4_fs *fs, uint16_t tag)
{
	switch (tag) {
	case TAG_CREAT:
	case TAG_LINK:
	case TAG_UNLINK:
		return 2 * sizeof(__le32) + EXT2_NAME_LEN;
	case TAG_INODE:
		return sizeof(__le32) + fs->inode_size;
	default:
		return fs->block_size;
	}
}

/* ---- the scan ---- */

/* 1 = go on, 0 = the area ends here. */
static int scan_record(struct ext4_fs *fs, const struct record *r, tid_t expected)
{
	struct ext4_fc_state *fc = fs->fc;
	struct fc_head head;
	struct fc_tail tail;

	if (r->len < min_len(fs, r->tag) || r->len > max_len(fs, r->tag))
		return 0;
	if (r->tag == TAG_HEAD) {
		memcpy(&head, r->value, sizeof(head));
		if (head.features) {
			ext4_log(fs, EXT4_LOG_ERR, "%s: fast commits with unknown features 0x%x", fs->device_name,
				 le32_to_cpu(head.features));
			return -EOPNOTSUPP;
		}
		if (le32_to_cpu(head.tid) != expected)
			return 0;
	}
	fc->tags++;
	if (r->tag != TAG_TAIL) {
		fc->crc = ext2fs_crc32c_le(fc->crc, r->start, TL_LEN + r->len);
		return 1;
	}
	memcpy(&tail, r->value, sizeof(tail));
	fc->crc = ext2fs_crc32c_le(fc->crc, r->start, TL_LEN + offsetof(struct fc_tail, crc));
	if (le32_to_cpu(tail.tid) != expected || le32_to_cpu(tail.crc) != fc->crc)
		return 0;
	fc->valid_tags = fc->tags;
	fc->crc = 0;
	return 1;
}

static int scan_block(struct ext4_fs *fs, const char *block, tid_t expected)
{
	unsigned int off = 0;
	struct record r;
	int ret = 1;

	while (ret == 1 && next_record(block, fs->block_size, &off, &r))
		ret = scan_record(fs, &r, expected);
	return ret;
}

static int keep_block(struct ext4_fs *fs, const char *block)
{
	struct ext4_fc_state *fc = fs->fc;
	char *p = realloc(fc->blocks, (size_t)(fc->n_blocks + 1) << fs->block_bits);

	if (!p)
		return -ENOMEM;
	fc->blocks = p;
	memcpy(p + ((size_t)fc->n_blocks++ << fs->block_bits), block, fs->block_size);
	return 1;
}

int ext4_fc_replay(void *priv, enum jbd2_fc_pass pass, const void *data, unsigned int off __attribute__((unused)),
		   tid_t expected)
{
	struct ext4_fs *fs = priv;

	if (!fs->fc) {
		fs->fc = calloc(1, sizeof(*fs->fc));
		if (!fs->fc)
			return -ENOMEM;
	}
	return pass == JBD2_FC_SCAN ? scan_block(fs, data, expected) : keep_block(fs, data);
}

/* ---- the replay ---- */

static uint32_t get32(const char *p)
{
	__le32 v;

	memcpy(&v, p, sizeof(v));
	return le32_to_cpu(v);
}

typedef int (*record_fn)(handle_t *handle, struct ext4_fs *fs, const struct record *r);

static int for_each_record(handle_t *handle, struct ext4_fs *fs, record_fn func)
{
	struct ext4_fc_state *fc = fs->fc;
	unsigned int i, off, tags = 0;
	struct record r;
	int err;

	for (i = 0; i < fc->n_blocks; i++) {
		off = 0;
		while (next_record(fc->blocks + ((size_t)i << fs->block_bits), fs->block_size, &off, &r)) {
			fc->current = tags;
			if (tags++ == fc->valid_tags)
				return 0;
			err = func(handle, fs, &r);
			if (err)
				return err;
		}
	}
	return 0;
}

/*
 * What the records say of inodes, each with its generation: the last record
 * of each counts.  Sorted by number; later records come last.
 */
struct last_record {
	uint32_t	ino, generation, index;
	bool		alive;
};

static int by_ino(const void *a, const void *b)
{
	const struct last_record *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int collect_inode(handle_t *handle __attribute__((unused)), struct ext4_fs *fs, const struct record *r)
{
	struct ext4_fc_state *fc = fs->fc;
	struct ext2_inode raw;

	if (r->tag != TAG_INODE)
		return 0;
	memcpy(&raw, r->value + 4, sizeof(raw));
	fc->last[fc->n_last] = (struct last_record){ get32(r->value), le32_to_cpu(raw.i_generation), fc->current,
						     raw.i_links_count != 0 };
	fc->n_last++;
	return 0;
}

static int collect_inodes(struct ext4_fs *fs)
{
	struct ext4_fc_state *fc = fs->fc;
	int err;

	fc->last = calloc(fc->valid_tags, sizeof(*fc->last));
	if (!fc->last)
		return -ENOMEM;
	err = for_each_record(NULL, fs, collect_inode);
	qsort(fc->last, fc->n_last, sizeof(*fc->last), by_ino);
	return err;
}

/* Is this inode, as it is now on the disk, alive by a record that is still to come? */
static int lives_on(struct ext4_fs *fs, uint32_t ino, bool *ret)
{
	const struct ext4_fc_state *fc = fs->fc;
	unsigned int low = 0, high = fc->n_last, mid;
	struct ext2_inode_large *raw;
	struct iocache_buf *buf;
	int err;

	while (low < high) {
		mid = (low + high) / 2;
		if (fc->last[mid].ino <= ino)
			low = mid + 1;
		else
			high = mid;
	}
	*ret = false;
	if (!low || fc->last[low - 1].ino != ino || !fc->last[low - 1].alive ||
	    fc->last[low - 1].index < fc->current)
		return 0;
	err = ext4_raw_inode_at(fs, ino, &buf, &raw);
	if (err)
		return err;
	*ret = le32_to_cpu(raw->i_generation) == fc->last[low - 1].generation;
	iocache_put(buf);
	return 0;
}

static int apply_name(handle_t *handle, struct ext4_fs *fs, const struct record *r)
{
	uint32_t parent = get32(r->value), ino = get32(r->value + 4);
	const char *name = r->value + 8;
	size_t len = r->len - 8;
	bool keep;
	int err;

	if (r->tag == TAG_UNLINK) {
		err = ino && ino <= fs->inodes_count ? lives_on(fs, ino, &keep) : -EUCLEAN;
		return err ? err : ext4_fc_unlink(handle, fs, parent, ino, name, len, keep);
	}
	return ext4_fc_link(handle, fs, parent, ino, name, len, r->tag == TAG_CREAT);
}

static int apply_range(handle_t *handle, struct ext4_fs *fs, const struct record *r)
{
	struct ext3_extent ex;

	memcpy(&ex, r->value + 4, sizeof(ex));
	return ext4_fc_add_range(handle, fs, get32(r->value), &ex);
}

static int claim_range(handle_t *handle, struct ext4_fs *fs, const struct record *r)
{
	struct ext3_extent ex;

	if (r->tag != TAG_ADD_RANGE)
		return 0;
	memcpy(&ex, r->value + 4, sizeof(ex));
	return ext4_fc_claim_range(handle, fs, &ex);
}

static int settle_range(handle_t *handle, struct ext4_fs *fs, const struct record *r)
{
	struct ext3_extent ex;

	if (r->tag != TAG_ADD_RANGE)
		return 0;
	memcpy(&ex, r->value + 4, sizeof(ex));
	return ext4_fc_settle_range(handle, fs, get32(r->value), &ex);
}

static int apply_record(handle_t *handle, struct ext4_fs *fs, const struct record *r)
{
	switch (r->tag) {
	case TAG_ADD_RANGE:
		return apply_range(handle, fs, r);
	case TAG_DEL_RANGE:
		return ext4_fc_del_range(handle, fs, get32(r->value), get32(r->value + 4), get32(r->value + 8));
	case TAG_CREAT:
	case TAG_LINK:
	case TAG_UNLINK:
		return apply_name(handle, fs, r);
	case TAG_INODE:
		return ext4_fc_set_inode(handle, fs, get32(r->value), r->value + 4, r->len - 4);
	default:
		return 0;
	}
}

/* After all changes: the sector count of an inode that was touched. */
static int count_record(handle_t *handle, struct ext4_fs *fs, const struct record *r)
{
	if (r->tag != TAG_ADD_RANGE && r->tag != TAG_DEL_RANGE && r->tag != TAG_INODE)
		return 0;
	return ext4_fc_recount(handle, fs, get32(r->value));
}

/* What one pass frees is not given out again before its end. */
static int run_pass(struct ext4_fs *fs, record_fn func)
{
	handle_t *handle;
	int err = jbd2_journal_start(fs->journal, EXT4_CREDITS_DIR, 0, &handle);

	if (err)
		return err;
	ext4_lockdep_enter(EXT4_LOCK_HANDLE, 0);
	return ext4_journal_stop(handle, for_each_record(handle, fs, func));
}

static int replay_all(struct ext4_fs *fs)
{
	int err = collect_inodes(fs);

	if (!err)
		err = run_pass(fs, claim_range);
	if (!err)
		err = run_pass(fs, apply_record);
	if (!err)
		err = run_pass(fs, settle_range);
	if (!err)
		err = run_pass(fs, count_record);
	/* Blocks were freed and used again at once: what memory knows of them is not true. */
	ext4_groups_shrink(fs);
	return err;
}

int ext4_fc_finish(void *priv)
{
	struct ext4_fs *fs = priv;
	int err = fs->fc && fs->fc->valid_tags ? replay_all(fs) : 0;

	ext4_fc_free(fs);
	return err;
}

void ext4_fc_free(struct ext4_fs *fs)
{
	if (!fs->fc)
		return;
	free(fs->fc->blocks);
	free(fs->fc->last);
	free(fs->fc);
	fs->fc = NULL;
}
