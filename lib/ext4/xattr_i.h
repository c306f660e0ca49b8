/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files about extended attributes share.  A store is one place that
 * holds attributes: the end of the inode (body) or a block of its own.  Both
 * are worked on as a list in memory, and written back as a whole.
 */
#ifndef EXT4_XATTR_I_H
#define EXT4_XATTR_I_H

#include "ext4/ext4_i.h"

struct ext4_xattr_item {
	uint8_t		index, name_len;
	const char	*name;		/* points into the list's copy, or the caller's */
	const void	*value;		/* NULL with an EA inode */
	uint32_t	size;
	uint32_t	inum;		/* EA inode, or 0 */
	uint32_t	hash;		/* e_hash as on disk */
};

struct ext4_xattr_list {
	char			*copy;	/* of the area the items came from; freed with the list */
	struct ext4_xattr_item	*items;
	unsigned int		n;
	/*
	 * What ext4_xattr_block_store() did: whether the block is a new one, and the block that the inode does not
	 * name any more but is still counted for, until ext4_xattr_block_leave().
	 */
	bool			new_block;
	blk64_t			left;
};

/* xattr_area.c */
/*
 * Parse the @size bytes at @area, where entries begin at @first; value offsets count from @base_off bytes into the area.
 * What does not fit is -EUCLEAN.  One more item can be added to the list.
 */
int ext4_xattr_parse(struct ext4_inode *inode, const void *area, size_t size, size_t first, size_t base_off,
		     struct ext4_xattr_list *list);
void ext4_xattr_list_free(struct ext4_xattr_list *list);
struct ext4_xattr_item *ext4_xattr_find(struct ext4_xattr_list *list, int index, const char *name);
/* Add or replace; the list keeps pointers to @item's name and value. */
void ext4_xattr_list_set(struct ext4_xattr_list *list, const struct ext4_xattr_item *item);
void ext4_xattr_list_remove(struct ext4_xattr_list *list, struct ext4_xattr_item *item);
/* Bytes that the items need, their end included. */
size_t ext4_xattr_list_size(const struct ext4_xattr_list *list);
/* Lay the list out, sorted; -ENOSPC leaves the area alone. */
int ext4_xattr_build(struct ext4_xattr_list *list, void *area, size_t size, size_t first, size_t base_off, bool in_block);
uint32_t ext4_xattr_entry_hash(const struct ext4_xattr_item *item, const void *value, size_t size);
/* As kernels before 6.2 made it where char is signed: another one for names that are not ASCII. */
uint32_t ext4_xattr_entry_hash_signed(const struct ext4_xattr_item *item, const void *value, size_t size);

/* xattr_body.c */
size_t ext4_xattr_body_size(const struct ext4_inode *inode);	/* bytes for entries and values; 0 = none */
int ext4_xattr_body_load(struct ext4_inode *inode, struct ext4_xattr_list *list);
int ext4_xattr_body_store(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list);

/* xattr_block.c */
int ext4_xattr_block_load(struct ext4_inode *inode, struct ext4_xattr_list *list);
/* Give the inode a block with these items: shared, changed in place, new, or none for an empty list. */
int ext4_xattr_block_store(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list);
/* *@freed (false before): nobody else used it. */
int ext4_xattr_block_drop(handle_t *handle, struct ext4_inode *inode, bool *freed);
/* Give back the block that @list->left names, if any. */
int ext4_xattr_block_leave(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list, bool *freed);

/* The lock of all reference counts, of blocks and EA inodes. */
void ext4_xattr_cache_lock(struct ext4_fs *fs);
void ext4_xattr_cache_unlock(struct ext4_fs *fs);

/* ea_inode.c */
/* Read the value of @item from its EA inode into @buf of item->size bytes, checking the hash. */
int ext4_ea_inode_read(struct ext4_inode *inode, const struct ext4_xattr_item *item, void *buf);
/* A new EA inode with this value; item->inum and hash are set. */
int ext4_ea_inode_create(handle_t *handle, struct ext4_inode *inode, const void *value, size_t size,
			 struct ext4_xattr_item *item);
/* One user less.  At zero it becomes an orphan, which goes after the handle. */
int ext4_ea_inode_unref(handle_t *handle, struct ext4_inode *inode, uint32_t ino);
/* One user more. */
/* Whether it can be counted at all; later that hardly fails. */
int ext4_ea_inode_check(struct ext4_inode *inode, uint32_t ino);
int ext4_ea_inode_ref(handle_t *handle, struct ext4_inode *inode, uint32_t ino);
int ext4_ea_inode_credits(const struct ext4_fs *fs, size_t size);

/* acl.c: between the xattr's form and the disk's; *out is malloc'ed. */
int ext4_acl_to_disk(const void *value, size_t size, void **out, size_t *out_size);
int ext4_acl_from_disk(struct ext4_inode *inode, const void *value, size_t size, void **out, size_t *out_size);
/* An access ACL that was set decides the mode; 1 when the ACL says no more than the mode, and need not be stored. */
int ext4_acl_apply_mode(struct ext4_inode *inode, const void *value, size_t size);

#endif /* EXT4_XATTR_I_H */
