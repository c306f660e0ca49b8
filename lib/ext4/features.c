/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which features this engine serves, and how it refuses the others: by name.
 */
#include <stdio.h>
#include "ext4/super_i.h"

#define SUPPORTED_INCOMPAT \
	(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER | EXT2_FEATURE_INCOMPAT_META_BG | \
	 EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_MMP | \
	 EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_EA_INODE | EXT4_FEATURE_INCOMPAT_CSUM_SEED | \
	 EXT4_FEATURE_INCOMPAT_LARGEDIR | EXT4_FEATURE_INCOMPAT_INLINE_DATA)

/* Those that may be written; any other of this kind allows reading. */
#define SUPPORTED_RO_COMPAT \
	(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE | \
	 EXT2_FEATURE_RO_COMPAT_BTREE_DIR | EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_GDT_CSUM | \
	 EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | \
	 EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)

static void list_names(enum ext2fs_feature_kind kind, uint32_t bits, char *out, size_t size)
{
	char name[32];
	size_t n = 0;
	int i;

	out[0] = '\0';
	for (i = 0; i < 32; i++) {
		if (!(bits & 1U << i))
			continue;
		n += snprintf(out + n, size - n, "%s%s", n ? ", " : "",
			      ext2fs_feature_name(kind, 1U << i, name, sizeof(name)));
		if (n >= size)
			return;
	}
}

uint32_t ext4_unsupported_ro_compat(const struct ext2_super_block *sb)
{
	return le32_to_cpu(sb->s_feature_ro_compat) & ~SUPPORTED_RO_COMPAT;
}

/* What lies in an inode where Hurd keeps its own. */
static bool clashes_with_hurd(const struct ext2_super_block *sb)
{
	return le32_to_cpu(sb->s_creator_os) == EXT2_OS_HURD &&
	       (ext2fs_has_feature_64bit(sb) || ext2fs_has_feature_ea_inode(sb) ||
		ext2fs_has_feature_metadata_csum(sb));
}

/* ---- features that are set when they are used first ---- */

int ext4_use_ext_attr(handle_t *handle, struct ext4_fs *fs)
{
	int err;

	if (ext2fs_has_feature_xattr(fs->sb))
		return 0;
	err = ext4_sb_begin(handle, fs);
	if (err)
		return err;
	ext2fs_set_feature_xattr(fs->sb);
	return ext4_sb_end(handle, fs);
}

int ext4_use_large_file(handle_t *handle, struct ext4_fs *fs)
{
	int err;

	if (ext2fs_has_feature_large_file(fs->sb))
		return 0;
	err = ext4_sb_begin(handle, fs);
	if (err)
		return err;
	ext2fs_set_feature_large_file(fs->sb);
	return ext4_sb_end(handle, fs);
}

int ext4_check_features(const struct ext2_super_block *sb, bool read_only, char *reason, size_t len)
{
	uint32_t bad = le32_to_cpu(sb->s_feature_incompat) & ~SUPPORTED_INCOMPAT;
	char names[128];

	if (bad) {
		list_names(E2P_FEATURE_INCOMPAT, bad, names, sizeof(names));
		snprintf(reason, len, "the file system has features that cannot be served: %s", names);
		return -EOPNOTSUPP;
	}
	if (clashes_with_hurd(sb)) {
		snprintf(reason, len, "the file system was made for Hurd, which cannot have its features 64bit, ea_inode or metadata_csum");
		return -EINVAL;
	}
	bad = ext4_unsupported_ro_compat(sb);
	if (bad && !read_only) {
		list_names(E2P_FEATURE_RO_INCOMPAT, bad, names, sizeof(names));
		snprintf(reason, len,
			 "the file system has features that cannot be written: %s; mount it with -o ro", names);
		return -EROFS;
	}
	return 0;
}
