/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every metadata checksum, against images that mke2fs, debugfs and e2fsck made.
 * For each object found: its sum is right; with a changed byte it is wrong; set
 * makes it right; and with the byte changed back, set gives the original.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "ext2fs/ext2fs.h"
#include "scratch.h"

static io_channel io;
static struct ext2fs_super *sup;
static const struct ext2fs_csum *csum;

enum kind {
	SUPER, DESC, BLOCK_BITMAP, INODE_BITMAP, INODE, LEAF, DX_ROOT, DX_NODE, EXTENT, XATTR,
	ORPHAN, MMP, KINDS
};
static unsigned int found[KINDS];

/* What an object's sum depends on besides its bytes */
struct context {
	dgrp_t group;
	struct ext4_group_desc *gd;
	ext2_ino_t ino;
	uint32_t iseed;
	blk64_t blk;
};

static bool verify(enum kind kind, const struct context *c, const void *p)
{
	switch (kind) {
	case SUPER:
		return ext2fs_superblock_csum_verify(p);
	case DESC:
		return ext2fs_group_desc_csum_verify(csum, c->group, p);
	case BLOCK_BITMAP:
		return ext2fs_block_bitmap_csum_verify(csum, c->gd, p);
	case INODE_BITMAP:
		return ext2fs_inode_bitmap_csum_verify(csum, c->gd, p);
	case INODE:
		return ext2fs_inode_csum_verify(csum, c->ino, p);
	case LEAF:
		return ext2fs_dir_block_csum_verify(csum, c->iseed, p);
	case DX_ROOT:
	case DX_NODE:
		return ext2fs_dx_block_csum_verify(csum, c->iseed, p);
	case EXTENT:
		return ext2fs_extent_block_csum_verify(csum, c->iseed, p);
	case XATTR:
		return ext2fs_ext_attr_block_csum_verify(csum, c->blk, p);
	case ORPHAN:
		return ext2fs_orphan_block_csum_verify(csum, c->iseed, c->blk, p);
	default:
		return ext2fs_mmp_csum_verify(csum, p);
	}
}

static void set(enum kind kind, const struct context *c, void *p)
{
	switch (kind) {
	case SUPER:
		ext2fs_superblock_csum_set(p);
		break;
	case DESC:
		ext2fs_group_desc_csum_set(csum, c->group, p);
		break;
	case BLOCK_BITMAP:
		ext2fs_block_bitmap_csum_set(csum, c->gd, p);
		break;
	case INODE_BITMAP:
		ext2fs_inode_bitmap_csum_set(csum, c->gd, p);
		break;
	case INODE:
		ext2fs_inode_csum_set(csum, c->ino, p);
		break;
	case LEAF:
		ext2fs_dir_block_csum_set(csum, c->iseed, p);
		break;
	case DX_ROOT:
	case DX_NODE:
		ext2fs_dx_block_csum_set(csum, c->iseed, p);
		break;
	case EXTENT:
		ext2fs_extent_block_csum_set(csum, c->iseed, p);
		break;
	case XATTR:
		ext2fs_ext_attr_block_csum_set(csum, c->blk, p);
		break;
	case ORPHAN:
		ext2fs_orphan_block_csum_set(csum, c->iseed, c->blk, p);
		break;
	default:
		ext2fs_mmp_csum_set(csum, p);
		break;
	}
}

/* Is there a sum at all? */
static bool has_sum(enum kind kind)
{
	return csum->metadata_csum || (kind == DESC && csum->gdt_csum);
}

/* @at: a byte that the sum covers and that does not move it. */
static void check(enum kind kind, const struct context *c, const void *object, size_t len,
		  size_t at)
{
	uint8_t *copy = malloc(len);

	found[kind]++;
	memcpy(copy, object, len);
	if (!verify(kind, c, copy))
		fail_msg("kind %d, group %u, inode %u, block %llu", kind, c->group, c->ino,
			 (unsigned long long)c->blk);
	assert_memory_equal(copy, object, len);
	copy[at] ^= 0x10;
	assert_int_equal(verify(kind, c, copy), !has_sum(kind));
	set(kind, c, copy);
	assert_true(verify(kind, c, copy));
	copy[at] ^= 0x10;
	set(kind, c, copy);
	assert_memory_equal(copy, object, len);
	free(copy);
}

static void *read_block(blk64_t blk)
{
	void *buf = malloc(sup->block_size);

	assert_true(ext2fs_blocks_valid(sup, blk, 1));
	assert_int_equal(io_channel_read_blk64(io, blk, 1, buf), 0);
	return buf;
}

static void check_block(enum kind kind, const struct context *c, blk64_t blk, size_t at)
{
	void *buf = read_block(blk);

	check(kind, c, buf, sup->block_size, at);
	free(buf);
}

