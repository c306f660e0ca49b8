/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extended attributes in a block, which inodes with the same attributes share
 * by a reference count.  A small table from content hashes to blocks finds
 * candidates for sharing.
 */
#include <stdlib.h>
#include "ext4/xattr_i.h"

#define HEADER		sizeof(struct ext2_ext_attr_header)
#define SHARE_SLOTS	1024

struct share_slot {
	uint32_t	hash;
	blk64_t		blk;	/* 0 = empty */
};

/* The lock covers reference counts and content of all xattr blocks: a block may only be changed in place while nobody can begin to share it. */
struct ext4_xattr_cache {
	pthread_mutex_t		lock;
	struct share_slot	slot[SHARE_SLOTS];
};

int ext4_xattr_cache_init(struct ext4_fs *fs)
{
	fs->xattr_cache = calloc(1, sizeof(*fs->xattr_cache));
	if (!fs->xattr_cache)
		return -ENOMEM;
	pthread_mutex_init(&fs->xattr_cache->lock, NULL);
	return 0;
}

void ext4_xattr_cache_destroy(struct ext4_fs *fs)
{
	if (!fs->xattr_cache)
		return;
	pthread_mutex_destroy(&fs->xattr_cache->lock);
	free(fs->xattr_cache);
	fs->xattr_cache = NULL;
}

void ext4_xattr_cache_lock(struct ext4_fs *fs)
{
	pthread_mutex_lock(&fs->xattr_cache->lock);
}

void ext4_xattr_cache_unlock(struct ext4_fs *fs)
{
	pthread_mutex_unlock(&fs->xattr_cache->lock);
}

static struct ext2_ext_attr_header *header(struct iocache_buf *buf)
{
	return (struct ext2_ext_attr_header *)buf->b_data;
}

static struct share_slot *slot_of(struct ext4_fs *fs, uint32_t hash)
{
	return &fs->xattr_cache->slot[(hash ^ hash >> 16) % SHARE_SLOTS];
}

static void remember(struct ext4_fs *fs, struct iocache_buf *buf)
{
	uint32_t hash = le32_to_cpu(header(buf)->h_hash);

	if (hash)
		*slot_of(fs, hash) = (struct share_slot){ hash, buf->b_blocknr };
}

static void forget(struct ext4_fs *fs, struct iocache_buf *buf)
{
	struct share_slot *slot = slot_of(fs, le32_to_cpu(header(buf)->h_hash));

	if (slot->blk == buf->b_blocknr)
		slot->blk = 0;
}

/* ---- reading ---- */

static int check_block(struct ext4_inode *inode, struct iocache_buf *buf)
{
	struct ext4_fs *fs = inode->i_fs;

	if (header(buf)->h_magic != cpu_to_le32(EXT2_EXT_ATTR_MAGIC) || header(buf)->h_blocks != cpu_to_le32(1) ||
	    !header(buf)->h_refcount)
		return ext4_corrupt(fs, inode->i_ino, buf->b_blocknr, "the xattr block has a bad header");
	if (iocache_test(buf, IOCACHE_BUF_VERIFIED))
		return 0;
	if (!ext2fs_ext_attr_block_csum_verify(&fs->super->csum, buf->b_blocknr, buf->b_data))
		return ext4_bad_csum(fs, inode->i_ino, buf->b_blocknr, "an xattr block");
	iocache_set(buf, IOCACHE_BUF_VERIFIED);
	return 0;
}

static int read_block(struct ext4_inode *inode, struct iocache_buf **buf)
{
	int err = ext4_bread(inode->i_fs, inode->i_file_acl, buf);

	if (err)
		return err;
	ext4_xattr_cache_lock(inode->i_fs);
	err = check_block(inode, *buf);
	if (!err)
		remember(inode->i_fs, *buf);
	ext4_xattr_cache_unlock(inode->i_fs);
	if (err)
		iocache_put(*buf);
	return err;
}

