/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a FUSE mount, for programs that may mount: what the mount service's helper and the server
 * as root have in common.  Errors are negative errno values.
 */
#ifndef SUPPORT_KERNEL_MOUNT_H
#define SUPPORT_KERNEL_MOUNT_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct mount {
	int		context;	/* of fsopen(), or -1: mount(2) */
	bool		created;	/* there is a file system, which is not mounted yet */
	unsigned int	attrs;		/* of the mount, then */
	bool		begun, blkdev;
	const char	*subtype;	/* the caller's, for as long as this lives; may be NULL */
	char		*source, *options;
	int		point;		/* the mount point, or -1 */
	struct stat	point_st;
	int		fusedev;	/* the caller's */
	uid_t		uid;		/* whose mount it is */
	gid_t		gid;
	void		(*tell)(const char *message);	/* what the kernel says about an error; may be NULL */
};

void mount_init(struct mount *m, const char *subtype, int fusedev, uid_t uid, gid_t gid);
/* Closes the mount point; a mount that was created and not attached goes away. */
void mount_free(struct mount *m);
int mount_begin(struct mount *m, bool blkdev);
int mount_set_source(struct mount *m, const char *source);
/* May be called again after a failure. */
int mount_set_options(struct mount *m, const char *options);
/* MS_* without those that could do something else than mount this file system. */
bool mount_flags_harmless(unsigned long flags);
/* Does the kernel have what mount_create() needs? */
bool mount_can_be_created(const struct mount *m, unsigned long flags);
/*
 * Make the file system, whose root is a @root_type (S_IFDIR): a block device is claimed by the kernel from here on,
 * and INIT is on its way.  Nobody sees it before mount_attach() puts it on m->point.
 */
int mount_create(struct mount *m, mode_t root_type, unsigned long flags);
int mount_attach(struct mount *m);
/* Both at once, in whatever way the kernel knows; m->point_st says what the root is. */
int mount_make(struct mount *m, unsigned long flags);

#endif /* SUPPORT_KERNEL_MOUNT_H */
