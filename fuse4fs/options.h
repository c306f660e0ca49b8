/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: what the user asked for, as a struct.  Which options there
 * are and what they set is in options.c; what they do is elsewhere.
 */
#ifndef FUSE4FS_OPTIONS_H
#define FUSE4FS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "ext4/ext4.h"
#include "parse.h"

/* Giving up rights after the start: where it is possible, or mount not at all, or never. */
enum option_sandbox { SANDBOX_AUTO, SANDBOX_DEMANDED, SANDBOX_REFUSED };

/* Whether a block device is mounted as such (fuseblk): where it is possible, or mount not at all, or never. */
enum option_blkdev { BLKDEV_AUTO, BLKDEV_DEMANDED, BLKDEV_REFUSED };

/*
 * Whether the mount may be idmapped.  The kernel then says of few requests who their user is, so by default only where we
 * can find that out by ourselves.
 */
enum option_idmap { IDMAP_WHERE_POSSIBLE, IDMAP_ALLOWED, IDMAP_REFUSED };

struct options {
	char		program[32];	/* name for messages: fuse4fs or fuse2fs */
	char		*device;	/* as given */
	char		*mountpoint;	/* as given */

	bool		help, version;
	bool		foreground;
	bool		debug;		/* engine's debug messages */
	bool		trace;		/* -d: libfuse prints every request; implies foreground */
	bool		single_thread;
	bool		timing;

	/* The engine's part; device_name, journal_dev and log are filled in later. */
	struct ext4_mount_opts mount;
	uint64_t	offset;		/* bytes */
	char		*journal_path;
	uint64_t	journal_dev;	/* device number as the kernel encodes it; 0 = not given */

	bool		kernel;		/* behave like the kernel driver */
	bool		fakeroot;
	enum option_idmap idmap;
	bool		loop;		/* an image file by way of a loop device */
	bool		trust_root;	/* uid 0 has all capabilities */
	bool		nosymfollow;	/* an attribute of the mount, which fusermount3 does not know */
	bool		default_opts;	/* fsname= and subtype= when the user gave none */
	bool		has_fsname, has_subtype, auto_unmount;
	enum option_blkdev blkdev;
	bool		squash_uids, squash_gids;
	uid_t		squash_uid;
	gid_t		squash_gid;

	char		*lockfile, *logfile;
	enum option_sandbox sandbox;
	bool		service;	/* only as a service */
	bool		has_oom_score;
	int64_t		oom_score_adj;

	struct word_list fuse;		/* words for libfuse */
	struct word_list ignored;	/* words that were accepted and cannot be honoured */
};

/* Defaults; @program is argv[0]. */
void options_init(struct options *opt, const char *program);
/*
 * Read the command line.  False when it is wrong: @reason then has one sentence
 * that names the option.  Reads only the environment besides @argv
 * (FUSE4FS_LOGFILE, FUSE2FS_LOGFILE).
 */
bool options_parse(struct options *opt, int argc, char **argv, char *reason, size_t size);
void options_free(struct options *opt);
void options_usage(const struct options *opt, FILE *out);
/*
 * The -o text for libfuse, with our defaults added: to be freed by the caller.
 * @source is shown as the mount's source.  NULL when memory is short.
 */
char *options_for_fuse(const struct options *opt, const char *source);

#endif /* FUSE4FS_OPTIONS_H */
