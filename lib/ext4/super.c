/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounting and unmounting.  Everything that can be checked without writing is
 * checked before the first byte is written, which is the journal's replay.
 */
#include <stdio.h>
#include <stdlib.h>
#include "ext4/orphan_i.h"
#include "ext4/super_i.h"

/* ---- looking ---- */

/* The size of the file system's blocks is not known yet: the copy must say the size by which it was found. */
static errcode_t open_copy(io_channel dev, uint64_t kib, struct ext2fs_super **super, const char **why)
{
	errcode_t io = EXT2_ET_BAD_MAGIC, first = 0;
	unsigned int size;

	for (size = EXT2_MIN_BLOCK_SIZE; size <= EXT2_MAX_BLOCK_SIZE; size *= 2) {
		if (kib % (size >> 10))
			continue;
		io = ext2fs_open_super(dev, 0, kib / (size >> 10), size, super, why);
		if (!io)
			return 0;
		if (!first && io != EXT2_ET_BAD_MAGIC)
			first = io;
	}
	return first ? first : io;
}

/* As the kernel, the first one is called 1 whatever the size of blocks is. */
static int open_super(io_channel dev, uint64_t kib, struct ext2fs_super **super, char *reason, size_t len)
{
	const char *why = NULL;
	errcode_t io = kib > 1 ? open_copy(dev, kib, super, &why) : ext2fs_open_super(dev, 0, 0, 0, super, &why);

	if (!io)
		return 0;
	snprintf(reason, len, "%s%s%s", error_message(io), why ? ": " : "", why ? why : "");
	if (io == EXT2_ET_BAD_MAGIC)
		return -EINVAL;
	/* Other codes of the library's own say what is wrong with the superblock. */
	if (io > 4096 && io != EXT2_ET_SHORT_READ && ext4_errno(io) == -EIO)
		return -EUCLEAN;
	return ext4_errno(io);
}

static enum ext4_errors_policy disk_errors(const struct ext2_super_block *sb)
{
	switch (le16_to_cpu(sb->s_errors)) {
	case EXT2_ERRORS_PANIC:
		return EXT4_ERRORS_PANIC;
	case EXT2_ERRORS_RO:
		return EXT4_ERRORS_RO;
	default:
		return EXT4_ERRORS_CONTINUE;
	}
}

int ext4_probe(io_channel dev, uint64_t sb_kib, struct ext4_probe_info *info, char *reason, size_t len)
{
	struct ext2fs_super *super;
	struct ext2_super_block *sb;
	int err = open_super(dev, sb_kib, &super, reason, len);

	memset(info, 0, sizeof(*info));
	if (err)
		return err;
	sb = &super->raw;
	memcpy(info->volume_name, sb->s_volume_name, sizeof(sb->s_volume_name));
	memcpy(info->uuid, sb->s_uuid, sizeof(info->uuid));
	info->block_size = super->block_size;
	info->has_journal = ext2fs_has_feature_journal(sb);
	info->needs_recovery = ext2fs_has_feature_journal_needs_recovery(sb);
	info->external_journal = info->has_journal && !sb->s_journal_inum;
	memcpy(info->journal_uuid, sb->s_journal_uuid, sizeof(info->journal_uuid));
	info->journal_devnum = le32_to_cpu(sb->s_journal_dev);
	info->has_mmp = ext2fs_has_feature_mmp(sb);
	info->has_errors = le16_to_cpu(sb->s_state) & EXT2_ERROR_FS;
	info->errors = disk_errors(sb);
	info->must_be_read_only = ext4_unsupported_ro_compat(sb) != 0;
	err = ext4_check_features(sb, true, reason, len);
	ext2fs_free_super(super);
	return err;
}

int ext4_read_disk_super(io_channel dev, unsigned int block_size, struct ext2_super_block *sb)
{
	unsigned int offset = block_size > EXT2_MIN_BLOCK_SIZE ? EXT2_MIN_BLOCK_SIZE : 0;
	errcode_t io;
	char *block;

	if (io_channel_alloc_buf(dev, 1, &block))
		return -ENOMEM;
	io = io_channel_read_blk64(dev, offset ? 0 : 1, 1, block);
	memcpy(sb, block + offset, sizeof(*sb));
	free(block);
	return ext4_errno(io);
}

