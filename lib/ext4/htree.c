/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directory indexes, read: the hash of a name, the path to the leaf that may
 * hold it, walking leaves in hash order.  How indexes grow is in
 * htree_insert.c.
 */
#include "ext4/htree_i.h"

struct ext2_dx_root_info *ext4_dx_info(struct iocache_buf *root)
{
	return (struct ext2_dx_root_info *)(root->b_data + EXT2_DX_ROOT_OFF);
}

unsigned int ext4_dx_room(const struct ext4_fs *fs, bool root)
{
	unsigned int room = fs->block_size;

	room -= root ? EXT2_DX_ROOT_OFF + sizeof(struct ext2_dx_root_info) : EXT2_DX_NODE_OFF;
	if (fs->metadata_csum)
		room -= sizeof(struct ext2_dx_tail);
	return room / sizeof(struct ext2_dx_entry);
}

int ext4_dx_hash(struct ext4_inode *dir, int version, const char *name, size_t len, struct ext4_hash *hash)
{
	struct ext2fs_super *super = dir->i_fs->super;

	if (ext2fs_dirhash(ext2fs_hash_version(super, version), name, len, super->hash_seed, &hash->major,
			   &hash->minor))
		return ext4_corrupt(dir->i_fs, dir->i_ino, 0, "unknown hash version %d", version);
	return 0;
}

/* ---- reading index blocks ---- */

static int check_counts(struct ext4_inode *dir, struct ext4_dx_frame *f, bool root)
{
	unsigned int room = ext4_dx_room(dir->i_fs, root);

	if (dx_limit(f) != room || !dx_count(f) || dx_count(f) > room)
		return ext4_corrupt(dir->i_fs, dir->i_ino, f->buf->b_blocknr, "an index block counts %u of %u entries",
				    dx_count(f), dx_limit(f));
	return 0;
}

static int read_index(struct ext4_inode *dir, uint32_t lblk, struct ext4_dx_frame *f)
{
	struct ext4_fs *fs = dir->i_fs;
	bool root = lblk == 0;
	int err;

	err = ext4_bread_inode(NULL, dir, lblk, NULL, &f->buf);
	if (!err && !f->buf)
		err = ext4_corrupt(fs, dir->i_ino, 0, "index block %u is a hole", lblk);
	if (err)
		return err;
	f->entries = (struct ext2_dx_entry *)(f->buf->b_data + (root ? EXT2_DX_ROOT_OFF +
					      sizeof(struct ext2_dx_root_info) : EXT2_DX_NODE_OFF));
	err = check_counts(dir, f, root);
	if (!err && !iocache_test(f->buf, IOCACHE_BUF_VERIFIED)) {
		if (ext2fs_dx_block_csum_verify(&fs->super->csum, dir->i_csum_seed, f->buf->b_data))
			iocache_set(f->buf, IOCACHE_BUF_VERIFIED);
		else
			err = ext4_bad_csum(fs, dir->i_ino, f->buf->b_blocknr, "an index block");
	}
	if (err) {
		iocache_put(f->buf);
		f->buf = NULL;
	}
	return err;
}

static int max_levels(const struct ext4_fs *fs)
{
	return ext2fs_has_feature_largedir(fs->sb) ? EXT2_HTREE_LEVEL : EXT2_HTREE_LEVEL_COMPAT;
}

static int read_root(struct ext4_inode *dir, struct ext4_dx_path *path)
{
	struct ext2_dx_root_info *info;
	int err;

	memset(path, 0, sizeof(*path));
	err = read_index(dir, 0, &path->frame[0]);
	if (err)
		return err;
	path->levels = 1;
	info = ext4_dx_info(path->frame[0].buf);
	path->version = info->hash_version;
	if (info->info_length != sizeof(*info) || info->reserved_zero || info->unused_flags & 1 ||
	    info->hash_version > EXT2_HASH_TEA || info->indirect_levels >= max_levels(dir->i_fs)) {
		err = ext4_corrupt(dir->i_fs, dir->i_ino, path->frame[0].buf->b_blocknr,
				   "the index root has hash version %u and %u levels", info->hash_version,
				   info->indirect_levels);
		ext4_dx_put(path);
	}
	return err;
}

void ext4_dx_put(struct ext4_dx_path *path)
{
	int i;

	for (i = 0; i < EXT2_HTREE_LEVEL; i++) {
		iocache_put(path->frame[i].buf);
		path->frame[i].buf = NULL;
	}
	path->levels = 0;
}

/* The last entry whose hash is not above @major; the first one has no hash. */
static unsigned int find_entry(const struct ext4_dx_frame *f, uint32_t major)
{
	unsigned int low = 1, high = dx_count(f), mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (dx_hash_at(f, mid) > major)
			high = mid;
		else
			low = mid + 1;
	}
	return low - 1;
}