int ext4_xattr_block_load(struct ext4_inode *inode, struct ext4_xattr_list *list)
{
	struct iocache_buf *buf;
	uint32_t end = 0;
	int err;

	if (!inode->i_file_acl)
		return ext4_xattr_parse(inode, &end, sizeof(end), 0, 0, list);
	err = read_block(inode, &buf);
	if (err)
		return err;
	ext4_xattr_cache_lock(inode->i_fs);
	err = ext4_xattr_parse(inode, buf->b_data, inode->i_fs->block_size, HEADER, 0, list);
	ext4_xattr_cache_unlock(inode->i_fs);
	iocache_put(buf);
	return err;
}

/* ---- content ---- */

static int build(struct ext4_fs *fs, struct ext4_xattr_list *list, void *block)
{
	struct ext2_ext_attr_header *hdr = block;
	uint32_t hash = 0;
	unsigned int i;
	int err;

	err = ext4_xattr_build(list, block, fs->block_size, HEADER, 0, true);
	if (err)
		return err;
	memset(hdr, 0, sizeof(*hdr));
	hdr->h_magic = cpu_to_le32(EXT2_EXT_ATTR_MAGIC);
	hdr->h_refcount = cpu_to_le32(1);
	hdr->h_blocks = cpu_to_le32(1);
	/* An entry without a hash makes the block unshareable. */
	for (i = 0; i < list->n; i++) {
		if (!list->items[i].hash) {
			hash = 0;
			break;
		}
		hash = (hash << 16) ^ (hash >> 16) ^ list->items[i].hash;
	}
	hdr->h_hash = cpu_to_le32(hash);
	return 0;
}

static int dirty_block(handle_t *handle, struct ext4_fs *fs, struct iocache_buf *buf)
{
	ext2fs_ext_attr_block_csum_set(&fs->super->csum, buf->b_blocknr, buf->b_data);
	return ext4_dirty(handle, buf);
}

static bool same_content(struct ext4_fs *fs, struct iocache_buf *buf, const char *block)
{
	const struct ext2_ext_attr_header *a = header(buf), *b = (const struct ext2_ext_attr_header *)block;

	return a->h_magic == b->h_magic && a->h_hash == b->h_hash && le32_to_cpu(a->h_refcount) &&
	       le32_to_cpu(a->h_refcount) < EXT2_EXT_ATTR_REFCOUNT_MAX &&
	       !memcmp(buf->b_data + HEADER, block + HEADER, fs->block_size - HEADER);
}

/* 1 = the inode now shares a block with this content, 0 = there is none. */
static int try_share(handle_t *handle, struct ext4_inode *inode, const char *block)
{
	uint32_t hash = le32_to_cpu(((const struct ext2_ext_attr_header *)block)->h_hash);
	struct ext4_fs *fs = inode->i_fs;
	struct share_slot found;
	struct iocache_buf *buf;
	bool ok;
	int err = 0;

	ext4_xattr_cache_lock(fs);
	found = *slot_of(fs, hash);
	ext4_xattr_cache_unlock(fs);
	if (!hash || !found.blk || found.hash != hash || ext4_bread(fs, found.blk, &buf))
		return 0;
	ext4_xattr_cache_lock(fs);
	/* While the slot names it the block was not freed.  One that was must not be taken back from the revoked. */
	ok = slot_of(fs, hash)->blk == found.blk && same_content(fs, buf, block);
	if (ok)
		err = ext4_write_access(handle, buf);
	if (ok && !err) {
		le32_add_cpu(&header(buf)->h_refcount, 1);
		err = dirty_block(handle, fs, buf);
	}
	ext4_xattr_cache_unlock(fs);
	if (ok && !err) {
		inode->i_file_acl = buf->b_blocknr;
		ext4_inc_blocks(inode, 1);
	}
	iocache_put(buf);
	return err ? err : ok;
}

