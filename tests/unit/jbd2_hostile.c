/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logs that lie, are damaged or come from the future: a clear refusal or an
 * ordinary end, never a write outside of what the file system allows.
 */
#include <stdlib.h>
#include <string.h>
#include "ext2fs/ext2fs.h"
#include "jbd2/jbd2_disk.h"
#include "jtest.h"

/* An image whose log holds @n transactions of 5 blocks. */
static struct jtest *dirty(const char *options, bool v3, unsigned int n)
{
	struct jtest *t = jtest_new(options, 1024);
	char sb[1024];
	unsigned int i;

	t->params.csum_v3 = v3;
	t->params.csum_64bit_tags = v3;
	jtest_open(t);
	for (i = 0; i < n; i++) {
		jtest_put(t, 5 * i, 5, i + 1);
		assert_int_equal(jbd2_journal_force_commit(t->journal), 0);
	}
	/* Dying records an error in the superblock; this is not what is tested here. */
	memcpy(sb, t->mem->data + t->map[0] * 1024, 1024);
	jtest_kill(t);
	memcpy(t->mem->data + t->map[0] * 1024, sb, 1024);
	t->loud = false;
	return t;
}

static struct journal_superblock *sb_of(struct jtest *t)
{
	return (void *)(t->mem->data + t->map[0] * 1024);
}

static char *log_block(struct jtest *t, unsigned int blk)
{
	return t->mem->data + t->map[blk] * 1024;
}

static void fix_sb_csum(struct jtest *t)
{
	struct journal_superblock *sb = sb_of(t);

	sb->s_checksum = 0;
	sb->s_checksum = cpu_to_be32(ext2fs_crc32c_le(~0U, sb, sizeof(*sb)));
}

/* It must be refused with @err, and nothing written. */
static void refused(struct jtest *t, int err)
{
	unsigned int writes = t->mem->writes;

	assert_int_equal(jtest_try_open(t), err);
	assert_int_equal(t->mem->writes, writes);
}

static void test_superblock_lies(void **state)
{
	struct jtest *t = dirty("-J size=1 -O ^metadata_csum,^64bit", false, 3);
	struct journal_superblock good = *sb_of(t), *sb = sb_of(t);

	(void)state;
#define LIE(field, value, err) do { \
		*sb = good; \
		sb->field = cpu_to_be32(value); \
		refused(t, err); \
	} while (0)
	LIE(s_header.h_magic, 1, -EUCLEAN);
	LIE(s_header.h_blocktype, 7, -EUCLEAN);
	LIE(s_blocksize, 4096, -EUCLEAN);
	LIE(s_maxlen, t->log_blocks + 1, -EUCLEAN);
	LIE(s_maxlen, 0xffffffff, -EUCLEAN);
	LIE(s_maxlen, 100, -EUCLEAN);
	LIE(s_first, 0, -EUCLEAN);
	LIE(s_first, t->log_blocks, -EUCLEAN);
	LIE(s_start, t->log_blocks, -EUCLEAN);
	LIE(s_feature_incompat, 0x100, -EOPNOTSUPP);
	LIE(s_feature_ro_compat, 0x1, -EOPNOTSUPP);
	LIE(s_feature_incompat,
	    JBD2_FEATURE_INCOMPAT_CSUM_V2 | JBD2_FEATURE_INCOMPAT_CSUM_V3, -EUCLEAN);
#undef LIE
	*sb = good;
	assert_int_equal(jtest_try_open(t), 0);
	assert_int_equal(t->stats.blocks, 15);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

