/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing the engine: mount a patched image, walk over everything in it within
 * bounds, do what the input says, unmount.  Set FUZZ_SEEDS to the folder of base
 * images and FUZZ_LOG to see the engine's messages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ext4/ext4.h"
#include "ext2fs/ext2fs.h"
#include "base.h"
#include "ops.h"
#include "sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc __attribute__((unused)), char ***argv __attribute__((unused)))
{
	const char *dir = getenv("FUZZ_SEEDS");

	initialize_ext2_error_table();
	base_load(dir ? dir : "seeds");
	return 0;
}

static void log_message(void *priv __attribute__((unused)), enum ext4_log_level level __attribute__((unused)),
			const char *message)
{
	static int loud = -1;

	if (loud < 0)
		loud = getenv("FUZZ_LOG") != NULL;
	if (loud)
		fprintf(stderr, "# %s\n", message);
}

static struct ext4_mount_opts options_for(uint8_t flags, uint8_t more)
{
	struct ext4_mount_opts opts = {
		.device_name = "fuzz", .barrier = true, .acl = EXT4_UNSET, .user_xattr = EXT4_UNSET,
		.commit_interval = 3600, .log = log_message,
	};

	opts.read_only = flags & IN_READ_ONLY;
	opts.noload = opts.read_only && (flags & IN_NOLOAD);
	/* Never what the superblock says: it may say panic. */
	opts.errors = flags & IN_ERRORS_RO ? EXT4_ERRORS_RO : EXT4_ERRORS_CONTINUE;
	if (flags & IN_JOURNAL_DATA)
		opts.data = EXT4_DATA_JOURNAL;
	if (flags & IN_SMALL_CACHE)
		opts.cache_bytes = 16 * 1024;
	opts.lazytime = more & MORE_LAZYTIME;
	opts.sync = more & MORE_SYNC;
	opts.discard = more & MORE_DISCARD;
	opts.atime = more & MORE_STRICTATIME ? EXT4_ATIME_STRICT : EXT4_ATIME_RELATIME;
	opts.grpid = more & MORE_GRPID;
	return opts;
}

/* Claiming a file system with multi-mount protection takes many seconds. */
static void drop_mmp(struct fuzzio *d)
{
	const size_t at = 1024 + offsetof(struct ext2_super_block, s_feature_incompat) + 1;
	char byte = d->data[at] & ~1;

	fuzzio_patch(d, at, &byte, 1);
}

static void run(struct base *b, const struct input_head *head, const struct input_op *ops, size_t n_ops)
{
	io_channel dev = fuzzio_channel(b->dev, 1024);
	struct ext4_mount_opts opts = options_for(head->flags, head->more);
	struct ext4_probe_info info;
	struct ext4_fs *fs;
	char reason[200];

	if (!opts.read_only)
		drop_mmp(b->dev);
	if (!ext4_probe(dev, 0, &info, reason, sizeof(reason)) &&
	    !ext4_mount(dev, &opts, &fs, reason, sizeof(reason))) {
		ops_run(fs, ops, n_ops);
		ext4_unmount(fs);
	}
	io_channel_close(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct input_patch *patches;
	const struct input_op *ops;
	size_t n_patches, n_ops;
	const struct input_head *head = input_parse(data, size, &patches, &n_patches, &ops, &n_ops);
	struct base *b;

	if (!head)
		return 0;
	b = base_get(head->seed);
	sums_accept = head->flags & IN_ACCEPT;
	sums_zero = head->flags & IN_ZERO_CRC;
	b->dev->hide_size = head->flags & IN_NO_SIZE;
	base_patch(b, patches, n_patches);
	run(b, head, ops, n_ops);
	fuzzio_restore(b->dev);
	return 0;
}
