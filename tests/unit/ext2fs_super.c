/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading superblocks: file systems that mke2fs makes, their copies, external
 * journals, and superblocks with fields that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ext2fs/ext2fs.h"
#include "scratch.h"

static io_channel open_image(int flags)
{
	io_channel io;

	assert_int_equal(unix_io_manager->open(scratch_path("img"), flags, &io), 0);
	return io;
}

static bool mkfs(const char *options, const char *size)
{
	return scratch_run("rm -f img; mke2fs -q -F %s img %s", options, size) == 0;
}

static struct ext2fs_super *load(io_channel io)
{
	struct ext2fs_super *sup;
	const char *why;
	errcode_t err = ext2fs_open_super(io, 0, 0, 0, &sup, &why);

	if (err)
		fail_msg("%ld %s", (long)err, why ? why : "");
	return sup;
}

/* Every group's superblock copy, descriptors and bitmaps as dumpe2fs tells them. */
static void compare_with_dumpe2fs(const struct ext2fs_super *sup)
{
	char *text = scratch_output("LC_ALL=C dumpe2fs img"), *group = text, *next;
	dgrp_t n = 0;

	for (group = strstr(text, "\nGroup 0:"); group; group = next, n++) {
		unsigned long long first, last, gdt;
		char *p;

		next = strstr(group + 1, "\nGroup ");
		if (next)
			*next = '\0';
		assert_int_equal(sscanf(group, "\nGroup %*u: (Blocks %llu-%llu)", &first, &last),
				 2);
		if (sup->first_data_block == 0 || n)
			assert_int_equal(ext2fs_group_first_block(sup, n), first);
		assert_int_equal(ext2fs_group_blocks_count(sup, n), last - first + 1);
		assert_int_equal(strstr(group, "superblock at") != NULL,
				 ext2fs_bg_has_super(sup, n));
		p = strstr(group, "Group descriptor at ");
		if (p && ext2fs_has_feature_meta_bg(&sup->raw) &&
		    n % sup->desc_per_block == 0) {
			assert_int_equal(sscanf(p, "Group descriptor at %llu", &gdt), 1);
			assert_int_equal(ext2fs_descriptor_block_loc(sup, n / sup->desc_per_block),
					 gdt);
		}
		p = strstr(group, "Group descriptors at ");
		if (p && n == 0) {
			assert_int_equal(sscanf(p, "Group descriptors at %llu", &gdt), 1);
			assert_int_equal(ext2fs_descriptor_block_loc(sup, 0), gdt);
		}
		if (next)
			*next = '\n';
	}
	assert_int_equal(n, sup->group_count);
	free(text);
}

static const char *const good[][2] = {
	{ "-t ext2", "8M" }, { "-t ext3", "8M" }, { "-t ext4", "64M" },
	{ "-t ext4 -b 1024", "64M" },
	{ "-t ext2 -b 1024", "200k" }, { "-t ext2 -b 4096", "300M" }, { "-t ext4 -b 2048", "16M" },
	{ "-t ext4 -b 65536", "64M" }, { "-t ext2 -r 0", "8M" },
	{ "-t ext4 -I 128", "64M" }, { "-t ext4 -I 1024", "64M" }, { "-t ext4 -O ^64bit", "64M" },
	{ "-t ext4 -O ^metadata_csum,uninit_bg", "64M" },
	{ "-t ext4 -O meta_bg,^resize_inode -b 1024 -g 256", "64M" },
	{ "-t ext4 -O meta_bg,^resize_inode,^flex_bg,^sparse_super -b 1024 -g 1024", "64M" },
	{ "-t ext4 -O sparse_super2 -b 1024", "128M" },
	{ "-t ext4 -O sparse_super2 -E num_backup_sb=1 -b 1024", "128M" },
	{ "-t ext4 -O bigalloc -C 65536", "512M" },
	{ "-t ext4 -O bigalloc -b 1024 -C 16384", "128M" },
	{ "-t ext4 -O metadata_csum_seed,large_dir,inline_data,ea_inode,mmp,quota,project", "64M" },
	{ "-t ext4 -O orphan_file,fast_commit", "64M" },
	{ "-t ext4 -O casefold,encrypt,verity,stable_inodes", "64M" },
	{ "-t ext4 -G 1", "200M" }, { "-t ext4 -E lazy_itable_init=1", "15T" },
};

