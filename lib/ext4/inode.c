/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One inode between its bytes on disk and its fields in memory: where it
 * lies, reading and checking it, writing it back, deleting it.
 */
#include <sys/sysmacros.h>
#include "ext4/ext4_i.h"

#define SECTOR_BITS	9
#define MIN_TIME	(-((int64_t)1 << 31))
#define MAX_TIME_32	(((int64_t)1 << 31) - 1)
#define MAX_TIME_34	(((int64_t)1 << 34) - 1 + MIN_TIME)

int ext4_raw_inode_at(struct ext4_fs *fs, uint32_t ino, struct iocache_buf **buf, struct ext2_inode_large **raw)
{
	uint32_t group = (ino - 1) / fs->inodes_per_group;
	uint32_t index = (ino - 1) % fs->inodes_per_group;
	struct iocache_buf *gd_buf;
	struct ext4_group_desc *gd;
	blk64_t table;
	int err;

	err = ext4_group_desc(fs, group, &gd_buf, &gd);
	if (err)
		return err;
	table = ext2fs_bg_inode_table_loc(gd, fs->desc_size);
	iocache_put(gd_buf);
	err = ext4_bread(fs, table + index / fs->inodes_per_block, buf);
	if (err)
		return err;
	*raw = (struct ext2_inode_large *)((*buf)->b_data + index % fs->inodes_per_block * fs->inode_size);
	return 0;
}

int ext4_inode_raw(struct ext4_inode *inode, struct iocache_buf **buf, struct ext2_inode_large **raw)
{
	return ext4_raw_inode_at(inode->i_fs, inode->i_ino, buf, raw);
}

/* ---- times ---- */

static struct timespec decode_time(__le32 lo, __le32 extra, bool wide)
{
	struct timespec ts = { .tv_sec = (int32_t)le32_to_cpu(lo) };
	uint32_t bits = le32_to_cpu(extra);

	if (wide) {
		ts.tv_sec += (int64_t)(bits & EXT4_EPOCH_MASK) << 32;
		ts.tv_nsec = bits >> EXT4_EPOCH_BITS;
		if (ts.tv_nsec > 999999999)
			ts.tv_nsec = 999999999;
	}
	return ts;
}

static __le32 encode_extra(const struct timespec *ts)
{
	uint32_t epoch = ((ts->tv_sec - (int32_t)ts->tv_sec) >> 32) & EXT4_EPOCH_MASK;

	return cpu_to_le32(epoch | (uint32_t)ts->tv_nsec << EXT4_EPOCH_BITS);
}

static bool has_wide_times(const struct ext4_inode *inode)
{
	return inode->i_extra_isize >= offsetof(struct ext2_inode_large, i_crtime) - EXT2_GOOD_OLD_INODE_SIZE;
}

static bool has_crtime(const struct ext4_inode *inode)
{
	return inode->i_extra_isize >= offsetof(struct ext2_inode_large, i_version_hi) - EXT2_GOOD_OLD_INODE_SIZE;
}

/*
 * What the inode can hold: seconds clamped, nanoseconds dropped where there is no room, and, as by the
 * kernel, in the first and the last second.
 */
static struct timespec storable(const struct ext4_inode *inode, struct timespec ts)
{
	int64_t max = has_wide_times(inode) ? MAX_TIME_34 : MAX_TIME_32;

	if (ts.tv_sec <= MIN_TIME || ts.tv_sec >= max) {
		ts.tv_sec = ts.tv_sec <= MIN_TIME ? MIN_TIME : max;
		ts.tv_nsec = 0;
	}
	if (!has_wide_times(inode))
		ts.tv_nsec = 0;
	return ts;
}

struct timespec ext4_storable_time(const struct ext4_inode *inode, struct timespec ts)
{
	return storable(inode, ts);
}

struct timespec ext4_now(struct ext4_inode *inode)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return storable(inode, ts);
}

/* What is below the number of inodes is taken for a link of the list of orphans. */
uint32_t ext4_deletion_time(struct ext4_inode *inode)
{
	uint32_t now = (uint32_t)ext4_now(inode).tv_sec, least = le32_to_cpu(inode->i_fs->sb->s_inodes_count);

	return now < least ? least : now;
}