int ext4_dx_probe(struct ext4_inode *dir, uint32_t major, struct ext4_dx_path *path)
{
	int levels, err = read_root(dir, path);

	if (err)
		return err;
	levels = ext4_dx_info(path->frame[0].buf)->indirect_levels + 1;
	path->frame[0].at = find_entry(&path->frame[0], major);
	while (path->levels < levels) {
		err = read_index(dir, dx_block_at(&path->frame[path->levels - 1], path->frame[path->levels - 1].at),
				 &path->frame[path->levels]);
		if (err) {
			ext4_dx_put(path);
			return err;
		}
		path->frame[path->levels].at = find_entry(&path->frame[path->levels], major);
		path->levels++;
	}
	return 0;
}

static uint32_t path_leaf(const struct ext4_dx_path *path)
{
	const struct ext4_dx_frame *f = &path->frame[path->levels - 1];

	return dx_block_at(f, f->at);
}

int ext4_dx_next(struct ext4_inode *dir, struct ext4_dx_path *path, const uint32_t *major, uint32_t *hash)
{
	int level = path->levels - 1, err;
	struct ext4_dx_frame *f;

	while (level >= 0 && path->frame[level].at + 1 >= dx_count(&path->frame[level]))
		level--;
	if (level < 0)
		return 0;
	f = &path->frame[level];
	*hash = dx_hash_at(f, f->at + 1);
	if (major && (!(*hash & DX_HASH_CONTINUED) || (*hash & ~DX_HASH_CONTINUED) != *major))
		return 0;
	f->at++;
	while (++level < path->levels) {
		iocache_put(path->frame[level].buf);
		path->frame[level].buf = NULL;
		err = read_index(dir, dx_block_at(&path->frame[level - 1], path->frame[level - 1].at),
				 &path->frame[level]);
		if (err)
			return err;
		path->frame[level].at = 0;
	}
	return 1;
}

/* ---- looking up and walking ---- */

int ext4_dx_version(struct ext4_inode *dir, int *version)
{
	struct ext4_dx_path path;
	int err;

	if (!ext4_is_indexed(dir) || ext4_has_inline_data(dir)) {
		*version = dir->i_fs->super->def_hash_version;
		return 0;
	}
	err = read_root(dir, &path);
	if (err)
		return err;
	*version = path.version;
	ext4_dx_put(&path);
	return 0;
}

static bool leaf_exists(const struct ext4_inode *dir, uint32_t lblk)
{
	return lblk && lblk < ext4_dir_blocks(dir);
}

int ext4_dx_read_leaf(struct ext4_inode *dir, const struct ext4_dx_path *path, struct iocache_buf **buf)
{
	uint32_t lblk = path_leaf(path);

	if (!leaf_exists(dir, lblk))
		return ext4_corrupt(dir->i_fs, dir->i_ino, 0, "the index points to block %u, past the end", lblk);
	return ext4_read_leaf(dir, lblk, buf);
}

int ext4_dx_find(struct ext4_inode *dir, const struct ext4_name *name, struct iocache_buf **buf,
		 struct ext2_dir_entry_2 **de, struct ext2_dir_entry_2 **prev)
{
	struct ext4_dx_path path;
	struct ext4_area area;
	struct ext4_hash hash;
	uint32_t next;
	int err, more, version;

	err = ext4_dx_version(dir, &version);
	if (!err)
		err = ext4_dx_hash(dir, version, name->name, name->len, &hash);
	if (!err)
		err = ext4_dx_probe(dir, hash.major, &path);
	if (err)
		return err;
	do {
		err = ext4_dx_read_leaf(dir, &path, buf);
		if (err)
			break;
		area = ext4_leaf_area(dir, *buf);
		err = ext4_area_find(&area, name, de, prev);
		if (!err)
			break;
		iocache_put(*buf);
		if (err != -ENOENT)
			break;
		more = ext4_dx_next(dir, &path, &hash.major, &next);
		if (more < 0)
			err = more;
	} while (more > 0);
	ext4_dx_put(&path);
	return err;
}

int ext4_dx_walk(struct ext4_inode *dir, uint32_t major, int (*func)(void *priv, struct iocache_buf *leaf), void *priv,
		 uint32_t *next, bool *end)
{
	struct ext4_dx_path path;
	struct iocache_buf *buf;
	uint32_t hash = 0;
	int err, more;

	*end = false;
	err = ext4_dx_probe(dir, major, &path);
	if (err)
		return err;
	do {
		err = ext4_dx_read_leaf(dir, &path, &buf);
		if (err)
			break;
		err = func(priv, buf);
		iocache_put(buf);
		if (err)
			break;
		more = ext4_dx_next(dir, &path, NULL, &hash);
		if (more < 0)
			err = more;
		*end = more == 0;
		/* A damaged index whose hashes run backwards must not make a reader go round for ever. */
		if (more > 0 && (hash & ~DX_HASH_CONTINUED) < major)
			err = ext4_corrupt(dir->i_fs, dir->i_ino, 0, "the index is out of order");
	} while (more > 0 && !err && (hash & DX_HASH_CONTINUED));
	ext4_dx_put(&path);
	*next = hash & ~DX_HASH_CONTINUED;
	return err;
}
