/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing file data.  New blocks are reserved in memory, filled on the device,
 * and only then mapped in a handle: whatever commits points to data that was
 * written before it, and one flush at the commit makes both durable.
 */
#include <stdlib.h>
#include "ext4/data_i.h"

#define SMALL_FILE	(64U << 10)	/* bytes; smaller ones are packed, larger ones get a window */
#define WINDOW_MAX	(128U << 20)	/* bytes */
#define PIECES		16		/* runs that one handle maps */
#define CHUNK		(8U << 20)	/* bytes written before they are mapped */

/* A run that was written and waits for being mapped. */
struct piece {
	uint32_t	lblk, len;
	blk64_t		pblk;
	bool		reserved;	/* new blocks; else unwritten ones to convert */
};

struct writer {
	struct ext4_inode	*inode;
	unsigned int		alloc_flags;
	bool			in_place;	/* no new blocks */
	uint64_t		end;		/* of the whole write, bytes */
	bool			touch;		/* times are ours to set */
	struct piece		piece[PIECES];
	int			pieces;
};

/* ---- where new blocks come from ---- */

static uint32_t window_blocks(const struct writer *w, uint64_t end)
{
	struct ext4_fs *fs = w->inode->i_fs;
	uint64_t bytes = SMALL_FILE;

	if (end < SMALL_FILE)
		return 0;
	while (bytes < end && bytes < WINDOW_MAX)
		bytes *= 2;
	return bytes >> fs->block_bits;
}

static int take_blocks(struct writer *w, const struct ext4_map *hole, struct ext4_resv *resv)
{
	const struct piece *last = w->pieces ? &w->piece[w->pieces - 1] : NULL;
	blk64_t goal = last && last->lblk + last->len == hole->lblk ? last->pblk + last->len : 0;
	uint32_t want = (w->end + w->inode->i_fs->block_size - 1) >> w->inode->i_fs->block_bits;

	want = want - hole->lblk < hole->len ? want - hole->lblk : hole->len;
	/* In a block map a longer run would touch more tables than a handle has credits for. */
	if (!(w->inode->i_flags & EXT4_EXTENTS_FL) && want > w->inode->i_fs->block_size / sizeof(__le32))
		want = w->inode->i_fs->block_size / sizeof(__le32);
	return ext4_window_take(w->inode, hole->lblk, hole->len, want, window_blocks(w, w->end), goal,
				w->alloc_flags, resv);
}

/* ---- mapping what was written ---- */

static void drop_pieces(struct writer *w)
{
	int i;

	for (i = 0; i < w->pieces; i++)
		if (w->piece[i].reserved)
			ext4_resv_release(w->inode->i_fs, w->piece[i].pblk, w->piece[i].len);
	w->pieces = 0;
}

static int map_piece(handle_t *handle, struct writer *w, struct piece *p)
{
	struct ext4_fs *fs = w->inode->i_fs;
	uint64_t end = ((uint64_t)p->lblk + p->len) << fs->block_bits;
	bool reserved = p->reserved;
	int err;

	/* From here on the blocks are either used or given back by the callee. */
	p->reserved = false;
	if (reserved) {
		err = ext4_resv_commit(handle, fs, p->pblk, p->len);
		if (!err) {
			err = ext4_map_insert(handle, w->inode, p->lblk, p->pblk, p->len, false);
			if (err)
				ext4_free_blocks(handle, fs, w->inode->i_ino, p->pblk, p->len, 0);
		}
	} else {
		err = ext4_map_convert(handle, w->inode, p->lblk, p->len, false);
	}
	if (err)
		return err;
	if (end > w->end)
		end = w->end;
	if (end > ext4_isize(w->inode))
		ext4_isize_set(w->inode, end);
	return 0;
}

/* A run may span groups when those are small. */
static int piece_credits(const struct ext4_fs *fs)
{
	int groups = (CHUNK >> fs->block_bits) / fs->blocks_per_group + 2;

	return 2 * groups + EXT4_CREDITS_MAP + EXT4_CREDITS_INODE;
}

static int map_pieces(struct writer *w)
{
	struct ext4_fs *fs = w->inode->i_fs;
	handle_t *handle;
	int i, err;

	if (!w->pieces)
		return 0;
	err = ext4_journal_start(fs, piece_credits(fs), &handle);
	for (i = 0; !err && i < w->pieces; i++) {
		err = ext4_journal_ensure(handle, piece_credits(fs), 0);
		if (err >= 0)
			err = map_piece(handle, w, &w->piece[i]);
		if (!err && i == w->pieces - 1 && w->touch)
			ext4_inode_touch(w->inode, true);
		if (!err)
			err = ext4_mark_inode_dirty(handle, w->inode);
	}
	if (handle) {
		ext4_update_sync_tid(handle, w->inode, true);
		err = ext4_journal_stop(handle, err);
	}
	drop_pieces(w);
	return err;
}