/* ---- geometry and counts ---- */

static int count_free(struct ext4_fs *fs)
{
	uint64_t blocks = 0, inodes = 0;
	struct ext4_group_desc *gd;
	struct iocache_buf *buf;
	uint32_t group;
	int err;

	for (group = 0; group < fs->group_count; group++) {
		err = ext4_group_desc(fs, group, &buf, &gd);
		if (err == -EUCLEAN && fs->opts.read_only)
			continue;
		if (err)
			return err;
		blocks += ext2fs_bg_free_blocks_count(gd, fs->desc_size);
		inodes += ext2fs_bg_free_inodes_count(gd, fs->desc_size);
		iocache_put(buf);
	}
	/* Only who reads comes here with counts that cannot be. */
	fs->free_blocks = blocks < fs->blocks_count ? blocks : fs->blocks_count;
	fs->free_inodes = inodes < fs->inodes_count ? inodes : fs->inodes_count;
	return 0;
}

static void copy_geometry(struct ext4_fs *fs)
{
	const struct ext2fs_super *s = fs->super;
	const struct ext2_super_block *sb = &s->raw;

	fs->block_size = s->block_size;
	fs->block_bits = s->block_bits;
	fs->inode_size = s->inode_size;
	fs->inodes_per_block = s->inodes_per_block;
	fs->group_count = s->group_count;
	fs->blocks_per_group = s->blocks_per_group;
	fs->inodes_per_group = s->inodes_per_group;
	fs->itable_blocks = s->inode_blocks_per_group;
	fs->desc_size = s->desc_size;
	fs->descs_per_block = s->desc_per_block;
	fs->first_data_block = s->first_data_block;
	fs->blocks_count = s->blocks_count;
	fs->inodes_count = s->inodes_count;
	fs->first_ino = s->first_ino;
	fs->metadata_csum = s->csum.metadata_csum;
	fs->gdt_csum = s->csum.gdt_csum;
	fs->csum_seed = s->csum.seed;
	fs->extents = ext2fs_has_feature_extents(sb);
	fs->is_64bit = ext2fs_has_feature_64bit(sb);
	fs->hurd = le32_to_cpu(sb->s_creator_os) == EXT2_OS_HURD;
	fs->flex_bg = ext2fs_has_feature_flex_bg(sb);
	fs->log_groups_per_flex = s->log_groups_per_flex;
	fs->has_journal = ext2fs_has_feature_journal(sb);
	fs->reserved_blocks = ext2fs_r_blocks_count(sb);
}

int ext4_load_geometry(struct ext4_fs *fs)
{
	int err;

	copy_geometry(fs);
	fs->groups = calloc(fs->group_count, sizeof(*fs->groups));
	fs->zones = calloc((fs->group_count >> fs->log_groups_per_flex) + 1, sizeof(*fs->zones));
	if (!fs->groups || !fs->zones || ext4_index_init(fs))
		return -ENOMEM;
	/*
	 * The superblock's own counts are right after a clean unmount and in
	 * no other case; counting reads every descriptor.
	 */
	fs->free_blocks = ext2fs_free_blocks_count(fs->sb);
	fs->free_inodes = le32_to_cpu(fs->sb->s_free_inodes_count);
	err = ext4_icache_init(fs);
	if (!err)
		ext4_divide_memory(fs);
	return err;
}

/* ---- options against the superblock's defaults ---- */

static bool default_on(enum ext4_tristate opt, bool dflt)
{
	return opt == EXT4_UNSET ? dflt : opt == EXT4_ON;
}

static void apply_data_mode(struct ext4_fs *fs)
{
	uint32_t defm = le32_to_cpu(fs->sb->s_default_mount_opts);

	fs->data_mode = fs->opts.data;
	if (fs->data_mode == EXT4_DATA_DEFAULT) {
		if ((defm & EXT3_DEFM_JMODE) == EXT3_DEFM_JMODE_DATA)
			fs->data_mode = EXT4_DATA_JOURNAL;
		else if ((defm & EXT3_DEFM_JMODE) == EXT3_DEFM_JMODE_WBACK)
			fs->data_mode = EXT4_DATA_WRITEBACK;
		else
			fs->data_mode = EXT4_DATA_ORDERED;
	}
}

