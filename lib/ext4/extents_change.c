/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of what an extent tree maps: inserting runs, merging, converting
 * between unwritten and written, removing ranges.
 */
#include "ext4/extents_i.h"

/* Metadata blocks each need a revoke record: free only so many per step. */
#define REVOKES_PER_STEP	64

/* Does run (lblk, pblk) of this kind go on right after @ex? */
static bool follows(const struct ext3_extent *ex, uint32_t lblk, blk64_t pblk, bool unwritten)
{
	return ext_end(ex) == lblk && ext_pblk(ex) + ext_len(ex) == pblk && ext_unwritten(ex) == unwritten;
}

/*
 * Join entries @slot and @slot + 1 of the leaf if they are one run.  What does not fit one entry
 * moves to the front, so that the second can still grow.  The leaf is writable.
 */
static bool join(struct ext3_extent_header *hdr, int slot)
{
	struct ext3_extent *a = ext_leaf(hdr) + slot, *b = a + 1;
	uint32_t len_a, len_b, move;
	bool unwritten;

	if (slot < 0 || slot + 1 >= (int)ext_entries(hdr) ||
	    !follows(a, ext_lblk(b), ext_pblk(b), ext_unwritten(b)))
		return false;
	unwritten = ext_unwritten(a);
	len_a = ext_len(a);
	len_b = ext_len(b);
	move = ext_max_len(unwritten) - len_a;
	if (!move)
		return false;
	if (move < len_b) {
		ext_fill(a, ext_lblk(a), ext_pblk(a), len_a + move, unwritten);
		ext_fill(b, ext_lblk(b) + move, ext_pblk(b) + move, len_b - move, unwritten);
		return true;
	}
	ext_fill(a, ext_lblk(a), ext_pblk(a), len_a + len_b, unwritten);
	memmove(b, b + 1, (ext_entries(hdr) - slot - 2) * sizeof(*b));
	hdr->eh_entries = cpu_to_le16(ext_entries(hdr) - 1);
	return true;
}

/* Lengthen the entry before by a run that follows it, if it can take all of it: a run is mapped whole or not at all. */
static bool append(struct ext4_ext_level *leaf, uint32_t lblk, blk64_t pblk, uint32_t len, bool unwritten)
{
	struct ext3_extent *ex = ext_leaf(leaf->hdr) + leaf->slot;

	if (leaf->slot < 0 || !follows(ex, lblk, pblk, unwritten) || ext_len(ex) + len > ext_max_len(unwritten))
		return false;
	ext_fill(ex, ext_lblk(ex), ext_pblk(ex), ext_len(ex) + len, unwritten);
	return true;
}

/* The leaf for @lblk, with room for @room more entries, writable; on failure there is no path.  @flags: EXT4_ALLOC_*. */
static int writable_leaf(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, unsigned int room,
			 unsigned int flags, struct ext4_ext_path *path, struct ext4_ext_level **leaf)
{
	int err = room ? ext4_ext_make_room(handle, inode, lblk, room, flags, path) :
			 ext4_ext_find(inode, lblk, path);

	if (err)
		return err;
	*leaf = &path->level[path->depth];
	err = ext4_ext_access(handle, path, path->depth);
	if (err)
		ext4_ext_put_path(path);
	return err;
}

/* Try to lengthen an entry: 1 = done, 0 = it takes one of its own. */
static int insert_by_append(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len,
			    bool unwritten)
{
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	int err;

	err = writable_leaf(handle, inode, lblk, 0, 0, &path, &leaf);
	if (err)
		return err;
	if (append(leaf, lblk, pblk, len, unwritten)) {
		join(leaf->hdr, leaf->slot);
		err = ext4_ext_dirty(handle, inode, &path, path.depth);
		if (!err)
			err = 1;
	}
	ext4_ext_put_path(&path);
	return err;
}

/* Lengthen the entry before to its limit: how many blocks of the run it took, fewer than all. */
static uint32_t fill_up(struct ext4_ext_level *leaf, uint32_t lblk, blk64_t pblk, uint32_t len, bool unwritten)
{
	struct ext3_extent *ex = ext_leaf(leaf->hdr) + leaf->slot;
	uint32_t room;

	if (leaf->slot < 0 || !follows(ex, lblk, pblk, unwritten))
		return 0;
	room = ext_max_len(unwritten) - ext_len(ex);
	if (!room || room >= len)
		return 0;
	ext_fill(ex, ext_lblk(ex), ext_pblk(ex), ext_len(ex) + room, unwritten);
	return room;
}

