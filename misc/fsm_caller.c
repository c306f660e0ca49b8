/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's identity, fuse.conf, and where an ordinary user may mount.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "fsm.h"

#define FUSE_CONF	"/etc/fuse.conf"
#define MOUNT_MAX	1000

/* Only the effective set: what is permitted stays, for the way back. */
static bool set_effective(bool all)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	for (int i = 0; i < 2; i++)
		data[i].effective = all ? data[i].permitted : 0;
	return !syscall(SYS_capset, &header, data);
}

/* Going on with the wrong identity is worse than anything else. */
static void __attribute__((noreturn))
lost_identity(void)
{
	fsm_tell("cannot change between your rights and those of the helper: %s", strerror(errno));
	_exit(EXIT_REFUSED);
}

/*
 * The ids of a file access are not enough: a process that keeps root's effective id, or a
 * capability, may look into other processes through /proc and use files that ask for those.  (The
 * supplementary groups have been the caller's all the time.)
 */
void caller_begin(const struct caller *caller)
{
	if (!caller->uid)
		return;
	if (setresgid(-1, caller->gid, -1) || setresuid(-1, caller->uid, -1) || !set_effective(false) ||
	    geteuid() != caller->uid || getegid() != caller->gid)
		lost_identity();
}

void caller_end(const struct caller *caller)
{
	int saved = errno;

	if (caller->uid && (setresuid(-1, caller->own_uid, -1) || !set_effective(true) ||
			    setresgid(-1, caller->own_gid, -1)))
		lost_identity();
	errno = saved;
}

int caller_open(const struct caller *caller, const char *path, int flags)
{
	int fd;

	caller_begin(caller);
	fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
	fd = fd < 0 ? -errno : fd;
	caller_end(caller);
	return fd;
}

/* One line, without comment and white space at its ends. */
static void read_line(struct caller *caller, char *line)
{
	long value;
	char end;

	line[strcspn(line, "#\n")] = '\0';
	while (*line == ' ' || *line == '\t')
		line++;
	for (size_t len = strlen(line); len && strchr(" \t", line[len - 1]); len--)
		line[len - 1] = '\0';
	if (!*line)
		return;
	if (!strcmp(line, "user_allow_other"))
		caller->user_allow_other = true;
	else if (sscanf(line, "mount_max = %ld%c", &value, &end) == 1 && value >= -1)
		caller->mount_max = value;
	else
		fsm_tell("%s: not understood: `%s'", FUSE_CONF, line);
}

void caller_init(struct caller *caller)
{
	char *line = NULL;
	size_t room = 0;
	FILE *conf;
	int fd;

	*caller = (struct caller) { .uid = getuid(), .gid = getgid(), .own_uid = geteuid(),
				    .own_gid = getegid(), .mount_max = MOUNT_MAX };
	fd = caller_open(caller, FUSE_CONF, O_RDONLY);
	if (fd < 0) {
		if (fd != -ENOENT)
			fsm_tell("%s: %s", FUSE_CONF, strerror(-fd));
		return;
	}
	conf = fdopen(fd, "r");
	if (!conf) {
		close(fd);
		return;
	}
	while (getline(&line, &room, conf) >= 0)
		read_line(caller, line);
	free(line);
	fclose(conf);
}

bool caller_may_allow_other(const struct caller *caller)
{
	return !caller->uid || caller->user_allow_other;
}

int caller_check_mount_max(const struct caller *caller)
{
	FILE *mounts;
	struct mntent *ent;
	long count = 0;

	if (!caller->uid || caller->mount_max < 0)
		return 0;
	mounts = setmntent("/proc/self/mounts", "re");
	if (!mounts)
		return -errno;
	while ((ent = getmntent(mounts)))
		count += !strcmp(ent->mnt_type, "fuse") || !strncmp(ent->mnt_type, "fuse.", 5);
	endmntent(mounts);
	if (count < caller->mount_max)
		return 0;
	fsm_tell("there are %ld FUSE mounts already; mount_max in %s allows no more", count,
		 FUSE_CONF);
	return -EUSERS;
}

/*
 * A mount covers what is beneath it, and programs trust some places, such as /proc, not to
 * be an ordinary user's.  So only file systems for files.
 */
static bool type_allowed(unsigned long type)
{
	static const unsigned int allowed[] = {
		0xef53 /* ext2, ext3, ext4 */,	0x58465342 /* xfs */,	0x9123683e /* btrfs */,
		0x01021994 /* tmpfs */,		0x858458f6 /* ramfs */,	0x794c7630 /* overlay */,
		0x65735546 /* fuse */,		0x6969 /* nfs */,	0xf2f52010 /* f2fs */,
		0x4d44 /* vfat */,		0x2011bab0 /* exfat */,	0x5346544e /* ntfs */,
		0x7366746e /* ntfs3 */,		0x2fc12fc1 /* zfs */,	0xca451a4e /* bcachefs */,
		0xff534d42 /* cifs */,		0xfe534d42 /* smb2 */,	0x517b /* smb */,
		0x00c36400 /* ceph */,		0x5346414f /* afs */,	0x6b414653 /* kafs */,
		0x01021997 /* 9p */,		0xf15f /* ecryptfs */,	0x61756673 /* aufs */,
		0x52654973 /* reiserfs */,	0x3153464a /* jfs */,	0x3434 /* nilfs2 */,
		0x24051905 /* ubifs */,		0x72b6 /* jffs2 */,	0x482b /* hfsplus */,
		0x4244 /* hfs */,		0x0bd00bd0 /* lustre */, 0x01161970 /* gfs2 */,
		0x7461636f /* ocfs2 */,		0x47504653 /* gpfs */,	0x00011954 /* ufs */,
		0xadff /* affs */,		0x73717368 /* squashfs */, 0xbacbacbc /* vmhgfs */,
		0x786f4256 /* vboxsf */,	0x19830326 /* fhgfs */,	0x013111a8 /* ibrix */,
	};

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i] == (unsigned int)type)
			return true;
	return false;
}

/* Is @fd open for writing, or can the caller open the same file so? */
static bool may_write_file(const struct caller *caller, int fd, const struct stat *st)
{
	int flags = fcntl(fd, F_GETFL), again;
	char path[32];
	struct stat now;
	bool good;

	if (flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY)
		return true;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = caller_open(caller, path, O_WRONLY);
	if (again < 0)
		return false;
	good = !fstat(again, &now) && now.st_dev == st->st_dev && now.st_ino == st->st_ino;
	close(again);
	return good;
}

static bool may_write_dir(const struct caller *caller, int fd, const struct stat *st)
{
	char path[32];

	/* In a folder like /tmp only the owner may cover what others have there. */
	if ((st->st_mode & S_ISVTX) && st->st_uid != caller->uid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* access() asks for the real user. */
	return !access(path, W_OK);
}

int caller_check_mountpoint(const struct caller *caller, int fd, const struct stat *st)
{
	struct statfs fs;

	if (!caller->uid)
		return 0;
	if (!(S_ISDIR(st->st_mode) ? may_write_dir(caller, fd, st) :
				     may_write_file(caller, fd, st))) {
		fsm_tell("you may only mount on what you can write");
		return -EPERM;
	}
	if (fstatfs(fd, &fs))
		return -errno;
	if (type_allowed(fs.f_type))
		return 0;
	fsm_tell("mounting over a file system of type %#lx is not allowed",
		 (unsigned long)fs.f_type & 0xffffffff);
	return -EPERM;
}