static void add_piece(struct writer *w, uint32_t lblk, blk64_t pblk, uint32_t len, bool reserved)
{
	struct piece *last = w->pieces ? &w->piece[w->pieces - 1] : NULL;

	if (last && last->reserved == reserved && last->lblk + last->len == lblk && last->pblk + last->len == pblk)
		last->len += len;
	else
		w->piece[w->pieces++] = (struct piece){ lblk, len, pblk, reserved };
}

/* ---- one stretch of the file after the other ---- */

/*
 * Write what fits the next run: *done bytes.  Blocks that are mapped and
 * written are changed in place; others become a piece.
 */
static int write_stretch(struct writer *w, const char *from, size_t len, uint64_t off, size_t *done)
{
	struct ext4_fs *fs = w->inode->i_fs;
	uint64_t skip = off & (fs->block_size - 1), bytes;
	struct ext4_map map = { .lblk = off >> fs->block_bits,
				.len = EXT_MAX_BLOCK - (uint32_t)(off >> fs->block_bits) };
	struct ext4_resv resv = { 0, 0 };
	bool fresh, hole;
	int err;

	err = ext4_map_blocks(w->inode, &map);
	if (err)
		return err;
	hole = !map.pblk;
	fresh = hole || map.unwritten;
	if (hole && w->in_place)
		return -ENOSPC;
	if (hole) {
		err = take_blocks(w, &map, &resv);
		if (err)
			return err;
		map.pblk = resv.start;
		map.len = resv.len;
	}
	bytes = ((uint64_t)map.len << fs->block_bits) - skip;
	if (bytes > len)
		bytes = len;
	err = ext4_write_run(fs, map.pblk, skip, bytes, from, fresh);
	if (err) {
		if (hole)
			ext4_resv_release(fs, resv.start, resv.len);
		return err;
	}
	if (fresh)
		add_piece(w, map.lblk, map.pblk, (skip + bytes + fs->block_size - 1) >> fs->block_bits, hole);
	*done = bytes;
	return 0;
}

/* Data in place is written; a size that grows inside the last block is not covered by a piece. */
static int finish_in_place(struct writer *w, uint64_t end)
{
	handle_t *handle;
	int err;

	if (end <= ext4_isize(w->inode) && !w->touch)
		return 0;
	err = ext4_journal_start(w->inode->i_fs, EXT4_CREDITS_INODE, &handle);
	if (err)
		return err;
	if (end > ext4_isize(w->inode)) {
		ext4_isize_set(w->inode, end);
		ext4_update_sync_tid(handle, w->inode, true);
	}
	if (w->touch)
		ext4_inode_touch(w->inode, true);
	return ext4_journal_stop(handle, ext4_mark_inode_dirty(handle, w->inode));
}

/* Several writes of one mapping step: *done bytes, mapped and counted, also when an error ends it. */
static int write_chunk(struct writer *w, const char *from, size_t len, uint64_t off, size_t *done)
{
	size_t part, total = 0;
	bool in_place = false;
	int err = 0, err2, before;

	while (total < len && w->pieces < PIECES) {
		before = w->pieces;
		err = write_stretch(w, from + total, len - total, off + total, &part);
		if (err)
			break;
		in_place = in_place || w->pieces == before;
		total += part;
	}
	err2 = map_pieces(w);
	if (!err2 && in_place && total)
		err2 = finish_in_place(w, off + total);
	if (!err2)
		*done += total;
	return err2 ? err2 : err;
}

/* With space running out: nothing was lost, and freed blocks may come back. */
static int write_all(struct writer *w, const char *from, size_t len, uint64_t off, size_t *done)
{
	int err = 0, tries = 0;
	size_t part, got;

	*done = 0;
	while (*done < len) {
		part = len - *done < CHUNK ? len - *done : CHUNK;
		got = 0;
		err = write_chunk(w, from + *done, part, off + *done, &got);
		*done += got;
		if (err == -ENOSPC && ext4_should_retry_alloc(w->inode->i_fs, &tries))
			continue;
		if (err)
			break;
	}
	return err;
}

/* ---- before the data ---- */

/* 1 = written inline, 0 = goes to blocks. */
static int write_inline(struct writer *w, const char *from, size_t len, uint64_t off)
{
	struct ext4_inode *inode = w->inode;
	handle_t *handle;
	int done, err;
	uint32_t max;

	if (!ext4_has_inline_data(inode) && !ext4_inline_may_begin(inode))
		return 0;
	err = ext4_inline_max(inode, &max);
	if (err)
		return err;
	if (off + len <= max) {
		err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_XATTR + EXT4_CREDITS_INODE, &handle);
		if (err)
			return err;
		done = ext4_inline_write(handle, inode, from, len, off);
		if (done > 0) {
			if (w->touch)
				ext4_inode_touch(inode, true);
			ext4_update_sync_tid(handle, inode, true);
			err = ext4_mark_inode_dirty(handle, inode);
		}
		err = ext4_journal_stop(handle, done < 0 ? done : err);
		if (err || done > 0)
			return err ? err : 1;
	}
	return ext4_leave_inline(inode);
}

