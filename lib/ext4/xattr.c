/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extended attributes by name, wherever they are stored: in the inode, in a
 * block, in EA inodes.
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include "ext4/xattr_i.h"

#define VALUE_MAX	65536	/* bytes, as the system calls allow */

/* ---- names ---- */

static const struct prefix {
	const char	*text;
	int		index;
	bool		whole;	/* the name is the prefix */
} prefixes[] = {
	{ "user.", EXT2_EXT_ATTR_INDEX_USER, false },
	{ "system.posix_acl_access", EXT2_EXT_ATTR_INDEX_POSIX_ACL_ACCESS, true },
	{ "system.posix_acl_default", EXT2_EXT_ATTR_INDEX_POSIX_ACL_DEFAULT, true },
	{ "trusted.", EXT2_EXT_ATTR_INDEX_TRUSTED, false },
	{ "security.", EXT2_EXT_ATTR_INDEX_SECURITY, false },
	{ "gnu.", EXT2_EXT_ATTR_INDEX_HURD, false },
};
#define N_PREFIXES (sizeof(prefixes) / sizeof(prefixes[0]))

static bool is_acl(int index)
{
	return index == EXT2_EXT_ATTR_INDEX_POSIX_ACL_ACCESS || index == EXT2_EXT_ATTR_INDEX_POSIX_ACL_DEFAULT;
}

static bool index_enabled(const struct ext4_fs *fs, int index)
{
	if (is_acl(index))
		return fs->acl;
	return index != EXT2_EXT_ATTR_INDEX_USER || fs->user_xattr;
}

static int split_name(const struct ext4_fs *fs, const char *name, int *index, const char **rest)
{
	unsigned int i;
	size_t len;

	for (i = 0; i < N_PREFIXES; i++) {
		len = strlen(prefixes[i].text);
		if (prefixes[i].whole ? strcmp(name, prefixes[i].text) : strncmp(name, prefixes[i].text, len))
			continue;
		*index = prefixes[i].index;
		*rest = name + len;
		if (!prefixes[i].whole && !**rest)
			return -EINVAL;
		if (strlen(*rest) > UINT8_MAX)
			return -ERANGE;
		return index_enabled(fs, *index) ? 0 : -EOPNOTSUPP;
	}
	return -EOPNOTSUPP;
}

/* ---- reading; i_rwsem held ---- */

static ssize_t copy_value(struct ext4_inode *inode, const struct ext4_xattr_item *item, void *value, size_t size)
{
	int err;

	if (!size)
		return item->size;
	if (item->size > size)
		return -ERANGE;
	if (item->inum) {
		err = ext4_ea_inode_read(inode, item, value);
		return err ? err : (ssize_t)item->size;
	}
	memcpy(value, item->value, item->size);
	return item->size;
}

ssize_t ext4_xattr_get(struct ext4_inode *inode, int index, const char *name, void *value, size_t size)
{
	struct ext4_xattr_item *item = NULL;
	struct ext4_xattr_list list;
	ssize_t ret = -ENODATA;
	int err, block;

	if (!ext4_state(inode, EXT4_STATE_XATTR) && !inode->i_file_acl)
		return -ENODATA;
	for (block = 0; block < 2 && !item; block++) {
		err = block ? ext4_xattr_block_load(inode, &list) : ext4_xattr_body_load(inode, &list);
		if (err)
			return err;
		item = ext4_xattr_find(&list, index, name);
		if (item)
			ret = copy_value(inode, item, value, size);
		ext4_xattr_list_free(&list);
	}
	return ret;
}

static ssize_t get_acl(struct ext4_inode *inode, int index, void *value, size_t size)
{
	ssize_t len = ext4_xattr_get(inode, index, "", NULL, 0);
	void *disk, *out = NULL;
	size_t out_size = 0;
	int err;

	if (len < 0)
		return len;
	disk = malloc(len ? len : 1);
	if (!disk)
		return -ENOMEM;
	len = ext4_xattr_get(inode, index, "", disk, len);
	err = len < 0 ? (int)len : ext4_acl_from_disk(inode, disk, len, &out, &out_size);
	free(disk);
	if (!err && size && out_size > size)
		err = -ERANGE;
	if (!err && size)
		memcpy(value, out, out_size);
	free(out);
	return err ? err : (ssize_t)out_size;
}

