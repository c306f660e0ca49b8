/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of mount options and what each one sets.  An option that is not in
 * the table is refused by name.  What the options do is elsewhere.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "options.h"

/* What an option's word is followed by, and where its value goes. */
enum option_kind {
	OPT_BOOL,	/* no value; stores def->set in a bool */
	OPT_ENUM,	/* no value; stores def->set in an int */
	OPT_BOOL_OPT,	/* "=0" or another number may follow; alone it means 1 */
	OPT_SECONDS,	/* unsigned int */
	OPT_U64,
	OPT_SIZE,	/* uint64_t with unit */
	OPT_TEXT,
	OPT_CALL,	/* def->call stores it; value required */
	OPT_CALL_OPT,	/* def->call stores it; value may be missing (NULL) */
	OPT_FUSE,	/* goes to libfuse as it is, value or not */
	OPT_QUIET,	/* for mount(8) and friends: nothing to do here, value or not */
	OPT_IGNORED,	/* accepted, and said once that it changes nothing, value or not */
	OPT_REFUSED,	/* known, and impossible: def->why (of others: for values that are) */
};

struct option_def {
	const char	*name;
	enum option_kind kind;
	size_t		offset;		/* of the field in struct options */
	int		set;
	uint64_t	min, max;
	bool		(*call)(struct options *opt, const char *value);
	bool		to_fuse;	/* libfuse gets the word too */
	const char	*why;
};

#define F(field)	offsetof(struct options, field)

static bool set_errors(struct options *opt, const char *value)
{
	if (!strcmp(value, "continue"))
		opt->mount.errors = EXT4_ERRORS_CONTINUE;
	else if (!strcmp(value, "remount-ro"))
		opt->mount.errors = EXT4_ERRORS_RO;
	else if (!strcmp(value, "panic"))
		opt->mount.errors = EXT4_ERRORS_PANIC;
	else
		return false;
	return true;
}

static bool set_data(struct options *opt, const char *value)
{
	if (!strcmp(value, "ordered"))
		opt->mount.data = EXT4_DATA_ORDERED;
	else if (!strcmp(value, "writeback"))
		opt->mount.data = EXT4_DATA_WRITEBACK;
	else if (!strcmp(value, "journal"))
		opt->mount.data = EXT4_DATA_JOURNAL;
	else
		return false;
	return true;
}

/* Not replaying the journal is only safe when nothing is written either. */
static bool set_noload(struct options *opt, const char *value __attribute__((unused)))
{
	opt->mount.noload = true;
	opt->mount.read_only = true;
	return word_list_add(&opt->fuse, "ro", NULL);
}

static bool set_kernel(struct options *opt, const char *value __attribute__((unused)))
{
	opt->kernel = true;
	return true;
}

/* mount(8) does it by itself, and then names the device; its value, a device, is for mount(8). */
static bool set_loop(struct options *opt, const char *value __attribute__((unused)))
{
	opt->loop = true;
	return true;
}

static bool set_resuid(struct options *opt, const char *value)
{
	uint64_t id;

	if (!parse_number(value, 0, UINT32_MAX - 1, &id))
		return false;
	opt->mount.has_resuid = true;
	opt->mount.resuid = id;
	return true;
}

static bool set_resgid(struct options *opt, const char *value)
{
	uint64_t id;

	if (!parse_number(value, 0, UINT32_MAX - 1, &id))
		return false;
	opt->mount.has_resgid = true;
	opt->mount.resgid = id;
	return true;
}

/* Copies of the superblock and of the descriptors with it are old: good enough to look. */
static bool set_sb(struct options *opt, const char *value)
{
	if (!parse_number(value, 1, UINT32_MAX, &opt->mount.sb))
		return false;
	if (opt->mount.sb == 1)
		return true;
	opt->mount.read_only = true;
	return word_list_add(&opt->fuse, "ro", NULL);
}

static bool set_squash_uids(struct options *opt, const char *value)
{
	uint64_t id = getuid();

	if (value && !parse_number(value, 0, UINT32_MAX - 1, &id))
		return false;
	opt->squash_uids = true;
	opt->squash_uid = id;
	return true;
}

static bool set_squash_gids(struct options *opt, const char *value)
{
	uint64_t id = getgid();

	if (value && !parse_number(value, 0, UINT32_MAX - 1, &id))
		return false;
	opt->squash_gids = true;
	opt->squash_gid = id;
	return true;
}