static int insert_entry(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len,
			bool unwritten)
{
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	struct ext3_extent *ex;
	uint32_t taken;
	int err;

	err = writable_leaf(handle, inode, lblk, 1, 0, &path, &leaf);
	if (err)
		return err;
	/* There is room for an entry: now the run may also be divided, nothing can fail in between. */
	taken = fill_up(leaf, lblk, pblk, len, unwritten);
	ex = ext_leaf(leaf->hdr) + leaf->slot + 1;
	memmove(ex + 1, ex, (ext_entries(leaf->hdr) - leaf->slot - 1) * sizeof(*ex));
	leaf->hdr->eh_entries = cpu_to_le16(ext_entries(leaf->hdr) + 1);
	ext_fill(ex, lblk + taken, pblk + taken, len - taken, unwritten);
	join(leaf->hdr, leaf->slot + 1);
	err = ext4_ext_dirty(handle, inode, &path, path.depth);
	if (!err && leaf->slot < 0)
		err = ext4_ext_fix_indexes(handle, inode, &path, path.depth);
	ext4_ext_put_path(&path);
	return err;
}

int ext4_ext_insert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len,
		    bool unwritten)
{
	int err;

	if (!len || len > ext_max_len(unwritten))
		return -EINVAL;
	ext4_es_drop(inode);
	err = insert_by_append(handle, inode, lblk, pblk, len, unwritten);
	if (!err)
		err = insert_entry(handle, inode, lblk, pblk, len, unwritten);
	if (err < 0)
		return err;
	ext4_inc_blocks(inode, len);
	return 0;
}

/* ---- conversion ---- */

/* Join what became one around @lblk and @end; only inside one leaf. */
static int join_around(handle_t *handle, struct ext4_inode *inode, uint32_t lblk)
{
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	bool changed;
	int err;

	err = writable_leaf(handle, inode, lblk, 0, 0, &path, &leaf);
	if (err)
		return err;
	changed = join(leaf->hdr, leaf->slot);
	changed |= join(leaf->hdr, leaf->slot - 1);
	if (changed)
		err = ext4_ext_dirty(handle, inode, &path, path.depth);
	ext4_ext_put_path(&path);
	return err;
}

/* The entry at @slot loses @n blocks at its front or, when these are all, goes.  The leaf is writable and keeps others. */
static void cut_front(struct ext3_extent_header *hdr, int slot, uint32_t n)
{
	struct ext3_extent *ex = ext_leaf(hdr) + slot;

	if (n < ext_len(ex)) {
		ext_fill(ex, ext_lblk(ex) + n, ext_pblk(ex) + n, ext_len(ex) - n, ext_unwritten(ex));
		return;
	}
	memmove(ex, ex + 1, (ext_entries(hdr) - slot - 1) * sizeof(*ex));
	hdr->eh_entries = cpu_to_le16(ext_entries(hdr) - 1);
}

/*
 * The part [from, to) of entry @slot goes over to a neighbour in the leaf that it continues: no entry more is
 * needed.  False when there is no such neighbour.
 */
static bool move_border(struct ext3_extent_header *hdr, int slot, uint32_t from, uint32_t to, bool to_unwritten)
{
	struct ext3_extent *ex = ext_leaf(hdr) + slot, *before = ex - 1, *after = ex + 1;
	uint32_t n = to - from, max = ext_max_len(to_unwritten);

	if (from == ext_lblk(ex) && slot > 0 && follows(before, from, ext_pblk(ex), to_unwritten) &&
	    ext_len(before) + n <= max) {
		ext_fill(before, ext_lblk(before), ext_pblk(before), ext_len(before) + n, to_unwritten);
		cut_front(hdr, slot, n);
		return true;
	}
	if (to == ext_end(ex) && n < ext_len(ex) && slot + 1 < (int)ext_entries(hdr) &&
	    ext_lblk(after) == to && ext_pblk(after) == ext_pblk(ex) + ext_len(ex) &&
	    ext_unwritten(after) == to_unwritten && ext_len(after) + n <= max) {
		ext_fill(after, from, ext_pblk(after) - n, ext_len(after) + n, to_unwritten);
		ext_fill(ex, ext_lblk(ex), ext_pblk(ex), ext_len(ex) - n, !to_unwritten);
		return true;
	}
	return false;
}

