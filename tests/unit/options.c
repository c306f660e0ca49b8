/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: which words are taken, what they set, and what is said of
 * those that are wrong.  What the options do when mounted is tested in options.t.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "fuse4fs/options.h"

static struct options opt;
static char reason[300];

static int reset(void **state __attribute__((unused)))
{
	unsetenv("FUSE4FS_LOGFILE");
	unsetenv("FUSE2FS_LOGFILE");
	options_free(&opt);
	options_init(&opt, "/usr/bin/fuse4fs");
	reason[0] = '\0';
	return 0;
}

static int clean(void **state __attribute__((unused)))
{
	options_free(&opt);
	memset(&opt, 0, sizeof(opt));
	return 0;
}

static bool parse(const char *words)
{
	char *argv[] = { "fuse4fs", "-o", (char *)words, "dev", "mnt", NULL };

	clean(NULL);
	reset(NULL);
	return options_parse(&opt, 5, argv, reason, sizeof(reason));
}

static void assert_refused(const char *words, const char *what)
{
	if (parse(words))
		fail_msg("`%s' was accepted", words);
	if (!strstr(reason, what))
		fail_msg("`%s' was refused with `%s', which does not mention `%s'", words, reason, what);
}

static void defaults(void **state __attribute__((unused)))
{
	char *argv[] = { "fuse4fs", "dev", "mnt", NULL };

	assert_true(options_parse(&opt, 3, argv, reason, sizeof(reason)));
	assert_string_equal(opt.program, "fuse4fs");
	assert_string_equal(opt.device, "dev");
	assert_string_equal(opt.mountpoint, "mnt");
	assert_false(opt.mount.read_only);
	assert_true(opt.mount.barrier);
	assert_int_equal(opt.mount.errors, EXT4_ERRORS_DEFAULT);
	assert_int_equal(opt.mount.atime, EXT4_ATIME_RELATIME);
	assert_int_equal(opt.mount.flush_interval, 30);
	assert_false(opt.foreground);
}

static void engine_words(void **state __attribute__((unused)))
{
	assert_true(parse("ro,errors=panic,data=writeback,commit=7,barrier=0,flush_interval=0"));
	assert_true(opt.mount.read_only);
	assert_int_equal(opt.mount.errors, EXT4_ERRORS_PANIC);
	assert_int_equal(opt.mount.data, EXT4_DATA_WRITEBACK);
	assert_int_equal(opt.mount.commit_interval, 7);
	assert_false(opt.mount.barrier);
	assert_int_equal(opt.mount.flush_interval, 0);

	assert_true(parse("nobarrier,barrier"));
	assert_true(opt.mount.barrier);
	assert_true(parse("noacl,nouser_xattr,strictatime,nodiratime,lazytime"));
	assert_int_equal(opt.mount.acl, EXT4_OFF);
	assert_int_equal(opt.mount.user_xattr, EXT4_OFF);
	assert_int_equal(opt.mount.atime, EXT4_ATIME_STRICT);
	assert_true(opt.mount.nodiratime && opt.mount.lazytime);
	assert_true(parse("sync,dirsync,directio,grpid,minixdf,discard,noinit_itable"));
	assert_true(opt.mount.sync && opt.mount.dirsync && opt.mount.direct_io);
	assert_true(opt.mount.grpid && opt.mount.minix_df && opt.mount.discard);
	assert_false(opt.mount.init_itable);
	assert_true(parse("resuid=7,resgid=0"));
	assert_true(opt.mount.has_resuid && opt.mount.has_resgid);
	assert_int_equal(opt.mount.resuid, 7);
	assert_int_equal(opt.mount.resgid, 0);
}

static void last_word_wins(void **state __attribute__((unused)))
{
	assert_true(parse("ro,rw"));
	assert_false(opt.mount.read_only);
	assert_true(parse("grpid,sysvgroups,minixdf,bsddf,acl,noacl"));
	assert_false(opt.mount.grpid || opt.mount.minix_df);
	assert_int_equal(opt.mount.acl, EXT4_OFF);
}

