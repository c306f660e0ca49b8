/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logs in formats that nobody writes any more, made by hand: checksum v2 with
 * short and long tags, version 1 superblocks, a UUID behind every tag, and a
 * log that wraps inside of a transaction.
 */
#include <stdlib.h>
#include <string.h>
#include "ext2fs/ext2fs.h"
#include "jbd2/jbd2_disk.h"
#include "jtest.h"

#define BS	1024
#define TID	77
#define FLAGS_V2	JBD2_FEATURE_INCOMPAT_CSUM_V2

struct maker {
	struct jtest	*t;
	struct journal_superblock *sb;
	uint32_t	incompat, seed;
	uint32_t	blk;	/* next log block */
	tid_t		tid;
};

static char *next_block(struct maker *m)
{
	char *p = m->t->mem->data + m->t->map[m->blk] * BS;

	m->blk = m->blk + 1 < m->t->log_blocks ? m->blk + 1 : 1;
	memset(p, 0, BS);
	return p;
}

static char *header(struct maker *m, uint32_t type)
{
	struct journal_header *h = (void *)next_block(m);

	h->h_magic = cpu_to_be32(JBD2_MAGIC_NUMBER);
	h->h_blocktype = cpu_to_be32(type);
	h->h_sequence = cpu_to_be32(m->tid);
	return (char *)h;
}

static uint32_t block_csum(struct maker *m, const void *p)
{
	return ext2fs_crc32c_le(m->seed, p, BS);
}

static void tail(struct maker *m, char *p)
{
	if (m->incompat & FLAGS_V2)
		*(__be32 *)(void *)(p + BS - 4) = cpu_to_be32(block_csum(m, p));
}

/* A descriptor and @n copies of @value for the region's blocks from @index on. */
static void copies(struct maker *m, unsigned int index, unsigned int n, uint64_t value, bool uuids)
{
	char *desc = header(m, JBD2_DESCRIPTOR_BLOCK), *p = desc + 12, *data;
	__be32 seq = cpu_to_be32(m->tid);
	unsigned int i, k;
	uint32_t flags, csum;
	__be16 half;
	__be32 word;

	for (i = 0; i < n; i++) {
		data = next_block(m);
		for (k = 0; k < BS / 8; k++)
			((uint64_t *)(void *)data)[k] = value;
		csum = ext2fs_crc32c_le(ext2fs_crc32c_le(m->seed, &seq, 4), data, BS);
		flags = (uuids || !i ? 0 : JBD2_FLAG_SAME_UUID) |
			(i == n - 1 ? JBD2_FLAG_LAST_TAG : 0);
		word = cpu_to_be32((uint32_t)m->t->first + index + i);
		memcpy(p, &word, 4);
		half = m->incompat & FLAGS_V2 ? cpu_to_be16(csum & 0xffff) : 0;
		memcpy(p + 4, &half, 2);
		half = cpu_to_be16(flags);
		memcpy(p + 6, &half, 2);
		p += 8 + (m->incompat & JBD2_FEATURE_INCOMPAT_64BIT ? 4 : 0) +
		     (m->incompat & FLAGS_V2 ? 2 : 0);
		if (!(flags & JBD2_FLAG_SAME_UUID))
			p += 16;
	}
	tail(m, desc);
}

static void revoke(struct maker *m, unsigned int index)
{
	struct journal_revoke_header *h = (void *)header(m, JBD2_REVOKE_BLOCK);
	blk64_t blk = m->t->first + index;

	if (m->incompat & JBD2_FEATURE_INCOMPAT_64BIT) {
		*(__be64 *)(void *)(h + 1) = cpu_to_be64(blk);
		h->r_count = cpu_to_be32(sizeof(*h) + 8);
	} else {
		*(__be32 *)(void *)(h + 1) = cpu_to_be32((uint32_t)blk);
		h->r_count = cpu_to_be32(sizeof(*h) + 4);
	}
	tail(m, (char *)h);
}

static void commit(struct maker *m)
{
	struct commit_header *h = (void *)header(m, JBD2_COMMIT_BLOCK);

	if (m->incompat & FLAGS_V2)
		h->h_chksum[0] = cpu_to_be32(block_csum(m, h));
	m->tid++;
}

static struct maker begin(uint32_t version, uint32_t incompat, uint32_t start)
{
	struct maker m = { .t = jtest_new("-J size=1 -O ^metadata_csum,^64bit", BS) };

