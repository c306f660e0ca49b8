/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the superblock to inodes and file content.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "report.h"
#include "view.h"

void view_problem(struct view *v, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!v->problems++)
		memcpy(v->first, text, sizeof(text));
	if (v->loud)
		printf("# %s\n", text);
}

bool view_open(struct view *v, const char *data, uint64_t size)
{
	const char *why = NULL;

	memset(v, 0, sizeof(*v));
	v->data = data;
	v->size = size;
	memcpy(&v->super.raw, data + SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE);
	if (!ext2fs_check_super(&v->super, 0, size, &why))
		return true;
	view_problem(v, "bad superblock: %s", why ? why : "?");
	return false;
}

const void *view_block(const struct view *v, blk64_t blk)
{
	return blk < v->super.blocks_count ? v->data + (blk << v->super.block_bits) : NULL;
}

const struct ext4_group_desc *view_group(const struct view *v, dgrp_t group)
{
	const struct ext2fs_super *s = &v->super;
	const char *block =
		view_block(v, ext2fs_descriptor_block_loc(s, group / s->desc_per_block));

	return (const struct ext4_group_desc *)(block + group % s->desc_per_block * s->desc_size);
}

const struct ext2_inode_large *view_inode(const struct view *v, ext2_ino_t ino)
{
	const struct ext2fs_super *s = &v->super;
	uint32_t index;
	blk64_t blk;

	if (!ino || ino > s->inodes_count)
		return NULL;
	index = (ino - 1) % s->inodes_per_group;
	blk = ext2fs_bg_inode_table_loc(view_group(v, (ino - 1) / s->inodes_per_group),
					s->desc_size) +
	      index / s->inodes_per_block;
	if (blk >= s->blocks_count)
		return NULL;
	return (const void *)((const char *)view_block(v, blk) +
			      index % s->inodes_per_block * s->inode_size);
}

uint32_t view_inode_seed(const struct view *v, ext2_ino_t ino)
{
	return ext2fs_inode_csum_seed(&v->super.csum, ino,
				      le32_to_cpu(view_inode(v, ino)->i_generation));
}

/* ---- content ---- */

struct reader {
	struct view *v;
	char *buf;
	uint64_t size;
};

static void read_run(void *priv, const struct view_run *run)
{
	struct reader *r = priv;
	uint64_t off = run->lblk << r->v->super.block_bits;
	uint64_t len = (uint64_t)run->len << r->v->super.block_bits;

	if (run->meta || run->unwritten || off >= r->size)
		return;
	if (len > r->size - off)
		len = r->size - off;
	memcpy(r->buf + off, view_block(r->v, run->pblk), len);
}

struct inline_rest {
	char *to;
	uint64_t room;
};

static void copy_inline_rest(void *priv, const struct view_xattr *x)
{
	struct inline_rest *rest = priv;

	if (x->index == EXT2_EXT_ATTR_INDEX_SYSTEM && x->name_len == 4 && x->value &&
	    !memcmp(x->name, EXT4_EXT_ATTR_SYSTEM_DATA, 4))
		memcpy(rest->to, x->value, x->size < rest->room ? x->size : rest->room);
}

static void read_inline(struct view *v, ext2_ino_t ino, struct reader *r)
{
	const struct ext2_inode_large *inode = view_inode(v, ino);
	struct inline_rest rest = { r->buf + EXT4_MIN_INLINE_DATA_SIZE, 0 };

	if (r->size <= EXT4_MIN_INLINE_DATA_SIZE) {
		memcpy(r->buf, inode->i_block, r->size);
		return;
	}
	memcpy(r->buf, inode->i_block, EXT4_MIN_INLINE_DATA_SIZE);
	rest.room = r->size - EXT4_MIN_INLINE_DATA_SIZE;
	view_xattrs(v, ino, copy_inline_rest, &rest);
}

bool view_is_fast_symlink(const struct view *v, ext2_ino_t ino)
{
	const struct ext2_inode_large *inode = view_inode(v, ino);

	return (le16_to_cpu(inode->i_mode) & LINUX_S_IFMT) == LINUX_S_IFLNK &&
	       !(le32_to_cpu(inode->i_flags) & (EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL)) &&
	       ext2fs_inode_size(inode) < sizeof(inode->i_block);
}

char *view_read(struct view *v, ext2_ino_t ino, uint64_t *size)
{
	const struct ext2_inode_large *inode = view_inode(v, ino);
	struct reader r = { .v = v, .size = ext2fs_inode_size(inode) };

	if (r.size > 4 * v->size) {
		view_problem(v, "inode %u: impossible size", ino);
		r.size = 0;
	}
	r.buf = calloc(1, r.size + 1);
	if (!r.buf)
		pc_die("out of memory");
	*size = r.size;
	if (le32_to_cpu(inode->i_flags) & EXT4_INLINE_DATA_FL)
		read_inline(v, ino, &r);
	else if (view_is_fast_symlink(v, ino))
		memcpy(r.buf, inode->i_block, r.size);
	else
		view_map(v, ino, read_run, &r);
	return r.buf;
}

/* ---- directories ---- */

