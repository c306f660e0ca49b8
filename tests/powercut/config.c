/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of configurations.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "config.h"

#define COMMON "-N 1024 -m 0 -O ^resize_inode"

#define ORDERED	    .data = EXT4_DATA_ORDERED, .journal = true, .states = 2700
#define WRITEBACK   .data = EXT4_DATA_WRITEBACK, .journal = true, .states = 2700
#define JOURNAL	    .data = EXT4_DATA_JOURNAL, .journal = true, .states = 2700
#define UNJOURNALED .journal = false, .states = 250 /* e2fsck repairs each of them */

const struct config configs[] = {
	{
		.name = "ordered",
		.mke2fs = "-t ext4 -b 1024 " COMMON " -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 3,
	},
	{
		.name = "ordered-tight",
		.mke2fs = "-t ext4 -b 1024 " COMMON " -J size=4",
		.mib = 12,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 25,
		.weight = 2,
		.free_kib = 1300,
	},
	{
		.name = "ordered-4k",
		.mke2fs = "-t ext4 -b 4096 " COMMON " -J size=4",
		.mib = 16,
		ORDERED,
		.xattr_max = 3000,
		.sync_percent = 15,
		.weight = 1,
	},
	{
		.name = "ordered-nocsum",
		.mke2fs = "-t ext4 -b 1024 " COMMON ",^metadata_csum,^64bit -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 2,
		.free_kib = 1500,
	},
	{
		.name = "ordered-uninit",
		.mke2fs = "-t ext4 -b 1024 " COMMON ",^metadata_csum,uninit_bg -g 2048 -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 1,
	},
	{
		.name = "orphan-file",
		.mke2fs = "-t ext4 -b 1024 " COMMON ",orphan_file -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 2,
	},
	{
		.name = "inline-data",
		.mke2fs = "-t ext4 -b 1024 -I 512 " COMMON ",inline_data,ea_inode -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 6000,
		.sync_percent = 15,
		.weight = 2,
	},
	{
		.name = "discard",
		.mke2fs = "-t ext4 -b 1024 " COMMON " -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 20,
		.weight = 1,
		.free_kib = 1500,
		.discard = true,
	},
	{
		.name = "dirsync",
		.mke2fs = "-t ext4 -b 1024 " COMMON " -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 10,
		.weight = 1,
		.dirsync = true,
	},
	{
		.name = "async-commit",
		.mke2fs = "-t ext4 -b 1024 " COMMON " -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 1,
		.free_kib = 1500,
		.async_commit = true,
	},
	{
		.name = "async-nocsum",
		.mke2fs = "-t ext4 -b 1024 " COMMON ",^metadata_csum -J size=1",
		.mib = 8,
		JOURNAL,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 1,
		.free_kib = 1500,
		.async_commit = true,
	},
	{
		.name = "two-drives",
		.mke2fs = "-t ext4 -b 1024 " COMMON ",^has_journal",
		.mib = 8,
		.journal_mib = 2,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 1,
		.free_kib = 1500,
	},
	{
		.name = "ext3",
		.mke2fs = "-t ext3 -b 1024 " COMMON " -J size=1",
		.mib = 8,
		ORDERED,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 1,
		.no_extents = true,
	},
	{
		.name = "writeback",
		.mke2fs = "-t ext4 -b 1024 " COMMON " -J size=4",
		.mib = 12,
		WRITEBACK,
		.xattr_max = 700,
		.sync_percent = 10,
		.weight = 1,
	},
	{
		.name = "journal",
		.mke2fs = "-t ext4 -b 1024 " COMMON " -J size=2",
		.mib = 8,
		JOURNAL,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 2,
		.free_kib = 2000,
	},
	{
		.name = "journal-nocsum",
		.mke2fs = "-t ext4 -b 4096 " COMMON ",^metadata_csum,orphan_file -J size=4",
		.mib = 16,
		JOURNAL,
		.xattr_max = 3000,
		.sync_percent = 15,
		.weight = 1,
	},
	{
		.name = "journal-ext3",
		.mke2fs = "-t ext3 -b 1024 " COMMON " -J size=2",
		.mib = 8,
		JOURNAL,
		.xattr_max = 700,
		.sync_percent = 15,
		.weight = 1,
		.no_extents = true,
	},
	{
		.name = "no-journal",
		.mke2fs = "-t ext4 -b 1024 " COMMON ",^has_journal",
		.mib = 8,
		UNJOURNALED,
		.xattr_max = 700,
		.sync_percent = 25,
		.weight = 1,
	},
	{
		.name = "no-journal-ext2",
		.mke2fs = "-t ext2 -b 1024 " COMMON,
		.mib = 8,
		UNJOURNALED,
		.xattr_max = 700,
		.sync_percent = 25,
		.weight = 1,
		.no_extents = true,
	},
	{
		.name = "no-journal-sync",
		.mke2fs = "-t ext4 -b 1024 " COMMON ",^has_journal",
		.mib = 8,
		UNJOURNALED,
		.xattr_max = 700,
		.sync_percent = 5,
		.weight = 1,
		.sync = true,
		.dirsync = true,
	},
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
		.device_name = "memory",
		.barrier = true,
		.data = c->data,
		.commit_interval = 3600,
		.sync = c->sync,
		.dirsync = c->dirsync,
		.discard = c->discard,
		.async_commit = c->async_commit,
		.acl = EXT4_UNSET,
		.user_xattr = EXT4_UNSET,
		.log = log_message,
	};
}