/* 1 = it was enough to move a border, 0 = not, and *more entries are needed. */
static int convert_by_border(handle_t *handle, struct ext4_inode *inode, uint32_t from, uint32_t to,
			     bool to_unwritten, unsigned int *more)
{
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	struct ext3_extent *ex;
	int err;

	err = writable_leaf(handle, inode, from, 0, 0, &path, &leaf);
	if (err)
		return err;
	ex = ext_leaf(leaf->hdr) + leaf->slot;
	*more = (ext_lblk(ex) < from) + (to < ext_end(ex));
	if (move_border(leaf->hdr, leaf->slot, from, to, to_unwritten)) {
		err = ext4_ext_dirty(handle, inode, &path, path.depth);
		if (!err)
			err = 1;
	}
	ext4_ext_put_path(&path);
	return err;
}

/*
 * Convert the part [from, to) of the one extent around it, which becomes up to three.  Room
 * for all is made first, and no more than is needed, so that nothing can fail halfway.
 */
static int convert_one(handle_t *handle, struct ext4_inode *inode, uint32_t from, uint32_t to, bool to_unwritten)
{
	struct ext3_extent pieces[3], *ex;
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	unsigned int n = 0, more;
	int err;

	err = convert_by_border(handle, inode, from, to, to_unwritten, &more);
	if (err)
		return err < 0 ? err : join_around(handle, inode, from);
	err = writable_leaf(handle, inode, from, more, EXT4_ALLOC_TREE, &path, &leaf);
	if (err)
		return err;
	ex = ext_leaf(leaf->hdr) + leaf->slot;
	if (ext_lblk(ex) < from)
		ext_fill(&pieces[n++], ext_lblk(ex), ext_pblk(ex), from - ext_lblk(ex), !to_unwritten);
	ext_fill(&pieces[n++], from, ext_pblk(ex) + (from - ext_lblk(ex)), to - from, to_unwritten);
	if (to < ext_end(ex))
		ext_fill(&pieces[n++], to, ext_pblk(ex) + (to - ext_lblk(ex)), ext_end(ex) - to, !to_unwritten);
	memmove(ex + n, ex + 1, (ext_entries(leaf->hdr) - leaf->slot - 1) * sizeof(*ex));
	memcpy(ex, pieces, n * sizeof(*ex));
	leaf->hdr->eh_entries = cpu_to_le16(ext_entries(leaf->hdr) + n - 1);
	err = ext4_ext_dirty(handle, inode, &path, path.depth);
	ext4_ext_put_path(&path);
	return err ? err : join_around(handle, inode, from);
}

int ext4_ext_convert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint32_t len, bool to_unwritten)
{
	uint64_t end = (uint64_t)lblk + len;
	uint32_t limit = ext_max_len(to_unwritten);
	struct ext4_map map;
	int err;

	while (lblk < end) {
		map = (struct ext4_map){ .lblk = lblk, .len = end - lblk };
		ext4_es_drop(inode);
		err = ext4_ext_map(inode, &map);
		if (err)
			return err;
		/* A written extent may be one block longer than an unwritten one can be. */
		if (map.len > limit)
			map.len = limit;
		if (map.pblk && map.unwritten != to_unwritten) {
			err = ext4_journal_ensure(handle, EXT4_CREDITS_MAP + EXT4_CREDITS_INODE, 0);
			if (err >= 0)
				err = convert_one(handle, inode, lblk, lblk + map.len, to_unwritten);
			if (err < 0)
				return err;
		}
		lblk += map.len;
	}
	ext4_es_drop(inode);
	return 0;
}

/* ---- removal ---- */