void view_entries(struct view *v, ext2_ino_t ino, const char *area, unsigned int len,
		  view_entry_fn fn, void *priv)
{
	const struct ext2_dir_entry_2 *de;
	struct view_entry entry;
	unsigned int off, rec_len;

	for (off = 0; off < len; off += rec_len) {
		de = (const struct ext2_dir_entry_2 *)(area + off);
		rec_len = len - off >= EXT2_DIR_ENTRY_HEADER_LEN
				  ? ext2fs_rec_len_from_disk(de->rec_len, v->super.block_size)
				  : 0;
		if (rec_len < EXT2_DIR_REC_LEN(1) || rec_len % 4 || rec_len > len - off ||
		    EXT2_DIR_REC_LEN(de->name_len) > rec_len) {
			view_problem(v, "directory %u: bad entry", ino);
			return;
		}
		if (!de->inode)
			continue;
		entry = (struct view_entry){ le32_to_cpu(de->inode), de->file_type, de->name_len,
					     de->name };
		fn(priv, &entry);
	}
}

static void inline_entries(struct view *v, ext2_ino_t ino, const char *data, uint64_t size,
			   view_entry_fn fn, void *priv)
{
	struct view_entry up = { le32_to_cpu(*(const __le32 *)data), EXT2_FT_DIR, 2, ".." };
	uint64_t first = EXT4_MIN_INLINE_DATA_SIZE;

	fn(priv, &up);
	if (size < first)
		first = size;
	view_entries(v, ino, data + EXT4_INLINE_DATA_DOTDOT_SIZE,
		     first - EXT4_INLINE_DATA_DOTDOT_SIZE, fn, priv);
	if (size > first)
		view_entries(v, ino, data + first, size - first, fn, priv);
}

void view_readdir(struct view *v, ext2_ino_t ino, view_entry_fn fn, void *priv)
{
	uint64_t size, off;
	char *data = view_read(v, ino, &size);

	if (le32_to_cpu(view_inode(v, ino)->i_flags) & EXT4_INLINE_DATA_FL) {
		if (size >= EXT4_INLINE_DATA_DOTDOT_SIZE)
			inline_entries(v, ino, data, size, fn, priv);
	} else {
		for (off = 0; off + v->super.block_size <= size; off += v->super.block_size)
			view_entries(v, ino, data + off, v->super.block_size, fn, priv);
	}
	free(data);
}

/* ---- extended attributes ---- */

static void xattr_area(struct view *v, ext2_ino_t ino, const char *entries, const char *end,
		       const char *values, view_xattr_fn fn, void *priv)
{
	const struct ext2_ext_attr_entry *e;
	struct view_xattr x;

	while (end - entries >= 4 && *(const __le32 *)entries) {
		e = (const struct ext2_ext_attr_entry *)entries;
		if (end - entries < (long)sizeof(*e) ||
		    end - entries < (long)EXT2_EXT_ATTR_LEN(e->e_name_len)) {
			view_problem(v, "inode %u: bad attribute", ino);
			return;
		}
		x = (struct view_xattr){ .index = e->e_name_index,
					 .name_len = e->e_name_len,
					 .name = e->e_name,
					 .size = le32_to_cpu(e->e_value_size),
					 .ea_inode = le32_to_cpu(e->e_value_inum),
					 .hash = le32_to_cpu(e->e_hash) };
		if (!x.ea_inode) {
			x.value = values + le16_to_cpu(e->e_value_offs);
			if (x.value > end || x.size > (size_t)(end - x.value)) {
				view_problem(v, "inode %u: attribute value outside", ino);
				return;
			}
		}
		fn(priv, &x);
		entries += EXT2_EXT_ATTR_LEN(e->e_name_len);
	}
}

static void body_xattrs(struct view *v, ext2_ino_t ino, view_xattr_fn fn, void *priv)
{
	const struct ext2_inode_large *inode = view_inode(v, ino);
	const char *raw = (const char *)inode, *header;

	if (v->super.inode_size <= EXT2_GOOD_OLD_INODE_SIZE)
		return;
	header = raw + EXT2_GOOD_OLD_INODE_SIZE + le16_to_cpu(inode->i_extra_isize);
	if (header + 8 > raw + v->super.inode_size ||
	    le32_to_cpu(*(const __le32 *)header) != EXT2_EXT_ATTR_MAGIC)
		return;
	xattr_area(v, ino, header + 4, raw + v->super.inode_size, header + 4, fn, priv);
}

void view_xattrs(struct view *v, ext2_ino_t ino, view_xattr_fn fn, void *priv)
{
	blk64_t blk = ext2fs_inode_file_acl(view_inode(v, ino));
	const struct ext2_ext_attr_header *header;

	body_xattrs(v, ino, fn, priv);
	if (!blk)
		return;
	header = view_block(v, blk);
	if (!header || le32_to_cpu(header->h_magic) != EXT2_EXT_ATTR_MAGIC) {
		view_problem(v, "inode %u: bad attribute block", ino);
		return;
	}
	xattr_area(v, ino, (const char *)(header + 1), (const char *)header + v->super.block_size,
		   (const char *)header, fn, priv);
}
