/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu's convention: for each way of using an image there are two bytes.  Who uses it so has a
 * read lock on the one, who does not want others to do so has one on the other; and then everybody looks
 * whether there is anybody with the opposite.  Because all locks are for reading, a descriptor that only
 * reads will do.  The locks are of the open file, not of the process.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include "imagelock.h"

#define USED_BASE	100	/* bytes of what somebody does */
#define REFUSED_BASE	200	/* bytes of what nobody else shall do */

enum use {
	USE_READ	= 1 << 0,	/* and rely on what was read */
	USE_WRITE	= 1 << 1,
	USE_RESIZE	= 1 << 3,
	USE_BITS	= 4,
};

/* There such locks keep everybody, us as well, from writing these bytes. */
static bool is_mandatory(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return false;
	switch ((unsigned int)fs.f_type) {
	case 0xff534d42:	/* cifs */
	case 0xfe534d42:	/* smb2 */
	case 0x517b:		/* smb */
		return true;
	}
	return false;
}

static int lock_byte(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &lock) ? errno : 0;
}

static bool is_locked(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

int image_lock(int fd, bool writing)
{
	const unsigned int used = writing ? USE_READ | USE_WRITE : USE_READ, refused = USE_WRITE | USE_RESIZE;

	if (is_mandatory(fd))
		return 0;
	for (int bit = 0; bit < USE_BITS; bit++) {
		int err = used & 1 << bit ? lock_byte(fd, USED_BASE + bit) : 0;

		if (!err && refused & 1 << bit)
			err = lock_byte(fd, REFUSED_BASE + bit);
		if (err)
			return err == EAGAIN || err == EACCES ? EBUSY : 0;
	}
	for (int bit = 0; bit < USE_BITS; bit++)
		if ((used & 1 << bit && is_locked(fd, REFUSED_BASE + bit)) ||
		    (refused & 1 << bit && is_locked(fd, USED_BASE + bit)))
			return EBUSY;
	return 0;
}
