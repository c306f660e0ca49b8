/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing the journal's recovery without an engine.  The logs were written by
 * lib/jbd2 itself just now, in each of its formats, with checksums that are all 0 (see sums.h), and
 * are then patched: an input is {format, flags} and records {block, offset, width, value}.
 */
#include <stdlib.h>
#include <string.h>
#include "ext2fs/byteorder.h"
#include "jbd2/jbd2.h"
#include "jbd2/jbd2_disk.h"
#include "fuzzio.h"
#include "sums.h"

#define BS		1024
#define LOG_BLOCKS	1100U
#define HOME_BLOCKS	64U
#define FORMATS		5

struct patch {
	uint16_t	block, off;
	uint8_t		width, from;	/* width 0: copy block "from" over it */
	uint8_t		value[4];
};

static struct fuzzio *device[FORMATS];
static blk64_t map[LOG_BLOCKS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static bool block_ok(void *priv __attribute__((unused)), blk64_t blk)
{
	return blk < HOME_BLOCKS;
}

static int fc_replay(void *priv __attribute__((unused)), enum jbd2_fc_pass pass __attribute__((unused)),
		     const void *data, unsigned int off __attribute__((unused)), tid_t expected)
{
	return memchr(data, expected & 0xff, BS) ? 1 : 0;
}

static void aborted(void *priv __attribute__((unused)), int err __attribute__((unused)))
{
}

static void log_message(void *priv __attribute__((unused)), enum jbd2_log_level level __attribute__((unused)),
			const char *message __attribute__((unused)))
{
}

static const struct jbd2_ops ops = {
	.block_ok = block_ok, .fc_replay = fc_replay, .aborted = aborted, .log = log_message,
};

static void empty_log(char *image, int format)
{
	struct journal_superblock *sb = (void *)(image + HOME_BLOCKS * BS);

	sb->s_header.h_magic = cpu_to_be32(JBD2_MAGIC_NUMBER);
	sb->s_header.h_blocktype = cpu_to_be32(JBD2_SUPERBLOCK_V2);
	sb->s_blocksize = cpu_to_be32(BS);
	sb->s_maxlen = cpu_to_be32(LOG_BLOCKS);
	sb->s_first = cpu_to_be32(1);
	sb->s_sequence = cpu_to_be32(7);
	sb->s_nr_users = cpu_to_be32(1);
	if (format == 3)
		sb->s_feature_compat = cpu_to_be32(JBD2_FEATURE_COMPAT_CHECKSUM);
	if (format == 4) {
		sb->s_feature_incompat = cpu_to_be32(JBD2_FEATURE_INCOMPAT_FAST_COMMIT);
		sb->s_num_fc_blks = cpu_to_be32(16);
	}
}

static struct jbd2_params params_for(struct iocache *cache, io_channel dev, int format, bool read_only)
{
	struct jbd2_params p = {
		.ops = &ops, .cache = cache, .log_dev = dev, .block_size = BS, .log_blocks = LOG_BLOCKS,
		.log_map = map, .commit_interval = 3600, .barrier = true, .read_only = read_only,
		.csum_v3 = format == 1 || format == 2, .csum_64bit_tags = format == 2,
	};

	return p;
}

static void put_block(journal_t *journal, struct iocache *cache, blk64_t blk, int value, bool revoke)
{
	struct iocache_buf *buf;
	handle_t *h;

	if (jbd2_journal_start(journal, 2, 2, &h))
		abort();
	if (iocache_get(cache, blk, 0, &buf))
		abort();
	if (revoke) {
		jbd2_journal_forget(h, blk, buf);
	} else if (!jbd2_journal_get_write_access(h, buf)) {
		memset(buf->b_data, value, BS);
		if (value == 3)		/* must be escaped in the log */
			*(__be32 *)(void *)buf->b_data = cpu_to_be32(JBD2_MAGIC_NUMBER);
		jbd2_journal_dirty_metadata(h, buf);
	}
	iocache_put(buf);
	jbd2_handle_set_sync(h);
	jbd2_journal_stop(h);
}

static void write_log(struct fuzzio *d, int format)
{
	io_channel dev = fuzzio_channel(d, BS);
	struct iocache_params cp = { .block_size = BS };
	struct jbd2_recovery_stats stats;
	struct jbd2_params p;
	struct iocache *cache;
	journal_t *journal;
	int i;

	if (iocache_create(dev, &cp, &cache))
		abort();
	p = params_for(cache, dev, format, false);
	if (jbd2_journal_open(&p, &journal) || jbd2_journal_load(journal, &stats))
		abort();
	for (i = 1; i < 12; i++)
		put_block(journal, cache, i % 5 ? i : 20, i, i == 6);
	memcpy(d->base, d->data, d->size);	/* as a crash would leave it */
	jbd2_journal_destroy(journal);
	iocache_destroy(cache);
	io_channel_close(dev);
	fuzzio_restore(d);
}

int LLVMFuzzerInitialize(int *argc __attribute__((unused)), char ***argv __attribute__((unused)))
{
	uint64_t size = (HOME_BLOCKS + LOG_BLOCKS) * BS;
	unsigned int i;

	sums_zero = true;
	for (i = 0; i < LOG_BLOCKS; i++)
		map[i] = HOME_BLOCKS + i;
	for (i = 0; i < FORMATS; i++) {
		char *image = calloc(1, size);

		empty_log(image, i);
		device[i] = fuzzio_new(image, size);
		write_log(device[i], i);
	}
	return 0;
}

static void apply(struct fuzzio *d, const struct patch *p)
{
	uint64_t off = ((uint64_t)HOME_BLOCKS + p->block % LOG_BLOCKS) * BS;

	if (p->width)
		fuzzio_patch(d, off + p->off % BS, p->value, p->width % 4 + 1);
	else
		fuzzio_patch(d, off, d->base + (HOME_BLOCKS + p->from) * BS, BS);
}

static void recover(struct fuzzio *d, int format, bool read_only)
{
	io_channel dev = fuzzio_channel(d, BS);
	struct iocache_params cp = { .block_size = BS, .read_only = read_only };
	struct jbd2_recovery_stats stats;
	struct jbd2_params p;
	struct iocache *cache;
	journal_t *journal;

	if (iocache_create(dev, &cp, &cache))
		abort();
	p = params_for(cache, dev, format, read_only);
	if (!jbd2_journal_open(&p, &journal)) {
		if (!jbd2_journal_load(journal, &stats) && !read_only) {
			put_block(journal, cache, 3, 77, false);
			put_block(journal, cache, 4, 78, false);
		}
		jbd2_journal_destroy(journal);
	}
	iocache_destroy(cache);
	io_channel_close(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzzio *d;
	struct patch p;
	size_t off;

	if (size < 2)
		return 0;
	d = device[data[0] % FORMATS];
	for (off = 2; off + sizeof(p) <= size; off += sizeof(p)) {
		memcpy(&p, data + off, sizeof(p));
		apply(d, &p);
	}
	recover(d, data[0] % FORMATS, data[1] & 1);
	fuzzio_restore(d);
	return 0;
}