static void apply_options(struct ext4_fs *fs)
{
	uint32_t defm = le32_to_cpu(fs->sb->s_default_mount_opts);
	const struct ext2_super_block *sb = fs->sb;

	fs->errors = fs->opts.errors == EXT4_ERRORS_DEFAULT ? disk_errors(sb) : fs->opts.errors;
	apply_data_mode(fs);
	fs->acl = default_on(fs->opts.acl, true);
	fs->user_xattr = default_on(fs->opts.user_xattr, true);
	if (defm & EXT2_DEFM_BSDGROUPS)
		fs->opts.grpid = true;
	if (defm & EXT4_DEFM_NOBARRIER)
		fs->opts.barrier = false;
	if (defm & EXT4_DEFM_DISCARD)
		fs->opts.discard = true;
	fs->resuid = fs->opts.has_resuid ? fs->opts.resuid :
		     (le16_to_cpu(sb->s_def_resuid) | (uid_t)le16_to_cpu(sb->s_def_resuid_hi) << 16);
	fs->resgid = fs->opts.has_resgid ? fs->opts.resgid :
		     (le16_to_cpu(sb->s_def_resgid) | (gid_t)le16_to_cpu(sb->s_def_resgid_hi) << 16);
}

/* ---- the superblock on disk ---- */

/* Before and after all others: written at once, not through the journal. */
static int write_super(struct ext4_fs *fs)
{
	errcode_t io;

	ext2fs_set_tstamp(fs->sb, s_wtime, time(NULL));
	ext2fs_superblock_csum_set(fs->sb);
	iocache_mark_dirty(fs->sb_buf);
	io = iocache_write_bufs(fs->cache, &fs->sb_buf, 1);
	if (!io)
		io = io_channel_flush(fs->dev);
	return io ? ext4_io_error(fs, io, 0, fs->sb_buf->b_blocknr, "writing the superblock") : 0;
}

/* sb_lock held */
static void set_in_use(struct ext4_fs *fs)
{
	struct ext2_super_block *sb = fs->sb;

	if (fs->has_journal)
		ext2fs_set_feature_journal_needs_recovery(sb);
	else
		sb->s_state &= ~cpu_to_le16(EXT2_VALID_FS);
	if (ext2fs_has_feature_orphan_file(sb))
		ext2fs_set_feature_orphan_present(sb);
}

/* As the kernel with every mount that may write: the old revision has no field for what is set when it is used. */
static void raise_revision(struct ext4_fs *fs)
{
	struct ext2_super_block *sb = fs->sb;

	if (le32_to_cpu(sb->s_rev_level) != EXT2_GOOD_OLD_REV)
		return;
	ext4_log(fs, EXT4_LOG_INFO, "%s: the file system goes from revision 0 to 1", fs->device_name);
	sb->s_first_ino = cpu_to_le32(EXT2_GOOD_OLD_FIRST_INO);
	sb->s_inode_size = cpu_to_le16(EXT2_GOOD_OLD_INODE_SIZE);
	sb->s_rev_level = cpu_to_le32(EXT2_DYNAMIC_REV);
}

static int mark_in_use(struct ext4_fs *fs)
{
	struct ext2_super_block *sb = fs->sb;

	if (fs->opts.read_only)
		return 0;
	pthread_mutex_lock(&fs->sb_lock);
	raise_revision(fs);
	set_in_use(fs);
	le16_add_cpu(&sb->s_mnt_count, 1);
	ext2fs_set_tstamp(sb, s_mtime, time(NULL));
	pthread_mutex_unlock(&fs->sb_lock);
	return write_super(fs);
}

