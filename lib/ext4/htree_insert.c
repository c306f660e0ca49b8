/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directory indexes, grown: from one full block to an index, splitting leaves
 * by hash, splitting index blocks, adding levels.
 */
#include <stdlib.h>
#include "ext4/htree_i.h"

static int dirty_index(handle_t *handle, struct ext4_inode *dir, struct iocache_buf *buf)
{
	ext2fs_dx_block_csum_set(&dir->i_fs->super->csum, dir->i_csum_seed, buf->b_data);
	return ext4_dirty(handle, buf);
}

int ext4_dx_dirty_root(handle_t *handle, struct ext4_inode *dir, struct iocache_buf *buf)
{
	return dirty_index(handle, dir, buf);
}

/* ---- making an index ---- */

/* Copy the names of @from, but not "." and "..", to the empty leaf @to. */
static int copy_names(struct ext4_inode *dir, struct iocache_buf *from, struct iocache_buf *to)
{
	struct ext4_area src = ext4_leaf_area(dir, from), dst = ext4_leaf_area(dir, to);
	struct ext2_dir_entry_2 *de;
	unsigned int off, next;
	int err;

	for (off = 0; off < src.size; off = next) {
		err = ext4_area_entry(&src, off, &de, &next);
		if (err)
			return err;
		if (!de->inode || ext4_is_dot(de))
			continue;
		err = ext4_area_insert(&dst, &(struct ext4_name){ de->name, de->name_len }, le32_to_cpu(de->inode),
				       de->file_type);
		if (err)
			return err;
	}
	return 0;
}

/* Block 0 becomes "." and "..", the latter over all the rest, in which the index lies. */
static void init_root(struct ext4_inode *dir, struct iocache_buf *root, uint32_t parent, uint32_t leaf)
{
	struct ext4_fs *fs = dir->i_fs;
	struct ext4_area area = { dir, root->b_data, fs->block_size, root->b_blocknr };
	struct ext4_dx_frame f = { .entries = (struct ext2_dx_entry *)(root->b_data + EXT2_DX_ROOT_OFF +
				   sizeof(struct ext2_dx_root_info)) };
	struct ext2_dx_root_info *info = ext4_dx_info(root);

	ext4_area_clear(&area);
	ext4_area_insert(&area, &(struct ext4_name){ ".", 1 }, dir->i_ino, ext4_ftype(fs, S_IFDIR));
	ext4_area_insert(&area, &(struct ext4_name){ "..", 2 }, parent, ext4_ftype(fs, S_IFDIR));
	info->hash_version = fs->super->def_hash_version;
	info->info_length = sizeof(*info);
	dx_counts(f.entries)->limit = cpu_to_le16(ext4_dx_room(fs, true));
	dx_set_count(&f, 1);
	f.entries[0].block = cpu_to_le32(leaf);
}

int ext4_dx_make(handle_t *handle, struct ext4_inode *dir)
{
	struct iocache_buf *root, *leaf = NULL;
	uint32_t lblk, parent;
	int err;

	err = ext4_parent_ino(dir, &parent);
	if (!err)
		err = ext4_read_leaf(dir, 0, &root);
	if (err)
		return err;
	err = ext4_write_access(handle, root);
	if (!err)
		err = ext4_append_block(handle, dir, &lblk, &leaf);
	if (!err) {
		ext4_init_leaf(dir, leaf);
		err = copy_names(dir, root, leaf);
	}
	if (!err)
		err = ext4_dirty_leaf(handle, dir, leaf);
	if (!err) {
		init_root(dir, root, parent, lblk);
		dir->i_flags |= EXT2_INDEX_FL;
		err = dirty_index(handle, dir, root);
	}
	if (!err)
		err = ext4_mark_inode_dirty(handle, dir);
	iocache_put(leaf);
	iocache_put(root);
	return err;
}

/* ---- splitting a leaf ---- */

struct sort_entry {
	uint32_t	hash;
	uint16_t	len;		/* that the entry needs */
	struct ext2_dir_entry_2 *de;
};

struct leaf_map {
	struct sort_entry	*e;
	unsigned int		n, size;	/* entries, bytes they need */
};