static int new_block(handle_t *handle, struct ext4_inode *inode, const char *block)
{
	struct ext4_fs *fs = inode->i_fs;
	struct iocache_buf *buf;
	int err;

	err = ext4_new_meta_buf(handle, inode, 0, 0, &buf);
	if (err)
		return err;
	memcpy(buf->b_data, block, fs->block_size);
	iocache_set(buf, IOCACHE_BUF_VERIFIED);
	err = dirty_block(handle, fs, buf);
	if (!err) {
		inode->i_file_acl = buf->b_blocknr;
		ext4_inc_blocks(inode, 1);
		ext4_xattr_cache_lock(fs);
		remember(fs, buf);
		ext4_xattr_cache_unlock(fs);
	}
	iocache_put(buf);
	return err;
}

/* 1 = the inode's own block, used by nobody else, got the new content. */
static int change_in_place(handle_t *handle, struct ext4_inode *inode, const char *block)
{
	struct ext4_fs *fs = inode->i_fs;
	struct iocache_buf *buf;
	bool ours;
	int err;

	if (!inode->i_file_acl)
		return 0;
	err = read_block(inode, &buf);
	if (err)
		return err;
	err = ext4_write_access(handle, buf);
	if (!err) {
		ext4_xattr_cache_lock(fs);
		ours = header(buf)->h_refcount == cpu_to_le32(1);
		if (ours) {
			forget(fs, buf);
			memcpy(buf->b_data, block, fs->block_size);
			err = dirty_block(handle, fs, buf);
			remember(fs, buf);
		}
		ext4_xattr_cache_unlock(fs);
		if (!err)
			err = ours;
	}
	iocache_put(buf);
	return err;
}

int ext4_xattr_block_drop(handle_t *handle, struct ext4_inode *inode, bool *freed)
{
	struct ext4_fs *fs = inode->i_fs;
	struct iocache_buf *buf;
	blk64_t blk = inode->i_file_acl;
	bool last;
	int err;

	if (!blk)
		return 0;
	err = read_block(inode, &buf);
	if (err)
		return err;
	err = ext4_write_access(handle, buf);
	if (!err) {
		ext4_xattr_cache_lock(fs);
		last = header(buf)->h_refcount == cpu_to_le32(1);
		if (last) {
			forget(fs, buf);
		} else {
			le32_add_cpu(&header(buf)->h_refcount, -1);
			err = dirty_block(handle, fs, buf);
		}
		ext4_xattr_cache_unlock(fs);
		if (last)
			err = ext4_free_blocks(handle, fs, inode->i_ino, blk, 1, EXT4_FREE_METADATA);
	}
	iocache_put(buf);
	if (err)
		return err;
	*freed = last;
	inode->i_file_acl = 0;
	ext4_inc_blocks(inode, -1);
	return 0;
}

/* Instead of the old block, if any: the new one is got first, so that nothing is lost on failure. */
static int replace_block(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list, const char *block)
{
	blk64_t old = inode->i_file_acl;
	int err, shared;

	inode->i_file_acl = 0;
	shared = try_share(handle, inode, block);
	err = shared < 0 ? shared : shared ? 0 : new_block(handle, inode, block);
	if (err) {
		inode->i_file_acl = old;
		return err;
	}
	list->new_block = !shared;
	list->left = old;
	return 0;
}

int ext4_xattr_block_leave(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list, bool *freed)
{
	blk64_t now = inode->i_file_acl;
	int err;

	if (!list->left)
		return 0;
	inode->i_file_acl = list->left;
	list->left = 0;
	err = ext4_xattr_block_drop(handle, inode, freed);
	inode->i_file_acl = now;
	return err;
}

int ext4_xattr_block_store(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list)
{
	struct ext4_fs *fs = inode->i_fs;
	char *block;
	int err;

	if (!list->n) {
		list->left = inode->i_file_acl;
		inode->i_file_acl = 0;
		return 0;
	}
	block = malloc(fs->block_size);
	if (!block)
		return -ENOMEM;
	err = build(fs, list, block);
	if (!err) {
		err = change_in_place(handle, inode, block);
		if (!err)
			err = replace_block(handle, inode, list, block);
		else if (err == 1)
			err = 0;
	}
	free(block);
	return err;
}