ssize_t ext4_getxattr(struct ext4_inode *inode, const char *name, void *value, size_t size)
{
	const char *rest;
	ssize_t ret;
	int index;

	ret = split_name(inode->i_fs, name, &index, &rest);
	if (ret)
		return ret;
	ext4_lock_shared(inode);
	ret = is_acl(index) ? get_acl(inode, index, value, size) : ext4_xattr_get(inode, index, rest, value, size);
	ext4_unlock(inode);
	return ret;
}

/* ---- listing ---- */

struct listing {
	char	*buf;
	size_t	size, used;
	bool	trusted;
};

static const char *prefix_of(int index)
{
	unsigned int i;

	for (i = 0; i < N_PREFIXES; i++)
		if (prefixes[i].index == index)
			return prefixes[i].text;
	return NULL;
}

static int list_items(struct ext4_inode *inode, const struct ext4_xattr_list *list, struct listing *l)
{
	const struct ext4_xattr_item *item;
	const char *prefix;
	size_t plen, len;
	unsigned int i;

	for (i = 0; i < list->n; i++) {
		item = &list->items[i];
		prefix = prefix_of(item->index);
		if (!prefix || !index_enabled(inode->i_fs, item->index) ||
		    (item->index == EXT2_EXT_ATTR_INDEX_TRUSTED && !l->trusted))
			continue;
		plen = strlen(prefix);
		len = plen + item->name_len + 1;
		if (l->size) {
			if (l->used + len > l->size)
				return -ERANGE;
			memcpy(l->buf + l->used, prefix, plen);
			memcpy(l->buf + l->used + plen, item->name, item->name_len);
			l->buf[l->used + len - 1] = '\0';
		}
		l->used += len;
	}
	return 0;
}

ssize_t ext4_listxattr(struct ext4_inode *inode, char *list, size_t size, bool trusted)
{
	struct listing l = { list, size, 0, trusted };
	struct ext4_xattr_list items;
	int err = 0, block;

	ext4_lock_shared(inode);
	for (block = 0; block < 2 && !err; block++) {
		err = block ? ext4_xattr_block_load(inode, &items) : ext4_xattr_body_load(inode, &items);
		if (err)
			break;
		err = list_items(inode, &items, &l);
		ext4_xattr_list_free(&items);
	}
	ext4_unlock(inode);
	return err ? err : (ssize_t)l.used;
}

/* ---- changing; handle open, i_rwsem exclusive ---- */

struct stores {
	struct ext4_xattr_list	body, block;
	struct ext4_xattr_item	*in_body, *in_block;
};

static int load_stores(struct ext4_inode *inode, int index, const char *name, struct stores *s)
{
	int err = ext4_xattr_body_load(inode, &s->body);

	if (err)
		return err;
	err = ext4_xattr_block_load(inode, &s->block);
	if (err) {
		ext4_xattr_list_free(&s->body);
		return err;
	}
	s->in_body = ext4_xattr_find(&s->body, index, name);
	s->in_block = ext4_xattr_find(&s->block, index, name);
	return 0;
}

static void free_stores(struct stores *s)
{
	ext4_xattr_list_free(&s->body);
	ext4_xattr_list_free(&s->block);
}

/* Take the name out of one store or both. */
static int remove_from(handle_t *handle, struct ext4_inode *inode, struct stores *s, bool body, bool block)
{
	int err = 0;

	if (body && s->in_body) {
		ext4_xattr_list_remove(&s->body, s->in_body);
		err = ext4_xattr_body_store(handle, inode, &s->body);
	}
	if (!err && block && s->in_block) {
		ext4_xattr_list_remove(&s->block, s->in_block);
		err = ext4_xattr_block_store(handle, inode, &s->block);
	}
	return err;
}

static bool fits_body(struct ext4_inode *inode, struct stores *s, const struct ext4_xattr_item *item)
{
	size_t have = ext4_xattr_body_size(inode), need = ext4_xattr_list_size(&s->body);

	if (s->in_body)
		need -= EXT2_EXT_ATTR_LEN(s->in_body->name_len) +
			(s->in_body->inum ? 0 : EXT2_EXT_ATTR_SIZE(s->in_body->size));
	need += EXT2_EXT_ATTR_LEN(item->name_len) + (item->inum ? 0 : EXT2_EXT_ATTR_SIZE(item->size));
	return have && need <= have;
}