static void numbers_with_units(void **state __attribute__((unused)))
{
	assert_true(parse("cache_size=64m,offset=1048576"));
	assert_int_equal(opt.mount.cache_bytes, 64 << 20);
	assert_int_equal(opt.offset, 1 << 20);
	assert_true(parse("cache_size=3K"));
	assert_int_equal(opt.mount.cache_bytes, 3 << 10);
	assert_true(parse("offset=0x200"));
	assert_int_equal(opt.offset, 512);
}

static void wrong_values(void **state __attribute__((unused)))
{
	static const char *const words[] = {
		"commit=", "commit=x", "commit=-1", "commit=1s", "commit= 1", "commit=86401",
		"offset=-1", "offset=9223372036854775808", "offset=1x", "offset=0x", "cache_size=1q",
		"cache_size=99999999999999999999", "cache_size=18446744073709551615k", "barrier=x",
		"errors=never", "data=fast", "resuid=-1", "resgid=4294967295", "oom_score_adj=1001",
		"oom_score_adj=-1001", "journal_dev=0", "journal_path=", "init_itable=x",
		"squash_uids=me",
	};
	char name[40];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(name, sizeof(name), "`%.*s'", (int)strcspn(words[i], "="), words[i]);
		assert_refused(words[i], name);
	}
	assert_refused("commit", "needs a value");
	assert_refused("ro=1", "takes no value");
}

static void unknown_words(void **state __attribute__((unused)))
{
	assert_refused("foo", "unknown option `foo'");
	assert_refused("ro,foo=bar,rw", "unknown option `foo'");
	assert_refused("kernelx", "unknown option `kernelx'");
	assert_refused("remount", "`remount' is not possible");
	assert_refused("dax", "`dax' is not possible");
}

static void generic_words(void **state __attribute__((unused)))
{
	assert_true(parse("defaults,nofail,_netdev,noauto,user,x-systemd.automount,comment=a,loop"));
	assert_null(opt.ignored.text);
	assert_null(opt.fuse.text);
	assert_true(parse("nodelalloc,stripe=4,iversion"));
	assert_string_equal(opt.ignored.text, "nodelalloc,stripe=4,iversion");
	assert_true(parse("nosuid,nodev,noexec,allow_other"));
	assert_string_equal(opt.fuse.text, "nosuid,nodev,noexec,allow_other");
}

static void noload_is_read_only(void **state __attribute__((unused)))
{
	assert_true(parse("noload"));
	assert_true(opt.mount.noload && opt.mount.read_only);
	assert_true(parse("rw,norecovery"));
	assert_true(opt.mount.noload && opt.mount.read_only);
	assert_refused("norecovery,rw", "noload");
}

static void kernel_mode(void **state __attribute__((unused)))
{
	char *words;

	assert_true(parse("kernel"));
	words = options_for_fuse(&opt, "/dev/x");
	assert_string_equal(words,
		"allow_other,suid,dev,fsname=/dev/x,subtype=ext4,default_permissions");
	free(words);
}

static void words_for_libfuse(void **state __attribute__((unused)))
{
	char *words;

	assert_true(parse("no_default_opts"));
	words = options_for_fuse(&opt, "/dev/x");
	assert_string_equal(words, "default_permissions");
	free(words);
	assert_true(parse("fakeroot,fsname=mine,subtype=other"));
	words = options_for_fuse(&opt, "/dev/x");
	assert_string_equal(words, "fsname=mine,subtype=other");
	free(words);
	/* A comma in a name must not become two options. */
	assert_true(parse("rw"));
	words = options_for_fuse(&opt, "/a,suid\\b");
	assert_string_equal(words, "rw,fsname=/a\\,suid\\\\b,subtype=ext4,default_permissions");
	free(words);
}

static void escaped_commas(void **state __attribute__((unused)))
{
	assert_true(parse("logfile=/a\\,b\\\\c,ro"));
	assert_string_equal(opt.logfile, "/a,b\\c");
	assert_true(opt.mount.read_only);
	assert_true(parse(",,ro,,"));
	assert_true(opt.mount.read_only);
}

static void squashed_ids(void **state __attribute__((unused)))
{
	assert_true(parse("squash_uids=1000,squash_gids=100"));
	assert_true(opt.squash_uids && opt.squash_gids);
	assert_int_equal(opt.squash_uid, 1000);
	assert_int_equal(opt.squash_gid, 100);
}