void ext4_inode_touch(struct ext4_inode *inode, bool mtime)
{
	struct timespec now = ext4_now(inode);

	inode->i_version++;
	if (ext4_state(inode, EXT4_STATE_KEEP_TIMES))
		return;
	inode->i_ctime = now;
	if (mtime)
		inode->i_mtime = now;
}

/* ---- what kind of inode ---- */

bool ext4_has_inline_data(const struct ext4_inode *inode)
{
	return (inode->i_flags & EXT4_INLINE_DATA_FL) != 0;
}

bool ext4_is_fast_symlink(const struct ext4_inode *inode)
{
	uint64_t ea_sectors;

	if (!S_ISLNK(inode->i_type) || ext4_has_inline_data(inode))
		return false;
	if (inode->i_flags & EXT4_EA_INODE_FL)
		return false;
	ea_sectors = inode->i_file_acl ? inode->i_fs->block_size >> SECTOR_BITS : 0;
	/* EA inodes of a symlink's xattrs count in i_blocks as well: the length decides then. */
	return inode->i_blocks == ea_sectors ||
	       (ext2fs_has_feature_ea_inode(inode->i_fs->sb) && !(inode->i_flags & EXT4_EXTENTS_FL) &&
		ext4_isize(inode) < sizeof(inode->i_block));
}

bool ext4_journals_data(const struct ext4_inode *inode)
{
	return S_ISREG(inode->i_type) && inode->i_fs->has_journal &&
	       (inode->i_fs->data_mode == EXT4_DATA_JOURNAL || (inode->i_flags & EXT3_JOURNAL_DATA_FL));
}

void ext4_inc_blocks(struct ext4_inode *inode, int64_t fs_blocks)
{
	int64_t sectors = fs_blocks * (inode->i_fs->block_size >> SECTOR_BITS);

	if (sectors < 0 && (uint64_t)-sectors > inode->i_blocks)
		inode->i_blocks = 0;
	else
		inode->i_blocks += sectors;
}

/* ---- reading ---- */

static uint64_t decode_blocks(const struct ext4_inode *inode, const struct ext2_inode_large *raw)
{
	uint64_t n = le32_to_cpu(raw->i_blocks);

	if (!ext2fs_has_feature_huge_file(inode->i_fs->sb) || inode->i_fs->hurd)
		return n;
	n |= (uint64_t)le16_to_cpu(raw->osd2.linux2.l_i_blocks_hi) << 32;
	if (inode->i_flags & EXT4_HUGE_FILE_FL)
		n <<= inode->i_fs->block_bits - SECTOR_BITS;
	return n;
}

static void decode(struct ext4_inode *inode, const struct ext2_inode_large *raw)
{
	bool large = inode->i_fs->inode_size > EXT2_GOOD_OLD_INODE_SIZE;
	bool wide;

	inode->i_mode = le16_to_cpu(raw->i_mode);
	inode->i_type = inode->i_mode & S_IFMT;
	inode->i_uid = ext2fs_inode_uid(raw);
	inode->i_gid = ext2fs_inode_gid(raw);
	inode->i_nlink = le16_to_cpu(raw->i_links_count);
	inode->i_flags = le32_to_cpu(raw->i_flags);
	inode->i_generation = le32_to_cpu(raw->i_generation);
	inode->i_dtime = le32_to_cpu(raw->i_dtime);
	inode->i_extra_isize = large ? le16_to_cpu(raw->i_extra_isize) : 0;
	ext4_isize_set(inode, ext2fs_inode_size(raw));
	inode->i_blocks = decode_blocks(inode, raw);
	inode->i_file_acl = inode->i_fs->hurd ? le32_to_cpu(raw->i_file_acl) : ext2fs_inode_file_acl(raw);
	memcpy(inode->i_block, raw->i_block, sizeof(inode->i_block));
	wide = has_wide_times(inode);
	inode->i_atime = decode_time(raw->i_atime, wide ? raw->i_atime_extra : 0, wide);
	inode->i_mtime = decode_time(raw->i_mtime, wide ? raw->i_mtime_extra : 0, wide);
	inode->i_ctime = decode_time(raw->i_ctime, wide ? raw->i_ctime_extra : 0, wide);
	if (has_crtime(inode))
		inode->i_crtime = decode_time(raw->i_crtime, raw->i_crtime_extra, true);
	inode->i_version = inode->i_fs->hurd ? 0 : le32_to_cpu(raw->osd1.linux1.l_i_version);
	if (large && EXT2_FITS_IN_INODE(raw, i_version_hi))
		inode->i_version |= (uint64_t)le32_to_cpu(raw->i_version_hi) << 32;
	if (large && EXT2_FITS_IN_INODE(raw, i_projid))
		inode->i_projid = le32_to_cpu(raw->i_projid);
}

