/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extent trees, read: checking blocks when they enter the cache, finding the
 * path to a block, mapping.  How trees change is in extents_tree.c and
 * extents_change.c.
 */
#include "ext4/extents_i.h"

/* ---- checks ---- */

static int check_header(struct ext4_inode *inode, const struct ext3_extent_header *hdr, int depth,
			unsigned int room, blk64_t blk)
{
	unsigned int max = le16_to_cpu(hdr->eh_max);

	if (le16_to_cpu(hdr->eh_magic) != EXT3_EXT_MAGIC)
		return ext4_corrupt(inode->i_fs, inode->i_ino, blk, "wrong magic number in an extent block");
	if (le16_to_cpu(hdr->eh_depth) != depth)
		return ext4_corrupt(inode->i_fs, inode->i_ino, blk, "an extent block has depth %u instead of %d",
				    le16_to_cpu(hdr->eh_depth), depth);
	if (!max || max > room || ext_entries(hdr) > max || (depth && !ext_entries(hdr)))
		return ext4_corrupt(inode->i_fs, inode->i_ino, blk, "an extent block counts %u of %u entries",
				    ext_entries(hdr), max);
	return 0;
}

static int check_leaf(struct ext4_inode *inode, struct ext3_extent_header *hdr, blk64_t blk)
{
	struct ext3_extent *ex = ext_leaf(hdr);
	uint64_t next = 0;
	unsigned int i;
	int err;

	for (i = 0; i < ext_entries(hdr); i++, ex++) {
		if (!ext_len(ex) || ext_lblk(ex) < next || ext_end(ex) > EXT_MAX_BLOCK)
			return ext4_corrupt(inode->i_fs, inode->i_ino, blk,
					    "extent %u at %u overlaps or is out of order", i, ext_lblk(ex));
		err = ext4_check_blocks(inode->i_fs, inode->i_ino, ext_pblk(ex), ext_len(ex));
		if (err == -EUCLEAN)
			return ext4_corrupt(inode->i_fs, inode->i_ino, blk,
					    "extent %u points to %llu, no file's block", i,
					    (unsigned long long)ext_pblk(ex));
		if (err)
			return err;
		next = ext_end(ex);
	}
	return 0;
}

static int check_index(struct ext4_inode *inode, struct ext3_extent_header *hdr, blk64_t blk)
{
	struct ext3_extent_idx *ix = ext_index(hdr);
	unsigned int i;
	int err;

	for (i = 0; i < ext_entries(hdr); i++, ix++) {
		if (i && le32_to_cpu(ix->ei_block) <= le32_to_cpu(ix[-1].ei_block))
			return ext4_corrupt(inode->i_fs, inode->i_ino, blk, "extent index %u is out of order", i);
		err = ext4_check_blocks(inode->i_fs, inode->i_ino, ext_idx_pblk(ix), 1);
		if (err == -EUCLEAN)
			return ext4_corrupt(inode->i_fs, inode->i_ino, blk,
					    "extent index %u points to %llu, no file's block", i,
					    (unsigned long long)ext_idx_pblk(ix));
		if (err)
			return err;
	}
	return 0;
}

static int check_entries(struct ext4_inode *inode, struct ext3_extent_header *hdr, blk64_t blk)
{
	return hdr->eh_depth ? check_index(inode, hdr, blk) : check_leaf(inode, hdr, blk);
}

int ext4_ext_check_root(struct ext4_inode *inode)
{
	struct ext3_extent_header *hdr = ext_root(inode);
	int depth = le16_to_cpu(hdr->eh_depth), err;

	if (depth > EXT4_MAX_EXTENT_DEPTH)
		return ext4_corrupt(inode->i_fs, inode->i_ino, 0, "the extent tree is %d levels deep", depth);
	err = check_header(inode, hdr, depth,
			   (sizeof(inode->i_block) - sizeof(*hdr)) / sizeof(struct ext3_extent), 0);
	return err ? err : check_entries(inode, hdr, 0);
}

void ext4_ext_init(struct ext4_inode *inode)
{
	struct ext3_extent_header *hdr = ext_root(inode);

	memset(inode->i_block, 0, sizeof(inode->i_block));
	hdr->eh_magic = cpu_to_le16(EXT3_EXT_MAGIC);
	hdr->eh_max = cpu_to_le16((sizeof(inode->i_block) - sizeof(*hdr)) / sizeof(struct ext3_extent));
}

/*
 * Read the block of a lower level.  Its entries are checked once; the header every time, since a
 * block that two trees of a damaged file system share was checked for the other one.
 */
static int read_level(struct ext4_inode *inode, const struct ext3_extent_idx *ix, int depth,
		      struct ext4_ext_level *level)
{
	struct ext4_fs *fs = inode->i_fs;
	blk64_t blk = ext_idx_pblk(ix);
	unsigned int room = (fs->block_size - sizeof(struct ext3_extent_header)) / sizeof(struct ext3_extent);
	int err;

	err = ext4_bread(fs, blk, &level->buf);
	if (err)
		return err;
	level->hdr = (struct ext3_extent_header *)level->buf->b_data;
	err = check_header(inode, level->hdr, depth, room, blk);
	if (!err && !iocache_test(level->buf, IOCACHE_BUF_VERIFIED)) {
		if (!ext2fs_extent_block_csum_verify(&fs->super->csum, inode->i_csum_seed, level->buf->b_data))
			err = ext4_bad_csum(fs, inode->i_ino, blk, "an extent block");
		if (!err)
			err = check_entries(inode, level->hdr, blk);
		if (!err)
			iocache_set(level->buf, IOCACHE_BUF_VERIFIED);
	}
	if (!err && ext_entries(level->hdr) && ext_leaf(level->hdr)->ee_block != ix->ei_block)
		err = ext4_corrupt(fs, inode->i_ino, blk, "an extent block starts at %u, its index says %u",
				   ext_lblk(ext_leaf(level->hdr)), le32_to_cpu(ix->ei_block));
	if (err) {
		iocache_put(level->buf);
		level->buf = NULL;
	}
	return err;
}

