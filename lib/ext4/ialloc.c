/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inode numbers taken and given back: which group a new inode goes to (Orlov's
 * way for directories, the parent's group for files), the inode bitmap, and
 * what a new inode starts with.
 */
#include <limits.h>
#include "ext4/ext4_i.h"

/* How many flex groups (or groups) a search for a good place looks at before it takes any. */
#define ORLOV_LOOKS	64

/* ---- counts of a group, or of a flex group ---- */

struct counts {
	uint64_t free_inodes, free_blocks, dirs;
};

/* Only to choose a group: without its lock, for which all who create would wait. */
static int add_counts(struct ext4_fs *fs, uint32_t group, struct counts *c)
{
	struct ext4_group_desc *gd;
	struct iocache_buf *buf;
	int err = ext4_group_desc(fs, group, &buf, &gd);

	if (err)
		return err;
	c->free_inodes += ext2fs_bg_free_inodes_count(gd, fs->desc_size);
	c->free_blocks += ext2fs_bg_free_blocks_count(gd, fs->desc_size);
	c->dirs += ext2fs_bg_used_dirs_count(gd, fs->desc_size);
	iocache_put(buf);
	return 0;
}

static uint32_t flex_size(const struct ext4_fs *fs)
{
	return 1U << fs->log_groups_per_flex;
}

static uint32_t flex_count(const struct ext4_fs *fs)
{
	return (fs->group_count + flex_size(fs) - 1) >> fs->log_groups_per_flex;
}

static struct counts flex_counts(struct ext4_fs *fs, uint32_t flex)
{
	uint32_t group = flex << fs->log_groups_per_flex;
	uint32_t end = group + flex_size(fs);
	struct counts c = { 0, 0, 0 };

	for (; group < end && group < fs->group_count; group++)
		add_counts(fs, group, &c);
	return c;
}

/* ---- where a directory goes ---- */

static bool is_top(const struct ext4_inode *dir)
{
	return dir->i_ino == EXT2_ROOT_INO || (dir->i_flags & EXT2_TOPDIR_FL);
}

/* Top-level directories are spread: the flex group with the fewest directories that is not fuller than the average. */
static uint32_t spread_dir(struct ext4_fs *fs)
{
	uint32_t n = flex_count(fs), looks = n < ORLOV_LOOKS ? n : ORLOV_LOOKS;
	uint32_t start = __atomic_fetch_add(&fs->dir_spread, 1, __ATOMIC_RELAXED) * 7919U % n;
	uint64_t avg_inodes = __atomic_load_n(&fs->free_inodes, __ATOMIC_RELAXED) / n;
	uint64_t avg_blocks = __atomic_load_n(&fs->free_blocks, __ATOMIC_RELAXED) / n;
	uint64_t best_dirs = UINT64_MAX;
	uint32_t best = start, i, flex;
	struct counts c;

	for (i = 0; i < looks; i++) {
		flex = (start + i) % n;
		c = flex_counts(fs, flex);
		if (!c.free_inodes || c.dirs >= best_dirs)
			continue;
		if (c.free_inodes < avg_inodes || c.free_blocks < avg_blocks)
			continue;
		best = flex;
		best_dirs = c.dirs;
	}
	return best;
}

/* Other directories stay near their parent until its neighbourhood is crowded. */
static uint32_t near_dir(struct ext4_fs *fs, uint32_t parent)
{
	uint32_t n = flex_count(fs), looks = n < ORLOV_LOOKS ? n : ORLOV_LOOKS;
	uint64_t avg_inodes = __atomic_load_n(&fs->free_inodes, __ATOMIC_RELAXED) / n;
	uint64_t avg_blocks = __atomic_load_n(&fs->free_blocks, __ATOMIC_RELAXED) / n;
	uint64_t max_dirs = (uint64_t)fs->inodes_per_group * flex_size(fs) / 16 + 1;
	uint32_t i, flex;
	struct counts c;

	for (i = 0; i < looks; i++) {
		flex = (parent + i) % n;
		c = flex_counts(fs, flex);
		if (c.free_inodes && c.dirs < max_dirs && c.free_inodes >= avg_inodes / 4 &&
		    c.free_blocks >= avg_blocks / 4)
			return flex;
	}
	return parent;
}

/* So that those who work in different top-level directories do not meet in one bitmap. */
static uint32_t group_with_fewest_dirs(struct ext4_fs *fs, uint32_t flex)
{
	uint32_t group = flex << fs->log_groups_per_flex, best = group;
	uint32_t end = group + flex_size(fs);
	uint64_t best_dirs = UINT64_MAX;

	for (; group < end && group < fs->group_count; group++) {
		struct counts c = { 0, 0, 0 };

		if (add_counts(fs, group, &c) || !c.free_inodes || !c.free_blocks || c.dirs >= best_dirs)
			continue;
		best = group;
		best_dirs = c.dirs;
	}
	return best;
}

static uint32_t start_group(struct ext4_inode *dir, mode_t mode)
{
	struct ext4_fs *fs = dir->i_fs;
	uint32_t parent = (dir->i_ino - 1) / fs->inodes_per_group;
	uint32_t home = parent >> fs->log_groups_per_flex, flex;

	if (!S_ISDIR(mode))
		return __atomic_load_n(&dir->i_last_group, __ATOMIC_RELAXED) ?: parent;
	if (is_top(dir))
		return group_with_fewest_dirs(fs, spread_dir(fs));
	flex = near_dir(fs, home);
	return flex == home ? parent : flex << fs->log_groups_per_flex;
}

/* ---- taking a number in one group ---- */

static uint32_t first_usable(const struct ext4_fs *fs, uint32_t group)
{
	return group == 0 ? fs->first_ino - 1 : 0;
}

/* gi->lock held.  inodes_per_group when there is none. */
static uint32_t find_free(struct ext4_fs *fs, struct ext4_group_change *c)
{
	uint32_t from = first_usable(fs, c->group);

	if (c->gi->inode_cursor > from)
		from = c->gi->inode_cursor;
	return ext4_next_zero(c->bitmap_buf->b_data, fs->inodes_per_group, from);
}

/*
 * When all other inodes of its block are free there is nothing worth reading
 * in it.  gi->lock held: nobody else can take one of them meanwhile.
 */
static void skip_reading_table(struct ext4_fs *fs, struct ext4_group_change *c, uint32_t bit)
{
	uint32_t first = bit - bit % fs->inodes_per_block, end = first + fs->inodes_per_block, at;
	blk64_t blk = ext2fs_bg_inode_table_loc(c->gd, fs->desc_size) + bit / fs->inodes_per_block;
	struct iocache_buf *buf;

	if (end > fs->inodes_per_group)
		end = fs->inodes_per_group;
	at = ext4_next_set(c->bitmap_buf->b_data, end, first);
	if (at < end && (at != bit || ext4_next_set(c->bitmap_buf->b_data, end, bit + 1) < end))
		return;
	if (iocache_get(fs->cache, blk, IOCACHE_GET_PEEK, &buf) || buf) {
		iocache_put(buf);
		return;
	}
	if (!iocache_get(fs->cache, blk, IOCACHE_GET_NEW, &buf))
		iocache_put(buf);
}

void ext4_count_new_inode(struct ext4_fs *fs, struct ext4_group_desc *gd, uint32_t bit, bool is_dir)
{
	uint32_t ipg = fs->inodes_per_group, ds = fs->desc_size;

	ext2fs_bg_free_inodes_count_set(gd, ds, ext2fs_bg_free_inodes_count(gd, ds) - 1);
	if (is_dir)
		ext2fs_bg_used_dirs_count_set(gd, ds, ext2fs_bg_used_dirs_count(gd, ds) + 1);
	if ((fs->gdt_csum || fs->metadata_csum) && bit >= ipg - ext2fs_bg_itable_unused(gd, ds))
		ext2fs_bg_itable_unused_set(gd, ds, ipg - bit - 1);
}

/* 0 with *ino, -ENOSPC when the group has none, -EBUSY while its table is being zeroed. */
static int take_in_group(handle_t *handle, struct ext4_fs *fs, uint32_t group, bool is_dir, uint32_t *ino)
{
	struct ext4_group_change c;
	uint32_t bit;
	int err, err2;

	err = ext4_change_inodes_begin(handle, fs, group, &c);
	if (err)
		return err;
	bit = c.gi->zeroing ? fs->inodes_per_group : find_free(fs, &c);
	if (c.gi->zeroing) {
		err = -EBUSY;
	} else if (bit < fs->inodes_per_group && ext2fs_bg_free_inodes_count(c.gd, fs->desc_size)) {
		ext4_set_bits(c.bitmap_buf->b_data, bit, 1);
		ext4_count_new_inode(fs, c.gd, bit, is_dir);
		c.gi->inode_cursor = bit + 1;
		skip_reading_table(fs, &c, bit);
	} else {
		c.gi->inode_cursor = fs->inodes_per_group;
		ext4_index_no_inodes(fs, group);
		err = -ENOSPC;
	}
	err2 = ext4_change_inodes_end(handle, fs, &c);
	if (err)
		return err;
	__atomic_sub_fetch(&fs->free_inodes, 1, __ATOMIC_RELAXED);
	*ino = group * fs->inodes_per_group + bit + 1;
	return err2;
}

/*
 * 0, or -ENOSPC when the group has no room, which is remembered, or why that is not known.  Without the group's lock:
 * what is remembered is looked at again, in case somebody frees this moment.
 */
static int check_room(struct ext4_fs *fs, uint32_t group, bool want_blocks)
{
	struct counts c = { 0, 0, 0 }, again = { 0, 0, 0 };
	int err = add_counts(fs, group, &c);

	if (err || (c.free_inodes && (c.free_blocks || !want_blocks)))
		return err;
	if (!c.free_inodes)
		ext4_index_no_inodes(fs, group);
	if (!c.free_blocks)
		ext4_index_longest_run(fs, group, 0);
	err = add_counts(fs, group, &again);
	if (again.free_inodes)
		ext4_index_inode_freed(fs, group);
	if (again.free_blocks > c.free_blocks)
		ext4_index_blocks_freed(fs, group);
	return err ? err : -ENOSPC;
}

static int try_group(handle_t *handle, struct ext4_fs *fs, uint32_t group, bool is_dir, bool want_blocks,
		     uint32_t *ino)
{
	int err = check_room(fs, group, want_blocks);

	if (err)
		return err;
	/* Each bitmap tried stays in the handle: an emptied group costs two credits. */
	err = ext4_journal_ensure(handle, 2 * EXT4_CREDITS_IALLOC, 0);
	return err < 0 ? err : take_in_group(handle, fs, group, is_dir, ino);
}

static bool group_is_damaged(int err)
{
	return err == -EUCLEAN || err == -EBADMSG || err == -EIO;
}

/* All groups that may have one, from the start group on.  A damaged group is passed over; its error was told, or is now. */
static int search_groups(handle_t *handle, struct ext4_fs *fs, uint32_t start, bool is_dir, bool want_blocks,
			 uint32_t *ino)
{
	const uint64_t *no_room = want_blocks ? ext4_index_for_run(fs, 1) : fs->no_inodes;
	uint32_t step = 0, group;
	bool busy = false;
	int err;

	while (ext4_index_next(fs, fs->no_inodes, no_room, start, &step, &group)) {
		err = try_group(handle, fs, group, is_dir, want_blocks, ino);
		if (err == -EUCLEAN || err == -EBADMSG)
			ext4_index_no_inodes(fs, group);
		if (err == -EBUSY)
			busy = true;
		else if (err != -ENOSPC && !group_is_damaged(err))
			return err;
	}
	return busy ? -EBUSY : -ENOSPC;
}

/*
 * First a group that has room for the file's blocks too.  Where nothing is left but what is being zeroed
 * this moment that is waited for: whoever does it needs no handle and no lock that we may have.
 */
static int take_number(handle_t *handle, struct ext4_fs *fs, uint32_t start, bool is_dir, uint32_t *ino)
{
	uint64_t seen;
	int err;

	do {
		seen = ext4_hold_sequence(fs);
		err = search_groups(handle, fs, start, is_dir, true, ino);
		if (err == -ENOSPC || err == -EBUSY)
			err = search_groups(handle, fs, start, is_dir, false, ino);
	} while (err == -EBUSY && ext4_wait_for_holder(fs, seen));
	return err == -EBUSY ? -ENOSPC : err;
}

/* ---- what a new inode is ---- */

static uint32_t inherited_flags(const struct ext4_inode *dir, mode_t mode)
{
	uint32_t flags = dir->i_flags & (EXT2_SECRM_FL | EXT2_UNRM_FL | EXT2_COMPR_FL | EXT2_SYNC_FL |
					 EXT2_NODUMP_FL | EXT2_NOATIME_FL | EXT2_COMPRBLK_FL |
					 EXT2_NOCOMPR_FL | EXT3_JOURNAL_DATA_FL | EXT2_NOTAIL_FL |
					 EXT2_DIRSYNC_FL | EXT4_PROJINHERIT_FL | EXT4_CASEFOLD_FL | EXT4_DAX_FL);

	if (S_ISDIR(mode))
		return flags;
	if (S_ISREG(mode))
		return flags & ~(EXT2_DIRSYNC_FL | EXT2_TOPDIR_FL | EXT4_CASEFOLD_FL | EXT4_PROJINHERIT_FL);
	return flags & (EXT2_NODUMP_FL | EXT2_NOATIME_FL);
}

static void set_owner(struct ext4_inode *inode, const struct ext4_inode *dir, mode_t mode,
		      const struct ext4_cred *cred)
{
	inode->i_uid = cred->uid;
	inode->i_gid = cred->gid;
	inode->i_mode = mode;
	inode->i_type = mode & S_IFMT;
	if (inode->i_fs->opts.grpid) {
		inode->i_gid = dir->i_gid;
	} else if (dir->i_mode & S_ISGID) {
		inode->i_gid = dir->i_gid;
		if (S_ISDIR(mode))
			inode->i_mode |= S_ISGID;
	}
	if (dir->i_flags & EXT4_PROJINHERIT_FL)
		inode->i_projid = dir->i_projid;
}

static uint16_t extra_size(const struct ext4_fs *fs)
{
	uint32_t room = fs->inode_size - EXT2_GOOD_OLD_INODE_SIZE;
	uint32_t want = sizeof(struct ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;

	if (!room)
		return 0;
	if (ext2fs_has_feature_extra_isize(fs->sb) && le16_to_cpu(fs->sb->s_want_extra_isize) > want)
		want = le16_to_cpu(fs->sb->s_want_extra_isize) & ~3U;
	return want < room ? want : room & ~3U;
}

static void fill_new_inode(struct ext4_inode *inode, const struct ext4_inode *dir, mode_t mode,
			   const struct ext4_cred *cred)
{
	struct ext4_fs *fs = inode->i_fs;

	inode->i_extra_isize = extra_size(fs);
	set_owner(inode, dir, mode, cred);
	inode->i_nlink = 1;
	inode->i_flags = inherited_flags(dir, mode);
	inode->i_generation = __atomic_add_fetch(&fs->generation_seed, 2654435761U, __ATOMIC_RELAXED);
	inode->i_csum_seed = ext2fs_inode_csum_seed(&fs->super->csum, inode->i_ino, inode->i_generation);
	inode->i_atime = inode->i_mtime = inode->i_ctime = inode->i_crtime = ext4_now(inode);
	if (fs->extents && (S_ISDIR(mode) || S_ISREG(mode) || S_ISLNK(mode))) {
		inode->i_flags |= EXT4_EXTENTS_FL;
		ext4_ext_init(inode);
	}
}

/* The slot on disk may hold anything: it begins as zeroes. */
static int clear_slot(handle_t *handle, struct ext4_inode *inode)
{
	struct ext2_inode_large *raw;
	struct iocache_buf *buf;
	int err;

	err = ext4_inode_raw(inode, &buf, &raw);
	if (err)
		return err;
	err = ext4_write_access(handle, buf);
	if (!err) {
		memset(raw, 0, inode->i_fs->inode_size);
		/* A small inode has no extra fields: what is there belongs to the next one. */
		if (inode->i_fs->inode_size > EXT2_GOOD_OLD_INODE_SIZE)
			raw->i_extra_isize = cpu_to_le16(inode->i_extra_isize);
		err = ext4_dirty(handle, buf);
	}
	iocache_put(buf);
	return err;
}

static int free_number(handle_t *handle, struct ext4_fs *fs, uint32_t ino, bool is_dir)
{
	uint32_t group = (ino - 1) / fs->inodes_per_group;
	uint32_t bit = (ino - 1) % fs->inodes_per_group, ds = fs->desc_size;
	struct ext4_group_change c;
	bool was_used;
	int err;

	err = ext4_change_inodes_begin(handle, fs, group, &c);
	if (err)
		return err;
	was_used = ext4_test_bit(c.bitmap_buf->b_data, bit);
	if (was_used) {
		ext4_clear_bits(c.bitmap_buf->b_data, bit, 1);
		ext2fs_bg_free_inodes_count_set(c.gd, ds, ext2fs_bg_free_inodes_count(c.gd, ds) + 1);
		if (is_dir && ext2fs_bg_used_dirs_count(c.gd, ds))
			ext2fs_bg_used_dirs_count_set(c.gd, ds, ext2fs_bg_used_dirs_count(c.gd, ds) - 1);
		ext4_index_inode_freed(fs, group);
		if (bit < c.gi->inode_cursor)
			c.gi->inode_cursor = bit;
	}
	err = ext4_change_inodes_end(handle, fs, &c);
	if (!was_used)
		return ext4_corrupt(fs, ino, 0, "an inode to free is free already");
	__atomic_add_fetch(&fs->free_inodes, 1, __ATOMIC_RELAXED);
	return err;
}

int ext4_new_inode(handle_t *handle, struct ext4_inode *dir, mode_t mode, const struct ext4_cred *cred,
		   struct ext4_inode **ret)
{
	struct ext4_fs *fs = dir->i_fs;
	struct ext4_inode *inode;
	uint32_t ino = 0;
	int err;

	*ret = NULL;
	err = take_number(handle, fs, start_group(dir, mode), S_ISDIR(mode), &ino);
	if (err)
		return err;
	if (!S_ISDIR(mode))
		__atomic_store_n(&dir->i_last_group, (ino - 1) / fs->inodes_per_group, __ATOMIC_RELAXED);
	err = ext4_icache_new(fs, ino, &inode);
	if (err) {
		free_number(handle, fs, ino, S_ISDIR(mode));
		return err;
	}
	fill_new_inode(inode, dir, mode, cred);
	err = clear_slot(handle, inode);
	if (!err && S_ISDIR(mode))
		err = ext4_inline_init(handle, inode);
	if (err) {
		ext4_free_inode(handle, inode);
		ext4_icache_ready(inode, -ESTALE);
		ext4_icache_discard(inode);
		return err;
	}
	/* Without its first transaction there is no inode that data could be read through. */
	ext4_update_sync_tid(handle, inode, true);
	ext4_icache_ready(inode, 0);
	*ret = inode;
	return 0;
}

int ext4_free_inode(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;

	if (inode->i_ino < fs->first_ino)
		return ext4_corrupt(fs, inode->i_ino, 0, "a reserved inode was to be freed");
	return free_number(handle, fs, inode->i_ino, S_ISDIR(inode->i_type));
}
