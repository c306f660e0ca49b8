/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking needs less than writing: images whose descriptors or journal are damaged are refused for
 * writing, with a sentence that helps, and can be read.
 */
#include <stdlib.h>
#include <string.h>
#include "craft.h"
#include "jbd2/jbd2_disk.h"

#define MKE2FS	"-t ext4 -b 1024 -J size=1 16M"	/* two groups */

static struct etest *with_a_file(void)
{
	struct etest *t = etest_new(MKE2FS);
	struct ext4_inode *file;

	etest_mount(t);
	file = etest_create(t->root, "file");
	etest_write(file, "content", 7, 0);
	ext4_iput(file);
	assert_int_equal(etest_umount(t), 0);
	return t;
}

static void is_shown(struct etest *t, const char *name)
{
	struct ext4_inode *file = etest_lookup(t->root, name);
	char got[8] = "";

	assert_int_equal(ext4_read(file, got, 7, 0), 7);
	assert_string_equal(got, "content");
	ext4_iput(file);
}

/* Refused, or at the least not changed, for writing; shown, and not a byte changed, for reading. */
static void can_be_read(struct etest *t, bool refused)
{
	char *before = malloc(t->mem->size);
	struct statvfs st;

	memcpy(before, t->mem->data, t->mem->size);
	if (refused)
		assert_int_not_equal(etest_try_mount(t), 0);
	t->opts.read_only = true;
	etest_mount(t);
	is_shown(t, "file");
	assert_int_equal(ext4_statfs(t->fs, &st), 0);
	assert_true(st.f_bfree <= 16384);
	assert_int_equal(etest_umount(t), 0);
	if (!refused)
		assert_memory_equal(before, t->mem->data, t->mem->size);
	t->opts.noload = true;
	etest_mount(t);
	is_shown(t, "file");
	free(before);
	etest_free(t);
}

static void checksum(void **state)
{
	struct etest *t = with_a_file();

	(void)state;
	craft_desc(t, 0)->bg_checksum ^= cpu_to_le16(0x55);
	craft_desc(t, 1)->bg_checksum ^= cpu_to_le16(0x55);
	can_be_read(t, true);
}

static void counts(void **state)
{
	struct etest *t = with_a_file();

	(void)state;
	craft_desc(t, 0)->bg_free_blocks_count = cpu_to_le16(0xffff);
	craft_desc(t, 1)->bg_free_inodes_count = cpu_to_le16(0xffff);
	craft_seal_desc(t, 0);
	craft_seal_desc(t, 1);
	ext2fs_free_blocks_count_set(craft_super(t), 1ULL << 30);
	craft_seal_super(t);
	can_be_read(t, true);
}

static void bitmaps(void **state)
{
	struct etest *t = with_a_file();

	(void)state;
	craft_desc(t, 0)->bg_block_bitmap = cpu_to_le32(0xfffffff0);
	craft_desc(t, 0)->bg_inode_bitmap = 0;
	craft_seal_desc(t, 0);
	can_be_read(t, true);
}

/* Its files are lost, others are not. */
static void table_of_another_group(void **state)
{
	struct etest *t = with_a_file();
	struct ext4_inode *inode;
	uint32_t ipg = le32_to_cpu(craft_super(t)->s_inodes_per_group);

	(void)state;
	craft_desc(t, 1)->bg_inode_table = cpu_to_le32(0xfffffff0);
	craft_seal_desc(t, 1);
	assert_int_not_equal(etest_try_mount(t), 0);
	t->opts.read_only = true;
	etest_mount(t);
	is_shown(t, "file");
	assert_int_equal(ext4_iget(t->fs, ipg + 5, &inode), -EUCLEAN);
	etest_free(t);
}

/* ---- the journal ---- */

/* As a crash would leave it: three files, a transaction for each, and nothing of them home. */
static struct etest *three_transactions(void)
{
	struct etest *t = with_a_file(), *crashed;
	static const char *const names[] = { "one", "two", "three" };
	struct ext4_inode *file;
	int i;

	etest_mount(t);
	for (i = 0; i < 3; i++) {
		file = etest_create(t->root, names[i]);
		etest_write(file, "content", 7, 0);
		assert_int_equal(ext4_fsync(file, false), 0);
		ext4_iput(file);
	}
	crashed = etest_from(t->mem->data, t->mem->size);
	etest_free(t);
	return crashed;
}

static struct journal_header *log_block(struct etest *t, uint32_t type, uint32_t seq)
{
	struct journal_header *h;
	uint64_t pos;

	for (pos = 1024; pos < t->mem->size; pos += 1024) {
		h = (struct journal_header *)(t->mem->data + pos);
		if (be32_to_cpu(h->h_magic) == JBD2_MAGIC_NUMBER && be32_to_cpu(h->h_blocktype) == type &&
		    be32_to_cpu(h->h_sequence) == seq)
			return h;
	}
	return NULL;
}

/* The second of the three transactions, which are the last in the log. */
static struct journal_header *of_second(struct etest *t, uint32_t type)
{
	uint32_t seq = 100;

	while (!log_block(t, JBD2_COMMIT_BLOCK, seq))
		seq--;
	return log_block(t, type, seq - 1);
}

static void shows_up_to_the_damage(struct etest *t)
{
	struct ext4_inode *inode;

	assert_int_equal(etest_try_mount(t), -EBADMSG);
	assert_non_null(strstr(t->reason, "e2fsck -f"));
	assert_non_null(strstr(t->reason, "-o ro"));
	t->opts.read_only = true;
	etest_mount(t);
	is_shown(t, "file");
	is_shown(t, "one");
	assert_int_equal(ext4_lookup(t->root, "three", 5, &inode), -ENOENT);
	etest_free(t);
}

static void damaged_commit_block(void **state)
{
	struct etest *t = three_transactions();

	(void)state;
	((char *)of_second(t, JBD2_COMMIT_BLOCK))[20] ^= 1;
	shows_up_to_the_damage(t);
}

static void damaged_descriptor(void **state)
{
	struct etest *t = three_transactions();

	(void)state;
	((char *)of_second(t, JBD2_DESCRIPTOR_BLOCK))[40] ^= 1;
	shows_up_to_the_damage(t);
}

static void damaged_copy(void **state)
{
	struct etest *t = three_transactions();

	(void)state;
	((char *)of_second(t, JBD2_DESCRIPTOR_BLOCK))[1024 + 100] ^= 1;
	shows_up_to_the_damage(t);
}

static void damaged_superblock(void **state)
{
	struct etest *t = three_transactions();

	(void)state;
	((char *)log_block(t, JBD2_SUPERBLOCK_V2, 0))[50] ^= 1;
	assert_int_equal(etest_try_mount(t), -EBADMSG);
	assert_non_null(strstr(t->reason, "e2fsck -f"));
	can_be_read(t, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum),
		cmocka_unit_test(counts),
		cmocka_unit_test(bitmaps),
		cmocka_unit_test(table_of_another_group),
		cmocka_unit_test(damaged_commit_block),
		cmocka_unit_test(damaged_descriptor),
		cmocka_unit_test(damaged_copy),
		cmocka_unit_test(damaged_superblock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
