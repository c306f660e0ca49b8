/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which mount option goes where.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include "fuse_service/words.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW	256
#endif

static const struct flag_word {
	const char	*word;
	unsigned long	set, clear;
} flag_words[] = {
	{ "ro", MS_RDONLY, 0 },			{ "rw", 0, MS_RDONLY },
	{ "suid", 0, MS_NOSUID },		{ "nosuid", MS_NOSUID, 0 },
	{ "dev", 0, MS_NODEV },			{ "nodev", MS_NODEV, 0 },
	{ "exec", 0, MS_NOEXEC },		{ "noexec", MS_NOEXEC, 0 },
	{ "async", 0, MS_SYNCHRONOUS },		{ "sync", MS_SYNCHRONOUS, 0 },
	{ "dirsync", MS_DIRSYNC, 0 },		{ "atime", 0, MS_NOATIME },
	{ "noatime", MS_NOATIME, 0 },		{ "nodiratime", MS_NODIRATIME, 0 },
	{ "nostrictatime", 0, MS_STRICTATIME },
	{ "symfollow", 0, MS_NOSYMFOLLOW },	{ "nosymfollow", MS_NOSYMFOLLOW, 0 },
};

/* Words, or their part up to '=', that the kernel wants to see. */
static const char *const kernel_words[] = {
	"allow_other", "default_permissions", "blksize=", "max_read=",
	"context=", "fscontext=", "defcontext=", "rootcontext=",
};

static bool starts_with(const char *word, const char *start)
{
	return !strncmp(word, start, strlen(start));
}

static bool is_kernel_word(const char *word)
{
	for (size_t i = 0; i < sizeof(kernel_words) / sizeof(kernel_words[0]); i++) {
		const char *known = kernel_words[i];

		if (strchr(known, '=') ? starts_with(word, known) : !strcmp(word, known))
			return true;
	}
	return false;
}

/* A value with a comma in it travels in quotes, as SELinux contexts do. */
static int append(char **list, const char *word)
{
	const char *value = strchr(word, '=');
	bool quote = value && strchr(word, ',') && value[1] != '"';
	char *grown;

	if (asprintf(&grown, "%s%s%.*s%s%s%s", *list ? *list : "", *list ? "," : "",
		     (int)(quote ? value + 1 - word : 0), word, quote ? "\"" : "",
		     quote ? value + 1 : word, quote ? "\"" : "") < 0)
		return -ENOMEM;
	free(*list);
	*list = grown;
	return 0;
}

static int replace(char **text, const char *value)
{
	free(*text);
	*text = strdup(value);
	return *text ? 0 : -ENOMEM;
}

int mount_words_add(struct mount_words *words, const char *word)
{
	for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++) {
		if (strcmp(word, flag_words[i].word))
			continue;
		words->flags = (words->flags | flag_words[i].set) & ~flag_words[i].clear;
		return 0;
	}
	if (starts_with(word, "fsname="))
		return replace(&words->fsname, word + 7);
	if (starts_with(word, "subtype="))
		return replace(&words->subtype, word + 8);
	if (!strcmp(word, "blkdev")) {
		words->blkdev = true;
		return 0;
	}
	/* There is nobody who could unmount for us. */
	if (!strcmp(word, "auto_unmount"))
		return 0;
	if (starts_with(word, "user=") || starts_with(word, "x-"))
		return append(&words->mtab, word);
	/* The session enforces this one, and the kernel must let everybody through. */
	if (!strcmp(word, "allow_root"))
		return append(&words->kernel, "allow_other") ? -ENOMEM : 1;
	if (!is_kernel_word(word))
		return 1;
	if (append(&words->kernel, word))
		return -ENOMEM;
	return starts_with(word, "max_read=");
}

void mount_words_init(struct mount_words *words)
{
	memset(words, 0, sizeof(*words));
	words->flags = MS_NOSUID | MS_NODEV;
}

void mount_words_free(struct mount_words *words)
{
	free(words->kernel);
	free(words->mtab);
	free(words->fsname);
	free(words->subtype);
	memset(words, 0, sizeof(*words));
}
