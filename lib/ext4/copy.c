/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying from file to file without the data leaving the engine.
 */
#include <stdlib.h>
#include "ext4/data_i.h"

#define COPY_CHUNK	((size_t)1 << 20)	/* bytes */

static int check_copy(struct ext4_inode *src, off_t src_off, struct ext4_inode *dst, off_t dst_off, size_t len)
{
	off_t end;

	if (src->i_fs != dst->i_fs)
		return -EXDEV;
	if (S_ISDIR(src->i_type) || S_ISDIR(dst->i_type))
		return -EISDIR;
	if (!S_ISREG(src->i_type) || !S_ISREG(dst->i_type) || src_off < 0 || dst_off < 0)
		return -EINVAL;
	if (__builtin_add_overflow(src_off, len, &end) || __builtin_add_overflow(dst_off, len, &end))
		return -EOVERFLOW;
	if (src == dst && src_off < dst_off + (off_t)len && dst_off < src_off + (off_t)len)
		return -EINVAL;
	return ext4_check_rw(dst->i_fs);
}

/* Whatever is refused is refused before the set-id bits go. */
static int begin_copy(struct ext4_inode *dst, off_t off, const struct ext4_cred *cred)
{
	int err = 0;

	ext4_lock(dst);
	if (dst->i_flags & EXT2_IMMUTABLE_FL ||
	    (dst->i_flags & EXT2_APPEND_FL && (uint64_t)off < ext4_isize(dst)))
		err = -EPERM;
	else if ((uint64_t)off >= ext4_max_size(dst))
		err = -EFBIG;
	else
		err = ext4_kill_privileges(dst, cred);
	ext4_unlock(dst);
	return err;
}

ssize_t ext4_copy_range(struct ext4_inode *src, off_t src_off, struct ext4_inode *dst, off_t dst_off, size_t len,
			const struct ext4_cred *cred)
{
	int err = check_copy(src, src_off, dst, dst_off, len);
	size_t done = 0, chunk = len < COPY_CHUNK ? len : COPY_CHUNK;
	ssize_t got = 0, put = 0;
	void *buf;

	if (err || !len)
		return err;
	/* Aligned for a device that is read without the kernel's cache. */
	if (posix_memalign(&buf, 4096, chunk))
		return -ENOMEM;
	err = begin_copy(dst, dst_off, cred);
	while (!err && done < len && put == got) {
		got = ext4_read(src, buf, len - done < chunk ? len - done : chunk, src_off + done);
		if (got <= 0)
			break;
		put = ext4_write(dst, buf, got, dst_off + done, 0, cred);
		if (put > 0)
			done += put;
	}
	free(buf);
	if (!err)
		err = got < 0 ? got : put < 0 ? put : 0;
	return done ? (ssize_t)done : err;
}
