/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layout of extended attributes: entries grow from the start of an area,
 * values from its end, four zero bytes end the entries.
 */
#include <stdlib.h>
#include "ext4/xattr_i.h"

#define NAME_HASH_SHIFT		5
#define VALUE_HASH_SHIFT	16

static int bad(struct ext4_inode *inode, const char *what)
{
	return ext4_corrupt(inode->i_fs, inode->i_ino, inode->i_file_acl, "extended attributes: %s", what);
}

static bool is_end(const char *area, size_t size, size_t off)
{
	static const char zero[4];

	return size - off < sizeof(zero) || !memcmp(area + off, zero, sizeof(zero));
}

/* The value must lie behind all entries' names, which end somewhere; behind this entry is checked here. */
static int parse_entry(struct ext4_inode *inode, const char *area, size_t size, size_t off, size_t base_off,
		       struct ext4_xattr_item *item)
{
	const struct ext2_ext_attr_entry *e = (const struct ext2_ext_attr_entry *)(area + off);
	size_t value_off;

	if (size - off < sizeof(*e) || size - off < EXT2_EXT_ATTR_LEN(e->e_name_len))
		return bad(inode, "an entry is cut off");
	*item = (struct ext4_xattr_item){
		.index = e->e_name_index, .name_len = e->e_name_len, .name = e->e_name,
		.size = le32_to_cpu(e->e_value_size), .inum = le32_to_cpu(e->e_value_inum),
		.hash = le32_to_cpu(e->e_hash),
	};
	if (item->inum) {
		if (!ext2fs_has_feature_ea_inode(inode->i_fs->sb) || item->inum > inode->i_fs->inodes_count ||
		    item->inum < inode->i_fs->first_ino || item->size > EXT4_XATTR_SIZE_MAX)
			return bad(inode, "an EA inode cannot be");
		return 0;
	}
	value_off = base_off + le16_to_cpu(e->e_value_offs);
	if (item->size && (value_off > size || item->size > size - value_off ||
			   value_off < off + EXT2_EXT_ATTR_LEN(e->e_name_len)))
		return bad(inode, "a value lies outside");
	item->value = area + (item->size ? value_off : 0);
	return 0;
}

int ext4_xattr_parse(struct ext4_inode *inode, const void *area, size_t size, size_t first, size_t base_off,
		     struct ext4_xattr_list *list)
{
	size_t off, max = size / sizeof(struct ext2_ext_attr_entry) + 2;
	int err = 0;

	list->n = 0;
	list->new_block = false;
	list->left = 0;
	list->copy = malloc(size);
	list->items = malloc(max * sizeof(*list->items));
	if (!list->copy || !list->items)
		err = -ENOMEM;
	else
		memcpy(list->copy, area, size);
	for (off = first; !err && !is_end(list->copy, size, off); list->n++) {
		err = parse_entry(inode, list->copy, size, off, base_off, &list->items[list->n]);
		if (!err)
			off += EXT2_EXT_ATTR_LEN(list->items[list->n].name_len);
	}
	if (err)
		ext4_xattr_list_free(list);
	return err;
}

void ext4_xattr_list_free(struct ext4_xattr_list *list)
{
	free(list->copy);
	free(list->items);
	memset(list, 0, sizeof(*list));
}

struct ext4_xattr_item *ext4_xattr_find(struct ext4_xattr_list *list, int index, const char *name)
{
	size_t len = strlen(name);
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->items[i].index == index && list->items[i].name_len == len &&
		    !memcmp(list->items[i].name, name, len))
			return &list->items[i];
	return NULL;
}

void ext4_xattr_list_remove(struct ext4_xattr_list *list, struct ext4_xattr_item *item)
{
	memmove(item, item + 1, (list->items + list->n - item - 1) * sizeof(*item));
	list->n--;
}

void ext4_xattr_list_set(struct ext4_xattr_list *list, const struct ext4_xattr_item *item)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->items[i].index == item->index && list->items[i].name_len == item->name_len &&
		    !memcmp(list->items[i].name, item->name, item->name_len))
			break;
	list->items[i] = *item;
	if (i == list->n)
		list->n++;
}

static size_t value_room(const struct ext4_xattr_item *item)
{
	return item->inum ? 0 : EXT2_EXT_ATTR_SIZE(item->size);
}

size_t ext4_xattr_list_size(const struct ext4_xattr_list *list)
{
	size_t n = sizeof(__le32);
	unsigned int i;

	for (i = 0; i < list->n; i++)
		n += EXT2_EXT_ATTR_LEN(list->items[i].name_len) + value_room(&list->items[i]);
	return n;
}

/* Blocks are searched by whoever expects this order. */
static int by_name(const void *a, const void *b)
{
	const struct ext4_xattr_item *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return memcmp(x->name, y->name, x->name_len);
}

static uint32_t add_name_byte(uint32_t hash, uint32_t byte)
{
	return (hash << NAME_HASH_SHIFT) ^ (hash >> (32 - NAME_HASH_SHIFT)) ^ byte;
}

static uint32_t add_value(uint32_t hash, const void *value, size_t size)
{
	uint32_t word;
	size_t i;

	for (i = 0; i < size; i += sizeof(word)) {
		word = 0;
		memcpy(&word, (const char *)value + i, size - i < sizeof(word) ? size - i : sizeof(word));
		hash = (hash << VALUE_HASH_SHIFT) ^ (hash >> (32 - VALUE_HASH_SHIFT)) ^ le32_to_cpu(word);
	}
	return hash;
}

uint32_t ext4_xattr_entry_hash(const struct ext4_xattr_item *item, const void *value, size_t size)
{
	uint32_t hash = 0;
	size_t i;

	for (i = 0; i < item->name_len; i++)
		hash = add_name_byte(hash, (uint8_t)item->name[i]);
	return add_value(hash, value, size);
}

uint32_t ext4_xattr_entry_hash_signed(const struct ext4_xattr_item *item, const void *value, size_t size)
{
	uint32_t hash = 0;
	size_t i;

	for (i = 0; i < item->name_len; i++)
		hash = add_name_byte(hash, (uint32_t)(int8_t)item->name[i]);
	return add_value(hash, value, size);
}

int ext4_xattr_build(struct ext4_xattr_list *list, void *area, size_t size, size_t first, size_t base_off, bool in_block)
{
	struct ext2_ext_attr_entry *e = (struct ext2_ext_attr_entry *)((char *)area + first);
	size_t value_off = size;
	unsigned int i;

	if (ext4_xattr_list_size(list) > size - first)
		return -ENOSPC;
	qsort(list->items, list->n, sizeof(*list->items), by_name);
	memset((char *)area + first, 0, size - first);
	for (i = 0; i < list->n; i++) {
		struct ext4_xattr_item *item = &list->items[i];

		if (!item->inum)
			item->hash = in_block ? ext4_xattr_entry_hash(item, item->value, item->size) : 0;
		value_off -= value_room(item);
		e->e_name_len = item->name_len;
		e->e_name_index = item->index;
		e->e_value_inum = cpu_to_le32(item->inum);
		e->e_value_size = cpu_to_le32(item->size);
		e->e_hash = cpu_to_le32(item->hash);
		memcpy(e->e_name, item->name, item->name_len);
		if (!item->inum && item->size) {
			e->e_value_offs = cpu_to_le16(value_off - base_off);
			memcpy((char *)area + value_off, item->value, item->size);
		}
		e = (struct ext2_ext_attr_entry *)((char *)e + EXT2_EXT_ATTR_LEN(item->name_len));
	}
	return 0;
}
