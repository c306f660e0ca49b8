/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a FUSE mount: with fsopen() and friends, which report errors word by word,
 * mount on a descriptor, and can make the file system before anybody sees it; with mount(2) where
 * the kernel or a flag demands it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "support/kernel_mount.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW	256
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW	0x00200000
#endif
#ifndef ENOPARAM
#define ENOPARAM	519
#endif

/* What the flags are called in the new interface: a word of the context, or an attribute. */
static const struct {
	unsigned long	flag;
	const char	*word;
	unsigned int	attr;
} flag_map[] = {
	{ MS_RDONLY, "ro", MOUNT_ATTR_RDONLY },
	{ MS_SYNCHRONOUS, "sync", 0 },
	{ MS_DIRSYNC, "dirsync", 0 },
	{ MS_NOSUID, NULL, MOUNT_ATTR_NOSUID },
	{ MS_NODEV, NULL, MOUNT_ATTR_NODEV },
	{ MS_NOEXEC, NULL, MOUNT_ATTR_NOEXEC },
	{ MS_NOATIME, NULL, MOUNT_ATTR_NOATIME },
	{ MS_NODIRATIME, NULL, MOUNT_ATTR_NODIRATIME },
	{ MS_NOSYMFOLLOW, NULL, MOUNT_ATTR_NOSYMFOLLOW },
};

/* These go to mount(2). */
#define OLD_FLAGS	(MS_STRICTATIME | MS_RELATIME | MS_LAZYTIME | MS_SILENT)

void mount_init(struct mount *m, const char *subtype, int fusedev, uid_t uid, gid_t gid)
{
	*m = (struct mount) {
		.context = -1, .point = -1,
		.subtype = subtype, .fusedev = fusedev, .uid = uid, .gid = gid,
	};
}

void mount_free(struct mount *m)
{
	if (m->context >= 0)
		close(m->context);
	if (m->point >= 0)
		close(m->point);
	free(m->source);
	free(m->options);
	m->source = m->options = NULL;
	m->context = m->point = -1;
	m->created = false;
}

/* What the kernel has to say about the last error. */
static void tell_kernel_messages(const struct mount *m)
{
	char text[512];
	ssize_t len;

	while ((len = read(m->context, text, sizeof(text) - 1)) > 0) {
		text[len] = '\0';
		if (m->tell)
			m->tell(text + (text[1] == ' ' ? 2 : 0));
	}
}

static int set_string(const struct mount *m, const char *key, const char *value)
{
	if (!fsconfig(m->context, FSCONFIG_SET_STRING, key, value, 0))
		return 0;
	return -errno;
}

int mount_begin(struct mount *m, bool blkdev)
{
	m->begun = true;
	m->blkdev = blkdev;
	m->context = fsopen(blkdev ? "fuseblk" : "fuse", FSOPEN_CLOEXEC);
	return 0;
}

int mount_set_source(struct mount *m, const char *source)
{
	int err;

	m->source = strdup(source);
	if (!m->source)
		return -ENOMEM;
	err = m->context >= 0 ? set_string(m, "source", source) : 0;
	if (err) {
		tell_kernel_messages(m);
		free(m->source);
		m->source = NULL;
	}
	return err;
}

/* Attributes of the mount come as flags, and `user=' is none of the kernel's business. */
static bool is_skipped(const char *word)
{
	static const char *const skipped[] = {
		"ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "atime", "noatime",
		"diratime", "nodiratime", "relatime", "symfollow", "nosymfollow",
	};

	for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++)
		if (!strcmp(word, skipped[i]))
			return true;
	return !strncmp(word, "user=", 5);
}

static int set_word(const struct mount *m, char *word)
{
	char *value = strchr(word, '=');
	size_t len;

	if (!*word || is_skipped(word))
		return 0;
	if (!value)
		return fsconfig(m->context, FSCONFIG_SET_FLAG, word, NULL, 0) ? -errno : 0;
	*value++ = '\0';
	len = strlen(value);
	if (len > 1 && *value == '"' && value[len - 1] == '"') {
		value[len - 1] = '\0';
		value++;
	}
	return set_string(m, word, value);
}

/* Commas separate, except in double quotes. */
static int set_words(const struct mount *m, char *options)
{
	bool quoted = false, last = false;
	char *word = options;
	int err = 0;

	for (char *p = options; !err && !last; p++) {
		if (*p == '"')
			quoted = !quoted;
		if (*p && (*p != ',' || quoted))
			continue;
		last = !*p;
		*p = '\0';
		err = set_word(m, word);
		word = p + 1;
	}
	return err;
}

