/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the caller typed, which is the measure of what a server may ask for.  The
 * words are read as the server reads them: the first that is no option is the device, options are
 * separated by commas, and a backslash takes the meaning from the character behind it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include "fsm.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW	256
#endif

/* Words that forbid something, and those that take it back; the last one counts. */
static const struct {
	const char	*word;
	unsigned long	set, clear;
} flag_words[] = {
	{ "ro", MS_RDONLY, 0 },			{ "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 },		{ "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 },		{ "dev", 0, MS_NODEV },
	{ "noexec", MS_NOEXEC, 0 },		{ "exec", 0, MS_NOEXEC },
	{ "nosymfollow", MS_NOSYMFOLLOW, 0 },	{ "symfollow", 0, MS_NOSYMFOLLOW },
	{ "sync", MS_SYNCHRONOUS, 0 },		{ "async", 0, MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC, 0 },		{ "noatime", MS_NOATIME, 0 },
	{ "atime", 0, MS_NOATIME },		{ "nodiratime", MS_NODIRATIME, 0 },
	{ "diratime", 0, MS_NODIRATIME },
};

static int add_word(struct typed *typed, const char *word)
{
	char **grown = reallocarray(typed->words, typed->count + 1, sizeof(char *));

	if (!grown)
		return -ENOMEM;
	typed->words = grown;
	typed->words[typed->count] = strdup(word);
	if (!typed->words[typed->count++])
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++)
		if (!strcmp(word, flag_words[i].word))
			typed->flags = (typed->flags | flag_words[i].set) & ~flag_words[i].clear;
	return 0;
}

static int add_words(struct typed *typed, const char *text)
{
	char *word = malloc(strlen(text) + 1), *to = word;
	int err = word ? 0 : -ENOMEM;

	for (const char *from = text; !err; from++) {
		if (*from && *from != ',') {
			from += *from == '\\' && from[1];
			*to++ = *from;
			continue;
		}
		*to = '\0';
		err = add_word(typed, word);
		to = word;
		if (!*from)
			break;
	}
	free(word);
	return err;
}

/* One argument that starts with '-'; *@i moves on when it takes the next one as its value. */
static int read_letters(struct typed *typed, int argc, char **argv, int *i)
{
	for (const char *p = argv[*i] + 1; *p && *p != '-'; p++) {
		if (*p == 'o' || *p == 't') {
			const char *value = p[1] ? p + 1 : ++*i < argc ? argv[*i] : "";

			return *p == 'o' ? add_words(typed, value) : 0;
		}
		if (*p == 'r')
			return add_words(typed, "ro");
	}
	return 0;
}

int typed_init(struct typed *typed, int argc, char **argv)
{
	bool only_names = false;
	int err = 0;

	/* Programs and devices of a file system that somebody else wrote are asked for, or not there. */
	*typed = (struct typed) { .flags = MS_NOSUID | MS_NODEV };
	for (int i = 1; i < argc && !err; i++) {
		if (!only_names && !strcmp(argv[i], "--"))
			only_names = true;
		else if (!only_names && argv[i][0] == '-' && argv[i][1])
			err = read_letters(typed, argc, argv, &i);
		else if (!typed->source)
			typed->source = argv[i];
	}
	return err;
}

void typed_free(struct typed *typed)
{
	for (int i = 0; i < typed->count; i++)
		free(typed->words[i]);
	free(typed->words);
	typed->words = NULL;
	typed->count = 0;
}

bool typed_has(const struct typed *typed, const char *word)
{
	for (int i = 0; i < typed->count; i++)
		if (!strcmp(typed->words[i], word))
			return true;
	return false;
}

bool typed_has_value(const struct typed *typed, const char *name, const char *value)
{
	size_t len = strlen(name);

	for (int i = 0; i < typed->count; i++)
		if (!strncmp(typed->words[i], name, len) && typed->words[i][len] == '=' &&
		    !strcmp(typed->words[i] + len + 1, value))
			return true;
	return false;
}

const char *typed_source_name(const struct typed *typed)
{
	const char *name = typed->source;

	for (int i = 0; i < typed->count; i++)
		if (!strncmp(typed->words[i], "fsname=", 7) && typed->words[i][7])
			name = typed->words[i] + 7;
	return name;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/*
 * What the kernel may hear from a server: who may look (that a user may allow it was checked),
 * and sizes.  A label is the administrator's to choose.
 */
static bool is_harmless(const struct typed *typed, const char *name, const char *value)
{
	static const char *const labels[] = { "context", "fscontext", "defcontext", "rootcontext" };

	if (!value)
		return !strcmp(name, "allow_other") || !strcmp(name, "default_permissions");
	if (!strcmp(name, "max_read") || !strcmp(name, "blksize"))
		return is_number(value);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (!strcmp(name, labels[i]))
			return typed_has_value(typed, name, value) && !strchr(value, '"');
	return false;
}

static int add_text(char **text, const char *name, const char *value)
{
	const char *quote = value && strchr(value, ',') ? "\"" : "";
	char *grown;

	if (asprintf(&grown, "%s%s%s%s%s%s%s", *text, **text ? "," : "", name,
		     value ? "=" : "", quote, value ? value : "", quote) < 0)
		return -ENOMEM;
	free(*text);
	*text = grown;
	return 0;
}

/* Words that travel as flags, and `user=', which is none of the kernel's business. */
static bool is_skipped(const char *word)
{
	for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++)
		if (!strcmp(word, flag_words[i].word))
			return true;
	return !*word || !strcmp(word, "relatime") || !strncmp(word, "user=", 5);
}

static int check_word(const struct typed *typed, char *word, char **kept)
{
	char *value = strchr(word, '=');
	size_t len;

	if (is_skipped(word))
		return 0;
	if (value)
		*value++ = '\0';
	len = value ? strlen(value) : 0;
	if (len > 1 && *value == '"' && value[len - 1] == '"') {
		value[len - 1] = '\0';
		value++;
	}
	if (is_harmless(typed, word, value))
		return add_text(kept, word, value);
	fsm_tell("the server wanted the mount option `%s', which is not for it to choose", word);
	return -EPERM;
}

/* Commas separate, except in double quotes. */
int typed_check_options(const struct typed *typed, const char *options, char **ret)
{
	char *copy = strdup(options), *word = copy, *kept = strdup("");
	bool quoted = false, last = false;
	int err = copy && kept ? 0 : -ENOMEM;

	for (char *p = copy; !err && !last; p++) {
		if (*p == '"')
			quoted = !quoted;
		if (*p && (*p != ',' || quoted))
			continue;
		last = !*p;
		*p = '\0';
		err = check_word(typed, word, &kept);
		word = p + 1;
	}
	free(copy);
	if (err)
		free(kept);
	else
		*ret = kept;
	return err;
}