static bool set_oom_score(struct options *opt, const char *value)
{
	opt->has_oom_score = true;
	return parse_signed(value, -1000, 1000, &opt->oom_score_adj);
}

static bool set_init_itable(struct options *opt, const char *value)
{
	uint64_t pace;

	opt->mount.init_itable = true;
	return !value || parse_number(value, 0, UINT32_MAX, &pace);
}

/* As the kernel's for a device that cannot do it: only what does not insist. */
static bool set_dax(struct options *opt __attribute__((unused)), const char *value)
{
	return value && (!strcmp(value, "inode") || !strcmp(value, "never"));
}

static bool set_fsname(struct options *opt, const char *value)
{
	opt->has_fsname = true;
	return word_list_add(&opt->fuse, "fsname", value);
}

static bool set_subtype(struct options *opt, const char *value)
{
	opt->has_subtype = true;
	return word_list_add(&opt->fuse, "subtype", value);
}

static const struct option_def table[] = {
	{ "ro", OPT_BOOL, F(mount.read_only), true, .to_fuse = true },
	{ "rw", OPT_BOOL, F(mount.read_only), false, .to_fuse = true },
	{ "norecovery", OPT_CALL_OPT, .call = set_noload },
	{ "noload", OPT_CALL_OPT, .call = set_noload },
	{ "errors", OPT_CALL, .call = set_errors },
	{ "data", OPT_CALL, .call = set_data },
	{ "commit", OPT_SECONDS, F(mount.commit_interval), .max = 86400 },
	{ "flush_interval", OPT_SECONDS, F(mount.flush_interval), .max = 86400 },
	{ "barrier", OPT_BOOL_OPT, F(mount.barrier) },
	{ "nobarrier", OPT_BOOL, F(mount.barrier), false },
	{ "journal_path", OPT_TEXT, F(journal_path) },
	{ "journal_dev", OPT_U64, F(journal_dev), .min = 1, .max = UINT32_MAX },
	{ "journal_async_commit", OPT_BOOL, F(mount.async_commit), true },
	{ "cache_size", OPT_SIZE, F(mount.cache_bytes), .max = INT64_MAX },
	{ "sb", OPT_CALL, .call = set_sb },
	{ "loop", OPT_CALL_OPT, .call = set_loop },
	{ "offset", OPT_SIZE, F(offset), .max = INT64_MAX },
	{ "sync", OPT_BOOL, F(mount.sync), true, .to_fuse = true },
	{ "async", OPT_BOOL, F(mount.sync), false, .to_fuse = true },
	{ "dirsync", OPT_BOOL, F(mount.dirsync), true, .to_fuse = true },
	{ "directio", OPT_BOOL, F(mount.direct_io), true },
	{ "relatime", OPT_ENUM, F(mount.atime), EXT4_ATIME_RELATIME },
	{ "norelatime", OPT_ENUM, F(mount.atime), EXT4_ATIME_RELATIME },
	{ "atime", OPT_ENUM, F(mount.atime), EXT4_ATIME_RELATIME },
	{ "strictatime", OPT_ENUM, F(mount.atime), EXT4_ATIME_STRICT },
	{ "nostrictatime", OPT_ENUM, F(mount.atime), EXT4_ATIME_RELATIME },
	{ "noatime", OPT_ENUM, F(mount.atime), EXT4_ATIME_NONE, .to_fuse = true },
	{ "nodiratime", OPT_BOOL, F(mount.nodiratime), true },
	{ "diratime", OPT_BOOL, F(mount.nodiratime), false },
	{ "lazytime", OPT_BOOL, F(mount.lazytime), true },
	{ "nolazytime", OPT_BOOL, F(mount.lazytime), false },
	{ "acl", OPT_ENUM, F(mount.acl), EXT4_ON },
	{ "noacl", OPT_ENUM, F(mount.acl), EXT4_OFF },
	{ "user_xattr", OPT_ENUM, F(mount.user_xattr), EXT4_ON },
	{ "nouser_xattr", OPT_ENUM, F(mount.user_xattr), EXT4_OFF },
	{ "grpid", OPT_BOOL, F(mount.grpid), true },
	{ "bsdgroups", OPT_BOOL, F(mount.grpid), true },
	{ "nogrpid", OPT_BOOL, F(mount.grpid), false },
	{ "sysvgroups", OPT_BOOL, F(mount.grpid), false },
	{ "minixdf", OPT_BOOL, F(mount.minix_df), true },
	{ "bsddf", OPT_BOOL, F(mount.minix_df), false },
	{ "resuid", OPT_CALL, .call = set_resuid },
	{ "resgid", OPT_CALL, .call = set_resgid },
	{ "discard", OPT_BOOL, F(mount.discard), true },
	{ "nodiscard", OPT_BOOL, F(mount.discard), false },
	{ "init_itable", OPT_CALL_OPT, .call = set_init_itable },
	{ "noinit_itable", OPT_BOOL, F(mount.init_itable), false },

	{ "kernel", OPT_CALL_OPT, .call = set_kernel },
	{ "fakeroot", OPT_BOOL, F(fakeroot), true },
	{ "idmap", OPT_ENUM, F(idmap), IDMAP_ALLOWED },
	{ "noidmap", OPT_ENUM, F(idmap), IDMAP_REFUSED },
	{ "trust_root", OPT_BOOL, F(trust_root), true },
	{ "squash_uids", OPT_CALL_OPT, .call = set_squash_uids },
	{ "squash_gids", OPT_CALL_OPT, .call = set_squash_gids },
	{ "lockfile", OPT_TEXT, F(lockfile) },
	{ "logfile", OPT_TEXT, F(logfile) },
	{ "no_default_opts", OPT_BOOL, F(default_opts), false },
	{ "sandbox", OPT_ENUM, F(sandbox), SANDBOX_DEMANDED },
	{ "nosandbox", OPT_ENUM, F(sandbox), SANDBOX_REFUSED },
	{ "service", OPT_BOOL, F(service), true },
	{ "oom_score_adj", OPT_CALL, .call = set_oom_score },
	{ "debug", OPT_BOOL, F(debug), true },
	{ "timing", OPT_BOOL, F(timing), true },

	{ "fsname", OPT_CALL, .call = set_fsname },
	{ "subtype", OPT_CALL, .call = set_subtype },
	{ "blkdev", OPT_ENUM, F(blkdev), BLKDEV_DEMANDED },
	{ "noblkdev", OPT_ENUM, F(blkdev), BLKDEV_REFUSED },
	{ "auto_unmount", OPT_BOOL, F(auto_unmount), true, .to_fuse = true },
	{ "allow_other", OPT_FUSE }, { "allow_root", OPT_FUSE },
	{ "suid", OPT_FUSE }, { "nosuid", OPT_FUSE }, { "dev", OPT_FUSE }, { "nodev", OPT_FUSE },
	{ "exec", OPT_FUSE }, { "noexec", OPT_FUSE },
	{ "symfollow", OPT_BOOL, F(nosymfollow), false },
	{ "nosymfollow", OPT_BOOL, F(nosymfollow), true },
	{ "context", OPT_FUSE }, { "fscontext", OPT_FUSE },
	{ "defcontext", OPT_FUSE }, { "rootcontext", OPT_FUSE },

	/* We always do this unless fakeroot says otherwise. */
	{ "default_permissions", OPT_QUIET },
	{ "defaults", OPT_QUIET }, { "auto", OPT_QUIET }, { "noauto", OPT_QUIET },
	{ "user", OPT_QUIET }, { "nouser", OPT_QUIET }, { "users", OPT_QUIET },
	{ "nousers", OPT_QUIET }, { "owner", OPT_QUIET }, { "noowner", OPT_QUIET },
	{ "group", OPT_QUIET }, { "nogroup", OPT_QUIET }, { "_netdev", OPT_QUIET },
	{ "nofail", OPT_QUIET }, { "comment", OPT_QUIET }, 
	{ "uhelper", OPT_QUIET }, { "helper", OPT_QUIET }, { "seclabel", OPT_QUIET },
	{ "silent", OPT_QUIET }, { "loud", OPT_QUIET }, { "noquota", OPT_QUIET },
	{ "delalloc", OPT_QUIET }, { "block_validity", OPT_QUIET },

	{ "nodelalloc", OPT_IGNORED }, { "noblock_validity", OPT_IGNORED },
	{ "iversion", OPT_IGNORED }, { "noiversion", OPT_QUIET }, { "i_version", OPT_IGNORED },
	{ "mand", OPT_IGNORED }, { "nomand", OPT_QUIET },
	{ "auto_da_alloc", OPT_IGNORED }, { "noauto_da_alloc", OPT_IGNORED },
	{ "stripe", OPT_IGNORED }, { "inode_readahead_blks", OPT_IGNORED },
	{ "journal_ioprio", OPT_IGNORED }, { "journal_checksum", OPT_IGNORED },
	{ "nojournal_checksum", OPT_IGNORED }, { "max_batch_time", OPT_IGNORED },
	{ "min_batch_time", OPT_IGNORED }, { "data_err", OPT_IGNORED },
	{ "dioread_lock", OPT_IGNORED }, { "dioread_nolock", OPT_IGNORED },
	{ "nodioread_nolock", OPT_IGNORED }, { "inlinecrypt", OPT_IGNORED },
	{ "usrjquota", OPT_IGNORED }, { "grpjquota", OPT_IGNORED }, { "jqfmt", OPT_IGNORED },
	{ "debug_want_extra_isize", OPT_IGNORED }, { "abort", OPT_IGNORED },
	{ "warn_on_error", OPT_IGNORED }, { "nowarn_on_error", OPT_QUIET },
	{ "fc_debug_force", OPT_IGNORED }, { "fc_debug_max_replay", OPT_IGNORED },
	{ "mblk_io_submit", OPT_IGNORED }, { "nomblk_io_submit", OPT_IGNORED },
	{ "mb_optimize_scan", OPT_IGNORED }, { "max_dir_size_kb", OPT_IGNORED },
	{ "prefetch_block_bitmaps", OPT_IGNORED }, { "no_prefetch_block_bitmaps", OPT_IGNORED },
	{ "nombcache", OPT_IGNORED }, { "no_mbcache", OPT_IGNORED }, { "nouid32", OPT_IGNORED },
	{ "quota", OPT_IGNORED }, { "usrquota", OPT_IGNORED }, { "grpquota", OPT_IGNORED },
	{ "prjquota", OPT_IGNORED }, { "bh", OPT_IGNORED }, { "nobh", OPT_IGNORED },
	{ "orlov", OPT_IGNORED }, { "oldalloc", OPT_IGNORED }, { "reservation", OPT_IGNORED },
	{ "noreservation", OPT_IGNORED }, { "extents", OPT_IGNORED }, { "noextents", OPT_IGNORED },
	{ "check", OPT_IGNORED }, { "nocheck", OPT_IGNORED },

	{ "remount", OPT_REFUSED, .why = "a running server cannot be remounted; unmount it first" },
	{ "uid", OPT_REFUSED, .why = "the owners are in the file system; squash_uids=UID shows all files as one user's" },
	{ "gid", OPT_REFUSED, .why = "the groups are in the file system; squash_gids=GID shows all files as one group's" },
	{ "dax", OPT_CALL_OPT, .call = set_dax,
	  .why = "there is no direct access to the device through FUSE" },
	{ "test_dummy_encryption", OPT_REFUSED, .why = "file systems with encryption are not served" },
};