static void what_mke2fs_makes(void **state __attribute__((unused)))
{
	if (!scratch_have("mke2fs"))
		skip();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ext2fs_super *sup;
		io_channel io;

		print_message("# %s\n", good[i][0]);
		if (!mkfs(good[i][0], good[i][1])) {
			print_message("# not possible here\n");
			continue;
		}
		io = open_image(0);
		sup = load(io);
		assert_int_equal(io->block_size, sup->block_size);
		if (sup->group_count < 10000)
			compare_with_dumpe2fs(sup);
		ext2fs_free_super(sup);
		assert_int_equal(io_channel_close(io), 0);
	}
}

static void backup_superblocks(void **state __attribute__((unused)))
{
	struct ext2fs_super *sup;
	const char *why;
	io_channel io;

	if (!mkfs("-t ext4 -b 1024", "64M"))
		skip();
	io = open_image(0);
	for (unsigned int size = 0; size <= 1024; size += 1024) {
		assert_int_equal(ext2fs_open_super(io, 0, 8193, size, &sup, &why), 0);
		assert_int_equal(sup->sb_block, 8193);
		assert_int_equal(sup->block_size, 1024);
		assert_int_equal(le16_to_cpu(sup->raw.s_block_group_nr), 1);
		ext2fs_free_super(sup);
	}
	assert_int_equal(ext2fs_open_super(io, 0, 8193, 2048, &sup, &why), EXT2_ET_BAD_MAGIC);
	assert_int_equal(ext2fs_open_super(io, 0, 8192, 0, &sup, &why),
			 EXT2_ET_NO_BACKUP_SUPERBLOCK);
	assert_int_equal(ext2fs_open_super(io, 0, 1ULL << 40, 1024, &sup, &why),
			 EXT2_ET_SHORT_READ);
	assert_int_equal(ext2fs_open_super(io, 0, 8193, 1000, &sup, &why),
			 EXT2_ET_INVALID_ARGUMENT);
	assert_int_equal(io_channel_close(io), 0);
	/* a superblock in a file's data is no copy */
	assert_int_equal(scratch_run("dd if=img of=img bs=1024 skip=1 seek=20000 count=1 "
				     "conv=notrunc"), 0);
	io = open_image(0);
	assert_int_equal(ext2fs_open_super(io, 0, 20000, 0, &sup, &why),
			 EXT2_ET_NO_BACKUP_SUPERBLOCK);
	assert_int_equal(io_channel_close(io), 0);
}

static void external_journal(void **state __attribute__((unused)))
{
	struct ext2fs_super *sup;
	const char *why;
	io_channel io;

	for (int bits = 10; bits <= 12; bits++) {
		char options[64];

		snprintf(options, sizeof(options), "-O journal_dev -b %d", 1 << bits);
		if (!mkfs(options, "16M"))
			skip();
		io = open_image(0);
		assert_int_equal(ext2fs_open_super(io, 0, 0, 0, &sup, &why), EXT2_ET_JOURNAL_DEV);
		assert_int_equal(ext2fs_open_super(io, EXT2FS_SUPER_JOURNAL_DEV, 0, 0, &sup, &why),
				 0);
		assert_int_equal(sup->block_size, 1 << bits);
		assert_int_equal(sup->sb_block, bits == 10);
		assert_int_equal(sup->blocks_count, (16 << 20) >> bits);
		ext2fs_free_super(sup);
		assert_int_equal(io_channel_close(io), 0);
	}
	assert_true(mkfs("-t ext4", "16M"));
	io = open_image(0);
	assert_int_equal(ext2fs_open_super(io, EXT2FS_SUPER_JOURNAL_DEV, 0, 0, &sup, &why),
			 EXT2_ET_CORRUPT_SUPERBLOCK);
	assert_non_null(why);
	assert_int_equal(io_channel_close(io), 0);
}