static int mark_clean(struct ext4_fs *fs)
{
	struct ext2_super_block *sb = fs->sb;

	pthread_mutex_lock(&fs->sb_lock);
	ext2fs_clear_feature_journal_needs_recovery(sb);
	if (!ext4_orphan_file_used(fs))
		ext2fs_clear_feature_orphan_present(sb);
	if (!(le16_to_cpu(sb->s_state) & EXT2_ERROR_FS) || fs->was_valid)
		sb->s_state |= cpu_to_le16(EXT2_VALID_FS);
	ext2fs_free_blocks_count_set(sb, fs->free_blocks);
	sb->s_free_inodes_count = cpu_to_le32((uint32_t)fs->free_inodes);
	pthread_mutex_unlock(&fs->sb_lock);
	return write_super(fs);
}

/*
 * What mark_clean() says at the end is true at rest as well, whatever inodes without a name wait for their last
 * user: they are listed, as they are after a crash.
 */
int ext4_mark_settled(void *priv)
{
	struct ext4_fs *fs = priv;

	/* After an error the device says what it said then. */
	return ext4_is_read_only(fs) ? 0 : mark_clean(fs);
}

int ext4_mark_woken(void *priv)
{
	struct ext4_fs *fs = priv;

	pthread_mutex_lock(&fs->sb_lock);
	set_in_use(fs);
	pthread_mutex_unlock(&fs->sb_lock);
	return write_super(fs);
}

/* ---- mounting, step by step ---- */

static void log_state(struct ext4_fs *fs)
{
	uint16_t state = le16_to_cpu(fs->sb->s_state);

	if (state & EXT2_ERROR_FS)
		ext4_log(fs, EXT4_LOG_WARN, "%s: the file system has recorded errors; running e2fsck is recommended",
			 fs->device_name);
	else if (!(state & EXT2_VALID_FS))
		ext4_log(fs, EXT4_LOG_WARN, "%s: the file system was not unmounted cleanly; running e2fsck is recommended",
			 fs->device_name);
}

static int open_cache(struct ext4_fs *fs)
{
	struct iocache_params params = {
		.block_size = fs->super->block_size,
		.max_bytes = fs->opts.cache_bytes,
		.read_only = fs->opts.read_only,
	};
	/* The first one lies behind a boot block, copies at the start of their block. */
	unsigned int offset = fs->super->sb_block ? 0 : EXT2_MIN_BLOCK_SIZE;
	errcode_t io = iocache_create(fs->dev, &params, &fs->cache);

	if (!io)
		io = iocache_get(fs->cache, fs->super->sb_block, 0, &fs->sb_buf);
	if (io)
		return ext4_errno(io);
	fs->sb = (struct ext2_super_block *)(fs->sb_buf->b_data + offset);
	return 0;
}

static void mmp_lost(void *priv, errcode_t err, const struct ext2fs_mmp_holder *holder)
{
	struct ext4_fs *fs = priv;

	ext4_log(fs, EXT4_LOG_ERR, "%s: multi-mount protection: %s (node %s, device %s); now read-only",
		 fs->device_name, error_message(err), holder ? holder->nodename : "?",
		 holder ? holder->bdevname : "?");
	__atomic_store_n(&fs->read_only, true, __ATOMIC_RELEASE);
	if (fs->journal)
		jbd2_journal_abort(fs->journal, -EIO);
}

/* The first time it is told, since it may take minutes. */
static bool mmp_waiting(void *priv, unsigned int seconds)
{
	struct ext4_fs *fs = priv;

	if (!fs->mmp_told)
		ext4_log(fs, EXT4_LOG_WARN, "%s: multi-mount protection: it was not unmounted; looking for "
			 "%u seconds, and as long again, whether another host uses it", fs->device_name,
			 seconds);
	fs->mmp_told = true;
	return !fs->opts.interrupted || !fs->opts.interrupted(fs->opts.log_priv);
}

static int claim_mmp(struct ext4_fs *fs, char *reason, size_t len)
{
	struct ext2fs_mmp_holder holder = { .nodename = "" };
	errcode_t err;

	if (fs->opts.read_only || !ext2fs_has_feature_mmp(fs->sb))
		return 0;
	err = ext2fs_mmp_start(fs->super, mmp_lost, mmp_waiting, fs, &holder, &fs->mmp);
	if (!err)
		return 0;
	if (err == EINTR) {
		snprintf(reason, len, "multi-mount protection: told to end while waiting");
		return -EINTR;
	}
	if (err == EXT2_ET_MMP_FAILED || err == EXT2_ET_MMP_FSCK_ON)
		snprintf(reason, len, "%s (held by node \"%s\" as %s)", error_message(err), holder.nodename,
			 holder.bdevname);
	else
		snprintf(reason, len, "%s", error_message(err));
	return -EBUSY;
}

