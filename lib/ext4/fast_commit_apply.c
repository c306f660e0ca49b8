/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Single records of fast commits, applied.
 */
#include "ext4/extents_i.h"
#include "ext4/fast_commit_i.h"
#include "ext4/namei_i.h"

static int is_inode_used(struct ext4_fs *fs, uint32_t ino)
{
	struct iocache_buf *gd_buf, *buf;
	struct ext4_group_desc *gd;
	int err = ext4_group_desc(fs, (ino - 1) / fs->inodes_per_group, &gd_buf, &gd);

	if (err)
		return err;
	if (gd->bg_flags & cpu_to_le16(EXT2_BG_INODE_UNINIT)) {
		iocache_put(gd_buf);
		return 0;
	}
	err = ext4_bread(fs, ext2fs_bg_inode_bitmap_loc(gd, fs->desc_size), &buf);
	iocache_put(gd_buf);
	if (err)
		return err;
	err = ext4_test_bit(buf->b_data, (ino - 1) % fs->inodes_per_group);
	iocache_put(buf);
	return err;
}

/* -ESTALE for what is deleted, so that it is not deleted again. */
static int get_inode(struct ext4_fs *fs, uint32_t ino, struct ext4_inode **inode)
{
	int err = ino && ino <= fs->inodes_count ? is_inode_used(fs, ino) : 0;

	if (err <= 0)
		return err ? err : -ESTALE;
	return ext4_iget_flags(fs, ino, EXT4_IGET_ORPHAN, inode);
}

/* ---- names ---- */