int mount_set_options(struct mount *m, const char *options)
{
	char *copy = strdup(options);
	int err = copy ? 0 : -ENOMEM;

	if (!err && m->context >= 0) {
		err = set_words(m, copy);
		if (err)
			tell_kernel_messages(m);
	}
	free(copy);
	if (err)
		return err;
	m->options = strdup(options);
	return m->options ? 0 : -ENOMEM;
}

bool mount_flags_harmless(unsigned long flags)
{
	for (size_t i = 0; i < sizeof(flag_map) / sizeof(flag_map[0]); i++)
		flags &= ~flag_map[i].flag;
	return !(flags & ~(unsigned long)OLD_FLAGS);
}

static int set_number(const struct mount *m, const char *key, const char *format,
		      unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), format, value);
	return set_string(m, key, text);
}

/* After this the last word on fd, rootmode and ids is ours, whatever the server's options said. */
static int set_identity(const struct mount *m, mode_t root_type)
{
	return set_number(m, "fd", "%u", m->fusedev) ?:
	       set_number(m, "rootmode", "%o", root_type) ?:
	       set_number(m, "user_id", "%u", m->uid) ?:
	       set_number(m, "group_id", "%u", m->gid);
}

/* *@fallback: the kernel does not know how, and mount(2) has to do it. */
static int create(struct mount *m, mode_t root_type, unsigned long flags, bool *fallback)
{
	int err = 0;

	m->attrs = 0;
	for (size_t i = 0; i < sizeof(flag_map) / sizeof(flag_map[0]) && !err; i++) {
		if (!(flags & flag_map[i].flag))
			continue;
		m->attrs |= flag_map[i].attr;
		if (flag_map[i].word &&
		    fsconfig(m->context, FSCONFIG_SET_FLAG, flag_map[i].word, NULL, 0))
			err = -errno;
	}
	if (!err && m->subtype) {
		err = set_string(m, "subtype", m->subtype);
		*fallback = err == -EINVAL || err == -ENOPARAM || err == -EOPNOTSUPP;
	}
	if (!err)
		err = set_identity(m, root_type);
	if (!err && fsconfig(m->context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		err = -errno;
	m->created = !err;
	if (err && !*fallback)
		tell_kernel_messages(m);
	return err;
}

bool mount_can_be_created(const struct mount *m, unsigned long flags)
{
	return m->context >= 0 && !(flags & OLD_FLAGS);
}

int mount_create(struct mount *m, mode_t root_type, unsigned long flags)
{
	bool fallback = false;

	return create(m, root_type, flags, &fallback);
}

/*
 * Only now there is a descriptor of the mount: whoever looks at all descriptors of all processes would wait there for
 * a server that does not answer yet.
 */
int mount_attach(struct mount *m)
{
	int tree = fsmount(m->context, FSMOUNT_CLOEXEC, m->attrs), err = 0;

	m->created = false;
	if (tree < 0) {
		err = -errno;
		tell_kernel_messages(m);
		return err;
	}
	if (move_mount(tree, "", m->point, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		err = -errno;
	/* It would keep the mount busy. */
	close(tree);
	return err;
}

static int mount_old(struct mount *m, mode_t root_type, unsigned long flags)
{
	char *data = NULL, *type = NULL, target[32];
	int err = -ENOMEM;

	snprintf(target, sizeof(target), "/proc/self/fd/%d", m->point);
	if (asprintf(&type, "fuse%s%s%s", m->blkdev ? "blk" : "", m->subtype ? "." : "",
		     m->subtype ?: "") < 0)
		type = NULL;
	if (asprintf(&data, "%s%sfd=%d,rootmode=%o,user_id=%u,group_id=%u", m->options ?: "",
		     m->options && *m->options ? "," : "", m->fusedev, root_type, m->uid, m->gid) < 0)
		data = NULL;
	if (type && data)
		err = mount(m->source, target, type, flags, data) ? -errno : 0;
	free(type);
	free(data);
	return err;
}

int mount_make(struct mount *m, unsigned long flags)
{
	mode_t root_type = m->point_st.st_mode & S_IFMT;
	bool fallback = false;
	int err;

	if (!mount_can_be_created(m, flags))
		return mount_old(m, root_type, flags);
	err = create(m, root_type, flags, &fallback);
	if (err)
		return fallback ? mount_old(m, root_type, flags) : err;
	err = mount_attach(m);
	if (err)
		tell_kernel_messages(m);
	return err;
}