static void init_locks(struct ext4_fs *fs)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&fs->sb_lock, NULL);
	pthread_mutex_init(&fs->groups_lock, NULL);
	pthread_mutex_init(&fs->resv_lock, NULL);
	pthread_mutex_init(&fs->hold_lock, NULL);
	pthread_cond_init(&fs->hold_cond, NULL);
	pthread_mutex_init(&fs->rename_lock, NULL);
	pthread_mutex_init(&fs->orphan_lock, NULL);
	pthread_mutex_init(&fs->worker_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&fs->worker_cond, &attr);
	pthread_condattr_destroy(&attr);
	INIT_LIST_HEAD(&fs->resv_list);
	INIT_LIST_HEAD(&fs->orphans);
}

static struct ext4_fs *new_fs(io_channel dev, const struct ext4_mount_opts *opts)
{
	struct ext4_fs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	fs->opts = *opts;
	fs->memory_bytes = opts->memory_bytes;
	fs->dev = dev;
	fs->read_only = opts->read_only;
	fs->device_name = strdup(opts->device_name ? opts->device_name : dev->name);
	init_locks(fs);
	clock_gettime(CLOCK_REALTIME, &fs->mount_time);
	fs->generation_seed = (uint32_t)fs->mount_time.tv_nsec ^ (uint32_t)fs->mount_time.tv_sec;
	if (!fs->device_name || ext4_error_init(fs)) {
		free(fs->device_name);
		free(fs);
		return NULL;
	}
	return fs;
}

/* Also half of a mount that failed.  Nothing is written. */
static void free_fs(struct ext4_fs *fs)
{
	ext4_fc_free(fs);
	ext4_xattr_cache_destroy(fs);
	if (fs->icache)
		ext4_icache_destroy(fs);
	ext4_zones_destroy(fs);
	ext4_groups_destroy(fs);
	iocache_put(fs->sb_buf);
	if (fs->cache)
		iocache_destroy(fs->cache);
	ext2fs_free_super(fs->super);
	ext4_error_destroy(fs);
	free(fs->device_name);
	free(fs);
}

/* Nothing is written here. */
static int prepare(struct ext4_fs *fs, char *reason, size_t len)
{
	int err;

	err = open_super(fs->dev, fs->opts.sb, &fs->super, reason, len);
	if (!err)
		err = ext4_check_features(&fs->super->raw, fs->opts.read_only, reason, len);
	if (!err)
		err = open_cache(fs);
	if (err)
		return err;
	fs->was_valid = le16_to_cpu(fs->sb->s_state) & EXT2_VALID_FS;
	apply_options(fs);
	return ext4_load_geometry(fs);
}

static bool counts_are_stale(struct ext4_fs *fs, bool recovered)
{
	return recovered || !(le16_to_cpu(fs->sb->s_state) & EXT2_VALID_FS) ||
	       (le16_to_cpu(fs->sb->s_state) & EXT2_ERROR_FS) ||
	       ext2fs_free_blocks_count(fs->sb) > fs->blocks_count ||
	       le32_to_cpu(fs->sb->s_free_inodes_count) > fs->inodes_count;
}

/* The root must be a directory before anyone is told that this is a file system. */
static int check_root(struct ext4_fs *fs)
{
	struct ext4_inode *root;
	int err = ext4_iget(fs, EXT2_ROOT_INO, &root);

	if (err)
		return err == -ESTALE ? ext4_corrupt(fs, EXT2_ROOT_INO, 0, "there is no root directory") : err;
	if (!S_ISDIR(root->i_type))
		err = ext4_corrupt(fs, EXT2_ROOT_INO, 0, "the root is not a directory");
	ext4_iput(root);
	return err;
}