static bool known_type(uint16_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) ||
	       S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

static int check_mapping(struct ext4_inode *inode)
{
	bool has_data = S_ISREG(inode->i_type) || S_ISDIR(inode->i_type) ||
			S_ISLNK(inode->i_type);

	if (!has_data || ext4_has_inline_data(inode) || ext4_is_fast_symlink(inode))
		return 0;
	return inode->i_flags & EXT4_EXTENTS_FL ? ext4_ext_check_root(inode) : 0;
}

static int check(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	uint64_t size = ext4_isize(inode);
	int err;

	if (!known_type(inode->i_mode))
		return ext4_corrupt(fs, inode->i_ino, 0, "unknown type of file in mode 0%o", inode->i_mode);
	err = inode->i_file_acl ? ext4_check_blocks(fs, inode->i_ino, inode->i_file_acl, 1) : 0;
	if (err == -EUCLEAN)
		return ext4_corrupt(fs, inode->i_ino, inode->i_file_acl, "the xattr block is no file's block");
	if (err)
		return err;
	if (ext4_has_inline_data(inode) && (!ext2fs_has_feature_inline_data(fs->sb) ||
					    (inode->i_flags & EXT4_EXTENTS_FL)))
		return ext4_corrupt(fs, inode->i_ino, 0, "inline data does not fit the other flags");
	if (size > (uint64_t)INT64_MAX)
		return ext4_corrupt(fs, inode->i_ino, 0, "the size is negative");
	if (S_ISREG(inode->i_type) && size > ext4_max_size(inode))
		return ext4_corrupt(fs, inode->i_ino, 0, "the size is beyond what can be mapped");
	if (S_ISDIR(inode->i_type) && !ext4_has_inline_data(inode) &&
	    (size % fs->block_size || size >> fs->block_bits > UINT32_MAX ||
	     size >> fs->block_bits > fs->blocks_count))
		return ext4_corrupt(fs, inode->i_ino, 0, "the directory has an odd size");
	if (S_ISLNK(inode->i_type) && size >= fs->block_size)
		return ext4_corrupt(fs, inode->i_ino, 0, "the symlink is longer than a block");
	if (S_ISLNK(inode->i_type) && ext4_is_fast_symlink(inode) && size >= sizeof(inode->i_block))
		return ext4_corrupt(fs, inode->i_ino, 0, "the symlink is longer than its room");
	return check_mapping(inode);
}

static int check_raw(struct ext4_inode *inode, const struct ext2_inode_large *raw, unsigned int flags)
{
	struct ext4_fs *fs = inode->i_fs;
	uint16_t extra = fs->inode_size > EXT2_GOOD_OLD_INODE_SIZE ? le16_to_cpu(raw->i_extra_isize) : 0;

	/* Deleted or never used: no damage, only an old file handle. */
	if (!raw->i_links_count && !(flags & EXT4_IGET_ORPHAN))
		return -ESTALE;
	if (!raw->i_mode && inode->i_ino >= fs->first_ino)
		return -ESTALE;
	if (extra > fs->inode_size - EXT2_GOOD_OLD_INODE_SIZE || extra % 4)
		return ext4_corrupt(fs, inode->i_ino, 0, "extra size %u is impossible", extra);
	if (!ext2fs_inode_csum_verify(&fs->super->csum, inode->i_ino, raw))
		return ext4_bad_csum(fs, inode->i_ino, 0, "the inode");
	return 0;
}

/* Xattrs in the inode begin with a magic number right after the extra fields. */
static bool may_have_xattrs(const struct ext4_inode *inode, const struct ext2_inode_large *raw)
{
	const char *p = (const char *)raw + EXT2_GOOD_OLD_INODE_SIZE + inode->i_extra_isize;
	__le32 magic;

	if (inode->i_fs->inode_size < EXT2_GOOD_OLD_INODE_SIZE + inode->i_extra_isize + sizeof(magic) ||
	    !inode->i_extra_isize)
		return false;
	memcpy(&magic, p, sizeof(magic));
	return magic == cpu_to_le32(EXT2_EXT_ATTR_MAGIC);
}

