/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values of extended attributes that need an inode of their own.  Such an
 * inode counts its users in ctime and version and keeps a hash of the value
 * in atime.
 */
#include <stdlib.h>
#include "ext4/dir_i.h"
#include "ext4/xattr_i.h"

static uint64_t get_ref(const struct ext4_inode *ea)
{
	return (uint32_t)ea->i_version | (uint64_t)(uint32_t)ea->i_ctime.tv_sec << 32;
}

static void set_ref(struct ext4_inode *ea, uint64_t n)
{
	ea->i_version = (uint32_t)n;
	ea->i_ctime = (struct timespec){ .tv_sec = (int32_t)(n >> 32) };
}

static uint32_t value_hash(const struct ext4_fs *fs, const void *value, size_t size)
{
	return ext2fs_crc32c_le(fs->csum_seed, value, size);
}

static uint32_t entry_hash(const struct ext4_xattr_item *item, uint32_t hash)
{
	__le32 word = cpu_to_le32(hash);

	return ext4_xattr_entry_hash(item, &word, sizeof(word));
}

/* An entry without a hash is old; one with either kind is right. */
static bool entry_matches(const struct ext4_xattr_item *item, uint32_t hash)
{
	__le32 word = cpu_to_le32(hash);

	return !item->hash || item->hash == entry_hash(item, hash) ||
	       item->hash == ext4_xattr_entry_hash_signed(item, &word, sizeof(word));
}

static int get_ea_inode(struct ext4_inode *inode, uint32_t ino, struct ext4_inode **ea)
{
	struct ext4_fs *fs = inode->i_fs;
	int err = ino == inode->i_ino ? -ESTALE : ext4_iget_flags(fs, ino, 0, ea);

	if (err == -ESTALE)
		return ext4_corrupt(fs, inode->i_ino, 0, "EA inode %u is not in use, or the inode itself", ino);
	if (err)
		return err;
	if (!((*ea)->i_flags & EXT4_EA_INODE_FL) || !S_ISREG((*ea)->i_mode)) {
		ext4_iput(*ea);
		return ext4_corrupt(fs, inode->i_ino, 0, "inode %u is no EA inode", ino);
	}
	return 0;
}

/* ---- reading ---- */

static int read_blocks(struct ext4_inode *ea, char *to, size_t size)
{
	struct ext4_fs *fs = ea->i_fs;
	struct iocache_buf *buf;
	uint32_t lblk;
	size_t part;
	int err;

	for (lblk = 0; size; lblk++, to += part, size -= part) {
		part = size < fs->block_size ? size : fs->block_size;
		err = ext4_bread_inode(NULL, ea, lblk, NULL, &buf);
		if (!err && !buf)
			err = ext4_corrupt(fs, ea->i_ino, 0, "the EA inode has a hole");
		if (err)
			return err;
		memcpy(to, buf->b_data, part);
		iocache_put(buf);
	}
	return 0;
}

int ext4_ea_inode_read(struct ext4_inode *inode, const struct ext4_xattr_item *item, void *buf)
{
	struct ext4_inode *ea;
	uint32_t hash;
	int err = get_ea_inode(inode, item->inum, &ea);

	if (err)
		return err;
	if (ext4_isize(ea) != item->size)
		err = ext4_corrupt(ea->i_fs, ea->i_ino, 0, "the EA inode has another size than its value");
	if (!err)
		err = read_blocks(ea, buf, item->size);
	if (!err) {
		hash = value_hash(ea->i_fs, buf, item->size);
		if (hash != (uint32_t)ea->i_atime.tv_sec || !entry_matches(item, hash))
			err = ext4_bad_csum(ea->i_fs, ea->i_ino, 0, "an EA inode's value");
	}
	ext4_iput(ea);
	return err;
}

/* ---- creating ---- */