static int by_hash(const void *a, const void *b)
{
	const struct sort_entry *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int map_leaf(const struct ext4_area *area, int version, struct leaf_map *map)
{
	struct ext2_dir_entry_2 *de;
	struct ext4_hash hash;
	unsigned int off, next;
	int err;

	map->n = map->size = 0;
	map->e = malloc(area->size / EXT2_DIR_REC_LEN(1) * sizeof(*map->e));
	if (!map->e)
		return -ENOMEM;
	for (off = 0; off < area->size; off = next) {
		err = ext4_area_entry(area, off, &de, &next);
		if (!err && de->inode)
			err = ext4_dx_hash(area->dir, version, de->name, de->name_len, &hash);
		if (err) {
			free(map->e);
			return err;
		}
		if (!de->inode)
			continue;
		map->e[map->n++] = (struct sort_entry){ hash.major, EXT2_DIR_REC_LEN(de->name_len), de };
		map->size += EXT2_DIR_REC_LEN(de->name_len);
	}
	qsort(map->e, map->n, sizeof(*map->e), by_hash);
	return 0;
}

/* How many entries stay: half of the bytes. */
static unsigned int split_point(const struct leaf_map *map)
{
	unsigned int i, bytes = 0;

	for (i = 0; i < map->n && bytes + map->e[i].len / 2 <= map->size / 2; i++)
		bytes += map->e[i].len;
	if (i == 0)
		i = 1;
	return i < map->n ? i : map->n - 1;
}

static int put_entries(const struct ext4_area *area, const struct sort_entry *e, unsigned int n)
{
	unsigned int i;
	int err;

	ext4_area_clear(area);
	for (i = 0; i < n; i++) {
		err = ext4_area_insert(area, &(struct ext4_name){ e[i].de->name, e[i].de->name_len },
				       le32_to_cpu(e[i].de->inode), e[i].de->file_type);
		if (err)
			return err;
	}
	return 0;
}

/* Both halves are laid out anew from a copy of the old block. */
static int distribute(struct ext4_inode *dir, const struct leaf_map *map, unsigned int keep, struct iocache_buf *low,
		      struct iocache_buf *high)
{
	struct ext4_area to_low = ext4_leaf_area(dir, low), to_high = ext4_leaf_area(dir, high);
	int err;

	ext4_init_leaf(dir, high);
	err = put_entries(&to_high, map->e + keep, map->n - keep);
	return err ? err : put_entries(&to_low, map->e, keep);
}

static void insert_index(struct ext4_dx_frame *f, uint32_t hash, uint32_t block)
{
	struct ext2_dx_entry *e = f->entries + f->at + 1;

	memmove(e + 1, e, (dx_count(f) - f->at - 1) * sizeof(*e));
	e->hash = cpu_to_le32(hash);
	e->block = cpu_to_le32(block);
	dx_set_count(f, dx_count(f) + 1);
}

/* The leaf that path ends in is full, its index block has room.  *hash = where the new leaf begins. */
static int split_leaf(handle_t *handle, struct ext4_inode *dir, struct ext4_dx_path *path, struct iocache_buf *leaf)
{
	struct ext4_dx_frame *f = &path->frame[path->levels - 1];
	struct ext4_area area = ext4_leaf_area(dir, leaf), copy = area;
	struct iocache_buf *high = NULL;
	struct leaf_map map = { NULL, 0, 0 };
	uint32_t lblk, hash;
	unsigned int keep;
	int err;

	copy.base = malloc(dir->i_fs->block_size);
	if (!copy.base)
		return -ENOMEM;
	memcpy(copy.base, leaf->b_data, dir->i_fs->block_size);
	err = map_leaf(&copy, path->version, &map);
	if (!err && map.n < 2)
		err = -ENOSPC;
	if (!err)
		err = ext4_write_access(handle, leaf);
	if (!err)
		err = ext4_write_access(handle, f->buf);
	if (!err)
		err = ext4_append_block(handle, dir, &lblk, &high);
	if (err)
		goto out;
	keep = split_point(&map);
	hash = map.e[keep].hash;
	if (hash == map.e[keep - 1].hash)
		hash |= DX_HASH_CONTINUED;
	err = distribute(dir, &map, keep, leaf, high);
	if (!err) {
		insert_index(f, hash, lblk);
		err = ext4_dirty_leaf(handle, dir, high);
	}
	if (!err)
		err = ext4_dirty_leaf(handle, dir, leaf);
	if (!err)
		err = dirty_index(handle, dir, f->buf);
out:
	iocache_put(high);
	free(map.e);
	free(copy.base);
	return err;
}

/* ---- making room in the index ---- */

static void init_index_block(struct ext4_inode *dir, struct iocache_buf *buf, struct ext4_dx_frame *f)
{
	struct ext4_area area = { dir, buf->b_data, dir->i_fs->block_size, buf->b_blocknr };

	ext4_area_clear(&area);
	iocache_set(buf, IOCACHE_BUF_VERIFIED);
	*f = (struct ext4_dx_frame){ .buf = buf,
				     .entries = (struct ext2_dx_entry *)(buf->b_data + EXT2_DX_NODE_OFF) };
	dx_counts(f->entries)->limit = cpu_to_le16(ext4_dx_room(dir->i_fs, false));
}

/* All of the root's entries move to a new block below it. */
static int add_level(handle_t *handle, struct ext4_inode *dir, struct ext4_dx_path *path)
{
	struct ext4_dx_frame *root = &path->frame[0], new;
	struct ext2_dx_root_info *info = ext4_dx_info(root->buf);
	unsigned int n = dx_count(root);
	struct iocache_buf *buf;
	uint32_t lblk;
	int err;

	if (info->indirect_levels + 1 >= (ext2fs_has_feature_largedir(dir->i_fs->sb) ? EXT2_HTREE_LEVEL :
					  EXT2_HTREE_LEVEL_COMPAT))
		return -ENOSPC;
	err = ext4_write_access(handle, root->buf);
	if (!err)
		err = ext4_append_block(handle, dir, &lblk, &buf);
	if (err)
		return err;
	init_index_block(dir, buf, &new);
	/* The counts of entry 0 stay the new block's own. */
	new.entries[0].block = root->entries[0].block;
	memcpy(new.entries + 1, root->entries + 1, (n - 1) * sizeof(*new.entries));
	dx_set_count(&new, n);
	dx_set_count(root, 1);
	root->entries[0].block = cpu_to_le32(lblk);
	info->indirect_levels++;
	err = dirty_index(handle, dir, buf);
	iocache_put(buf);
	return err ? err : dirty_index(handle, dir, root->buf);
}

/* Halve the full index block of @level, whose parent has room. */
static int split_index(handle_t *handle, struct ext4_inode *dir, struct ext4_dx_path *path, int level)
{
	struct ext4_dx_frame *f = &path->frame[level], *parent = &path->frame[level - 1], new;
	unsigned int n = dx_count(f), keep = n / 2;
	struct iocache_buf *buf;
	uint32_t lblk, hash = dx_hash_at(f, keep);
	int err;

	err = ext4_write_access(handle, f->buf);
	if (!err)
		err = ext4_write_access(handle, parent->buf);
	if (!err)
		err = ext4_append_block(handle, dir, &lblk, &buf);
	if (err)
		return err;
	init_index_block(dir, buf, &new);
	new.entries[0].block = f->entries[keep].block;
	memcpy(new.entries + 1, f->entries + keep + 1, (n - keep - 1) * sizeof(*new.entries));
	dx_set_count(&new, n - keep);
	dx_set_count(f, keep);
	insert_index(parent, hash, lblk);
	err = dirty_index(handle, dir, buf);
	iocache_put(buf);
	if (!err)
		err = dirty_index(handle, dir, f->buf);
	return err ? err : dirty_index(handle, dir, parent->buf);
}

static bool is_full(const struct ext4_dx_frame *f)
{
	return dx_count(f) >= dx_limit(f);
}

/* One step towards a path whose last index block has room; the caller probes again. */
static int make_index_room(handle_t *handle, struct ext4_inode *dir, struct ext4_dx_path *path)
{
	int level = path->levels - 1;

	while (level > 0 && is_full(&path->frame[level - 1]))
		level--;
	return level ? split_index(handle, dir, path, level) : add_level(handle, dir, path);
}

/* ---- inserting ---- */

/* Insert, or make some room: 0 = done, 1 = try again. */
static int insert_step(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t ino,
		       uint8_t ftype)
{
	struct ext4_dx_path path;
	struct iocache_buf *leaf;
	struct ext4_hash hash;
	int err, version;

	err = ext4_dx_version(dir, &version);
	if (!err)
		err = ext4_dx_hash(dir, version, name->name, name->len, &hash);
	if (!err)
		err = ext4_dx_probe(dir, hash.major, &path);
	if (err)
		return err;
	err = ext4_dx_read_leaf(dir, &path, &leaf);
	if (!err) {
		err = ext4_insert_in_leaf(handle, dir, leaf, name, ino, ftype);
		if (err == -ENOSPC) {
			err = is_full(&path.frame[path.levels - 1]) ? make_index_room(handle, dir, &path) :
			      split_leaf(handle, dir, &path, leaf);
			if (!err)
				err = 1;
		}
		iocache_put(leaf);
	}
	ext4_dx_put(&path);
	return err;
}

int ext4_dx_insert(handle_t *handle, struct ext4_inode *dir, const struct ext4_name *name, uint32_t ino, uint8_t ftype)
{
	int err, steps = 0;

	/* Each level may split once and each leaf once; colliding hashes may need some more leaf splits. */
	do
		err = insert_step(handle, dir, name, ino, ftype);
	while (err == 1 && ++steps < 4 * EXT2_HTREE_LEVEL);
	return err == 1 ? -ENOSPC : err;
}