/*
 * The inode may have been in memory before and changed in a transaction that is
 * not durable yet: nobody remembers, so take the newest for it.
 */
static void guess_sync_tid(struct ext4_inode *inode)
{
	if (inode->i_fs->journal)
		inode->i_sync_tid = inode->i_datasync_tid = jbd2_journal_running_tid(inode->i_fs->journal);
}

int ext4_read_inode(struct ext4_inode *inode, unsigned int flags)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext2_inode_large *raw;
	struct iocache_buf *buf;
	int err;

	err = ext4_inode_raw(inode, &buf, &raw);
	if (err)
		return err;
	err = check_raw(inode, raw, flags);
	if (!err) {
		guess_sync_tid(inode);
		decode(inode, raw);
		if (may_have_xattrs(inode, raw))
			ext4_state_set(inode, EXT4_STATE_XATTR);
		inode->i_csum_seed = ext2fs_inode_csum_seed(&fs->super->csum, inode->i_ino,
							    inode->i_generation);
		err = check(inode);
	}
	iocache_put(buf);
	return err;
}

/* ---- writing ---- */

static void encode_blocks(struct ext4_inode *inode, struct ext2_inode_large *raw)
{
	uint32_t flags = inode->i_flags & ~EXT4_HUGE_FILE_FL;
	uint64_t n = inode->i_blocks;

	if (n >> 48 && ext2fs_has_feature_huge_file(inode->i_fs->sb)) {
		flags |= EXT4_HUGE_FILE_FL;
		n >>= inode->i_fs->block_bits - SECTOR_BITS;
	}
	/* Times may be written under the shared lock, when others read the flags. */
	if (flags != inode->i_flags)
		inode->i_flags = flags;
	raw->i_blocks = cpu_to_le32((uint32_t)n);
	if (ext2fs_has_feature_huge_file(inode->i_fs->sb) && !inode->i_fs->hurd)
		raw->osd2.linux2.l_i_blocks_hi = cpu_to_le16((uint16_t)(n >> 32));
}

static void encode_extra_fields(struct ext4_inode *inode, struct ext2_inode_large *raw)
{
	raw->i_extra_isize = cpu_to_le16(inode->i_extra_isize);
	if (has_wide_times(inode)) {
		raw->i_atime_extra = encode_extra(&inode->i_atime);
		raw->i_mtime_extra = encode_extra(&inode->i_mtime);
		raw->i_ctime_extra = encode_extra(&inode->i_ctime);
	}
	if (has_crtime(inode)) {
		raw->i_crtime = cpu_to_le32((uint32_t)inode->i_crtime.tv_sec);
		raw->i_crtime_extra = encode_extra(&inode->i_crtime);
	}
	if (EXT2_FITS_IN_INODE(raw, i_version_hi))
		raw->i_version_hi = cpu_to_le32((uint32_t)(inode->i_version >> 32));
	if (EXT2_FITS_IN_INODE(raw, i_projid))
		raw->i_projid = cpu_to_le32(inode->i_projid);
}

static void encode(struct ext4_inode *inode, struct ext2_inode_large *raw)
{
	encode_blocks(inode, raw);
	raw->i_mode = cpu_to_le16(inode->i_mode);
	ext2fs_inode_uid_set(raw, inode->i_uid);
	ext2fs_inode_gid_set(raw, inode->i_gid);
	raw->i_links_count = cpu_to_le16((uint16_t)inode->i_nlink);
	raw->i_flags = cpu_to_le32(inode->i_flags);
	raw->i_generation = cpu_to_le32(inode->i_generation);
	raw->i_dtime = cpu_to_le32(inode->i_dtime);
	ext2fs_inode_size_set(raw, ext4_isize(inode));
	if (inode->i_fs->hurd)
		raw->i_file_acl = cpu_to_le32((uint32_t)inode->i_file_acl);
	else
		ext2fs_inode_file_acl_set(raw, inode->i_file_acl);
	memcpy(raw->i_block, inode->i_block, sizeof(raw->i_block));
	raw->i_atime = cpu_to_le32((uint32_t)inode->i_atime.tv_sec);
	raw->i_mtime = cpu_to_le32((uint32_t)inode->i_mtime.tv_sec);
	raw->i_ctime = cpu_to_le32((uint32_t)inode->i_ctime.tv_sec);
	/* Elsewhere this is another system's: for Hurd the block of a translator. */
	if (!inode->i_fs->hurd)
		raw->osd1.linux1.l_i_version = cpu_to_le32((uint32_t)inode->i_version);
	if (inode->i_fs->inode_size > EXT2_GOOD_OLD_INODE_SIZE)
		encode_extra_fields(inode, raw);
}

