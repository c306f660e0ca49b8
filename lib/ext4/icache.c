/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inodes in memory: found by number, read once, counted, kept a while after
 * their last use, deleted at it when they have no name left.
 *
 * i_count counts all users; together they hold one reference of the cache.  Who remembers
 * an inode without using it is in lookups.c.
 */
#include <stdlib.h>
#include "ext4/ext4_i.h"

#define IDLE_DIRTY_MAX		1024		/* of those, how many may have times that are not on disk */
#define SHRINK_PART		8		/* of idle inodes: the part that goes when there are too many */

static struct ext4_inode *inode_of(struct cache_node *node)
{
	return container_of(node, struct ext4_inode, i_node);
}

/* i_lock held: nobody uses the inode any more, or somebody does again. */
static void set_idle(struct ext4_inode *inode, bool idle)
{
	struct ext4_fs *fs = inode->i_fs;

	if (idle == inode->i_idle)
		return;
	inode->i_idle = idle;
	__atomic_add_fetch(&fs->icache_idle, idle ? 1 : -1, __ATOMIC_RELAXED);
	if (idle)
		inode->i_idle_dirty = ext4_state(inode, EXT4_STATE_DIRTY_TIME);
	if (inode->i_idle_dirty)
		__atomic_add_fetch(&fs->icache_idle_dirty, idle ? 1 : -1, __ATOMIC_RELAXED);
}

/* ---- the cache's callbacks; the key is the number ---- */

static uint32_t icache_hash(const void *key)
{
	return *(const uint32_t *)key * 0x9e3779b1U;
}

static bool icache_compare(const struct cache_node *node, const void *key)
{
	return container_of(node, struct ext4_inode, i_node)->i_ino == *(const uint32_t *)key;
}

static struct cache_node *icache_alloc(struct cache *cache, const void *key)
{
	struct ext4_inode *inode = calloc(1, sizeof(*inode));

	if (!inode)
		return NULL;
	inode->i_fs = cache_priv(cache);
	inode->i_ino = *(const uint32_t *)key;
	rwsem_init(&inode->i_rwsem);
	pthread_mutex_init(&inode->i_lock, NULL);
	INIT_LIST_HEAD(&inode->i_orphan);
	return &inode->i_node;
}

static void icache_relse(struct cache *cache __attribute__((unused)), struct cache_node *node)
{
	struct ext4_inode *inode = inode_of(node);

	set_idle(inode, false);
	ext4_dir_close(inode->i_cursor);
	rwsem_destroy(&inode->i_rwsem);
	pthread_mutex_destroy(&inode->i_lock);
	free(inode);
}

/* A reader of the directory may come back for what it had no room for; times (lazytime) are to be written some day. */
static bool icache_reclaim(struct cache *cache __attribute__((unused)), const struct cache_node *node)
{
	const struct ext4_inode *inode = container_of(node, struct ext4_inode, i_node);

	return !__atomic_load_n(&inode->i_cursor, __ATOMIC_RELAXED) && !ext4_state(inode, EXT4_STATE_DIRTY_TIME);
}

static const struct cache_operations icache_ops = {
	.hash = icache_hash,
	.compare = icache_compare,
	.alloc = icache_alloc,
	.relse = icache_relse,
	.reclaim = icache_reclaim,
};

int ext4_icache_init(struct ext4_fs *fs)
{
	int err;

	pthread_mutex_init(&fs->icache_lock, NULL);
	pthread_cond_init(&fs->icache_cond, NULL);
	err = ext4_errno(cache_init(&icache_ops, fs, &fs->icache));
	if (!err)
		err = ext4_lookups_init(fs);
	if (err)
		ext4_icache_destroy(fs);
	return err;
}

void ext4_icache_destroy(struct ext4_fs *fs)
{
	if (fs->icache)
		cache_destroy(fs->icache);
	fs->icache = NULL;
	ext4_lookups_destroy(fs);
	pthread_mutex_destroy(&fs->icache_lock);
	pthread_cond_destroy(&fs->icache_cond);
}

void ext4_icache_shrink(struct ext4_fs *fs, size_t count)
{
	cache_shrink(fs->icache, count);
}

/* ---- references ---- */

/*
 * Turn a reference of the cache into one of the inode; false, and the reference is gone, when its last user has
 * begun to delete it since it was found.
 */
static bool count_up(struct ext4_inode *inode)
{
	bool extra, freeing;

	pthread_mutex_lock(&inode->i_lock);
	freeing = ext4_state(inode, EXT4_STATE_FREEING);
	extra = freeing || inode->i_count > 0;
	if (!freeing) {
		inode->i_count++;
		set_idle(inode, false);
	}
	pthread_mutex_unlock(&inode->i_lock);
	if (extra)
		cache_node_put(inode->i_fs->icache, &inode->i_node);
	return !freeing;
}