/* ---- finding ---- */

void ext4_ext_put_path(struct ext4_ext_path *path)
{
	int i;

	for (i = 1; i <= path->depth; i++) {
		iocache_put(path->level[i].buf);
		path->level[i].buf = NULL;
	}
	path->depth = 0;
}

/* The last entry that starts at or before @lblk, by bisection; -1 when none.  Index and leaf entries begin alike. */
static int find_slot(struct ext3_extent_header *hdr, uint32_t lblk)
{
	struct ext3_extent *ex = ext_leaf(hdr);
	int low = 0, high = ext_entries(hdr), mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (ext_lblk(&ex[mid]) <= lblk)
			low = mid + 1;
		else
			high = mid;
	}
	return low - 1;
}

int ext4_ext_find(struct ext4_inode *inode, uint32_t lblk, struct ext4_ext_path *path)
{
	struct ext4_ext_level *level = path->level;
	int depth = le16_to_cpu(ext_root(inode)->eh_depth), i, err;

	path->depth = 0;
	level->buf = NULL;
	level->hdr = ext_root(inode);
	for (i = 0;; i++) {
		level = &path->level[i];
		level->slot = find_slot(level->hdr, lblk);
		if (i == depth)
			return 0;
		/* Blocks before the first index belong to the first subtree. */
		if (level->slot < 0)
			level->slot = 0;
		err = read_level(inode, &ext_index(level->hdr)[level->slot], depth - i - 1, level + 1);
		if (err) {
			ext4_ext_put_path(path);
			return err;
		}
		path->depth = i + 1;
	}
}

uint32_t ext4_ext_next_leaf_block(const struct ext4_ext_path *path)
{
	const struct ext4_ext_level *level;
	int i;

	for (i = path->depth - 1; i >= 0; i--) {
		level = &path->level[i];
		if (level->slot + 1 < (int)ext_entries(level->hdr))
			return le32_to_cpu(ext_index(level->hdr)[level->slot + 1].ei_block);
	}
	return EXT_MAX_BLOCK;
}

/* ---- the extent found last ---- */

void ext4_es_drop(struct ext4_inode *inode)
{
	pthread_mutex_lock(&inode->i_lock);
	inode->i_es_len = 0;
	pthread_mutex_unlock(&inode->i_lock);
}

static void es_store(struct ext4_inode *inode, const struct ext3_extent *ex)
{
	pthread_mutex_lock(&inode->i_lock);
	inode->i_es_lblk = ext_lblk(ex);
	inode->i_es_len = ext_len(ex);
	inode->i_es_pblk = ext_pblk(ex);
	inode->i_es_unwritten = ext_unwritten(ex);
	pthread_mutex_unlock(&inode->i_lock);
}

static void limit_len(struct ext4_map *map, uint64_t len)
{
	if (len < map->len)
		map->len = (uint32_t)len;
}

static bool es_lookup(struct ext4_inode *inode, struct ext4_map *map)
{
	uint32_t off;
	bool hit;

	pthread_mutex_lock(&inode->i_lock);
	off = map->lblk - inode->i_es_lblk;
	hit = map->lblk >= inode->i_es_lblk && off < inode->i_es_len;
	if (hit) {
		map->pblk = inode->i_es_pblk + off;
		map->unwritten = inode->i_es_unwritten;
		limit_len(map, inode->i_es_len - off);
	}
	pthread_mutex_unlock(&inode->i_lock);
	return hit;
}

int ext4_ext_map(struct ext4_inode *inode, struct ext4_map *map)
{
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	struct ext3_extent *ex;
	uint32_t next;
	int err;

	if (es_lookup(inode, map))
		return 0;
	err = ext4_ext_find(inode, map->lblk, &path);
	if (err)
		return err;
	leaf = &path.level[path.depth];
	ex = ext_leaf(leaf->hdr) + leaf->slot;
	if (leaf->slot >= 0 && map->lblk < ext_end(ex)) {
		map->pblk = ext_pblk(ex) + (map->lblk - ext_lblk(ex));
		map->unwritten = ext_unwritten(ex);
		limit_len(map, ext_end(ex) - map->lblk);
		es_store(inode, ex);
	} else {
		if (leaf->slot + 1 < (int)ext_entries(leaf->hdr))
			next = ext_lblk(ext_leaf(leaf->hdr) + leaf->slot + 1);
		else
			next = ext4_ext_next_leaf_block(&path);
		map->pblk = 0;
		map->unwritten = false;
		limit_len(map, next > map->lblk ? next - map->lblk : 1);
	}
	ext4_ext_put_path(&path);
	return 0;
}

int ext4_ext_hole_start(struct ext4_inode *inode, uint32_t lblk, uint32_t *start, blk64_t *goal)
{
	struct ext4_ext_path path;
	struct ext4_ext_level *leaf;
	struct ext3_extent *ex;
	int err = ext4_ext_find(inode, lblk, &path);

	if (err)
		return err;
	leaf = &path.level[path.depth];
	ex = ext_leaf(leaf->hdr) + leaf->slot;
	*start = leaf->slot >= 0 ? (uint32_t)ext_end(ex) : 0;
	*goal = leaf->slot >= 0 ? ext_pblk(ex) + ext_len(ex) : 0;
	ext4_ext_put_path(&path);
	return 0;
}