static int bring_up(struct ext4_fs *fs, char *reason, size_t len)
{
	bool recovering = ext2fs_has_feature_journal_needs_recovery(fs->sb);
	int err;

	err = ext4_xattr_cache_init(fs);
	if (!err)
		err = ext4_open_journal(fs, reason, len);
	if (!err && counts_are_stale(fs, recovering))
		err = count_free(fs);
	if (!err)
		err = check_root(fs);
	if (!err)
		err = ext4_orphan_init(fs);
	if (err)
		return err;
	ext4_init_statfs(fs, ext4_journal_blocks(fs));
	log_state(fs);
	return 0;
}

static int go_live(struct ext4_fs *fs)
{
	int err;

	if (fs->opts.read_only)
		return 0;
	err = mark_in_use(fs);
	if (err)
		return err;
	ext4_tuned_watch(fs);
	jbd2_journal_clear_errno(fs->journal);
	err = ext4_orphan_cleanup(fs);
	return err ? err : ext4_worker_start(fs);
}

int ext4_mount(io_channel dev, const struct ext4_mount_opts *opts, struct ext4_fs **ret, char *reason, size_t len)
{
	struct ext4_fs *fs = new_fs(dev, opts);
	int err;

	*ret = NULL;
	reason[0] = '\0';
	if (!fs)
		return -ENOMEM;
	/* Copies of descriptors are old: by them used blocks could be given out. */
	err = opts->sb > 1 && !opts->read_only ? -EROFS : prepare(fs, reason, len);
	if (!err)
		err = claim_mmp(fs, reason, len);
	if (!err)
		err = bring_up(fs, reason, len);
	if (!err)
		err = go_live(fs);
	if (!err) {
		*ret = fs;
		return 0;
	}
	if (!reason[0])
		snprintf(reason, len, "%s%s", strerror(-err), err == -EUCLEAN || err == -EBADMSG ? "; run e2fsck" : "");
	ext4_orphan_destroy(fs);
	if (fs->journal)
		jbd2_journal_destroy(fs->journal);
	ext2fs_mmp_abandon(fs->mmp);
	free_fs(fs);
	return err;
}

/* ---- unmounting ---- */

/* The kernel may never forget what it had looked up when it goes: finish what has no name. */
static int evict_nameless(struct ext4_inode *inode, void *data)
{
	bool *again = data;

	if (inode->i_nlink == 0 && !ext4_state(inode, EXT4_STATE_FREEING)) {
		*again = true;
		/* So that it is not held once more. */
		ext4_state_set(inode, EXT4_STATE_HELD);
		ext4_iput_many(inode, inode->i_count);
	} else if (ext4_state(inode, EXT4_STATE_DIRTY_TIME)) {
		ext4_write_times(inode);
	}
	ext4_drop_prealloc(inode);
	return 0;
}

static void finish_inodes(struct ext4_fs *fs)
{
	bool again;

	do {
		again = false;
		ext4_icache_walk(fs, evict_nameless, &again);
	} while (again);
}

int ext4_unmount(struct ext4_fs *fs)
{
	bool live = !fs->opts.read_only;
	int err, err2;

	ext4_worker_stop(fs);
	if (live)
		finish_inodes(fs);
	if (live)
		ext4_write_error_record(fs);
	err = jbd2_journal_destroy(fs->journal);
	fs->journal = NULL;
	if (live && !err && !ext4_is_read_only(fs)) {
		err = mark_clean(fs);
	} else if (live) {
		ext4_write_error_record(fs);
		if (!err)
			err = -EIO;
	}
	ext4_orphan_destroy(fs);
	err2 = ext4_errno(ext2fs_mmp_stop(fs->mmp));
	free_fs(fs);
	return err ? err : err2;
}

/* ---- small questions ---- */

bool ext4_is_read_only(const struct ext4_fs *fs)
{
	return __atomic_load_n(&fs->read_only, __ATOMIC_ACQUIRE);
}

unsigned int ext4_block_size(const struct ext4_fs *fs)
{
	return fs->block_size;
}

unsigned int ext4_time_granularity(const struct ext4_fs *fs)
{
	return fs->inode_size > EXT2_GOOD_OLD_INODE_SIZE ? 1 : 1000000000;
}

int ext4_data_fd(const struct ext4_fs *fs)
{
	int fd;

	return io_channel_get_fd(fs->dev, &fd) ? -1 : fd;
}