/* ---- blocks of an inode ---- */

typedef void (*block_fn)(const struct context *c, const struct ext2_inode_large *raw,
			 uint32_t lblk, blk64_t blk);

static void each_extent(const struct context *c, const struct ext2_inode_large *raw,
			const void *node, block_fn fn)
{
	const struct ext3_extent_header *eh = node;
	const struct ext3_extent *ex = (const void *)(eh + 1);
	const struct ext3_extent_idx *ix = (const void *)(eh + 1);

	assert_int_equal(le16_to_cpu(eh->eh_magic), EXT3_EXT_MAGIC);
	for (unsigned int i = 0; i < le16_to_cpu(eh->eh_entries); i++) {
		if (eh->eh_depth) {
			blk64_t leaf = le32_to_cpu(ix[i].ei_leaf) |
				       (blk64_t)le16_to_cpu(ix[i].ei_leaf_hi) << 32;
			void *buf = read_block(leaf);

			check(EXTENT, c, buf, sup->block_size, 14);
			each_extent(c, raw, buf, fn);
			free(buf);
			continue;
		}
		for (unsigned int j = 0; fn && j < le16_to_cpu(ex[i].ee_len); j++)
			fn(c, raw, le32_to_cpu(ex[i].ee_block) + j,
			   (le32_to_cpu(ex[i].ee_start) |
			    (blk64_t)le16_to_cpu(ex[i].ee_start_hi) << 32) + j);
	}
}

static void each_block(const struct context *c, const struct ext2_inode_large *raw, block_fn fn)
{
	uint32_t flags = le32_to_cpu(raw->i_flags);

	if (flags & EXT4_INLINE_DATA_FL)
		return;
	if (flags & EXT4_EXTENTS_FL) {
		each_extent(c, raw, raw->i_block, fn);
		return;
	}
	for (uint32_t i = 0; fn && i < EXT2_NDIR_BLOCKS; i++)
		if (raw->i_block[i])
			fn(c, raw, i, le32_to_cpu(raw->i_block[i]));
}

static void dir_block(const struct context *c, const struct ext2_inode_large *raw, uint32_t lblk,
		      blk64_t blk)
{
	struct ext2_dir_entry_2 *de = read_block(blk);
	bool indexed = le32_to_cpu(raw->i_flags) & EXT2_INDEX_FL;

	if (indexed && lblk == 0)
		check(DX_ROOT, c, de, sup->block_size, 44);
	else if (indexed && !de->inode && !de->name_len &&
		 ext2fs_rec_len_from_disk(de->rec_len, sup->block_size) == sup->block_size)
		check(DX_NODE, c, de, sup->block_size, 12);
	else
		check(LEAF, c, de, sup->block_size, 8);
	free(de);
}

static void orphan_block(const struct context *c,
			 const struct ext2_inode_large *raw __attribute__((unused)),
			 uint32_t lblk __attribute__((unused)), blk64_t blk)
{
	struct context with_block = *c;

	with_block.blk = blk;
	check_block(ORPHAN, &with_block, blk, 0);
}

static void check_inode(ext2_ino_t ino, const struct ext2_inode_large *raw)
{
	struct context c = { .ino = ino };
	uint16_t type = le16_to_cpu(raw->i_mode) & LINUX_S_IFMT;

	c.iseed = ext2fs_inode_csum_seed(csum, ino, le32_to_cpu(raw->i_generation));
	check(INODE, &c, raw, sup->inode_size, 0);
	if (type == LINUX_S_IFDIR)
		each_block(&c, raw, dir_block);
	else if (ext2fs_has_feature_orphan_file(&sup->raw) &&
		 ino == le32_to_cpu(sup->raw.s_orphan_file_inum))
		each_block(&c, raw, orphan_block);
	else if (type == LINUX_S_IFREG)
		each_block(&c, raw, NULL);
	c.blk = ext2fs_inode_file_acl(raw);
	if (c.blk)
		check_block(XATTR, &c, c.blk, 100);
}

static void check_inodes(dgrp_t group, const struct ext4_group_desc *gd, const uint8_t *bitmap)
{
	blk64_t table = ext2fs_bg_inode_table_loc(gd, sup->desc_size);

	for (uint32_t i = 0; i < sup->inodes_per_group; i++) {
		uint32_t per = sup->inodes_per_block;
		ext2_ino_t ino = group * sup->inodes_per_group + i + 1;
		const struct ext2_inode_large *raw;
		char *buf;

		if (!(bitmap[i / 8] & 1 << i % 8))
			continue;
		if (ino < sup->first_ino && ino != EXT2_ROOT_INO && ino != EXT2_JOURNAL_INO)
			continue;
		buf = read_block(table + i / per);
		raw = (const void *)(buf + i % per * sup->inode_size);
		if (raw->i_mode)
			check_inode(ino, raw);
		free(buf);
	}
}