static void test_superblock_checksum(void **state)
{
	struct jtest *t = dirty("-J size=1", true, 3);

	(void)state;
	sb_of(t)->s_errno ^= 1;
	refused(t, -EBADMSG);
	fix_sb_csum(t);
	assert_int_equal(jtest_try_open(t), 0);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

/* The last transaction is torn somewhere: it does not count, those before do. */
static void test_torn_tail_is_the_end(void **state)
{
	unsigned int blk;
	struct jtest *t, *copy;

	(void)state;
	t = dirty("-J size=1", true, 3);
	/* each is a descriptor, five copies, a commit block */
	for (blk = 1 + 14; blk < 1 + 21; blk++) {
		copy = jtest_copy(t, t->mem->data);
		log_block(copy, blk)[100] ^= 1;
		jtest_open(copy);
		assert_int_equal(copy->stats.blocks, 10);
		assert_int_equal(jtest_close(copy), 0);
		assert_int_equal(jtest_value(copy, NULL, 5), 2);
		assert_int_equal(jtest_value(copy, NULL, 10), 0);
		jtest_free(copy);
	}
	jtest_free(t);
}

/* A descriptor, a copy or a commit block in the middle is damaged although later transactions are complete. */
static void test_damage_in_the_middle(void **state)
{
	unsigned int blk;
	struct jtest *t, *copy;

	(void)state;
	t = dirty("-J size=1", true, 3);
	for (blk = 1; blk < 1 + 14; blk++) {
		copy = jtest_copy(t, t->mem->data);
		log_block(copy, blk)[100] ^= 1;
		refused(copy, -EBADMSG);
		jtest_free(copy);
	}
	jtest_free(t);
}

/* The same when a block between the two cannot be read. */
static void test_unreadable_after_damage(void **state)
{
	struct jtest *t = dirty("-J size=1", true, 3);

	(void)state;
	log_block(t, 7)[100] ^= 1;
	t->mem->fail_read_from = t->map[9] * 1024;
	t->mem->fail_read_to = t->mem->fail_read_from + 1024;
	refused(t, -EBADMSG);
	/* A device of which nothing can be read any more is not asked for every block. */
	t->mem->fail_read_to = t->map[100] * 1024;
	refused(t, -EIO);
	jtest_free(t);
}

/* A tag points outside of what the owner allows: nothing at all is written. */
static void test_target_outside(void **state)
{
	struct jtest *t = dirty("-J size=1 -O ^metadata_csum,^64bit", false, 3);
	struct journal_block_tag *tag;

	(void)state;
	tag = (void *)(log_block(t, 1 + 7) + sizeof(struct journal_header));
	tag->t_blocknr = cpu_to_be32(1);
	refused(t, -EUCLEAN);
	jtest_free(t);
}

static void test_unreadable_log(void **state)
{
	struct jtest *t = dirty("-J size=1", true, 3);

	(void)state;
	t->mem->fail_read_from = t->map[9] * 1024;
	t->mem->fail_read_to = t->mem->fail_read_from + 1024;
	refused(t, -EIO);
	/* a bad block behind the end does no harm */
	t->mem->fail_read_from = t->map[300] * 1024;
	t->mem->fail_read_to = t->mem->fail_read_from + 1024;
	assert_int_equal(jtest_try_open(t), 0);
	assert_int_equal(t->stats.blocks, 15);
	assert_int_equal(jtest_close(t), 0);
	jtest_free(t);
}

/* Only the region, the log and nothing else may have changed. */
static void check_outside(const struct jtest *before, const struct jtest *after)
{
	uint64_t blk;
	unsigned int i;
	bool log;

	for (blk = 0; blk < before->mem->size / 1024; blk++) {
		if (blk >= before->first && blk < before->first + before->count)
			continue;
		for (log = false, i = 0; i < before->log_blocks && !log; i++)
			log = before->map[i] == blk;
		if (!log && memcmp(before->mem->data + blk * 1024,
				   after->mem->data + blk * 1024, 1024))
			fail_msg("block %llu changed", (unsigned long long)blk);
	}
}

static void test_random_damage(void **state)
{
	struct jtest *t = dirty("-J size=1 -O ^metadata_csum,^64bit", false, 20), *copy;
	unsigned int seed = 99, round, i, blk, off;

	(void)state;
	for (round = 0; round < 300; round++) {
		copy = jtest_copy(t, t->mem->data);
		for (i = 0; i < 1 + round % 6; i++) {
			blk = rand_r(&seed) % 150;
			/* mostly where the structure is */
			off = rand_r(&seed) % (rand_r(&seed) % 4 ? 64 : 1024);
			log_block(copy, blk)[off] = rand_r(&seed);
		}
		copy->params.read_only = round % 5 == 0;
		if (!jtest_try_open(copy))
			jtest_close(copy);
		if (round % 16 == 0)
			check_outside(t, copy);
		jtest_free(copy);
	}
	jtest_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_superblock_lies),
		cmocka_unit_test(test_superblock_checksum),
		cmocka_unit_test(test_torn_tail_is_the_end),
		cmocka_unit_test(test_damage_in_the_middle),
		cmocka_unit_test(test_unreadable_after_damage),
		cmocka_unit_test(test_target_outside),
		cmocka_unit_test(test_unreadable_log),
		cmocka_unit_test(test_random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
