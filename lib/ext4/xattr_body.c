/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extended attributes in the inode itself, behind its extra fields.
 */
#include "ext4/xattr_i.h"

static size_t body_offset(const struct ext4_inode *inode)
{
	return EXT2_GOOD_OLD_INODE_SIZE + inode->i_extra_isize + sizeof(struct ext2_ext_attr_ibody_header);
}

size_t ext4_xattr_body_size(const struct ext4_inode *inode)
{
	size_t off = body_offset(inode);

	/* Without extra fields the inode was made for an inode size of 128. */
	if (!inode->i_extra_isize || off >= inode->i_fs->inode_size)
		return 0;
	return inode->i_fs->inode_size - off;
}

int ext4_xattr_body_load(struct ext4_inode *inode, struct ext4_xattr_list *list)
{
	size_t size = ext4_xattr_body_size(inode);
	struct ext2_inode_large *raw;
	struct iocache_buf *buf;
	uint32_t end = 0;
	int err;

	if (!size || !ext4_state(inode, EXT4_STATE_XATTR))
		return ext4_xattr_parse(inode, &end, sizeof(end), 0, 0, list);
	err = ext4_inode_raw(inode, &buf, &raw);
	if (err)
		return err;
	err = ext4_xattr_parse(inode, (char *)raw + body_offset(inode), size, 0, 0, list);
	iocache_put(buf);
	return err;
}

int ext4_xattr_body_store(handle_t *handle, struct ext4_inode *inode, struct ext4_xattr_list *list)
{
	size_t size = ext4_xattr_body_size(inode);
	struct ext2_ext_attr_ibody_header *hdr;
	struct ext2_inode_large *raw;
	struct iocache_buf *buf;
	int err;

	if (ext4_xattr_list_size(list) > size)
		return list->n || size ? -ENOSPC : 0;
	err = ext4_inode_raw(inode, &buf, &raw);
	if (err)
		return err;
	err = ext4_write_access(handle, buf);
	if (!err) {
		pthread_mutex_lock(&inode->i_lock);
		hdr = (struct ext2_ext_attr_ibody_header *)((char *)raw + body_offset(inode) - sizeof(*hdr));
		hdr->h_magic = cpu_to_le32(EXT2_EXT_ATTR_MAGIC);
		err = ext4_xattr_build(list, hdr + 1, size, 0, 0, false);
		ext4_raw_inode_csum(inode, raw);
		ext4_state_set(inode, EXT4_STATE_XATTR);
		pthread_mutex_unlock(&inode->i_lock);
		if (!err)
			err = ext4_dirty(handle, buf);
	}
	iocache_put(buf);
	return err;
}