/* A directory that was just made has no blocks yet: its first one is not in the records. */
static int make_dir(handle_t *handle, struct ext4_inode *inode, struct ext4_inode *dir)
{
	struct ext4_map map = { .lblk = 0, .len = 1 };
	int err = 0;

	if (!ext4_has_inline_data(inode)) {
		err = ext4_map_blocks(inode, &map);
		if (err || map.pblk)
			return err;
		ext4_isize_set(inode, 0);
		err = ext4_init_dir(handle, inode, dir->i_ino);
	}
	inode->i_nlink = 2;
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

static int link_into(handle_t *handle, struct ext4_inode *dir, struct ext4_inode *inode, const char *name, size_t len,
		     bool creating)
{
	uint8_t ftype;
	uint32_t old;
	int err = ext4_find_entry(dir, name, len, &old, &ftype);

	if (!err && old == inode->i_ino)
		return 0;
	if (!err)
		return ext4_set_entry(handle, dir, name, len, inode->i_ino, inode->i_mode);
	if (err != -ENOENT)
		return err;
	if (creating && S_ISDIR(inode->i_type)) {
		err = make_dir(handle, inode, dir);
		if (err)
			return err;
		ext4_inc_nlink(dir);
	} else {
		err = 0;
	}
	err = ext4_add_entry(handle, dir, name, len, inode->i_ino, inode->i_mode);
	if (!err && !creating) {
		inode->i_nlink++;
		err = ext4_mark_inode_dirty(handle, inode);
	}
	return err;
}

int ext4_fc_link(handle_t *handle, struct ext4_fs *fs, uint32_t parent, uint32_t ino, const char *name, size_t len,
		 bool creating)
{
	struct ext4_inode *dir, *inode;
	int err = ext4_check_name(name, len);

	if (!err)
		err = get_inode(fs, parent, &dir);
	if (err)
		return err;
	err = get_inode(fs, ino, &inode);
	if (!err) {
		err = S_ISDIR(dir->i_type) && !ext4_is_hidden(inode) ? link_into(handle, dir, inode, name, len, creating) : -EUCLEAN;
		ext4_put_after(handle, inode);
	}
	ext4_put_after(handle, dir);
	return err;
}

/* The last name went; @keep: a later record knows the inode as alive, so this is not the first replay. */
static int drop_link(handle_t *handle, struct ext4_inode *inode, bool keep)
{
	if (S_ISDIR(inode->i_type))
		inode->i_nlink = 0;
	else
		ext4_dec_nlink(inode);
	if (!inode->i_nlink && !keep)
		return ext4_fc_kill_inode(handle, inode);
	if (!inode->i_nlink)
		inode->i_nlink = 1;
	return ext4_mark_inode_dirty(handle, inode);
}

int ext4_fc_unlink(handle_t *handle, struct ext4_fs *fs, uint32_t parent, uint32_t ino, const char *name, size_t len,
		   bool keep)
{
	struct ext4_inode *dir, *inode;
	int err = get_inode(fs, parent, &dir);

	if (err)
		return err == -ESTALE ? 0 : err;
	err = get_inode(fs, ino, &inode);
	if (err) {
		ext4_put_after(handle, dir);
		return err == -ESTALE ? 0 : err;
	}
	err = S_ISDIR(dir->i_type) ? ext4_delete_entry(handle, dir, name, len, ino) : -EUCLEAN;
	if (!err && S_ISDIR(inode->i_type))
		ext4_dec_nlink(dir);
	if (!err)
		err = ext4_mark_inode_dirty(handle, dir);
	if (!err)
		err = drop_link(handle, inode, keep);
	ext4_put_after(handle, inode);
	ext4_put_after(handle, dir);
	return err == -ENOENT ? 0 : err;
}

/* ---- inodes ---- */

static int mark_inode_used(handle_t *handle, struct ext4_fs *fs, uint32_t ino, bool is_dir)
{
	uint32_t bit = (ino - 1) % fs->inodes_per_group;
	struct ext4_group_change c;
	int err = ext4_change_inodes_begin(handle, fs, (ino - 1) / fs->inodes_per_group, &c);

	if (err)
		return err;
	if (!ext4_test_bit(c.bitmap_buf->b_data, bit)) {
		ext4_set_bits(c.bitmap_buf->b_data, bit, 1);
		ext4_count_new_inode(fs, c.gd, bit, is_dir);
	}
	return ext4_change_inodes_end(handle, fs, &c);
}

/*
 * Delete in the middle of the replay: later records may use its blocks and its
 * number again.  Whoever still holds it holds nothing.
 */
int ext4_fc_kill_inode(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	bool has_blocks = (S_ISREG(inode->i_type) || S_ISDIR(inode->i_type) || S_ISLNK(inode->i_type)) &&
			  !ext4_is_fast_symlink(inode) && !ext4_has_inline_data(inode);
	int err = 0;

	cache_node_unhash(fs->icache, &inode->i_node);
	ext4_state_clear(inode, EXT4_STATE_READY);
	if (has_blocks)
		err = ext4_map_remove(handle, inode, 0, (uint64_t)EXT_MAX_BLOCK);
	if (!err)
		err = ext4_xattr_delete(handle, inode);
	if (err)
		return err;
	ext4_isize_set(inode, 0);
	inode->i_nlink = 0;
	inode->i_dtime = ext4_deletion_time(inode);
	err = ext4_mark_inode_dirty(handle, inode);
	return err ? err : ext4_free_inode(handle, inode);
}

/* The number belongs to another inode than the one on the disk, if that is still there. */
static int end_old_life(handle_t *handle, struct ext4_fs *fs, uint32_t ino)
{
	struct ext4_inode *inode;
	int err = get_inode(fs, ino, &inode);

	if (err)
		return err == -ESTALE ? 0 : err;
	err = ext4_fc_kill_inode(handle, inode);
	ext4_put_after(handle, inode);
	return err;
}

/* The mapping stays, unless there was none or the data is inline. */
static void merge_raw(struct ext2_inode_large *to, const void *from, size_t len, bool same_life)
{
	struct ext2_inode_large fc;
	struct ext3_extent_header *hdr = (struct ext3_extent_header *)to->i_block;
	uint32_t flags;

	memset(&fc, 0, sizeof(fc));
	memcpy(&fc, from, len < sizeof(fc) ? len : sizeof(fc));
	flags = le32_to_cpu(fc.i_flags);
	memcpy(to, from, offsetof(struct ext2_inode_large, i_block));
	memcpy((char *)to + offsetof(struct ext2_inode_large, i_generation),
	       (const char *)from + offsetof(struct ext2_inode_large, i_generation),
	       len - offsetof(struct ext2_inode_large, i_generation));
	if (flags & EXT4_INLINE_DATA_FL || !(flags & EXT4_EXTENTS_FL)) {
		memcpy(to->i_block, fc.i_block, sizeof(to->i_block));
	} else if (!same_life || le16_to_cpu(hdr->eh_magic) != EXT3_EXT_MAGIC) {
		memset(to->i_block, 0, sizeof(to->i_block));
		hdr->eh_magic = cpu_to_le16(EXT3_EXT_MAGIC);
		hdr->eh_max = cpu_to_le16((sizeof(to->i_block) - sizeof(*hdr)) / sizeof(struct ext3_extent));
	}
}

int ext4_fc_set_inode(handle_t *handle, struct ext4_fs *fs, uint32_t ino, const void *raw, size_t len)
{
	struct ext2_inode_large *to;
	struct ext2_inode fc;
	struct ext4_inode *inode;
	struct iocache_buf *buf;
	bool same_life;
	int err;

	memcpy(&fc, raw, sizeof(fc));
	if (ino < fs->first_ino || ino > fs->inodes_count)
		return ext4_corrupt(fs, ino, 0, "a fast commit changes a reserved inode");
	err = ext4_raw_inode_at(fs, ino, &buf, &to);
	if (err)
		return err;
	same_life = to->i_generation == fc.i_generation;
	err = same_life ? 0 : end_old_life(handle, fs, ino);
	if (!err)
		err = ext4_write_access(handle, buf);
	if (!err) {
		merge_raw(to, raw, len, same_life);
		ext2fs_inode_csum_set(&fs->super->csum, ino, to);
		err = ext4_dirty(handle, buf);
	}
	iocache_put(buf);
	if (!err)
		err = mark_inode_used(handle, fs, ino, S_ISDIR(le16_to_cpu(fc.i_mode)));
	if (!err)
		err = get_inode(fs, ino, &inode);
	if (err)
		return err;
	/* It may have been in memory from before. */
	err = ext4_read_inode(inode, EXT4_IGET_ORPHAN);
	ext4_es_drop(inode);
	ext4_put_after(handle, inode);
	return err;
}

/* ---- blocks ---- */

static int check_range(struct ext4_fs *fs, const struct ext3_extent *ex)
{
	int err = -EUCLEAN;

	if (ext_len(ex) && ext_end(ex) <= EXT_MAX_BLOCK)
		err = ext4_check_blocks(fs, 0, ext_pblk(ex), ext_len(ex));
	if (err == -EUCLEAN)
		return ext4_corrupt(fs, 0, ext_pblk(ex), "a fast commit maps what is no file's block");
	return err;
}

/* Bits of one group: mark used those that are free. */
static int claim_in_group(handle_t *handle, struct ext4_fs *fs, uint32_t group, uint32_t bit, uint32_t n)
{
	uint32_t end = bit + n, from, to, at, taken = 0;
	struct ext4_group_change c;
	int err = ext4_change_blocks_begin(handle, fs, group, &c);

	if (err)
		return err;
	for (from = bit; (from = ext4_next_zero(c.bitmap_buf->b_data, end, from)) < end; from = to) {
		to = ext4_next_set(c.bitmap_buf->b_data, end, from);
		ext4_set_bits(c.bitmap_buf->b_data, from, to - from);
		/* What was freed a moment ago is free on the disk only. */
		for (at = from; at < to; at++)
			c.gi->busy_free -= !ext4_test_bit(c.gi->busy, at);
		ext4_set_bits(c.gi->busy, from, to - from);
		taken += to - from;
	}
	ext2fs_bg_free_blocks_count_set(c.gd, fs->desc_size,
					ext2fs_bg_free_blocks_count(c.gd, fs->desc_size) - taken);
	__atomic_sub_fetch(&fs->free_blocks, taken, __ATOMIC_RELAXED);
	return ext4_change_blocks_end(handle, fs, &c);
}

static int claim_blocks(handle_t *handle, struct ext4_fs *fs, blk64_t blk, uint32_t left)
{
	uint32_t group, bit, n;
	int err = 0;

	while (left && !err) {
		group = ext4_group_of(fs, blk);
		bit = blk - ext4_group_first_block(fs, group);
		n = ext4_group_blocks(fs, group) - bit;
		if (n > left)
			n = left;
		err = claim_in_group(handle, fs, group, bit, n);
		blk += n;
		left -= n;
	}
	return err;
}

int ext4_fc_claim_range(handle_t *handle, struct ext4_fs *fs, const struct ext3_extent *ex)
{
	int err = check_range(fs, ex);

	return err ? err : claim_blocks(handle, fs, ext_pblk(ex), ext_len(ex));
}

static int is_used(struct ext4_fs *fs, blk64_t blk)
{
	uint32_t group = ext4_group_of(fs, blk);
	struct iocache_buf *gd_buf, *buf;
	struct ext4_group_desc *gd;
	int err = ext4_group_desc(fs, group, &gd_buf, &gd);

	if (!err) {
		err = ext4_bread(fs, ext2fs_bg_block_bitmap_loc(gd, fs->desc_size), &buf);
		iocache_put(gd_buf);
	}
	if (err)
		return err;
	err = ext4_test_bit(buf->b_data, blk - ext4_group_first_block(fs, group));
	iocache_put(buf);
	return err;
}

/* What is mapped at ex's blocks now: run by run. */
static int next_run(struct ext4_inode *inode, const struct ext3_extent *ex, uint32_t done, struct ext4_map *map)
{
	*map = (struct ext4_map){ .lblk = ext_lblk(ex) + done, .len = ext_len(ex) - done };
	return ext4_map_blocks(inode, map);
}

int ext4_fc_settle_range(handle_t *handle, struct ext4_fs *fs, uint32_t ino, const struct ext3_extent *ex)
{
	struct ext4_inode *inode = NULL;
	struct ext4_map map;
	uint32_t done = 0, i;
	int err = get_inode(fs, ino, &inode), used;

	if (err && err != -ESTALE)
		return err;
	err = 0;
	while (done < ext_len(ex) && !err) {
		map = (struct ext4_map){ .len = ext_len(ex) - done };
		if (inode && (inode->i_flags & EXT4_EXTENTS_FL))
			err = next_run(inode, ex, done, &map);
		for (i = 0; !err && map.pblk != ext_pblk(ex) + done && i < map.len; i++) {
			used = is_used(fs, ext_pblk(ex) + done + i);
			err = used > 0 ? ext4_free_blocks(handle, fs, ino, ext_pblk(ex) + done + i, 1, 0) : used;
		}
		done += map.len;
	}
	if (inode)
		ext4_put_after(handle, inode);
	return err;
}

static int add_run(handle_t *handle, struct ext4_inode *inode, const struct ext3_extent *ex, uint32_t done,
		   const struct ext4_map *map)
{
	bool unwritten = ext_unwritten(ex);
	blk64_t want = ext_pblk(ex) + done;
	int err = 0;

	if (map->pblk == want)
		return map->unwritten == unwritten ? 0 :
		       ext4_map_convert(handle, inode, map->lblk, map->len, unwritten);
	if (map->pblk)
		err = ext4_map_remove(handle, inode, map->lblk, (uint64_t)map->lblk + map->len);
	/* An earlier record may have freed them. */
	if (!err)
		err = claim_blocks(handle, inode->i_fs, want, map->len);
	return err ? err : ext4_map_insert(handle, inode, map->lblk, want, map->len, unwritten);
}

int ext4_fc_add_range(handle_t *handle, struct ext4_fs *fs, uint32_t ino, const struct ext3_extent *ex)
{
	struct ext4_inode *inode;
	struct ext4_map map;
	uint32_t done = 0;
	int err = get_inode(fs, ino, &inode);

	if (err)
		return err == -ESTALE ? 0 : err;
	/* The blocks of an inode come before the inode itself: that its data is inline is over. */
	if (S_ISREG(inode->i_type) && ext4_has_inline_data(inode))
		err = ext4_inline_end(handle, inode);
	if (!err && !(inode->i_flags & EXT4_EXTENTS_FL))
		err = ext4_corrupt(fs, ino, 0, "a fast commit maps blocks of an inode without extents");
	while (!err && done < ext_len(ex)) {
		err = next_run(inode, ex, done, &map);
		if (!err)
			err = add_run(handle, inode, ex, done, &map);
		done += map.len;
	}
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	ext4_put_after(handle, inode);
	return err;
}

int ext4_fc_del_range(handle_t *handle, struct ext4_fs *fs, uint32_t ino, uint32_t lblk, uint32_t len)
{
	struct ext4_inode *inode;
	int err = get_inode(fs, ino, &inode);

	if (err)
		return err == -ESTALE ? 0 : err;
	if (inode->i_flags & EXT4_EXTENTS_FL)
		err = ext4_map_remove(handle, inode, lblk, (uint64_t)lblk + len);
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	ext4_put_after(handle, inode);
	return err;
}

/* ---- counting ---- */

/*
 * One leaf's extents, and the tree's blocks above it that the walk enters now.  All of
 * them are marked used: what the inodes of the records had before may have been freed since.
 */
static int count_leaf(handle_t *handle, struct ext4_inode *inode, struct ext4_ext_path *path, blk64_t *last,
		      uint64_t *blocks)
{
	struct ext3_extent_header *leaf = path->level[path->depth].hdr;
	const struct ext3_extent *ex;
	unsigned int k;
	int i, err = 0;

	for (i = 1; i <= path->depth && !err; i++) {
		if (path->level[i].buf->b_blocknr == last[i])
			continue;
		last[i] = path->level[i].buf->b_blocknr;
		*blocks += 1;
		err = claim_blocks(handle, inode->i_fs, last[i], 1);
	}
	for (k = 0; k < ext_entries(leaf) && !err; k++) {
		ex = ext_leaf(leaf) + k;
		*blocks += ext_len(ex);
		err = ext4_check_blocks(inode->i_fs, inode->i_ino, ext_pblk(ex), ext_len(ex));
		if (!err)
			err = claim_blocks(handle, inode->i_fs, ext_pblk(ex), ext_len(ex));
	}
	return err;
}

static int count_tree(handle_t *handle, struct ext4_inode *inode, uint64_t *blocks)
{
	blk64_t last[EXT4_MAX_EXTENT_DEPTH + 1] = { 0 };
	struct ext4_ext_path path;
	uint32_t lblk = 0, next;
	int err;

	do {
		err = ext4_ext_find(inode, lblk, &path);
		if (err)
			return err;
		err = count_leaf(handle, inode, &path, last, blocks);
		next = ext4_ext_next_leaf_block(&path);
		ext4_ext_put_path(&path);
		if (err || next <= lblk)
			break;
		lblk = next;
	} while (lblk != EXT_MAX_BLOCK);
	return err;
}

int ext4_fc_recount(handle_t *handle, struct ext4_fs *fs, uint32_t ino)
{
	struct ext4_inode *inode;
	uint64_t blocks;
	int err = get_inode(fs, ino, &inode);

	if (err)
		return err == -ESTALE ? 0 : err;
	blocks = inode->i_file_acl ? 1 : 0;
	if (inode->i_flags & EXT4_EXTENTS_FL) {
		err = count_tree(handle, inode, &blocks);
		if (!err) {
			inode->i_blocks = blocks << (fs->block_bits - 9);
			err = ext4_mark_inode_dirty(handle, inode);
		}
	}
	ext4_put_after(handle, inode);
	return err;
}