static bool __attribute__((format(printf, 3, 4)))
wrong(char *reason, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, size, format, args);
	va_end(args);
	return false;
}

static const struct option_def *find_option(const char *name)
{
	static const struct option_def extension = { "x-", OPT_QUIET };

	if (!strncmp(name, "x-", 2) || !strncmp(name, "X-", 2))
		return &extension;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

static bool set_text(char **field, const char *value)
{
	if (!*value)
		return false;
	free(*field);
	*field = strdup(value);
	return *field;
}

/* Store the value; false when it is not one that the option takes. */
static bool store(struct options *opt, const struct option_def *def, const char *value)
{
	void *field = (char *)opt + def->offset;
	uint64_t number;

	switch (def->kind) {
	case OPT_BOOL:
		*(bool *)field = def->set;
		return true;
	case OPT_ENUM:
		*(int *)field = def->set;
		return true;
	case OPT_BOOL_OPT:
		number = 1;
		if (value && !parse_number(value, 0, UINT32_MAX, &number))
			return false;
		*(bool *)field = number != 0;
		return true;
	case OPT_SECONDS:
		if (!parse_number(value, def->min, def->max, &number))
			return false;
		*(unsigned int *)field = number;
		return true;
	case OPT_U64:
		return parse_number(value, def->min, def->max, field);
	case OPT_SIZE:
		return parse_size(value, def->min, def->max, field);
	case OPT_TEXT:
		return set_text(field, value);
	case OPT_CALL:
	case OPT_CALL_OPT:
		return def->call(opt, value);
	default:
		return true;
	}
}

static bool takes_value(enum option_kind kind)
{
	return kind != OPT_BOOL && kind != OPT_ENUM;
}

static bool needs_value(enum option_kind kind)
{
	return kind == OPT_SECONDS || kind == OPT_U64 || kind == OPT_SIZE || kind == OPT_TEXT ||
	       kind == OPT_CALL;
}

static bool parse_word(struct options *opt, char *word, char *reason, size_t size)
{
	char *value = strchr(word, '=');
	const struct option_def *def;
	bool stored = true, good;

	if (value)
		*value++ = '\0';
	def = find_option(word);
	if (!def)
		return wrong(reason, size, "unknown option `%s'", word);
	if (def->kind == OPT_REFUSED)
		return wrong(reason, size, "option `%s' is not possible: %s", word, def->why);
	if (value && !takes_value(def->kind))
		return wrong(reason, size, "option `%s' takes no value, and got `%s'", word, value);
	if (!value && needs_value(def->kind))
		return wrong(reason, size, "option `%s' needs a value: %s=...", word, word);
	good = store(opt, def, value);
	if (!good && def->why)
		return wrong(reason, size, "option `%s' is not possible: %s", word, def->why);
	if (!good)
		return wrong(reason, size, "option `%s' does not take the value `%s'", word, value);
	if (def->to_fuse || def->kind == OPT_FUSE)
		stored = word_list_add(&opt->fuse, word, value);
	else if (def->kind == OPT_IGNORED)
		stored = word_list_add(&opt->ignored, word, value);
	return stored || wrong(reason, size, "out of memory");
}

static bool parse_words(struct options *opt, const char *words, char *reason, size_t size)
{
	char *copy = strdup(words), *rest = copy, *word;
	bool good = true;

	if (!copy)
		return wrong(reason, size, "out of memory");
	while (good && (word = parse_next_word(&rest)))
		if (*word)
			good = parse_word(opt, word, reason, size);
	free(copy);
	return good;
}

static bool parse_positional(struct options *opt, const char *arg, char *reason, size_t size)
{
	char **field = !opt->device ? &opt->device : &opt->mountpoint;

	if (opt->mountpoint)
		return wrong(reason, size, "too many arguments: `%s' after device and mount point", arg);
	if (!*arg)
		return wrong(reason, size, "the %s is empty", opt->device ? "mount point" : "device");
	*field = strdup(arg);
	return *field || wrong(reason, size, "out of memory");
}

/* Combinations that no single option can judge. */
static bool check_together(struct options *opt, char *reason, size_t size)
{
	if (opt->help || opt->version)
		return true;
	if (!opt->device)
		return wrong(reason, size, "no device given");
	if (!opt->mountpoint)
		return wrong(reason, size, "no mount point given");
	if (opt->mount.sb > 1 && !opt->mount.read_only)
		return wrong(reason, size, "options `sb' and `rw' exclude each other: a copy of the superblock does for "
			     "reading; e2fsck -b repairs the first one");
	if (opt->mount.noload && !opt->mount.read_only)
		return wrong(reason, size, "options `noload' and `rw' exclude each other: "
			     "writing without replaying the journal would destroy data");
	if (opt->offset && opt->mount.direct_io && opt->offset % 4096)
		return wrong(reason, size, "option `directio' needs an `offset' that is a multiple of 4096");
	if (opt->trace)
		opt->foreground = opt->debug = true;
	return true;
}

/* A flag letter without a value; false when there is none such. */
static bool parse_letter(struct options *opt, char letter)
{
	switch (letter) {
	case 'h':
		opt->help = true;
		return true;
	case 'V':
		opt->version = true;
		return true;
	case 'f':
		opt->foreground = true;
		return true;
	case 'd':
		opt->trace = true;
		return true;
	case 's':
		opt->single_thread = true;
		return true;
	case 'r':
		opt->mount.read_only = true;
		return word_list_add(&opt->fuse, "ro", NULL);
	case 'w':
		opt->mount.read_only = false;
		return word_list_add(&opt->fuse, "rw", NULL);
	case 'n':	/* mount(8) asks its helpers for these two */
	case 'v':
		return true;
	default:
		return false;
	}
}

/* One argument that starts with '-'; *@i moves on when it takes the next one as its value. */
static bool parse_dash(struct options *opt, int argc, char **argv, int *i, char *reason, size_t size)
{
	const char *arg = argv[*i];

	if (!strcmp(arg, "--help"))
		return parse_letter(opt, 'h');
	if (!strcmp(arg, "--version"))
		return parse_letter(opt, 'V');
	if (arg[1] == '-')
		return wrong(reason, size, "unknown option `%s'", arg);
	for (const char *p = arg + 1; *p; p++) {
		if (*p == 'o' || *p == 't') {
			const char *value = p[1] ? p + 1 : ++*i < argc ? argv[*i] : NULL;

			if (!value)
				return wrong(reason, size, "option `-%c' needs a value", *p);
			/* -t names the type under which mount(8) came to us. */
			return *p == 't' || parse_words(opt, value, reason, size);
		}
		if (!parse_letter(opt, *p))
			return wrong(reason, size, "unknown option `-%c'", *p);
	}
	return true;
}

static bool parse_environment(struct options *opt)
{
	const char *path = getenv("FUSE4FS_LOGFILE");

	if (!path || !*path)
		path = getenv("FUSE2FS_LOGFILE");
	return !path || !*path || opt->logfile || set_text(&opt->logfile, path);
}

void options_init(struct options *opt, const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;

	memset(opt, 0, sizeof(*opt));
	snprintf(opt->program, sizeof(opt->program), "%s",
		 slash ? slash + 1 : program ? program : "fuse4fs");
	opt->default_opts = true;
	opt->idmap = IDMAP_WHERE_POSSIBLE;
	opt->mount.barrier = true;
	opt->mount.init_itable = true;
	opt->mount.flush_interval = 30;
	opt->mount.acl = EXT4_UNSET;
	opt->mount.user_xattr = EXT4_UNSET;
	opt->mount.atime = EXT4_ATIME_RELATIME;
}

bool options_parse(struct options *opt, int argc, char **argv, char *reason, size_t size)
{
	bool only_positional = false;

	for (int i = 1; i < argc; i++) {
		bool good;

		if (!only_positional && !strcmp(argv[i], "--")) {
			only_positional = true;
			continue;
		}
		if (!only_positional && argv[i][0] == '-' && argv[i][1])
			good = parse_dash(opt, argc, argv, &i, reason, size);
		else
			good = parse_positional(opt, argv[i], reason, size);
		if (!good)
			return false;
	}
	if (!parse_environment(opt))
		return wrong(reason, size, "out of memory");
	return check_together(opt, reason, size);
}

void options_free(struct options *opt)
{
	free(opt->device);
	free(opt->mountpoint);
	free(opt->journal_path);
	free(opt->lockfile);
	free(opt->logfile);
	word_list_free(&opt->fuse);
	word_list_free(&opt->ignored);
}

void options_usage(const struct options *opt, FILE *out)
{
	fprintf(out,
		"usage: %s [-o OPTIONS] [-f] [-d] [-s] DEVICE MOUNTPOINT\n"
		"\n"
		"Mount an ext2, ext3 or ext4 file system from a block device or an image file.\n"
		"\n"
		"  -o OPTION[,OPTION...]  mount options; the manual page lists them\n"
		"  -f                     stay in the foreground\n"
		"  -d                     foreground, and print every request\n"
		"  -s                     serve requests one after another\n"
		"  -r                     read-only, as -o ro\n"
		"  -h, --help             this text\n"
		"  -V, --version          version of the program and of libfuse\n"
		"\n"
		"Unmount with `umount MOUNTPOINT', or `fusermount3 -u MOUNTPOINT' without root.\n",
		opt->program);
}

char *options_for_fuse(const struct options *opt, const char *source)
{
	struct word_list list = { NULL, 0 };
	bool good = true;

	/* First, so that what the user has said about them is the last word. */
	if (opt->kernel)
		good = word_list_add(&list, "allow_other", NULL) &&
		       word_list_add(&list, "suid", NULL) && word_list_add(&list, "dev", NULL);
	if (opt->fuse.text)
		good = good && word_list_append(&list, &opt->fuse);
	if (opt->default_opts && !opt->has_fsname)
		good = good && word_list_add(&list, "fsname", source);
	if (opt->default_opts && !opt->has_subtype)
		good = good && word_list_add(&list, "subtype", "ext4");
	if (opt->nosymfollow)
		good = good && word_list_add(&list, "nosymfollow", NULL);
	if (!opt->fakeroot)
		good = good && word_list_add(&list, "default_permissions", NULL);
	if (opt->trace)
		good = good && word_list_add(&list, "debug", NULL);
	if (good && !list.text)
		good = (list.text = strdup(""));
	if (!good)
		word_list_free(&list);
	return list.text;
}