/*
 * The set-id bits that a change by @cred leaves: setgid stays where it means locking (no execution by the group)
 * and the one who changes is of the group, or privileged.  Other groups of his are not known.
 */
static uint16_t mode_without_setid(const struct ext4_inode *inode, const struct ext4_cred *cred)
{
	uint16_t mode = inode->i_mode & ~S_ISUID;
	bool of_group = cred && (cred->privileged || cred->gid == inode->i_gid);

	if ((mode & S_ISGID) && ((mode & S_IXGRP) || !of_group))
		mode &= ~S_ISGID;
	return mode;
}

static int set_mode_without_caps(struct ext4_inode *inode, uint16_t mode)
{
	uint16_t old = inode->i_mode;
	handle_t *handle;
	int err;

	if (mode == old && ext4_xattr_get(inode, EXT2_EXT_ATTR_INDEX_SECURITY, "capability", NULL, 0) < 0)
		return 0;
	err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_INODE + EXT4_CREDITS_XATTR, &handle);
	if (err)
		return err;
	ext4_mode_set(inode, mode);
	err = ext4_xattr_set(handle, inode, EXT2_EXT_ATTR_INDEX_SECURITY, "capability", NULL, 0, 0);
	if (err == -ENODATA)
		err = 0;
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	if (err)
		ext4_mode_set(inode, old);
	return ext4_journal_stop(handle, err);
}

int ext4_kill_suidgid(struct ext4_inode *inode, const struct ext4_cred *cred)
{
	if (S_ISDIR(inode->i_type))
		return 0;
	return set_mode_without_caps(inode, mode_without_setid(inode, cred));
}

int ext4_kill_privileges(struct ext4_inode *inode, const struct ext4_cred *cred)
{
	return cred && cred->privileged ? set_mode_without_caps(inode, inode->i_mode) :
					  ext4_kill_suidgid(inode, cred);
}

static int prepare(struct ext4_inode *inode, size_t *len, uint64_t off, unsigned int flags,
		   const struct ext4_cred *cred)
{
	struct ext4_fs *fs = inode->i_fs;
	uint64_t size = ext4_isize(inode), max = ext4_max_size(inode), to;
	struct ext4_cred writer;
	int err;

	if (inode->i_flags & EXT2_IMMUTABLE_FL)
		return -EPERM;
	if ((inode->i_flags & EXT2_APPEND_FL) && !(flags & (EXT4_WRITE_APPEND | EXT4_WRITE_CACHED)) && off < size)
		return -EPERM;
	if (off >= max)
		return -EFBIG;
	if (*len > max - off)
		*len = max - off;
	if (flags & EXT4_WRITE_KILL_SUIDGID) {
		/* Whoever asks says that the writer has no right to keep them. */
		writer = (struct ext4_cred){ .uid = cred ? cred->uid : 0, .gid = cred ? cred->gid : 0 };
		err = ext4_kill_suidgid(inode, cred && !(flags & EXT4_WRITE_CACHED) ? &writer : NULL);
		if (err)
			return err;
	}
	/* What lies behind the old end in its block becomes part of the file. */
	if (off > size && (size & (fs->block_size - 1)) && !ext4_has_inline_data(inode)) {
		to = (size | (fs->block_size - 1)) + 1;
		return ext4_zero_partial(inode, size, off < to ? off : to);
	}
	return 0;
}

/* ---- whole writes ---- */

static bool all_written(struct ext4_inode *inode, size_t len, uint64_t off)
{
	struct ext4_fs *fs = inode->i_fs;
	uint32_t lblk = off >> fs->block_bits, left = len >> fs->block_bits;
	struct ext4_map map;

	while (left) {
		map = (struct ext4_map){ .lblk = lblk, .len = left };
		if (ext4_map_blocks(inode, &map) || !map.pblk || map.unwritten)
			return false;
		lblk += map.len;
		left -= map.len;
	}
	return true;
}

/*
 * Whole blocks from the page cache onto blocks that are there already change no
 * metadata: many threads may do that to one file at once.
 */