void ext4_icache_ready(struct ext4_inode *inode, int err)
{
	struct ext4_fs *fs = inode->i_fs;

	inode->i_load_err = err;
	pthread_mutex_lock(&fs->icache_lock);
	ext4_state_set(inode, err ? EXT4_STATE_FAILED : EXT4_STATE_READY);
	pthread_cond_broadcast(&fs->icache_cond);
	pthread_mutex_unlock(&fs->icache_lock);
}

static int wait_ready(struct ext4_inode *inode)
{
	struct ext4_fs *fs = inode->i_fs;

	if (!ext4_state(inode, EXT4_STATE_READY)) {
		pthread_mutex_lock(&fs->icache_lock);
		while (!ext4_state(inode, EXT4_STATE_READY | EXT4_STATE_FAILED))
			pthread_cond_wait(&fs->icache_cond, &fs->icache_lock);
		pthread_mutex_unlock(&fs->icache_lock);
	}
	if (ext4_state(inode, EXT4_STATE_FAILED))
		return inode->i_load_err;
	return ext4_state(inode, EXT4_STATE_FREEING) ? -ESTALE : 0;
}

static int load(struct ext4_inode *inode, unsigned int flags)
{
	int err = ext4_read_inode(inode, flags);

	if (!err && inode->i_flags & EXT4_EA_INODE_FL)
		ext4_state_set(inode, EXT4_STATE_EA);
	if (err)
		cache_node_unhash(inode->i_fs->icache, &inode->i_node);
	ext4_icache_ready(inode, err);
	return err;
}

int ext4_iget_flags(struct ext4_fs *fs, uint32_t ino, unsigned int flags, struct ext4_inode **ret)
{
	struct cache_node *node;
	struct ext4_inode *inode;
	bool created;
	int err;

	*ret = NULL;
	if (!ino || ino > fs->inodes_count ||
	    (ino < fs->first_ino && ino != EXT2_ROOT_INO && !(flags & EXT4_IGET_SPECIAL)))
		return -ESTALE;
	err = ext4_errno(cache_node_get(fs->icache, &ino, 0, &node, &created));
	if (err)
		return err;
	inode = inode_of(node);
	err = created ? load(inode, flags) : wait_ready(inode);
	if (err) {
		cache_node_put(fs->icache, node);
		return err;
	}
	if (!count_up(inode))
		return -ESTALE;
	*ret = inode;
	return 0;
}

bool ext4_is_hidden(const struct ext4_inode *inode)
{
	const struct ext2_super_block *sb = inode->i_fs->sb;
	__le32 ino = cpu_to_le32(inode->i_ino);

	if (ext4_state(inode, EXT4_STATE_EA))
		return true;
	if (inode->i_ino == EXT2_ROOT_INO)
		return false;
	return inode->i_ino < inode->i_fs->first_ino || ino == sb->s_journal_inum ||
	       (ext2fs_has_feature_orphan_file(sb) && ino == sb->s_orphan_file_inum) ||
	       (ext2fs_has_feature_quota(sb) && (ino == sb->s_usr_quota_inum || ino == sb->s_grp_quota_inum ||
						 ino == sb->s_prj_quota_inum));
}

int ext4_iget(struct ext4_fs *fs, uint32_t ino, struct ext4_inode **ret)
{
	int err = ext4_iget_flags(fs, ino, 0, ret);

	if (!err && ext4_is_hidden(*ret)) {
		ext4_iput(*ret);
		*ret = NULL;
		err = -ESTALE;
	}
	return err;
}

int ext4_iget_handle(struct ext4_fs *fs, uint32_t ino, uint32_t generation, struct ext4_inode **ret)
{
	int err = ext4_iget(fs, ino, ret);

	if (!err && (*ret)->i_generation != generation) {
		ext4_iput(*ret);
		*ret = NULL;
		err = -ESTALE;
	}
	return err;
}

struct ext4_inode *ext4_ilookup(struct ext4_fs *fs, uint32_t ino)
{
	struct cache_node *node;
	struct ext4_inode *inode;

	if (cache_node_get(fs->icache, &ino, CACHE_GET_PEEK, &node, NULL) || !node)
		return NULL;
	inode = inode_of(node);
	if (wait_ready(inode)) {
		cache_node_put(fs->icache, node);
		return NULL;
	}
	return count_up(inode) ? inode : NULL;
}

int ext4_icache_new(struct ext4_fs *fs, uint32_t ino, struct ext4_inode **ret)
{
	struct cache_node *node;
	bool created;
	int err;

	for (;;) {
		err = ext4_errno(cache_node_get(fs->icache, &ino, 0, &node, &created));
		if (err)
			return err;
		if (created)
			break;
		/* Whoever asked for it by an old file handle finds nothing and goes. */
		err = wait_ready(inode_of(node));
		cache_node_put(fs->icache, node);
		if (!err)
			return ext4_corrupt(fs, ino, 0, "a free inode is in use");
	}
	count_up(inode_of(node));
	*ret = inode_of(node);
	return 0;
}

