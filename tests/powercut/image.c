/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mke2fs makes; and a journal on another drive, which mke2fs would only make on a block
 * device.
 */
#include <stdlib.h>
#include <string.h>
#include "ext2fs/ext2fs.h"
#include "fsck.h"
#include "image.h"
#include "jbd2/jbd2_disk.h"
#include "report.h"

uint64_t image_size(const struct config *c)
{
	return (uint64_t)c->mib << 20;
}

uint64_t image_journal_size(const struct config *c)
{
	return (uint64_t)c->journal_mib << 20;
}

/* The journal's superblock follows the drive's in the next block of 1 KiB. */
static void join(char *image, char *journal)
{
	struct ext2_super_block *sb = (void *)(image + SUPERBLOCK_OFFSET);
	const struct ext2_super_block *jdev = (const void *)(journal + SUPERBLOCK_OFFSET);
	struct journal_superblock *jsb = (void *)(journal + SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE);

	if (jsb->s_header.h_magic != cpu_to_be32(JBD2_MAGIC_NUMBER))
		pc_die("mke2fs made no journal");
	jsb->s_nr_users = cpu_to_be32(1);
	memcpy(jsb->s_users, sb->s_uuid, sizeof(sb->s_uuid));
	memcpy(sb->s_journal_uuid, jdev->s_uuid, sizeof(sb->s_journal_uuid));
	ext2fs_set_feature_journal(sb);
	ext2fs_superblock_csum_set(sb);
}

char *image_make(const struct config *c)
{
	uint64_t size = image_size(c), journal_size = image_journal_size(c);
	char *image = malloc(size + journal_size);

	if (!image)
		pc_die("out of memory");
	fsck_make_image(c->mke2fs, image, size);
	if (!journal_size)
		return image;
	fsck_make_image("-b 1024 -O journal_dev", image + size, journal_size);
	join(image, image + size);
	return image;
}