static void too_small_a_device(void **state __attribute__((unused)))
{
	struct ext2fs_super *sup;
	io_channel io;

	if (!mkfs("-t ext4", "64M"))
		skip();
	assert_int_equal(truncate(scratch_path("img"), (64 << 20) - 1), 0);
	io = open_image(0);
	assert_int_equal(ext2fs_open_super(io, 0, 0, 0, &sup, NULL), EXT2_ET_SIZE_MISMATCH);
	assert_int_equal(ext2fs_open_super(io, EXT2FS_SUPER_IGNORE_SIZE, 0, 0, &sup, NULL), 0);
	ext2fs_free_super(sup);
	assert_int_equal(io_channel_close(io), 0);
	assert_int_equal(truncate(scratch_path("img"), 1500), 0);
	io = open_image(0);
	assert_int_equal(ext2fs_open_super(io, 0, 0, 0, &sup, NULL), EXT2_ET_SHORT_READ);
	assert_int_equal(io_channel_close(io), 0);
}

static void written_superblock_is_good(void **state __attribute__((unused)))
{
	struct ext2fs_super *sup;
	io_channel io;

	if (!mkfs("-t ext4", "64M"))
		skip();
	io = open_image(IO_FLAG_RW);
	sup = load(io);
	memcpy(sup->raw.s_volume_name, "hello", 6);
	assert_int_equal(ext2fs_write_super(io, &sup->raw), 0);
	ext2fs_free_super(sup);
	/* and from a copy, the main one is written */
	assert_int_equal(ext2fs_open_super(io, 0, 32768, 0, &sup, NULL),
			 EXT2_ET_NO_BACKUP_SUPERBLOCK);
	assert_int_equal(io_channel_close(io), 0);
	assert_int_equal(scratch_run("e2fsck -fn img"), 0);
	assert_int_equal(scratch_run("dumpe2fs -h img | grep -q 'name: *hello'"), 0);

	assert_true(mkfs("-t ext4 -b 1024", "64M"));
	io = open_image(IO_FLAG_RW);
	assert_int_equal(ext2fs_open_super(io, 0, 8193, 0, &sup, NULL), 0);
	assert_int_equal(ext2fs_write_super(io, &sup->raw), 0);
	ext2fs_free_super(sup);
	sup = load(io);
	assert_int_equal(sup->raw.s_block_group_nr, 0);
	ext2fs_free_super(sup);
	assert_int_equal(io_channel_close(io), 0);
	assert_int_equal(scratch_run("e2fsck -fn img"), 0);
}

static void wrong_checksum(void **state __attribute__((unused)))
{
	struct ext2fs_super *sup;
	io_channel io;

	if (!mkfs("-t ext4 -O metadata_csum", "64M"))
		skip();
	assert_int_equal(scratch_run("printf x | dd of=img bs=1 seek=1150 conv=notrunc"), 0);
	io = open_image(0);
	assert_int_equal(ext2fs_open_super(io, 0, 0, 0, &sup, NULL), EXT2_ET_SB_CSUM_INVALID);
	assert_int_equal(ext2fs_open_super(io, EXT2FS_SUPER_IGNORE_CSUM, 0, 0, &sup, NULL), 0);
	ext2fs_free_super(sup);
	assert_int_equal(io_channel_close(io), 0);
}

/* ---- lies ---- */

static struct ext2_super_block sample;

static void get_sample(const char *options)
{
	struct ext2fs_super *sup;
	io_channel io;

	if (!mkfs(options, "64M"))
		skip();
	io = open_image(0);
	sup = load(io);
	sample = sup->raw;
	ext2fs_free_super(sup);
	io_channel_close(io);
}