/* In the inode if there is room, else in the block; the other store must not keep an old value. */
static int put_item(handle_t *handle, struct ext4_inode *inode, struct stores *s, const struct ext4_xattr_item *item)
{
	int err;

	if (fits_body(inode, s, item)) {
		ext4_xattr_list_set(&s->body, item);
		err = ext4_xattr_body_store(handle, inode, &s->body);
		return err ? err : remove_from(handle, inode, s, false, true);
	}
	if (item->index == EXT2_EXT_ATTR_INDEX_SYSTEM)
		return -ENOSPC;
	ext4_xattr_list_set(&s->block, item);
	err = ext4_xattr_block_store(handle, inode, &s->block);
	return err ? err : remove_from(handle, inode, s, true, false);
}

/* A user of an EA inode counts its blocks as its own. */
static int64_t ea_blocks(const struct ext4_inode *inode, size_t size)
{
	return (size + inode->i_fs->block_size - 1) >> inode->i_fs->block_bits;
}

static int set_value(handle_t *handle, struct ext4_inode *inode, struct stores *s, int index, const char *name,
		     const void *value, size_t size)
{
	struct ext4_xattr_item item = { .index = index, .name_len = strlen(name), .name = name,
					.value = value, .size = size };
	int err = put_item(handle, inode, s, &item);

	if (err != -ENOSPC || !ext2fs_has_feature_ea_inode(inode->i_fs->sb) || index == EXT2_EXT_ATTR_INDEX_SYSTEM)
		return err;
	/* put_item() has only changed its lists. */
	free_stores(s);
	err = load_stores(inode, index, name, s);
	if (!err)
		err = ext4_ea_inode_create(handle, inode, value, size, &item);
	if (err)
		return err;
	err = put_item(handle, inode, s, &item);
	if (err)
		ext4_ea_inode_unref(handle, inode, item.inum);
	else
		ext4_inc_blocks(inode, ea_blocks(inode, size));
	return err;
}

/* All EA inodes of a list, but not @except, get one user more or less. */
static int count_all(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list, uint32_t except, bool up)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < list->n && !err; i++) {
		if (!list->items[i].inum)
			continue;
		/* Others of the list may name it, too. */
		if (list->items[i].inum == except) {
			except = 0;
			continue;
		}
		err = ext4_journal_ensure(handle, EXT4_CREDITS_ORPHAN + EXT4_CREDITS_INODE, 0);
		if (err >= 0)
			err = up ? ext4_ea_inode_ref(handle, inode, list->items[i].inum) :
				   ext4_ea_inode_unref(handle, inode, list->items[i].inum);
	}
	return err;
}

/*
 * The inode moved from the block that held @before to another one, or to none; others may share both.  Until it has left
 * the old block nobody else can be its last user: only then may the counts of the new one come late.  @old: the EA
 * inode that is no longer wanted, if any.
 */
static int count_moved(handle_t *handle, struct ext4_inode *inode, struct stores *s, struct ext4_xattr_list *before,
		       uint32_t old)
{
	bool freed = false;
	int err;

	err = s->block.new_block && before ? count_all(handle, inode, before, old, true) : 0;
	if (!err)
		err = ext4_mark_inode_dirty(handle, inode);
	if (!err)
		err = ext4_journal_ensure(handle, EXT4_CREDITS_XATTR, 1);
	if (err >= 0)
		err = ext4_xattr_block_leave(handle, inode, &s->block, &freed);
	if (!err && freed && before)
		err = count_all(handle, inode, before, 0, false);
	return err;
}

static int change_stores(handle_t *handle, struct ext4_inode *inode, struct stores *s, int index, const char *name,
			 const void *value, size_t size)
{
	if (value)
		return set_value(handle, inode, s, index, name, value, size);
	return remove_from(handle, inode, s, true, true);
}