static void check_group(dgrp_t group, struct ext4_group_desc *gd)
{
	struct context c = { .group = group, .gd = gd };
	uint16_t flags = le16_to_cpu(gd->bg_flags);
	uint8_t *bitmap;

	check(DESC, &c, gd, sup->desc_size, 12);
	if (!(flags & EXT2_BG_BLOCK_UNINIT)) {
		struct ext4_group_desc saved = *gd;

		check_block(BLOCK_BITMAP, &c, ext2fs_bg_block_bitmap_loc(gd, sup->desc_size), 3);
		assert_memory_equal(&saved, gd, sup->desc_size);
	}
	if (flags & EXT2_BG_INODE_UNINIT)
		return;
	bitmap = read_block(ext2fs_bg_inode_bitmap_loc(gd, sup->desc_size));
	check(INODE_BITMAP, &c, bitmap, sup->block_size, 3);
	check_inodes(group, gd, bitmap);
	free(bitmap);
}

static void check_image(void)
{
	struct context c = { 0 };

	memset(found, 0, sizeof(found));
	assert_int_equal(unix_io_manager->open(scratch_path("img"), 0, &io), 0);
	assert_int_equal(ext2fs_open_super(io, 0, 0, 0, &sup, NULL), 0);
	csum = &sup->csum;
	check(SUPER, &c, &sup->raw, SUPERBLOCK_SIZE, 0x30);
	for (dgrp_t g = 0; g < sup->group_count; g++) {
		char *buf = read_block(ext2fs_descriptor_block_loc(sup, g / sup->desc_per_block));
		struct ext4_group_desc gd = { 0 };

		memcpy(&gd, buf + g % sup->desc_per_block * sup->desc_size,
		       sup->desc_size < sizeof(gd) ? sup->desc_size : sizeof(gd));
		free(buf);
		check_group(g, &gd);
	}
	if (ext2fs_has_feature_mmp(&sup->raw))
		check_block(MMP, &c, le64_to_cpu(sup->raw.s_mmp_block), 20);
	ext2fs_free_super(sup);
	assert_int_equal(io_channel_close(io), 0);
}

/* A tree with a directory of two index levels, a file in many pieces and large xattrs */
static bool make_tree(void)
{
	return scratch_run("mkdir -p tree/big tree/small && "
			   "n=$(printf %%0190d 0) && "
			   "(cd tree/big && seq 1 700 | sed \"s/^/$n/\" | xargs touch) && "
			   "(cd tree/small && seq 1 20 | xargs touch) && "
			   "for i in $(seq 0 2 120); do echo $i | "
			   "dd of=tree/holes bs=64k seek=$i count=1 conv=sync; done && "
			   "head -c 700 /dev/zero | tr '\\0' v > value") == 0;
}

static bool make_image(const char *options)
{
	return scratch_run("rm -f img && mke2fs -q -F %s -d tree img 64M && "
			   "debugfs -w -R 'ea_set -f value /holes user.big' img && "
			   "e2fsck -fyD img; [ $? -le 1 ] && e2fsck -fn img", options) == 0;
}

static void expect(const char *options, unsigned int kinds)
{
	print_message("# %s\n", options);
	assert_true(make_image(options));
	check_image();
	for (unsigned int k = 0; k < KINDS; k++)
		if ((kinds & 1U << k) && !found[k])
			fail_msg("no object of kind %u in the image", k);
}

#define BASIC	(1U << SUPER | 1U << DESC | 1U << BLOCK_BITMAP | 1U << INODE_BITMAP |	\
		 1U << INODE | 1U << LEAF | 1U << DX_ROOT)

static int need_tools(void **state __attribute__((unused)))
{
	if (!scratch_have("mke2fs") || !scratch_have("debugfs") || !scratch_have("e2fsck"))
		return 0;
	return make_tree() ? 0 : -1;
}

static void metadata_csum(void **state __attribute__((unused)))
{
	if (!scratch_have("mke2fs"))
		skip();
	expect("-t ext4 -b 1024 -I 128 -O orphan_file",
	       BASIC | 1U << DX_NODE | 1U << EXTENT | 1U << XATTR | 1U << ORPHAN);
	expect("-t ext4 -b 4096", BASIC | 1U << EXTENT);
	expect("-t ext4 -b 1024 -I 256 -O ^64bit,orphan_file",
	       BASIC | 1U << DX_NODE | 1U << EXTENT | 1U << XATTR);
	expect("-t ext4 -b 1024 -I 1024 -O metadata_csum_seed -g 1024",
	       BASIC | 1U << DX_NODE | 1U << EXTENT);
	expect("-t ext4 -O bigalloc -C 16384 -b 1024", BASIC | 1U << EXTENT);
	expect("-t ext4 -O meta_bg,^resize_inode -b 1024 -g 512", BASIC | 1U << EXTENT);
	expect("-t ext4 -O inline_data,ea_inode,quota", BASIC | 1U << EXTENT);
	expect("-t ext2 -O metadata_csum -b 4096", BASIC);
}

