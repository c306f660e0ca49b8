/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arguments, the session, and the commands that lead to the mount.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <string.h>
#include <unistd.h>
#include "fuse_service/service_i.h"

#ifndef FUSE_DEV_IOC_SYNC_INIT
#define FUSE_DEV_IOC_SYNC_INIT	_IO(229, 3)
#endif

int fuse_service_append_args(struct fuse_service *sf, struct fuse_args *args)
{
	struct fuse_args all = FUSE_ARGS_INIT(0, NULL);
	struct wire_args sent;
	int err = sf->argv_fd < 0 ? -EBADF : wire_args_read(sf->argv_fd, &sent);
	bool good;

	if (err)
		return err;
	good = !fuse_opt_add_arg(&all, sent.argv[0]);
	for (int i = 1; i < args->argc && good; i++)
		good = !fuse_opt_add_arg(&all, args->argv[i]);
	for (int i = 1; i < sent.argc && good; i++)
		good = !fuse_opt_add_arg(&all, sent.argv[i]);
	wire_args_free(&sent);
	if (!good) {
		fuse_opt_free_args(&all);
		return -ENOMEM;
	}
	fuse_opt_free_args(args);
	*args = all;
	close(sf->argv_fd);
	sf->argv_fd = -1;
	return 0;
}

char *fuse_service_cmdline(int argc, const char *const *argv, const struct fuse_args *args)
{
	char *line = NULL, *grown;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return NULL;
	fprintf(out, "%s", argc ? argv[0] : "");
	if (args->argc)
		fprintf(out, " -t %s", args->argv[0]);
	for (int i = 1; i < args->argc; i++)
		fprintf(out, " %s", args->argv[i]);
	grown = fclose(out) ? NULL : line;
	if (!grown)
		free(line);
	return grown;
}

#define FLAG(text, field)	{ text, offsetof(struct fuse_cmdline_opts, field), 1 }

static int take_mountpoint(void *data, const char *arg, int key,
			   struct fuse_args *out __attribute__((unused)))
{
	struct fuse_cmdline_opts *opts = data;

	if (key != FUSE_OPT_KEY_NONOPT)
		return 1;
	if (opts->mountpoint)
		return -1;
	opts->mountpoint = strdup(arg);
	return opts->mountpoint ? 0 : -1;
}

int fuse_service_parse_cmdline_opts(struct fuse_args *args, struct fuse_cmdline_opts *opts)
{
	static const struct fuse_opt table[] = {
		FLAG("-h", show_help), FLAG("--help", show_help),
		FLAG("-V", show_version), FLAG("--version", show_version),
		FLAG("-d", debug), FLAG("debug", debug),
		FLAG("-d", foreground), FLAG("debug", foreground),
		FUSE_OPT_KEY("-d", FUSE_OPT_KEY_KEEP), FUSE_OPT_KEY("debug", FUSE_OPT_KEY_KEEP),
		FLAG("-f", foreground), FLAG("-s", singlethread),
		FLAG("clone_fd", clone_fd),
		{ "max_idle_threads=%u", offsetof(struct fuse_cmdline_opts, max_idle_threads), 0 },
		{ "max_threads=%u", offsetof(struct fuse_cmdline_opts, max_threads), 0 },
		FUSE_OPT_END
	};

	memset(opts, 0, sizeof(*opts));
	opts->max_idle_threads = -1U;
	opts->max_threads = 10;
	return fuse_opt_parse(args, opts, table, take_mountpoint);
}

/* libfuse's answers: 1 keeps the word, 0 drops it, -1 is an error. */
static int note_word(void *data, const char *arg, int key,
		     struct fuse_args *out __attribute__((unused)))
{
	int err;

	if (key != FUSE_OPT_KEY_OPT || arg[0] == '-')
		return 1;
	err = mount_words_add(data, arg);
	return err < 0 ? -1 : err;
}

struct fuse_session *fuse_service_session_new(struct fuse_service *sf, struct fuse_args *args,
					      const struct fuse_lowlevel_ops *op, size_t op_size,
					      void *userdata)
{
	if (fuse_opt_parse(args, &sf->words, NULL, note_word))
		return NULL;
	return fuse_session_new(args, op, op_size, userdata);
}

/* Since Linux 6.18. */
bool fuse_service_mount_waits(struct fuse_service *sf)
{
	if (!sf->sync_init && sf->fusedev >= 0)
		sf->sync_init = !ioctl(sf->fusedev, FUSE_DEV_IOC_SYNC_INIT);
	return sf->sync_init;
}

bool fuse_service_want_blkdev(struct fuse_service *sf, unsigned int block_size)
{
	char word[32];

	if (!(sf->hello_flags & WIRE_HELLO_FUSEBLK) || !fuse_service_mount_waits(sf))
		return false;
	snprintf(word, sizeof(word), "blksize=%u", block_size);
	if (mount_words_add(&sf->words, word))
		return false;
	sf->words.blkdev = true;
	return true;
}

int fuse_service_adopt(struct fuse_service *sf, struct fuse_session *se)
{
	char name[32];

	if (sf->fusedev < 0)
		return -EBADF;
	snprintf(name, sizeof(name), "/dev/fd/%d", sf->fusedev);
	if (fuse_session_mount(se, name))
		return -EINVAL;
	/* The session closes it. */
	sf->fusedev = -1;
	return 0;
}

static int send_text(struct fuse_service *sf, uint32_t magic, uint32_t value, const char *text)
{
	const struct wire_msg msg = { .magic = magic, .value = { value }, .text = text };

	return service_command(sf, &msg);
}

static int send_value(struct fuse_service *sf, uint32_t magic, uint32_t value)
{
	return send_text(sf, magic, value, NULL);
}

static const char *source_name(const struct mount_words *words)
{
	if (words->fsname)
		return words->fsname;
	return words->subtype ? words->subtype : "/dev/fuse";
}

int fuse_service_session_mount(struct fuse_service *sf, struct fuse_session *se,
			       mode_t expected_fmt, struct fuse_cmdline_opts *opts)
{
	const struct mount_words *words = &sf->words;
	int err = 0;

	if (sf->fusedev >= 0)
		err = fuse_service_adopt(sf, se);
	/* The type comes first: what follows is applied to it at once. */
	if (!err)
		err = send_value(sf, WIRE_FSOPEN, words->blkdev ? WIRE_FSOPEN_FUSEBLK : 0);
	if (!err)
		err = send_text(sf, WIRE_SOURCE, 0, source_name(words));
	if (!err)
		err = send_text(sf, WIRE_MNTPT, expected_fmt, opts->mountpoint);
	if (!err && words->kernel)
		err = send_text(sf, WIRE_MNTOPTS, 0, words->kernel);
	if (!err && words->mtab)
		err = send_text(sf, WIRE_MTABOPTS, 0, words->mtab);
	if (!err)
		err = send_value(sf, WIRE_MOUNT, words->flags);
	if (err)
		return err;
	opts->foreground = 1;
	return chdir("/") ? -errno : 0;
}