static errcode_t check(const struct ext2_super_block *sb, struct ext2fs_super *sup,
		       const char **why)
{
	memset(sup, 0, sizeof(*sup));
	sup->raw = *sb;
	return ext2fs_check_super(sup, EXT2FS_SUPER_IGNORE_CSUM, 64 << 20, why);
}

#define LIE(field, value) do {							\
	struct ext2_super_block sb = sample;					\
	struct ext2fs_super sup;						\
	const char *why;							\
										\
	memset(&sb.field, 0, sizeof(sb.field));					\
	sb.field += (value);							\
	if (!check(&sb, &sup, &why))						\
		fail_msg("%s = %s was accepted", #field, #value);		\
} while (0)

static void lies(void **state __attribute__((unused)))
{
	get_sample("-t ext4 -b 1024");
	LIE(s_magic, 0);
	LIE(s_rev_level, 2);
	LIE(s_log_block_size, 7);
	LIE(s_log_block_size, 0xffffffff);
	LIE(s_blocks_count, 0);
	LIE(s_blocks_count, 1);
	LIE(s_blocks_count, 2);
	LIE(s_blocks_count, 65537);
	LIE(s_blocks_count_hi, 1);
	LIE(s_blocks_count_hi, 0xffffffff);
	LIE(s_first_data_block, 0);
	LIE(s_first_data_block, 2);
	LIE(s_first_data_block, 0xffffffff);
	LIE(s_blocks_per_group, 0);
	LIE(s_blocks_per_group, 1);
	LIE(s_blocks_per_group, 8191);
	LIE(s_blocks_per_group, 8200);
	LIE(s_blocks_per_group, 0xffffffff);
	LIE(s_inodes_per_group, 0);
	LIE(s_inodes_per_group, 1);
	LIE(s_inodes_per_group, 8193);
	LIE(s_inodes_per_group, 0xffffffff);
	LIE(s_inodes_count, 0);
	LIE(s_inodes_count, 0xffffffff);
	LIE(s_inode_size, 0);
	LIE(s_inode_size, 64);
	LIE(s_inode_size, 200);
	LIE(s_inode_size, 2048);
	LIE(s_inode_size, 0xffff);
	LIE(s_first_ino, 0);
	LIE(s_first_ino, 10);
	LIE(s_first_ino, 0xffffffff);
	LIE(s_desc_size, 0);
	LIE(s_desc_size, 32);
	LIE(s_desc_size, 96);
	LIE(s_desc_size, 2048);
	LIE(s_reserved_gdt_blocks, 257);
	LIE(s_reserved_gdt_blocks, 0xffff);
	LIE(s_checksum_type, 0);
	LIE(s_checksum_type, 2);
	LIE(s_journal_inum, 2);
	LIE(s_journal_inum, 0xffffffff);
	LIE(s_journal_dev, 1);
	LIE(s_def_hash_version, 7);

	get_sample("-t ext4 -b 1024 -O bigalloc -C 4096");
	LIE(s_log_cluster_size, 20);
	LIE(s_log_cluster_size, 1);
	LIE(s_log_cluster_size, 0xffffffff);
	LIE(s_clusters_per_group, 0);
	LIE(s_clusters_per_group, 8193);
	LIE(s_clusters_per_group, 0xffffffff);
	LIE(s_blocks_per_group, 8);

	get_sample("-t ext4 -b 1024 -O meta_bg,^resize_inode");
	LIE(s_first_meta_bg, 2);
	LIE(s_first_meta_bg, 0xffffffff);

	get_sample("-t ext4 -O orphan_file");
	LIE(s_orphan_file_inum, 0);
	LIE(s_orphan_file_inum, 2);
	LIE(s_orphan_file_inum, 0xffffffff);
}

