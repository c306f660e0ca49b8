/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of configurations.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "config.h"

#define COMMON	"-N 1024 -m 0 -O ^resize_inode"

const struct config configs[] = {
	{ .name = "ordered", .mke2fs = "-t ext4 -b 1024 " COMMON " -J size=1", .mib = 8,
	  .data = EXT4_DATA_ORDERED, .journal = true, .xattr_max = 700, .sync_percent = 15, .extents = true,
	  .states = 3500, .weight = 3 },
	{ .name = "ordered-tight", .mke2fs = "-t ext4 -b 1024 " COMMON " -J size=4", .mib = 12,
	  .data = EXT4_DATA_ORDERED, .journal = true, .free_kib = 1300, .xattr_max = 700, .sync_percent = 25,
	  .extents = true, .states = 3500, .weight = 2 },
	{ .name = "ordered-4k", .mke2fs = "-t ext4 -b 4096 " COMMON " -J size=4", .mib = 16,
	  .data = EXT4_DATA_ORDERED, .journal = true, .xattr_max = 3000, .sync_percent = 15, .extents = true,
	  .states = 3500, .weight = 1 },
	{ .name = "ordered-nocsum", .mke2fs = "-t ext4 -b 1024 " COMMON ",^metadata_csum,^64bit -J size=1", .mib = 8,
	  .data = EXT4_DATA_ORDERED, .journal = true, .free_kib = 1500, .xattr_max = 700, .sync_percent = 15,
	  .extents = true, .states = 3500, .weight = 2 },
	{ .name = "ordered-uninit", .mke2fs = "-t ext4 -b 1024 " COMMON ",^metadata_csum,uninit_bg -g 2048 -J size=1",
	  .mib = 8, .data = EXT4_DATA_ORDERED, .journal = true, .xattr_max = 700, .sync_percent = 15,
	  .extents = true, .states = 3500, .weight = 1 },
	{ .name = "orphan-file", .mke2fs = "-t ext4 -b 1024 " COMMON ",orphan_file -J size=1", .mib = 8,
	  .data = EXT4_DATA_ORDERED, .journal = true, .xattr_max = 700, .sync_percent = 15, .extents = true,
	  .states = 3500, .weight = 2 },
	{ .name = "inline-data", .mke2fs = "-t ext4 -b 1024 -I 512 " COMMON ",inline_data,ea_inode -J size=1",
	  .mib = 8, .data = EXT4_DATA_ORDERED, .journal = true, .xattr_max = 6000, .sync_percent = 15,
	  .extents = true, .states = 3500, .weight = 2 },
	{ .name = "discard", .mke2fs = "-t ext4 -b 1024 " COMMON " -J size=1", .mib = 8,
	  .data = EXT4_DATA_ORDERED, .journal = true, .discard = true, .free_kib = 1500, .xattr_max = 700,
	  .sync_percent = 20, .extents = true, .states = 3500, .weight = 1 },
	{ .name = "dirsync", .mke2fs = "-t ext4 -b 1024 " COMMON " -J size=1", .mib = 8,
	  .data = EXT4_DATA_ORDERED, .journal = true, .dirsync = true, .xattr_max = 700, .sync_percent = 10,
	  .extents = true, .states = 3500, .weight = 1 },
	{ .name = "async-commit", .mke2fs = "-t ext4 -b 1024 " COMMON " -J size=1", .mib = 8,
	  .data = EXT4_DATA_ORDERED, .journal = true, .async_commit = true, .free_kib = 1500, .xattr_max = 700,
	  .sync_percent = 15, .extents = true, .states = 3500, .weight = 1 },
	{ .name = "async-nocsum", .mke2fs = "-t ext4 -b 1024 " COMMON ",^metadata_csum -J size=1", .mib = 8,
	  .data = EXT4_DATA_JOURNAL, .journal = true, .async_commit = true, .free_kib = 1500, .xattr_max = 700,
	  .sync_percent = 15, .extents = true, .states = 3500, .weight = 1 },
	{ .name = "ext3", .mke2fs = "-t ext3 -b 1024 " COMMON " -J size=1", .mib = 8,
	  .data = EXT4_DATA_ORDERED, .journal = true, .xattr_max = 700, .sync_percent = 15, .states = 3500,
	  .weight = 1 },
	{ .name = "writeback", .mke2fs = "-t ext4 -b 1024 " COMMON " -J size=4", .mib = 12,
	  .data = EXT4_DATA_WRITEBACK, .journal = true, .xattr_max = 700, .sync_percent = 10, .extents = true,
	  .states = 3500, .weight = 1 },
	{ .name = "journal", .mke2fs = "-t ext4 -b 1024 " COMMON " -J size=2", .mib = 8,
	  .data = EXT4_DATA_JOURNAL, .journal = true, .free_kib = 2000, .xattr_max = 700, .sync_percent = 15,
	  .extents = true, .states = 3500, .weight = 2 },
	{ .name = "journal-nocsum", .mke2fs = "-t ext4 -b 4096 " COMMON ",^metadata_csum,orphan_file -J size=4",
	  .mib = 16, .data = EXT4_DATA_JOURNAL, .journal = true, .xattr_max = 3000, .sync_percent = 15,
	  .extents = true, .states = 3500, .weight = 1 },
	{ .name = "journal-ext3", .mke2fs = "-t ext3 -b 1024 " COMMON " -J size=2", .mib = 8,
	  .data = EXT4_DATA_JOURNAL, .journal = true, .xattr_max = 700, .sync_percent = 15, .states = 3500,
	  .weight = 1 },
	{ .name = "no-journal", .mke2fs = "-t ext4 -b 1024 " COMMON ",^has_journal", .mib = 8,
	  .xattr_max = 700, .sync_percent = 25, .extents = true, .states = 250, .weight = 1 },
	{ .name = "no-journal-ext2", .mke2fs = "-t ext2 -b 1024 " COMMON, .mib = 8, .xattr_max = 700,
	  .sync_percent = 25, .states = 250, .weight = 1 },
	{ .name = "no-journal-sync", .mke2fs = "-t ext4 -b 1024 " COMMON ",^has_journal", .mib = 8, .sync = true,
	  .dirsync = true, .xattr_max = 700, .sync_percent = 5, .extents = true, .states = 250, .weight = 1 },
};

const unsigned int nr_configs = sizeof(configs) / sizeof(configs[0]);

const struct config *config_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_configs; i++)
		if (!strcmp(configs[i].name, name))
			return &configs[i];
	return NULL;
}

static void log_message(void *priv, enum ext4_log_level level, const char *message)
{
	(void)priv;
	if (getenv("POWERCUT_LOG"))
		fprintf(stderr, "# log %d: %s\n", level, message);
}

struct ext4_mount_opts config_mount(const struct config *c)
{
	return (struct ext4_mount_opts){
		.device_name = "memory", .barrier = true, .data = c->data, .commit_interval = 3600,
		.sync = c->sync, .dirsync = c->dirsync, .discard = c->discard,
		.async_commit = c->async_commit, .acl = EXT4_UNSET, .user_xattr = EXT4_UNSET,
		.log = log_message,
	};
}