void ext4_raw_inode_csum(struct ext4_inode *inode, struct ext2_inode_large *raw)
{
	ext2fs_inode_csum_set(&inode->i_fs->super->csum, inode->i_ino, raw);
}

int ext4_prepare_inode(handle_t *handle, struct ext4_inode *inode)
{
	struct ext2_inode_large *raw;
	struct iocache_buf *buf;
	int err;

	if (!inode)
		return 0;
	err = ext4_inode_raw(inode, &buf, &raw);
	if (err)
		return err;
	err = ext4_write_access(handle, buf);
	iocache_put(buf);
	return err;
}

int ext4_mark_inode_dirty(handle_t *handle, struct ext4_inode *inode)
{
	struct ext2_inode_large *raw;
	struct iocache_buf *buf;
	int err;

	err = ext4_inode_raw(inode, &buf, &raw);
	if (err)
		return err;
	err = ext4_write_access(handle, buf);
	if (!err) {
		pthread_mutex_lock(&inode->i_lock);
		encode(inode, raw);
		ext4_raw_inode_csum(inode, raw);
		ext4_state_clear(inode, EXT4_STATE_DIRTY_TIME);
		pthread_mutex_unlock(&inode->i_lock);
		err = ext4_dirty(handle, buf);
		ext4_update_sync_tid(handle, inode, false);
		if (!err && ext4_isize(inode) > INT32_MAX)
			err = ext4_use_large_file(handle, inode->i_fs);
	}
	iocache_put(buf);
	return err;
}

void ext4_write_times(struct ext4_inode *inode)
{
	handle_t *handle;
	int err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_INODE, &handle);

	if (!err)
		err = ext4_journal_stop(handle, ext4_mark_inode_dirty(handle, inode));
	if (!err)
		return;
	/* Whoever drops the last reference must not find them again: they are lost. */
	pthread_mutex_lock(&inode->i_lock);
	ext4_state_clear(inode, EXT4_STATE_DIRTY_TIME);
	pthread_mutex_unlock(&inode->i_lock);
}

/* ---- deleting ---- */

static int evict_data(struct ext4_inode *inode)
{
	bool has_data = S_ISREG(inode->i_type) || S_ISDIR(inode->i_type) ||
			(S_ISLNK(inode->i_type) && !ext4_is_fast_symlink(inode));

	if (!has_data || ext4_has_inline_data(inode))
		return 0;
	ext4_isize_set(inode, 0);
	return ext4_truncate_blocks(inode);
}

/*
 * The inode is on the orphan list, so that a crash between the handles below
 * only leaves work for the next mount.  Nobody else can reach it.
 */
void ext4_evict_inode(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;
	handle_t *handle;
	int err;

	cache_node_unhash(fs->icache, &inode->i_node);
	err = ext4_check_rw(fs);
	if (!err)
		err = evict_data(inode);
	if (!err)
		err = ext4_journal_start_revoke(fs, EXT4_CREDITS_IALLOC + EXT4_CREDITS_ORPHAN + EXT4_CREDITS_XATTR +
						EXT4_CREDITS_INODE, 1, &handle);
	if (err)
		goto out;
	err = ext4_xattr_delete(handle, inode);
	if (!err)
		err = ext4_orphan_del(handle, inode);
	if (!err) {
		inode->i_dtime = ext4_deletion_time(inode);
		err = ext4_mark_inode_dirty(handle, inode);
	}
	if (!err)
		err = ext4_free_inode(handle, inode);
	err = ext4_journal_stop(handle, err);
out:
	if (err && !ext4_check_rw(fs))
		ext4_corrupt_at(fs, __func__, __LINE__, err, inode->i_ino, 0, "a deleted inode cannot be freed: %s",
				strerror(-err));
	ext4_orphan_forget(inode);
}