struct ext4_inode *ext4_igrab(struct ext4_inode *inode)
{
	pthread_mutex_lock(&inode->i_lock);
	inode->i_count++;
	pthread_mutex_unlock(&inode->i_lock);
	return inode;
}

static void drop_last(struct ext4_inode *inode, bool delete)
{
	struct ext4_fs *fs = inode->i_fs;
	int64_t idle, max;

	if (delete)
		ext4_evict_inode(inode);
	cache_node_put(fs->icache, &inode->i_node);
	/* Those in use are not counted: looking for idle ones among them costs time. */
	idle = __atomic_load_n(&fs->icache_idle, __ATOMIC_RELAXED);
	max = __atomic_load_n(&fs->icache_idle_max, __ATOMIC_RELAXED);
	/* (Far more than that when the bound has become lower.) */
	if (idle > max)
		cache_shrink(fs->icache, idle - max + max / SHRINK_PART);
}

/*
 * i_lock held.  ext4_forget() first counts down, then looks for what is held, under i_lock: so one of the two
 * sees the other.
 */
static bool keeps_nameless(struct ext4_inode *inode)
{
	return inode->i_nlink == 0 && ext4_state(inode, EXT4_STATE_READY) &&
	       !ext4_state(inode, EXT4_STATE_HELD) && ext4_is_remembered(inode->i_fs, inode->i_ino);
}

bool ext4_release_held(struct ext4_inode *inode)
{
	bool held;

	pthread_mutex_lock(&inode->i_lock);
	held = ext4_state(inode, EXT4_STATE_HELD);
	ext4_state_clear(inode, EXT4_STATE_HELD);
	pthread_mutex_unlock(&inode->i_lock);
	return held;
}

void ext4_iput_many(struct ext4_inode *inode, uint64_t n)
{
	bool last, delete = false, dirty_time = false;
	struct ext4_fs *fs;

	if (!inode || !n)
		return;
	fs = inode->i_fs;
	pthread_mutex_lock(&inode->i_lock);
	/* A server that returns more than it got must not make the count wrap. */
	if (n > inode->i_count)
		n = inode->i_count;
	inode->i_count -= n;
	last = n && inode->i_count == 0;
	if (last && keeps_nameless(inode)) {
		ext4_state_set(inode, EXT4_STATE_HELD);
		inode->i_count = 1;
		last = false;
	}
	if (last && ext4_state(inode, EXT4_STATE_READY)) {
		delete = inode->i_nlink == 0;
		dirty_time = !delete && ext4_state(inode, EXT4_STATE_DIRTY_TIME) &&
			     __atomic_load_n(&fs->icache_idle_dirty, __ATOMIC_RELAXED) >= IDLE_DIRTY_MAX;
		if (delete)
			ext4_state_set(inode, EXT4_STATE_FREEING);
		/* The times are written with a reference of their own. */
		inode->i_count += dirty_time;
		set_idle(inode, !delete && !dirty_time);
	}
	pthread_mutex_unlock(&inode->i_lock);
	if (dirty_time) {
		ext4_write_times(inode);
		ext4_iput_many(inode, 1);
	} else if (last) {
		ext4_drop_prealloc(inode);
		drop_last(inode, delete);
	}
}

void ext4_iput(struct ext4_inode *inode)
{
	ext4_iput_many(inode, 1);
}

void ext4_icache_discard(struct ext4_inode *inode)
{
	cache_node_unhash(inode->i_fs->icache, &inode->i_node);
	cache_node_put(inode->i_fs->icache, &inode->i_node);
}

/* ---- walking ---- */

struct walk {
	int	(*func)(struct ext4_inode *inode, void *data);
	void	*data;
};

static int walk_one(struct cache_node *node, void *data)
{
	struct ext4_inode *inode = inode_of(node);
	struct walk *walk = data;
	bool used;

	pthread_mutex_lock(&inode->i_lock);
	used = (inode->i_count > 0 || ext4_state(inode, EXT4_STATE_DIRTY_TIME)) &&
	       ext4_state(inode, EXT4_STATE_READY);
	pthread_mutex_unlock(&inode->i_lock);
	return used ? walk->func(inode, walk->data) : 0;
}

int ext4_icache_walk(struct ext4_fs *fs, int (*func)(struct ext4_inode *inode, void *data), void *data)
{
	struct walk walk = { func, data };

	return cache_walk(fs->icache, walk_one, &walk);
}

uint32_t ext4_ino(const struct ext4_inode *inode)
{
	return inode->i_ino;
}

uint32_t ext4_generation(const struct ext4_inode *inode)
{
	return inode->i_generation;
}

mode_t ext4_mode(const struct ext4_inode *inode)
{
	return __atomic_load_n(&inode->i_mode, __ATOMIC_RELAXED);
}

uint32_t ext4_inode_flags(const struct ext4_inode *inode)
{
	uint32_t flags;

	ext4_lock_shared((struct ext4_inode *)inode);
	flags = inode->i_flags;
	ext4_unlock((struct ext4_inode *)inode);
	return flags;
}