/* Split the extent at @slot so that [from, to) can go and a tail stays: the tail becomes an entry of its own. */
static int split_off_tail(handle_t *handle, struct ext4_inode *inode, uint32_t from, uint32_t to)
{
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	struct ext3_extent *ex;
	int err;

	err = writable_leaf(handle, inode, from, 1, EXT4_ALLOC_TREE, &path, &leaf);
	if (err)
		return err;
	ex = ext_leaf(leaf->hdr) + leaf->slot;
	memmove(ex + 1, ex, (ext_entries(leaf->hdr) - leaf->slot) * sizeof(*ex));
	leaf->hdr->eh_entries = cpu_to_le16(ext_entries(leaf->hdr) + 1);
	ext_fill(ex + 1, to, ext_pblk(ex) + (to - ext_lblk(ex)), ext_end(ex) - to, ext_unwritten(ex));
	ext_fill(ex, ext_lblk(ex), ext_pblk(ex), to - ext_lblk(ex), ext_unwritten(ex));
	err = ext4_ext_dirty(handle, inode, &path, path.depth);
	ext4_ext_put_path(&path);
	return err;
}

/* Cut [from, to) off the entry of the path, of which it is the end or all. */
static int cut(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, uint32_t from)
{
	struct ext4_ext_level *leaf = &path->level[path->depth];
	struct ext3_extent *ex = ext_leaf(leaf->hdr) + leaf->slot;
	int err;

	if (from == ext_lblk(ex))
		return ext4_ext_delete_entry(handle, inode, path, leaf->slot);
	err = ext4_ext_access(handle, path, path->depth);
	if (err)
		return err;
	ext_fill(ex, ext_lblk(ex), ext_pblk(ex), from - ext_lblk(ex), ext_unwritten(ex));
	return ext4_ext_dirty(handle, inode, path, path->depth);
}

/*
 * Free the last run of blocks before *@end that the entry of @path has in
 * [from, *end).  *@end moves down to what is left to do.
 */
static int remove_step(handle_t *handle, struct ext4_inode *inode, uint32_t from, uint64_t *end,
		       struct ext4_ext_path *path)
{
	struct ext4_ext_level *leaf = &path->level[path->depth];
	struct ext3_extent *ex = ext_leaf(leaf->hdr) + leaf->slot;
	uint32_t first = ext_lblk(ex) > from ? ext_lblk(ex) : from, n;
	bool metadata = ext4_maps_metadata(inode);
	blk64_t pblk;
	int err;

	if (metadata && ext_end(ex) - first > REVOKES_PER_STEP)
		first = ext_end(ex) - REVOKES_PER_STEP;
	pblk = ext_pblk(ex) + (first - ext_lblk(ex));
	n = ext_end(ex) - first;
	err = cut(handle, inode, path, first);
	if (err)
		return err;
	ext4_inc_blocks(inode, -(int64_t)n);
	*end = first;
	return ext4_free_blocks(handle, inode->i_fs, inode->i_ino, pblk, n,
				metadata ? EXT4_FREE_METADATA : 0);
}

/* An extent may touch several groups when they are small. */
static int remove_credits(const struct ext4_inode *inode)
{
	int groups = EXT_INIT_MAX_LEN / inode->i_fs->blocks_per_group + 2;

	if (groups > 16)
		groups = 16;
	return 2 * groups + EXT4_CREDITS_MAP + 2 * EXT4_MAX_EXTENT_DEPTH + EXT4_CREDITS_INODE;
}

int ext4_ext_remove(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint64_t end)
{
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	struct ext3_extent *ex;
	int err;

	ext4_es_drop(inode);
	if (end > EXT_MAX_BLOCK)
		end = EXT_MAX_BLOCK;
	while (end > lblk) {
		err = ext4_journal_ensure(handle, remove_credits(inode),
					  ext4_maps_metadata(inode) ? REVOKES_PER_STEP + EXT4_MAX_EXTENT_DEPTH :
					  EXT4_MAX_EXTENT_DEPTH);
		if (err >= 0)
			err = ext4_ext_find(inode, (uint32_t)(end - 1), &path);
		if (err)
			return err;
		leaf = &path.level[path.depth];
		ex = ext_leaf(leaf->hdr) + leaf->slot;
		if (leaf->slot < 0 || ext_end(ex) <= lblk) {
			ext4_ext_put_path(&path);
			break;
		}
		if (ext_end(ex) > end) {
			ext4_ext_put_path(&path);
			err = split_off_tail(handle, inode, (uint32_t)end - 1, (uint32_t)end);
		} else {
			err = remove_step(handle, inode, lblk, &end, &path);
			ext4_ext_put_path(&path);
			if (!err)
				err = ext4_mark_inode_dirty(handle, inode);
		}
		if (err)
			return err;
	}
	return 0;
}