/* Without e2fsck, which would wait for other nodes. */
static void mmp_block(void **state __attribute__((unused)))
{
	if (!scratch_have("mke2fs"))
		skip();
	assert_int_equal(scratch_run("rm -f img && mke2fs -q -F -t ext4 -O mmp img 64M"), 0);
	check_image();
	assert_int_equal(found[MMP], 1);
}

static void group_descriptors_only(void **state __attribute__((unused)))
{
	if (!scratch_have("mke2fs"))
		skip();
	expect("-t ext4 -O ^metadata_csum,uninit_bg -b 1024 -g 1024", BASIC | 1U << EXTENT);
	expect("-t ext4 -O ^metadata_csum,^64bit,uninit_bg -b 1024", BASIC | 1U << EXTENT);
}

static void no_checksums(void **state __attribute__((unused)))
{
	if (!scratch_have("mke2fs"))
		skip();
	expect("-t ext4 -O ^metadata_csum,^uninit_bg -b 1024", BASIC | 1U << EXTENT);
	expect("-t ext2", BASIC);
}

/* ---- blocks that lie about where their sum is ---- */

static void hostile_blocks(void **state __attribute__((unused)))
{
	struct ext2fs_csum c = { .metadata_csum = true, .block_size = 1024, .inode_size = 256,
				 .desc_size = 64 };
	uint8_t *block = malloc(1024);
	uint32_t seed = 9;

	memset(block, 0, 1024);
	assert_false(ext2fs_dir_block_csum_verify(&c, 1, block));	/* no tail */
	ext2fs_dir_block_init_tail(&c, block);
	assert_true(ext2fs_dir_block_has_tail(&c, block));
	ext2fs_dir_block_csum_set(&c, 1, block);
	assert_true(ext2fs_dir_block_csum_verify(&c, 1, block));
	assert_false(ext2fs_dir_block_csum_verify(&c, 2, block));
	/* Under a sanitizer, this shows that nothing outside of the block is touched. */
	for (int i = 0; i < 200000; i++) {
		static const uint16_t lens[] = { 12, 1012, 1024, 0, 8, 65535 };

		memset(block, 0, 64);
		for (int j = 0; j < 64; j += 2) {
			uint16_t v;

			seed = seed * 1664525U + 1013904223U;
			v = seed >> 29 ? lens[(seed >> 16) % 6] : (uint16_t)(seed >> 16);
			memcpy(block + j, &v, 2);
		}
		if (i % 2) {	/* a root, but for its limits */
			memset(block + 4, 0, 28);
			block[4] = 12;
			block[16] = 1012 & 0xff;
			block[17] = 1012 >> 8;
			block[29] = 8;
		}
		ext2fs_dx_block_csum_verify(&c, 1, block);
		ext2fs_dx_block_csum_set(&c, 1, block);
		ext2fs_extent_block_csum_verify(&c, 1, block);
		ext2fs_extent_block_csum_set(&c, 1, block);
	}
	free(block);
}

static void hostile_inodes(void **state __attribute__((unused)))
{
	struct ext2fs_csum c = { .metadata_csum = true, .inode_size = 128 };

	for (c.inode_size = 128; c.inode_size <= 1024; c.inode_size *= 2) {
		uint8_t *raw = calloc(1, c.inode_size);

		assert_false(ext2fs_inode_csum_verify(&c, 12, raw));
		for (unsigned int extra = 0; extra <= 0xffff; extra += 5) {
			if (c.inode_size > 128) {
				raw[128] = (uint8_t)extra;
				raw[129] = (uint8_t)(extra >> 8);
			}
			ext2fs_inode_csum_set(&c, 12, raw);
			assert_true(ext2fs_inode_csum_verify(&c, 12, raw));
			assert_false(ext2fs_inode_csum_verify(&c, 13, raw));
		}
		free(raw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_csum),
		cmocka_unit_test(mmp_block),
		cmocka_unit_test(group_descriptors_only),
		cmocka_unit_test(no_checksums),
		cmocka_unit_test(hostile_blocks),
		cmocka_unit_test(hostile_inodes),
	};

	return cmocka_run_group_tests(tests, need_tools, NULL);
}