/* What the geometry promises, for whatever was let through. */
static void assert_sane(const struct ext2fs_super *sup)
{
	assert_in_range(sup->block_size, 1024, 65536);
	assert_int_equal(sup->block_size, 1U << sup->block_bits);
	assert_true(sup->blocks_count << sup->block_bits <= 64 << 20);
	assert_true(sup->first_data_block < sup->blocks_count);
	assert_in_range(sup->clusters_per_group, 8, sup->block_size * 8);
	assert_in_range(sup->inodes_per_group, sup->inodes_per_block, sup->block_size * 8);
	assert_int_equal((uint64_t)sup->group_count * sup->inodes_per_group, sup->inodes_count);
	assert_true(sup->group_count > 0 && sup->desc_blocks > 0);
	assert_in_range(ext2fs_group_blocks_count(sup, sup->group_count - 1), 1,
			sup->blocks_per_group);
	for (blk_t i = 0; i < sup->desc_blocks; i++)
		assert_true(ext2fs_descriptor_block_loc(sup, i) < sup->blocks_count);
	assert_in_range(sup->inode_size, 128, sup->block_size);
	assert_true(sup->desc_per_block > 0 && sup->inodes_per_block > 0);
	for (dgrp_t g = 0; g < sup->group_count; g += 1 + sup->group_count / 50)
		ext2fs_group_overhead(sup, g);
}

static void random_damage(void **state __attribute__((unused)))
{
	static const char *const options[] = {
		"-t ext4 -b 1024", "-t ext4 -O bigalloc",
		"-t ext4 -O meta_bg,^resize_inode -b 1024",
		"-t ext2 -r 0", "-t ext4 -O orphan_file,sparse_super2",
	};
	unsigned int accepted = 0;

	srandom(1);
	for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++) {
		get_sample(options[o]);
		for (int i = 0; i < 60000; i++) {
			struct ext2_super_block sb = sample;
			struct ext2fs_super sup;
			const char *why;

			for (long n = random() % 4; n >= 0; n--) {
				/* mostly the first 0x180 bytes: that is where the geometry is */
				size_t at = (size_t)random() % (random() % 4 ? 0x180 : 1024);
				uint8_t *p = (uint8_t *)&sb + at;

				*p = random() % 2 ? (uint8_t)random() :
						    (uint8_t)(*p ^ 1U << random() % 8);
			}
			if (check(&sb, &sup, &why) == 0) {
				accepted++;
				assert_sane(&sup);
			}
		}
	}
	assert_true(accepted > 1000);
}

static void feature_names(void **state __attribute__((unused)))
{
	char buf[16];

	assert_string_equal(ext2fs_feature_name(E2P_FEATURE_INCOMPAT,
						EXT4_FEATURE_INCOMPAT_CSUM_SEED, buf, sizeof(buf)),
			    "metadata_csum_seed");
	assert_string_equal(ext2fs_feature_name(E2P_FEATURE_RO_INCOMPAT, 0x10, buf, sizeof(buf)),
			    "uninit_bg");
	assert_string_equal(ext2fs_feature_name(E2P_FEATURE_COMPAT, 1U << 31, buf, sizeof(buf)),
			    "FEATURE_C31");
	assert_string_equal(ext2fs_feature_name(E2P_FEATURE_INCOMPAT, 1U << 17, buf, sizeof(buf)),
			    "casefold");
	assert_string_equal(ext2fs_feature_name(E2P_FEATURE_INCOMPAT, 1U << 18, buf, sizeof(buf)),
			    "FEATURE_I18");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_mke2fs_makes),
		cmocka_unit_test(backup_superblocks),
		cmocka_unit_test(external_journal),
		cmocka_unit_test(too_small_a_device),
		cmocka_unit_test(written_superblock_is_good),
		cmocka_unit_test(wrong_checksum),
		cmocka_unit_test(lies),
		cmocka_unit_test(random_damage),
		cmocka_unit_test(feature_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