static bool overwrite_shared(struct ext4_inode *inode, const char *from, size_t len, uint64_t off,
			     unsigned int flags, bool *sync, ssize_t *ret)
{
	struct writer w = { .inode = inode, .end = off + len };
	struct ext4_fs *fs = inode->i_fs;
	size_t done = 0, part;
	bool ok;
	int err = 0;

	if (!(flags & EXT4_WRITE_CACHED) || (flags & EXT4_WRITE_KILL_SUIDGID) ||
	    (off | len) & (fs->block_size - 1))
		return false;
	ext4_lock_shared(inode);
	ok = off + len <= ext4_isize(inode) && !ext4_has_inline_data(inode) && !ext4_journals_data(inode) &&
	     !(inode->i_flags & EXT2_IMMUTABLE_FL) && all_written(inode, len, off);
	while (ok && !err && done < len) {
		err = write_stretch(&w, from + done, len - done, off + done, &part);
		if (!err)
			done += part;
	}
	*sync = ext4_wants_sync(inode);
	ext4_unlock(inode);
	*ret = err ? err : (ssize_t)len;
	return ok;
}

static ssize_t write_locked(struct writer *w, const char *from, size_t len, uint64_t off)
{
	size_t done = 0;
	int err;

	if (ext4_journals_data(w->inode)) {
		err = ext4_write_journaled(w->inode, from, len, off, &done);
		if (done && w->touch)
			err = finish_in_place(w, off + done);
	} else {
		err = write_all(w, from, len, off, &done);
	}
	/* Nobody comes back for the rest of what was in the kernel's cache: that is an error as a whole. */
	if (err && !w->touch)
		return err;
	return done ? (ssize_t)done : err;
}

ssize_t ext4_write(struct ext4_inode *inode, const void *buf, size_t len, off_t off, unsigned int flags,
		   const struct ext4_cred *cred)
{
	struct ext4_fs *fs = inode->i_fs;
	struct writer w = {
		.inode = inode,
		.touch = !(flags & EXT4_WRITE_CACHED),
		.in_place = flags & EXT4_WRITE_IN_PLACE,
	};
	struct ext4_cred owner;
	size_t asked = len;
	bool sync;
	ssize_t ret;
	int err;

	if (off < 0)
		return -EINVAL;
	if (!S_ISREG(inode->i_type))
		return S_ISDIR(inode->i_type) ? -EISDIR : -EINVAL;
	err = ext4_check_rw(fs);
	if (err || !len)
		return err;
	if (overwrite_shared(inode, buf, len, off, flags, &sync, &ret))
		goto sync;
	ext4_lock(inode);
	if (flags & EXT4_WRITE_APPEND)
		off = ext4_isize(inode);
	owner = (struct ext4_cred){ inode->i_uid, inode->i_gid, inode->i_uid == 0 };
	err = prepare(inode, &len, off, flags, cred);
	w.end = off + len;
	/* Who wrote what comes from the kernel's cache is not known: the file's owner stands for it. */
	w.alloc_flags = ext4_alloc_flags(fs, flags & EXT4_WRITE_CACHED ? &owner : cred);
	ret = err ? err : write_inline(&w, buf, len, off);
	if (ret == 1)
		ret = len;
	else if (!ret)
		ret = write_locked(&w, buf, len, off);
	if (!__atomic_load_n(&inode->i_writers, __ATOMIC_RELAXED))
		ext4_drop_prealloc(inode);
	sync = ext4_wants_sync(inode);
	ext4_unlock(inode);
	if (ret > 0 && len < asked && (flags & EXT4_WRITE_CACHED))
		return -EFBIG;
sync:
	if (ret > 0 && (sync || (flags & (EXT4_WRITE_SYNC | EXT4_WRITE_DSYNC)))) {
		err = ext4_fsync(inode, !sync && !(flags & EXT4_WRITE_SYNC));
		if (err)
			return err;
	}
	return ret;
}

void ext4_open_file(struct ext4_inode *inode, bool writing)
{
	/* What is in a cache before the first writer begins is dropped there when he writes. */
	if (writing && !__atomic_fetch_add(&inode->i_writers, 1, __ATOMIC_ACQ_REL))
		__atomic_store_n(&inode->i_read_cached, false, __ATOMIC_RELEASE);
}

void ext4_release_file(struct ext4_inode *inode, bool writing)
{
	if (writing && __atomic_sub_fetch(&inode->i_writers, 1, __ATOMIC_ACQ_REL) == 0)
		ext4_drop_prealloc(inode);
}

void ext4_read_cached(struct ext4_inode *inode)
{
	if (!__atomic_load_n(&inode->i_read_cached, __ATOMIC_RELAXED))
		__atomic_store_n(&inode->i_read_cached, true, __ATOMIC_RELEASE);
}

bool ext4_was_read_cached(const struct ext4_inode *inode)
{
	return __atomic_load_n(&inode->i_read_cached, __ATOMIC_ACQUIRE);
}

bool ext4_open_for_writing(const struct ext4_inode *inode)
{
	return __atomic_load_n(&inode->i_writers, __ATOMIC_ACQUIRE) > 0;
}