	m.sb = (void *)(m.t->mem->data + m.t->map[0] * BS);
	m.sb->s_header.h_blocktype = cpu_to_be32(version);
	m.sb->s_start = cpu_to_be32(start);
	m.sb->s_sequence = cpu_to_be32(TID);
	m.incompat = incompat;
	m.seed = ext2fs_crc32c_le(~0U, m.sb->s_uuid, 16);
	m.blk = start;
	m.tid = TID;
	m.t->params.csum_v3 = m.t->params.csum_64bit_tags = false;
	if (version == JBD2_SUPERBLOCK_V1) {
		/* whatever is there means nothing */
		memset(&m.sb->s_feature_compat, 0xff, BS - 0x24);
	} else {
		m.sb->s_feature_incompat = cpu_to_be32(incompat);
	}
	if (incompat & FLAGS_V2) {
		m.sb->s_checksum_type = JBD2_CRC32C_CHKSUM;
		m.sb->s_checksum = 0;
		m.sb->s_checksum = cpu_to_be32(ext2fs_crc32c_le(~0U, m.sb, 1024));
	}
	return m;
}

/* Two transactions; the second revokes a block of the first. */
static void run(uint32_t version, uint32_t incompat, uint32_t start, bool uuids)
{
	struct maker m = begin(version, incompat, start);
	struct jtest *t = m.t;

	copies(&m, 0, 5, 1, uuids);
	copies(&m, 5, 1, 2, uuids);
	commit(&m);
	revoke(&m, 1);
	copies(&m, 2, 2, 3, uuids);
	commit(&m);
	jtest_open(t);
	assert_int_equal(t->stats.first, TID);
	assert_int_equal(t->stats.last, TID + 1);
	assert_int_equal(t->stats.revoked, 1);
	assert_int_equal(t->stats.blocks, 7);
	/* and the log is used in today's format afterwards */
	jtest_put(t, 8, 2, 9);
	assert_int_equal(jtest_close(t), 0);
	assert_int_equal(jtest_value(t, NULL, 0), 1);
	assert_int_equal(jtest_value(t, NULL, 1), 0);
	assert_int_equal(jtest_value(t, NULL, 2), 3);
	assert_int_equal(jtest_value(t, NULL, 3), 3);
	assert_int_equal(jtest_value(t, NULL, 4), 1);
	assert_int_equal(jtest_value(t, NULL, 5), 2);
	assert_int_equal(jtest_value(t, NULL, 9), 9);
	assert_int_equal(be32_to_cpu(m.sb->s_header.h_blocktype), JBD2_SUPERBLOCK_V2);
	assert_false(m.sb->s_feature_incompat & cpu_to_be32(FLAGS_V2));
	jtest_e2fsck_replay(t, t->mem->data);
	jtest_free(t);
}

static void test_csum_v2(void **state)
{
	(void)state;
	run(JBD2_SUPERBLOCK_V2, FLAGS_V2, 1, false);
	run(JBD2_SUPERBLOCK_V2, FLAGS_V2 | JBD2_FEATURE_INCOMPAT_64BIT, 1, false);
	run(JBD2_SUPERBLOCK_V2, FLAGS_V2 | JBD2_FEATURE_INCOMPAT_64BIT, 1, true);
}

static void test_version_1(void **state)
{
	(void)state;
	run(JBD2_SUPERBLOCK_V1, 0, 1, false);
}

static void test_uuid_behind_every_tag(void **state)
{
	(void)state;
	run(JBD2_SUPERBLOCK_V2, 0, 1, true);
}

static void test_wrap_inside_a_transaction(void **state)
{
	uint32_t back;

	(void)state;
	for (back = 1; back < 14; back += 3)
		run(JBD2_SUPERBLOCK_V2, JBD2_FEATURE_INCOMPAT_64BIT, 1024 - back, false);
}

/* Old numbers wrap around, too. */
static void test_sequence_wraps(void **state)
{
	struct maker m = begin(JBD2_SUPERBLOCK_V2, 0, 1);
	unsigned int i;

	(void)state;
	m.tid = 0xfffffffe;
	m.sb->s_sequence = cpu_to_be32(m.tid);
	for (i = 0; i < 4; i++) {
		copies(&m, i, 1, i + 1, false);
		if (i == 2)
			revoke(&m, 0);
		commit(&m);
	}
	jtest_open(m.t);
	assert_int_equal(m.t->stats.blocks, 3);
	assert_int_equal(m.t->stats.last, 1);
	jtest_put(m.t, 8, 2, 9);
	assert_int_equal(jtest_close(m.t), 0);
	assert_int_equal(jtest_value(m.t, NULL, 0), 0);
	assert_int_equal(jtest_value(m.t, NULL, 3), 4);
	jtest_free(m.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csum_v2),
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_uuid_behind_every_tag),
		cmocka_unit_test(test_wrap_inside_a_transaction),
		cmocka_unit_test(test_sequence_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