/* @old, if any, is the EA inode of the value that was there before; it was in the block or in the inode. */
static int change_counted(handle_t *handle, struct ext4_inode *inode, struct stores *s, int index, const char *name,
			  const void *value, size_t size, uint32_t old, bool old_in_block)
{
	bool has_ea = ext2fs_has_feature_ea_inode(inode->i_fs->sb) && inode->i_file_acl;
	uint64_t old_block = inode->i_file_acl;
	struct ext4_xattr_list before;
	bool moved;
	int err = has_ea ? ext4_xattr_block_load(inode, &before) : 0;

	if (err)
		return err;
	err = change_stores(handle, inode, s, index, name, value, size);
	moved = inode->i_file_acl != old_block;
	if (!err && s->block.left)
		err = count_moved(handle, inode, s, has_ea && moved ? &before : NULL, old_in_block ? old : 0);
	/* Counting may take another transaction. */
	if (!err && old && !(moved && old_in_block)) {
		err = ext4_mark_inode_dirty(handle, inode);
		if (!err)
			err = ext4_ea_inode_unref(handle, inode, old);
	}
	if (has_ea)
		ext4_xattr_list_free(&before);
	return err;
}

static int set_or_remove(handle_t *handle, struct ext4_inode *inode, int index, const char *name, const void *value,
			 size_t size, int flags)
{
	struct ext4_xattr_item *old;
	uint32_t old_inum = 0, old_size = 0;
	struct stores s;
	int err = load_stores(inode, index, name, &s);

	if (err)
		return err;
	old = s.in_body ? s.in_body : s.in_block;
	if (old) {
		old_inum = old->inum;
		old_size = old->size;
	}
	if (!old && (!value || (flags & XATTR_REPLACE)))
		err = -ENODATA;
	else if (old && value && (flags & XATTR_CREATE))
		err = -EEXIST;
	else
		err = change_counted(handle, inode, &s, index, name, value, size, old_inum, !s.in_body);
	free_stores(&s);
	if (!err && old_inum)
		ext4_inc_blocks(inode, -ea_blocks(inode, old_size));
	return err;
}

int ext4_xattr_set(handle_t *handle, struct ext4_inode *inode, int index, const char *name, const void *value,
		   size_t size, int flags)
{
	int err = set_or_remove(handle, inode, index, name, value, size, flags);

	/* Inline data has a feature of its own. */
	if (!err && value && index != EXT2_EXT_ATTR_INDEX_SYSTEM)
		err = ext4_use_ext_attr(handle, inode->i_fs);
	return err ? err : ext4_mark_inode_dirty(handle, inode);
}

int ext4_xattr_credits(struct ext4_inode *inode, size_t size)
{
	int n = EXT4_CREDITS_XATTR + EXT4_CREDITS_ORPHAN + EXT4_CREDITS_INODE;

	return ext2fs_has_feature_ea_inode(inode->i_fs->sb) ? n + ext4_ea_inode_credits(inode->i_fs, size) : n;
}

/* What the inode names no more.  Counting may take another transaction, so that must be written first. */
static int forget_all(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list)
{
	int err = list->n ? ext4_mark_inode_dirty(handle, inode) : 0;

	return err ? err : count_all(handle, inode, list, 0, false);
}

/* Before anything is changed: what cannot be read stays as it is, and is deleted another time. */
static int check_ea_inodes(struct ext4_inode *inode, const struct ext4_xattr_list *list)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < list->n && !err; i++)
		if (list->items[i].inum)
			err = ext4_ea_inode_check(inode, list->items[i].inum);
	return err;
}

/* Others may share the block and leave it at the same time: only the drop knows who was the last. */
static int drop_block(handle_t *handle, struct ext4_inode *inode, bool has_ea)
{
	struct ext4_xattr_list list;
	bool freed = false;
	int err;

	if (!has_ea)
		return ext4_xattr_block_drop(handle, inode, &freed);
	err = ext4_xattr_block_load(inode, &list);
	if (err)
		return err;
	err = check_ea_inodes(inode, &list);
	if (!err)
		err = ext4_xattr_block_drop(handle, inode, &freed);
	if (!err && freed)
		err = forget_all(handle, inode, &list);
	ext4_xattr_list_free(&list);
	return err;
}

static bool names_ea_inodes(const struct ext4_xattr_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->items[i].inum)
			return true;
	return false;
}

static int clear_body(handle_t *handle, struct ext4_inode *inode)
{
	struct ext4_xattr_item no_item;
	struct ext4_xattr_list empty = { .items = &no_item, .n = 0 }, list;
	int err = ext4_xattr_body_load(inode, &list);

	if (err)
		return err;
	if (names_ea_inodes(&list)) {
		err = check_ea_inodes(inode, &list);
		if (!err)
			err = ext4_xattr_body_store(handle, inode, &empty);
		if (!err)
			err = forget_all(handle, inode, &list);
	}
	ext4_xattr_list_free(&list);
	return err;
}

