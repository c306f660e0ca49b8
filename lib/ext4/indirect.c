/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The block map of ext2 and ext3: twelve direct blocks and three trees of
 * indirect ones.  Block 0 in a map means a hole.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

#define DEPTH_MAX	3	/* indirections */
#define REVOKES_PER_STEP 64

/* The way to a block: slots[0] in i_block, slots[i] in the indirect block of level i. */
struct ind_path {
	int		depth;			/* indirect blocks on the way */
	uint32_t	slots[DEPTH_MAX + 1];
	uint32_t	run;			/* blocks from here to the end of the last table */
};

static unsigned int table_bits(const struct ext4_fs *fs)
{
	return fs->block_bits - 2;
}

static int find_path(struct ext4_inode *inode, uint32_t lblk, struct ind_path *path)
{
	unsigned int bits = table_bits(inode->i_fs);
	uint64_t per = 1ULL << bits, left = lblk;
	int depth, i;

	if (lblk < EXT2_NDIR_BLOCKS) {
		*path = (struct ind_path){ .slots = { lblk }, .run = EXT2_NDIR_BLOCKS - lblk };
		return 0;
	}
	left -= EXT2_NDIR_BLOCKS;
	for (depth = 1; depth <= DEPTH_MAX; depth++) {
		if (left >> (bits * depth) == 0)
			break;
		left -= 1ULL << (bits * depth);
	}
	if (depth > DEPTH_MAX)
		return -EFBIG;
	path->depth = depth;
	path->slots[0] = EXT2_NDIR_BLOCKS + depth - 1;
	for (i = 1; i <= depth; i++)
		path->slots[i] = left >> (bits * (depth - i)) & (per - 1);
	path->run = per - path->slots[depth];
	return 0;
}

static int read_table(struct ext4_inode *inode, blk64_t blk, struct iocache_buf **buf)
{
	int err = ext4_check_blocks(inode->i_fs, inode->i_ino, blk, 1);

	if (err == -EUCLEAN)
		return ext4_corrupt(inode->i_fs, inode->i_ino, blk, "an indirect block is no file's block");
	return err ? err : ext4_bread(inode->i_fs, blk, buf);
}

/* Adjacent blocks, or zeroes, from @slot on: how many of the same run. */
static uint32_t run_length(const __le32 *table, uint32_t slot, uint32_t max)
{
	uint32_t first = le32_to_cpu(table[slot]), n = 1;

	while (n < max && le32_to_cpu(table[slot + n]) == (first ? first + n : 0))
		n++;
	return n;
}

/* A hole at @level: all that hangs below the missing block. */
static uint64_t hole_length(struct ext4_inode *inode, const struct ind_path *path, int level)
{
	unsigned int bits = table_bits(inode->i_fs);
	uint64_t below = 0;
	int i;

	for (i = level + 1; i <= path->depth; i++)
		below = (below << bits) + path->slots[i];
	return (1ULL << (bits * (path->depth - level))) - below;
}

int ext4_ind_map(struct ext4_inode *inode, struct ext4_map *map)
{
	struct iocache_buf *buf = NULL, *next;
	const __le32 *table = inode->i_block;
	struct ind_path path;
	uint64_t len;
	uint32_t blk;
	int level, err;

	map->unwritten = false;
	map->pblk = 0;
	/* Past what can be mapped is a hole without end. */
	if (find_path(inode, map->lblk, &path))
		return 0;
	for (level = 0; level < path.depth; level++) {
		blk = le32_to_cpu(table[path.slots[level]]);
		if (!blk)
			break;
		err = read_table(inode, blk, &next);
		iocache_put(buf);
		if (err)
			return err;
		buf = next;
		table = (const __le32 *)buf->b_data;
	}
	if (level < path.depth) {
		len = hole_length(inode, &path, level);
	} else {
		map->pblk = le32_to_cpu(table[path.slots[level]]);
		len = run_length(table, path.slots[level], path.run < map->len ? path.run : map->len);
	}
	if (len < map->len)
		map->len = len;
	iocache_put(buf);
	err = map->pblk ? ext4_check_blocks(inode->i_fs, inode->i_ino, map->pblk, map->len) : 0;
	if (err == -EUCLEAN)
		return ext4_corrupt(inode->i_fs, inode->i_ino, map->pblk, "block %u is mapped to no file's block",
				    map->lblk);
	return err;
}

/* ---- insertion ---- */