int ext4_ea_inode_credits(const struct ext4_fs *fs, size_t size)
{
	int blocks = (size + fs->block_size - 1) >> fs->block_bits;

	return EXT4_CREDITS_IALLOC + EXT4_CREDITS_MAP + EXT4_CREDITS_ORPHAN + blocks;
}

static int write_blocks(handle_t *handle, struct ext4_inode *ea, const char *from, size_t size)
{
	struct ext4_fs *fs = ea->i_fs;
	struct iocache_buf *buf;
	size_t part, left;
	uint32_t lblk;
	int err;

	for (left = size; left; from += part, left -= part) {
		part = left < fs->block_size ? left : fs->block_size;
		err = ext4_append_block(handle, ea, &lblk, &buf);
		if (err)
			return err;
		memcpy(buf->b_data, from, part);
		err = ext4_dirty(handle, buf);
		iocache_put(buf);
		if (err)
			return err;
	}
	ext4_isize_set(ea, size);
	return 0;
}

int ext4_ea_inode_create(handle_t *handle, struct ext4_inode *inode, const void *value, size_t size,
			 struct ext4_xattr_item *item)
{
	struct ext4_cred root = { .uid = inode->i_uid, .gid = inode->i_gid, .privileged = true };
	uint32_t hash = value_hash(inode->i_fs, value, size);
	struct ext4_inode *ea;
	int err;

	err = ext4_new_inode(handle, inode, S_IFREG | 0600, &root, &ea);
	if (err)
		return err;
	ea->i_flags |= EXT4_EA_INODE_FL;
	ext4_state_set(ea, EXT4_STATE_EA);
	ea->i_flags &= ~(EXT4_PROJINHERIT_FL | EXT3_JOURNAL_DATA_FL);
	err = write_blocks(handle, ea, value, size);
	set_ref(ea, 1);
	ea->i_atime = (struct timespec){ .tv_sec = hash };
	if (err) {
		ea->i_nlink = 0;
		ext4_orphan_add(handle, ea);
	}
	if (!err)
		err = ext4_mark_inode_dirty(handle, ea);
	item->inum = ea->i_ino;
	item->value = NULL;
	item->size = size;
	item->hash = entry_hash(item, hash);
	ext4_put_after(handle, ea);
	return err;
}

/* ---- counting users ---- */

int ext4_ea_inode_check(struct ext4_inode *inode, uint32_t ino)
{
	struct ext4_inode *ea;
	int err = get_ea_inode(inode, ino, &ea);

	if (!err)
		ext4_iput(ea);
	return err;
}

int ext4_ea_inode_ref(handle_t *handle, struct ext4_inode *inode, uint32_t ino)
{
	struct ext4_inode *ea;
	int err = get_ea_inode(inode, ino, &ea);

	if (err)
		return err;
	ext4_xattr_cache_lock(inode->i_fs);
	set_ref(ea, get_ref(ea) + 1);
	ext4_xattr_cache_unlock(inode->i_fs);
	err = ext4_mark_inode_dirty(handle, ea);
	ext4_put_after(handle, ea);
	return err;
}

int ext4_ea_inode_unref(handle_t *handle, struct ext4_inode *inode, uint32_t ino)
{
	struct ext4_fs *fs = inode->i_fs;
	struct ext4_inode *ea;
	bool last = false;
	int err = get_ea_inode(inode, ino, &ea);

	if (err)
		return err;
	ext4_xattr_cache_lock(fs);
	if (!get_ref(ea)) {
		err = -EUCLEAN;
	} else {
		set_ref(ea, get_ref(ea) - 1);
		last = get_ref(ea) == 0;
		if (last)
			ea->i_nlink = 0;
	}
	ext4_xattr_cache_unlock(fs);
	if (err)
		err = ext4_corrupt(fs, ino, 0, "an EA inode has more users than it counts");
	if (!err && last)
		err = ext4_orphan_add(handle, ea);
	if (!err)
		err = ext4_mark_inode_dirty(handle, ea);
	ext4_put_after(handle, ea);
	return err;
}
