/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * POSIX ACLs: their form on disk and in the system.posix_acl_* attributes,
 * inheritance from default ACLs, and their ties to the mode.  Who may do what
 * is the caller's to decide.
 */
#include <stdlib.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include "ext4/xattr_i.h"

#define SHORT_ENTRY	sizeof(struct ext4_acl_entry_short)
#define LONG_ENTRY	sizeof(struct ext4_acl_entry)
#define ENTRIES_MAX	8192		/* in an attribute of 64 KiB */

struct ace {
	uint16_t	tag, perm;
	uint32_t	id;
};

struct acl {
	unsigned int	n;
	struct ace	e[];
};

static bool has_id(uint16_t tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

static struct acl *new_acl(unsigned int n)
{
	return n > ENTRIES_MAX ? NULL : calloc(1, sizeof(struct acl) + n * sizeof(struct ace));
}

/* ---- checks ---- */

static int rank(uint16_t tag)
{
	switch (tag) {
	case ACL_USER_OBJ:
		return 1;
	case ACL_USER:
		return 2;
	case ACL_GROUP_OBJ:
		return 3;
	case ACL_GROUP:
		return 4;
	case ACL_MASK:
		return 5;
	case ACL_OTHER:
		return 6;
	default:
		return 0;
	}
}

/* In order, the three base entries once, a mask where named users or groups are. */
static bool valid(const struct acl *acl)
{
	unsigned int seen[7] = { 0 }, i;
	int last = 0, r;

	for (i = 0; i < acl->n; i++) {
		r = rank(acl->e[i].tag);
		if (!r || r < last || acl->e[i].perm & ~7U)
			return false;
		seen[r]++;
		last = r;
	}
	return seen[1] == 1 && seen[3] == 1 && seen[6] == 1 && seen[5] <= 1 &&
	       (seen[5] || (!seen[2] && !seen[4]));
}

/* ---- the form of the attributes ---- */

/* @value comes as it lay in a message: anywhere. */
static int parse_xattr(const void *value, size_t size, struct acl **ret)
{
	struct posix_acl_xattr_header hdr;
	struct posix_acl_xattr_entry e;
	const char *p = value;
	struct acl *acl;
	unsigned int i, n;

	if (size < sizeof(hdr) || (size - sizeof(hdr)) % sizeof(e))
		return -EINVAL;
	memcpy(&hdr, p, sizeof(hdr));
	if (hdr.a_version != cpu_to_le32(POSIX_ACL_XATTR_VERSION))
		return -EINVAL;
	n = (size - sizeof(hdr)) / sizeof(e);
	acl = new_acl(n);
	if (!acl)
		return -ENOMEM;
	acl->n = n;
	for (i = 0, p += sizeof(hdr); i < n; i++, p += sizeof(e)) {
		memcpy(&e, p, sizeof(e));
		acl->e[i] = (struct ace){ le16_to_cpu(e.e_tag), le16_to_cpu(e.e_perm), le32_to_cpu(e.e_id) };
	}
	if (!valid(acl)) {
		free(acl);
		return -EINVAL;
	}
	*ret = acl;
	return 0;
}

static int format_xattr(const struct acl *acl, void **out, size_t *size)
{
	struct posix_acl_xattr_header *hdr;
	struct posix_acl_xattr_entry *e;
	unsigned int i;

	*size = sizeof(*hdr) + acl->n * sizeof(*e);
	hdr = malloc(*size);
	if (!hdr)
		return -ENOMEM;
	hdr->a_version = cpu_to_le32(POSIX_ACL_XATTR_VERSION);
	e = (struct posix_acl_xattr_entry *)(hdr + 1);
	for (i = 0; i < acl->n; i++)
		e[i] = (struct posix_acl_xattr_entry){
			.e_tag = cpu_to_le16(acl->e[i].tag),
			.e_perm = cpu_to_le16(acl->e[i].perm),
			.e_id = cpu_to_le32(has_id(acl->e[i].tag) ? acl->e[i].id : ACL_UNDEFINED_ID),
		};
	*out = hdr;
	return 0;
}

/* ---- the form on disk ---- */

static int parse_disk(struct ext4_inode *inode, const void *value, size_t size, struct acl **ret)
{
	const struct ext4_acl_header *hdr = value;
	const char *p = value, *end = p + size;
	struct acl *acl;

	if (size < sizeof(*hdr) || hdr->a_version != cpu_to_le32(EXT4_ACL_VERSION))
		return ext4_corrupt(inode->i_fs, inode->i_ino, 0, "an ACL has a bad header");
	acl = new_acl((size - sizeof(*hdr)) / SHORT_ENTRY);
	if (!acl)
		return -ENOMEM;
	for (p += sizeof(*hdr); p < end; acl->n++) {
		const struct ext4_acl_entry *e = (const void *)p;
		struct ace *to = &acl->e[acl->n];
		size_t left = end - p, need;

		need = left >= SHORT_ENTRY && has_id(le16_to_cpu(e->e_tag)) ? LONG_ENTRY : SHORT_ENTRY;
		if (left < need) {
			free(acl);
			return ext4_corrupt(inode->i_fs, inode->i_ino, 0, "an ACL is cut off");
		}
		to->tag = le16_to_cpu(e->e_tag);
		to->perm = le16_to_cpu(e->e_perm);
		to->id = need == LONG_ENTRY ? le32_to_cpu(e->e_id) : 0;
		p += need;
	}
	if (!valid(acl)) {
		free(acl);
		return ext4_corrupt(inode->i_fs, inode->i_ino, 0, "an ACL lacks entries or is out of order");
	}
	*ret = acl;
	return 0;
}

static int format_disk(const struct acl *acl, void **out, size_t *size)
{
	struct ext4_acl_header *hdr;
	unsigned int i;
	char *p;

	hdr = malloc(sizeof(*hdr) + acl->n * LONG_ENTRY);
	if (!hdr)
		return -ENOMEM;
	hdr->a_version = cpu_to_le32(EXT4_ACL_VERSION);
	p = (char *)(hdr + 1);
	for (i = 0; i < acl->n; i++) {
		struct ext4_acl_entry *e = (struct ext4_acl_entry *)p;

		e->e_tag = cpu_to_le16(acl->e[i].tag);
		e->e_perm = cpu_to_le16(acl->e[i].perm);
		if (has_id(acl->e[i].tag))
			e->e_id = cpu_to_le32(acl->e[i].id);
		p += has_id(acl->e[i].tag) ? LONG_ENTRY : SHORT_ENTRY;
	}
	*out = hdr;
	*size = p - (char *)hdr;
	return 0;
}

int ext4_acl_to_disk(const void *value, size_t size, void **out, size_t *out_size)
{
	struct acl *acl;
	int err = parse_xattr(value, size, &acl);

	if (err)
		return err;
	err = format_disk(acl, out, out_size);
	free(acl);
	return err;
}

int ext4_acl_from_disk(struct ext4_inode *inode, const void *value, size_t size, void **out, size_t *out_size)
{
	struct acl *acl;
	int err = parse_disk(inode, value, size, &acl);

	if (err)
		return err;
	err = format_xattr(acl, out, out_size);
	free(acl);
	return err;
}

/* ---- ACLs and modes ---- */

static struct ace *find(struct acl *acl, uint16_t tag)
{
	unsigned int i;

	for (i = 0; i < acl->n; i++)
		if (acl->e[i].tag == tag)
			return &acl->e[i];
	return NULL;
}

/* The group bits of a mode are the mask's, where there is one. */
static struct ace *group_class(struct acl *acl)
{
	struct ace *mask = find(acl, ACL_MASK);

	return mask ? mask : find(acl, ACL_GROUP_OBJ);
}

static mode_t mode_of(struct acl *acl)
{
	return find(acl, ACL_USER_OBJ)->perm << 6 | group_class(acl)->perm << 3 | find(acl, ACL_OTHER)->perm;
}

static bool says_only_mode(const struct acl *acl)
{
	return acl->n == 3;
}

int ext4_acl_apply_mode(struct ext4_inode *inode, const void *value, size_t size)
{
	struct acl *acl;
	int err = parse_xattr(value, size, &acl);

	if (err)
		return err;
	ext4_mode_set(inode, (inode->i_mode & ~0777) | mode_of(acl));
	err = says_only_mode(acl);
	free(acl);
	return err;
}

static int load(struct ext4_inode *inode, int index, struct acl **ret)
{
	ssize_t size = ext4_xattr_get(inode, index, "", NULL, 0);
	void *value;
	int err;

	*ret = NULL;
	if (size < 0)
		return size == -ENODATA ? 0 : (int)size;
	value = malloc(size ? size : 1);
	if (!value)
		return -ENOMEM;
	size = ext4_xattr_get(inode, index, "", value, size);
	err = size < 0 ? (int)size : parse_disk(inode, value, size, ret);
	free(value);
	return err;
}

static int store(handle_t *handle, struct ext4_inode *inode, int index, const struct acl *acl)
{
	size_t size;
	void *value;
	int err = format_disk(acl, &value, &size);

	if (err)
		return err;
	err = ext4_xattr_set(handle, inode, index, "", value, size, 0);
	free(value);
	return err;
}

int ext4_acl_chmod(handle_t *handle, struct ext4_inode *inode)
{
	struct acl *acl;
	int err;

	if (!inode->i_fs->acl || S_ISLNK(inode->i_type))
		return 0;
	err = load(inode, EXT2_EXT_ATTR_INDEX_POSIX_ACL_ACCESS, &acl);
	if (err || !acl)
		return err;
	find(acl, ACL_USER_OBJ)->perm = inode->i_mode >> 6 & 7;
	group_class(acl)->perm = inode->i_mode >> 3 & 7;
	find(acl, ACL_OTHER)->perm = inode->i_mode & 7;
	err = store(handle, inode, EXT2_EXT_ATTR_INDEX_POSIX_ACL_ACCESS, acl);
	free(acl);
	return err;
}

/* What a default ACL gives, cut down by the mode that the creator asked for, which it cuts in turn. */
static void mask_by_mode(struct acl *acl, uint16_t *mode)
{
	find(acl, ACL_USER_OBJ)->perm &= *mode >> 6;
	group_class(acl)->perm &= *mode >> 3;
	find(acl, ACL_OTHER)->perm &= *mode;
	*mode = (*mode & ~0777) | mode_of(acl);
}

int ext4_init_acl(handle_t *handle, struct ext4_inode *inode, struct ext4_inode *dir, mode_t umask)
{
	struct acl *acl = NULL;
	int err = 0;

	if (S_ISLNK(inode->i_type))
		return 0;
	if (inode->i_fs->acl)
		err = load(dir, EXT2_EXT_ATTR_INDEX_POSIX_ACL_DEFAULT, &acl);
	if (err)
		return err;
	if (!acl) {
		inode->i_mode &= ~umask;
		return 0;
	}
	if (S_ISDIR(inode->i_type))
		err = store(handle, inode, EXT2_EXT_ATTR_INDEX_POSIX_ACL_DEFAULT, acl);
	mask_by_mode(acl, &inode->i_mode);
	if (!err && !says_only_mode(acl))
		err = store(handle, inode, EXT2_EXT_ATTR_INDEX_POSIX_ACL_ACCESS, acl);
	free(acl);
	return err;
}