/* Follow, or make, the indirect block in @slot of @table; @holder is dirtied by the caller's rule. */
static int descend(handle_t *handle, struct ext4_inode *inode, struct iocache_buf *holder, __le32 *entry,
		   struct iocache_buf **ret)
{
	blk64_t blk = le32_to_cpu(*entry);
	int err;

	if (blk)
		return read_table(inode, blk, ret);
	err = ext4_new_meta_buf(handle, inode, 0, 0, ret);
	if (err)
		return err;
	err = ext4_dirty(handle, *ret);
	if (!err && holder)
		err = ext4_write_access(handle, holder);
	if (err) {
		iocache_put(*ret);
		return err;
	}
	ext4_inc_blocks(inode, 1);
	*entry = cpu_to_le32((uint32_t)(*ret)->b_blocknr);
	err = holder ? ext4_dirty(handle, holder) : 0;
	/* The table counts from now on, whatever becomes of the rest of the operation. */
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

static int fill_slots(handle_t *handle, struct ext4_inode *inode, struct iocache_buf *holder, __le32 *table,
		      uint32_t slot, blk64_t pblk, uint32_t n)
{
	uint32_t i;
	int err = holder ? ext4_write_access(handle, holder) : 0;

	if (err)
		return err;
	for (i = 0; i < n; i++)
		table[slot + i] = cpu_to_le32((uint32_t)(pblk + i));
	return holder ? ext4_dirty(handle, holder) : ext4_mark_inode_dirty(handle, inode);
}

/* As much of the run as one table takes: *done blocks. */
static int insert_part(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len,
		       uint32_t *done)
{
	struct iocache_buf *buf = NULL, *next;
	__le32 *table = inode->i_block;
	struct ind_path path;
	int level, err;

	/* Allocation has seen to it; a number that was cut would be another file's block. */
	if (pblk + len - 1 > UINT32_MAX)
		return -EFBIG;
	err = find_path(inode, lblk, &path);
	for (level = 0; !err && level < path.depth; level++) {
		err = descend(handle, inode, buf, &table[path.slots[level]], &next);
		if (!err) {
			iocache_put(buf);
			buf = next;
			table = (__le32 *)buf->b_data;
		}
	}
	if (!err) {
		*done = len < path.run ? len : path.run;
		err = fill_slots(handle, inode, buf, table, path.slots[path.depth], pblk, *done);
	}
	iocache_put(buf);
	return err;
}

/* ---- removal ---- */

static bool table_empty(const struct ext4_fs *fs, const __le32 *table)
{
	uint32_t i, n = 1U << table_bits(fs);

	for (i = 0; i < n; i++)
		if (table[i])
			return false;
	return true;
}

struct ind_levels {
	struct ind_path		path;
	struct iocache_buf	*buf[DEPTH_MAX + 1];	/* buf[0] is NULL: i_block */
	int			found;			/* tables read: levels 0 .. found */
};

static __le32 *level_table(struct ext4_inode *inode, struct ind_levels *lv, int level)
{
	return level ? (__le32 *)lv->buf[level]->b_data : inode->i_block;
}

static void put_levels(struct ind_levels *lv)
{
	int i;

	for (i = 1; i <= DEPTH_MAX; i++)
		iocache_put(lv->buf[i]);
}

static int read_levels(struct ext4_inode *inode, uint32_t lblk, struct ind_levels *lv)
{
	uint32_t blk;
	int err;

	memset(lv, 0, sizeof(*lv));
	err = find_path(inode, lblk, &lv->path);
	while (!err && lv->found < lv->path.depth) {
		blk = le32_to_cpu(level_table(inode, lv, lv->found)[lv->path.slots[lv->found]]);
		if (!blk)
			break;
		err = read_table(inode, blk, &lv->buf[lv->found + 1]);
		if (!err)
			lv->found++;
	}
	if (err)
		put_levels(lv);
	return err;
}

static int clear_slots(handle_t *handle, struct ext4_inode *inode, struct ind_levels *lv, int level, uint32_t slot,
		       uint32_t n)
{
	int err = level ? ext4_write_access(handle, lv->buf[level]) : 0;

	if (err)
		return err;
	memset(level_table(inode, lv, level) + slot, 0, n * sizeof(__le32));
	return level ? ext4_dirty(handle, lv->buf[level]) : ext4_mark_inode_dirty(handle, inode);
}

/* Tables that have become empty go, from the bottom up. */
static int drop_empty_tables(handle_t *handle, struct ext4_inode *inode, struct ind_levels *lv)
{
	int level, err;
	blk64_t blk;

	for (level = lv->found; level > 0; level--) {
		if (!table_empty(inode->i_fs, level_table(inode, lv, level)))
			return 0;
		blk = lv->buf[level]->b_blocknr;
		err = clear_slots(handle, inode, lv, level - 1, lv->path.slots[level - 1], 1);
		if (!err)
			err = ext4_free_blocks(handle, inode->i_fs, inode->i_ino, blk, 1, EXT4_FREE_METADATA);
		if (err)
			return err;
		ext4_inc_blocks(inode, -1);
	}
	return 0;
}

/* Free the blocks of one table from lblk on, at most to @end: one adjacent run, or skip one hole.  *lblk moves on. */
static int remove_step(handle_t *handle, struct ext4_inode *inode, uint32_t *lblk, uint64_t end)
{
	struct ind_levels lv;
	uint32_t slot, n, max;
	__le32 *table;
	blk64_t pblk;
	int err;

	err = read_levels(inode, *lblk, &lv);
	if (err)
		return err;
	if (lv.found < lv.path.depth) {
		uint64_t skip = hole_length(inode, &lv.path, lv.found);

		*lblk = end - *lblk > skip ? *lblk + skip : end;
		put_levels(&lv);
		return 0;
	}
	slot = lv.path.slots[lv.path.depth];
	table = level_table(inode, &lv, lv.path.depth);
	max = end - *lblk < lv.path.run ? end - *lblk : lv.path.run;
	if (ext4_maps_metadata(inode) && max > REVOKES_PER_STEP)
		max = REVOKES_PER_STEP;
	n = run_length(table, slot, max);
	pblk = le32_to_cpu(table[slot]);
	*lblk += n;
	if (pblk) {
		err = clear_slots(handle, inode, &lv, lv.path.depth, slot, n);
		if (!err)
			err = ext4_free_blocks(handle, inode->i_fs, inode->i_ino, pblk, n,
					       ext4_maps_metadata(inode) ? EXT4_FREE_METADATA : 0);
		if (!err) {
			ext4_inc_blocks(inode, -(int64_t)n);
			err = drop_empty_tables(handle, inode, &lv);
		}
		if (!err)
			err = ext4_mark_inode_dirty(handle, inode);
	}
	put_levels(&lv);
	return err;
}

static uint64_t max_blocks(struct ext4_inode *inode)
{
	uint64_t per = 1ULL << table_bits(inode->i_fs), n = EXT2_NDIR_BLOCKS + per + per * per + per * per * per;

	return n < EXT_MAX_BLOCK ? n : EXT_MAX_BLOCK;
}

int ext4_ind_remove(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint64_t end)
{
	int err;

	if (end > max_blocks(inode))
		end = max_blocks(inode);
	while (lblk < end) {
		err = ext4_journal_ensure(handle, EXT4_CREDITS_MAP, REVOKES_PER_STEP + DEPTH_MAX);
		if (err >= 0)
			err = remove_step(handle, inode, &lblk, end);
		if (err)
			return err;
	}
	return 0;
}

/* ---- insertion, all or nothing ---- */

/* Take back what was mapped; the blocks stay the caller's, emptied tables stay where they are. */
static void unmap(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, uint32_t len)
{
	struct ind_levels lv;
	uint32_t n;

	while (len) {
		if (read_levels(inode, lblk, &lv) || lv.found < lv.path.depth)
			return;
		n = len < lv.path.run ? len : lv.path.run;
		clear_slots(handle, inode, &lv, lv.path.depth, lv.path.slots[lv.path.depth], n);
		put_levels(&lv);
		ext4_inc_blocks(inode, -(int64_t)n);
		lblk += n;
		len -= n;
	}
	ext4_mark_inode_dirty(handle, inode);
}

int ext4_ind_insert(handle_t *handle, struct ext4_inode *inode, uint32_t lblk, blk64_t pblk, uint32_t len)
{
	uint32_t done, total = 0;
	int err;

	if (pblk + len > UINT32_MAX)
		return -EFBIG;
	while (total < len) {
		err = insert_part(handle, inode, lblk + total, pblk + total, len - total, &done);
		if (err) {
			unmap(handle, inode, lblk, total);
			return err;
		}
		ext4_inc_blocks(inode, done);
		total += done;
	}
	return 0;
}