static bool parse_args(int argc, char **argv)
{
	clean(NULL);
	reset(NULL);
	return options_parse(&opt, argc, argv, reason, sizeof(reason));
}

static void arguments(void **state __attribute__((unused)))
{
	char *none[] = { "fuse4fs", NULL };
	char *one[] = { "fuse4fs", "dev", NULL };
	char *three[] = { "fuse4fs", "dev", "mnt", "more", NULL };
	char *letters[] = { "fuse4fs", "-fs", "-oro", "dev", "mnt", NULL };
	char *trace[] = { "fuse4fs", "-d", "dev", "mnt", NULL };
	char *bad[] = { "fuse4fs", "-q", "dev", "mnt", NULL };
	char *longer[] = { "fuse4fs", "--verbose", "dev", "mnt", NULL };
	char *last[] = { "fuse4fs", "dev", "mnt", "-o", NULL };
	char *dashes[] = { "fuse4fs", "--", "-dev", "-mnt", NULL };
	char *helper[] = { "fuse4fs", "dev", "mnt", "-n", "-v", "-o", "rw", "-t", "fuse.ext4", NULL };
	char *help[] = { "fuse4fs", "--help", NULL };
	char *version[] = { "fuse4fs", "-V", NULL };

	assert_false(parse_args(1, none));
	assert_non_null(strstr(reason, "no device"));
	assert_false(parse_args(2, one));
	assert_non_null(strstr(reason, "no mount point"));
	assert_false(parse_args(4, three));
	assert_non_null(strstr(reason, "`more'"));
	assert_true(parse_args(5, letters));
	assert_true(opt.foreground && opt.single_thread && opt.mount.read_only);
	assert_true(parse_args(4, trace));
	assert_true(opt.foreground && opt.debug && opt.trace);
	assert_false(parse_args(4, bad));
	assert_non_null(strstr(reason, "`-q'"));
	assert_false(parse_args(4, longer));
	assert_non_null(strstr(reason, "`--verbose'"));
	assert_false(parse_args(4, last));
	assert_non_null(strstr(reason, "`-o'"));
	assert_true(parse_args(4, dashes));
	assert_string_equal(opt.device, "-dev");
	assert_true(parse_args(9, helper));
	assert_true(parse_args(2, help));
	assert_true(opt.help);
	assert_true(parse_args(2, version));
	assert_true(opt.version);
}

static void log_file_from_environment(void **state __attribute__((unused)))
{
	char *argv[] = { "fuse4fs", "dev", "mnt", NULL };

	setenv("FUSE2FS_LOGFILE", "/two", 1);
	assert_true(options_parse(&opt, 3, argv, reason, sizeof(reason)));
	assert_string_equal(opt.logfile, "/two");
	reset(NULL);
	setenv("FUSE2FS_LOGFILE", "/two", 1);
	setenv("FUSE4FS_LOGFILE", "/four", 1);
	assert_true(options_parse(&opt, 3, argv, reason, sizeof(reason)));
	assert_string_equal(opt.logfile, "/four");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults, reset, clean),
		cmocka_unit_test_setup_teardown(engine_words, reset, clean),
		cmocka_unit_test_setup_teardown(last_word_wins, reset, clean),
		cmocka_unit_test_setup_teardown(numbers_with_units, reset, clean),
		cmocka_unit_test_setup_teardown(wrong_values, reset, clean),
		cmocka_unit_test_setup_teardown(unknown_words, reset, clean),
		cmocka_unit_test_setup_teardown(generic_words, reset, clean),
		cmocka_unit_test_setup_teardown(noload_is_read_only, reset, clean),
		cmocka_unit_test_setup_teardown(kernel_mode, reset, clean),
		cmocka_unit_test_setup_teardown(words_for_libfuse, reset, clean),
		cmocka_unit_test_setup_teardown(escaped_commas, reset, clean),
		cmocka_unit_test_setup_teardown(squashed_ids, reset, clean),
		cmocka_unit_test_setup_teardown(arguments, reset, clean),
		cmocka_unit_test_setup_teardown(log_file_from_environment, reset, clean),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