int ext4_xattr_delete(handle_t *handle, struct ext4_inode *inode)
{
	bool has_ea = ext2fs_has_feature_ea_inode(inode->i_fs->sb) && !(inode->i_flags & EXT4_EA_INODE_FL);
	int err = has_ea ? clear_body(handle, inode) : 0;

	return err ? err : drop_block(handle, inode, has_ea);
}

/* ---- whole calls ---- */

static int change_plain(struct ext4_inode *inode, int index, const char *name, const void *value, size_t size, int flags)
{
	handle_t *handle;
	int err = ext4_journal_start_revoke(inode->i_fs, ext4_xattr_credits(inode, size), 1, &handle);

	if (err)
		return err;
	err = ext4_xattr_set(handle, inode, index, name, value, size, flags);
	if (!err) {
		ext4_inode_touch(inode, false);
		err = ext4_mark_inode_dirty(handle, inode);
	}
	return ext4_journal_stop(handle, err);
}

/* The ACL that went, or was not needed, left a mode behind. */
static int change_mode_only(struct ext4_inode *inode)
{
	handle_t *handle;
	int err = ext4_journal_start(inode->i_fs, EXT4_CREDITS_INODE, &handle);

	if (err)
		return err;
	ext4_inode_touch(inode, false);
	return ext4_journal_stop(handle, ext4_mark_inode_dirty(handle, inode));
}

static int change_acl(struct ext4_inode *inode, int index, const void *value, size_t size, int flags)
{
	bool kill_sgid = flags & EXT4_XATTR_KILL_SGID;
	uint16_t old_mode = inode->i_mode;
	void *disk = NULL;
	size_t disk_size = 0;
	int err = 0;

	if (index == EXT2_EXT_ATTR_INDEX_POSIX_ACL_DEFAULT && !S_ISDIR(inode->i_type))
		return value ? -EACCES : -ENODATA;
	if (S_ISLNK(inode->i_type))
		return -EOPNOTSUPP;
	if (value) {
		err = ext4_acl_to_disk(value, size, &disk, &disk_size);
		if (!err && index == EXT2_EXT_ATTR_INDEX_POSIX_ACL_ACCESS)
			err = ext4_acl_apply_mode(inode, value, size);
		if (err >= 0 && index == EXT2_EXT_ATTR_INDEX_POSIX_ACL_ACCESS && kill_sgid)
			ext4_mode_set(inode, inode->i_mode & ~S_ISGID);
	}
	flags &= ~EXT4_XATTR_KILL_SGID;
	if (err >= 0) {
		/* 1: the mode says it all. */
		err = change_plain(inode, index, "", err ? NULL : disk, disk_size, err ? 0 : flags);
		if (err == -ENODATA && value)
			err = change_mode_only(inode);
	}
	if (err)
		ext4_mode_set(inode, old_mode);
	free(disk);
	return err;
}

static int change(struct ext4_inode *inode, const char *name, const void *value, size_t size, int flags)
{
	int index, err, tries = 0;
	const char *rest;

	err = split_name(inode->i_fs, name, &index, &rest);
	if (!err)
		err = ext4_check_rw(inode->i_fs);
	if (!err && size > VALUE_MAX)
		err = -E2BIG;
	if (!err && index == EXT2_EXT_ATTR_INDEX_USER && !S_ISREG(inode->i_type) && !S_ISDIR(inode->i_type))
		err = -EPERM;
	if (err)
		return err;
	do {
		ext4_lock(inode);
		if (inode->i_flags & (EXT2_IMMUTABLE_FL | EXT2_APPEND_FL))
			err = -EPERM;
		else if (is_acl(index))
			err = change_acl(inode, index, value, size, flags);
		else
			err = change_plain(inode, index, rest, value, size, flags);
		ext4_unlock(inode);
	} while (err == -ENOSPC && ext4_should_retry_alloc(inode->i_fs, &tries));
	return ext4_finish_sync(inode, err);
}

int ext4_setxattr(struct ext4_inode *inode, const char *name, const void *value, size_t size, int flags)
{
	static const char empty;

	return change(inode, name, value ? value : &empty, size, flags);
}

int ext4_removexattr(struct ext4_inode *inode, const char *name)
{
	return change(inode, name, NULL, 0, 0);
}
