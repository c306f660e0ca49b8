/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of features, as mke2fs takes them and dumpe2fs shows them.
 */
#include <stdio.h>
#include "ext2fs/ext2fs.h"

struct feature {
	enum ext2fs_feature_kind kind;
	uint32_t mask;
	const char *name;
};

#define C(bit, name) { E2P_FEATURE_COMPAT, bit, name }
#define R(bit, name) { E2P_FEATURE_RO_INCOMPAT, bit, name }
#define I(bit, name) { E2P_FEATURE_INCOMPAT, bit, name }

static const struct feature features[] = {
	C(EXT2_FEATURE_COMPAT_DIR_PREALLOC,	"dir_prealloc"),
	C(EXT2_FEATURE_COMPAT_IMAGIC_INODES,	"imagic_inodes"),
	C(EXT3_FEATURE_COMPAT_HAS_JOURNAL,	"has_journal"),
	C(EXT2_FEATURE_COMPAT_EXT_ATTR,		"ext_attr"),
	C(EXT2_FEATURE_COMPAT_RESIZE_INODE,	"resize_inode"),
	C(EXT2_FEATURE_COMPAT_DIR_INDEX,	"dir_index"),
	C(EXT2_FEATURE_COMPAT_LAZY_BG,		"lazy_bg"),
	C(EXT2_FEATURE_COMPAT_EXCLUDE_INODE,	"exclude_inode"),
	C(EXT2_FEATURE_COMPAT_EXCLUDE_BITMAP,	"snapshot_bitmap"),
	C(EXT4_FEATURE_COMPAT_SPARSE_SUPER2,	"sparse_super2"),
	C(EXT4_FEATURE_COMPAT_FAST_COMMIT,	"fast_commit"),
	C(EXT4_FEATURE_COMPAT_STABLE_INODES,	"stable_inodes"),
	C(EXT4_FEATURE_COMPAT_ORPHAN_FILE,	"orphan_file"),

	R(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER,	"sparse_super"),
	R(EXT2_FEATURE_RO_COMPAT_LARGE_FILE,	"large_file"),
	R(EXT2_FEATURE_RO_COMPAT_BTREE_DIR,	"btree_dir"),
	R(EXT4_FEATURE_RO_COMPAT_HUGE_FILE,	"huge_file"),
	R(EXT4_FEATURE_RO_COMPAT_GDT_CSUM,	"uninit_bg"),
	R(EXT4_FEATURE_RO_COMPAT_DIR_NLINK,	"dir_nlink"),
	R(EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE,	"extra_isize"),
	R(EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT,	"snapshot"),
	R(EXT4_FEATURE_RO_COMPAT_QUOTA,		"quota"),
	R(EXT4_FEATURE_RO_COMPAT_BIGALLOC,	"bigalloc"),
	R(EXT4_FEATURE_RO_COMPAT_METADATA_CSUM,	"metadata_csum"),
	R(EXT4_FEATURE_RO_COMPAT_REPLICA,	"replica"),
	R(EXT4_FEATURE_RO_COMPAT_READONLY,	"read-only"),
	R(EXT4_FEATURE_RO_COMPAT_PROJECT,	"project"),
	R(EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS,	"shared_blocks"),
	R(EXT4_FEATURE_RO_COMPAT_VERITY,	"verity"),
	R(EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT, "orphan_present"),

	I(EXT2_FEATURE_INCOMPAT_COMPRESSION,	"compression"),
	I(EXT2_FEATURE_INCOMPAT_FILETYPE,	"filetype"),
	I(EXT3_FEATURE_INCOMPAT_RECOVER,	"needs_recovery"),
	I(EXT3_FEATURE_INCOMPAT_JOURNAL_DEV,	"journal_dev"),
	I(EXT2_FEATURE_INCOMPAT_META_BG,	"meta_bg"),
	I(EXT3_FEATURE_INCOMPAT_EXTENTS,	"extent"),
	I(EXT4_FEATURE_INCOMPAT_64BIT,		"64bit"),
	I(EXT4_FEATURE_INCOMPAT_MMP,		"mmp"),
	I(EXT4_FEATURE_INCOMPAT_FLEX_BG,	"flex_bg"),
	I(EXT4_FEATURE_INCOMPAT_EA_INODE,	"ea_inode"),
	I(EXT4_FEATURE_INCOMPAT_DIRDATA,	"dirdata"),
	I(EXT4_FEATURE_INCOMPAT_CSUM_SEED,	"metadata_csum_seed"),
	I(EXT4_FEATURE_INCOMPAT_LARGEDIR,	"large_dir"),
	I(EXT4_FEATURE_INCOMPAT_INLINE_DATA,	"inline_data"),
	I(EXT4_FEATURE_INCOMPAT_ENCRYPT,	"encrypt"),
	I(EXT4_FEATURE_INCOMPAT_CASEFOLD,	"casefold"),
};

const char *ext2fs_feature_name(enum ext2fs_feature_kind kind, uint32_t mask, char *buf,
				size_t len)
{
	static const char letters[] = {
		[E2P_FEATURE_COMPAT] = 'C',
		[E2P_FEATURE_INCOMPAT] = 'I',
		[E2P_FEATURE_RO_INCOMPAT] = 'R',
	};

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (features[i].kind == kind && features[i].mask == mask)
			return features[i].name;
	snprintf(buf, len, "FEATURE_%c%d", letters[kind], mask ? __builtin_ctz(mask) : 0);
	return buf;
}
