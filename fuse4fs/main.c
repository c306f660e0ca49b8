/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuse4fs: what happens in which order, and what the exit status says.
 *
 * All that can be checked without writing is checked before anything is
 * written: options, mount point, device, superblock, external journal, libfuse's options;
 * only then the engine replays the journal.  So a mount that is refused leaves the
 * device as it was.  The mount is shown last, when it can be used.
 */
#include <bsd/unistd.h>
#include <com_err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "claim.h"
#include "config.h"
#include "daemon.h"
#include "device.h"
#include "exitcode.h"
#include "foreign.h"
#include "given.h"
#include "logging.h"
#include "loopdev.h"
#include "mounting.h"
#include "named.h"
#include "notify.h"
#include "outside.h"
#include "reclaim.h"
#include "sandbox.h"
#include "server.h"
#include "service.h"
#include "session.h"
#include "space.h"
#include "syncing.h"
#include "start.h"
#include "timing.h"

static int usage_error(const struct options *opt, const char *reason)
{
	fprintf(stderr, "%s: %s; `%s --help' shows how it is used\n", opt->program, reason,
		opt->program);
	return EXIT_USAGE;
}

static int show_version(const struct options *opt)
{
	printf("%s %s\nFUSE library version %s\n", opt->program, PACKAGE_VERSION,
	       fuse_pkgversion());
	return EXIT_OK;
}

/* Names stay good after the working directory has changed. */
static bool make_absolute(char **path)
{
	char *absolute;

	/* A descriptor's name would be resolved to whatever it has open. */
	if (!strncmp(*path, "/dev/fd/", 8))
		return true;
	absolute = realpath(*path, NULL);
	if (!absolute)
		return false;
	free(*path);
	*path = absolute;
	return true;
}

static bool check_names(struct options *opt, const struct server *srv)
{
	struct stat st;

	if (!make_absolute(&opt->device)) {
		log_err("cannot open %s: %s; check the name of the device or image", opt->device,
			strerror(errno));
		return false;
	}
	/* Nobody answers for that one yet, so it is not looked at. */
	if (srv->given)
		return true;
	if (!make_absolute(&opt->mountpoint) || stat(opt->mountpoint, &st)) {
		log_err("cannot mount on %s: %s; check the name of the mount point", opt->mountpoint,
			strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_err("cannot mount on %s: it is not a directory", opt->mountpoint);
		return false;
	}
	return true;
}

static void report_ignored(const struct options *opt)
{
	if (opt->ignored.text)
		log_warn("accepted, and without effect here: %s", opt->ignored.text);
}

static void tell_no_file_system(const struct options *opt, const struct device *dev, const char *reason)
{
	char text[400];
	int fd;

	if (!io_channel_get_fd(dev->channel, &fd) && foreign_describe(fd, opt->offset, text, sizeof(text)))
		log_err("%s is no ext2, ext3 or ext4 but %s", opt->device, text);
	else
		log_err("%s: %s", opt->device, reason);
}

/* Look at the superblock, and settle what follows from it. */
static bool probe(struct options *opt, struct device *dev)
{
	struct ext4_probe_info info;
	char reason[512] = "";

	if (ext4_probe(dev->channel, opt->mount.sb, &info, reason, sizeof(reason))) {
		tell_no_file_system(opt, dev, reason);
		return false;
	}
	if (info.has_errors)
		log_warn("%s: has errors recorded; run e2fsck on it soon", opt->device);
	if (info.external_journal &&
	    !device_open_journal(opt, &info, dev, reason, sizeof(reason))) {
		log_err("%s", reason);
		return false;
	}
	if (info.has_mmp && (dev->service || sandbox_wanted(opt)) &&
	    !device_go_direct(opt, dev, reason, sizeof(reason))) {
		log_err("%s", reason);
		return false;
	}
	dev->block_size = info.block_size;
	opt->mount.device_name = opt->device;
	opt->mount.journal_dev = dev->journal;
	opt->mount.read_only = dev->read_only;
	opt->mount.log = log_from_engine;
	opt->mount.interrupted = session_told_to_end;
	if (dev->read_only && !word_list_add(&opt->fuse, "ro", NULL)) {
		log_err("out of memory");
		return false;
	}
	return true;
}

/* By ourselves, libfuse gets only what is its session's business: mounting.c has the rest. */
static bool create_session(struct server *srv, const struct word_list *own_words)
{
	char *words;
	bool good;

	if (!srv->service)
		return session_create(srv, own_words->text ? own_words->text : "");
	words = options_for_fuse(srv->opt, srv->opt->device);
	good = words && session_create(srv, words);
	if (!words)
		log_err("out of memory");
	free(words);
	return good;
}

static bool mount_engine(struct server *srv, struct device *dev)
{
	char reason[512] = "";
	int err = ext4_mount(dev->channel, &srv->opt->mount, &srv->fs, reason, sizeof(reason));

	if (err) {
		log_err("%s: %s", srv->opt->device, *reason ? reason : strerror(-err));
		return false;
	}
	err = ext4_iget(srv->fs, EXT4_ROOT_INODE, &srv->root);
	if (!err)
		return true;
	log_err("%s: the root directory cannot be read: %s; run e2fsck on it", srv->opt->device,
		strerror(-err));
	ext4_unmount(srv->fs);
	return false;
}

static void on_ready(struct server *srv)
{
	log_detach();
	log_info("%s: mounted on %s%s", srv->opt->device, srv->opt->mountpoint,
		 ext4_is_read_only(srv->fs) ? " read-only" : "");
	if (*srv->not_contained)
		log_warn("%s: not in a sandbox: %s", srv->opt->device, srv->not_contained);
	space_ready(srv);
	log_debug("FUSE protocol 7.%u, capabilities %#x", srv->protocol_minor, srv->capabilities);
	daemon_ready();
}

/*
 * The end of the file system: everything that was promised is on the device when this returns.  By the thread that
 * answers DESTROY, or by the main thread when there was none.
 */
static void finish(struct server *srv)
{
	const char *device = srv->opt->device;
	int err, status = EXIT_OK;
	errcode_t code;

	srv->at_destroy = NULL;
	reclaim_destroy(srv->reclaim);
	srv->reclaim = NULL;
	notifier_stop(srv->notifier);
	setproctitle("-%s %s [cleaning up]", srv->opt->program, device);
	ext4_iput(srv->root);
	err = ext4_unmount(srv->fs);
	srv->fs = NULL;
	if (err) {
		log_err("%s: unmounting failed: %s; run e2fsck on it", device, strerror(-err));
		status = EXIT_UNCLEAN;
	}
	code = device_close(srv->dev);
	if (code && !err) {
		log_err("%s: closing failed: %s; run e2fsck on it", device, error_message(code));
		status = EXIT_UNCLEAN;
	}
	if (status == EXIT_OK)
		log_info("%s: unmounted", device);
	srv->finish_status = status;
	srv->finished = true;
}

/*
 * Have somebody keep the rights that contain() gives up.  Without the sandbox, none is needed.
 */
static bool prepare_outside(const struct server *srv, struct options *opt)
{
	if (opt->sandbox == SANDBOX_DEMANDED && !srv->service && !sandbox_built()) {
		log_err("option `sandbox': this program was built without libseccomp, or with "
			"sanitizers");
		return false;
	}
	if (outside_start(opt, srv->service || sandbox_wanted(opt), srv->service))
		return true;
	log_err("cannot start a process: %s", strerror(errno));
	return false;
}

/* All is open, and nothing but the superblock was looked at: give up all rights. */
static bool contain(struct server *srv, const struct options *opt)
{
	daemon_settle();
	if (srv->service && opt->sandbox == SANDBOX_DEMANDED && !sandbox_by_others()) {
		log_err("option `sandbox': the service's unit does not confine it");
		return false;
	}
	log_prepare();
	if (sandbox_wanted(opt))
		outside_confine();
	if (!sandbox_wanted(opt) ||
	    sandbox_enter(srv->service, srv->not_contained, sizeof(srv->not_contained)))
		return true;
	if (opt->sandbox != SANDBOX_DEMANDED)
		return true;
	log_err("option `sandbox' is not possible here: %s", srv->not_contained);
	return false;
}

static bool start_engine(struct server *srv)
{
	srv->at_init = NULL;
	if (!mount_engine(srv, srv->dev))
		return false;
	srv->at_destroy = finish;
	srv->notifier = notifier_create(srv);
	srv->space = space_create();
	srv->syncing = syncing_create();
	if (!srv->space || !srv->syncing || !srv->notifier) {
		log_err("out of memory");
		finish(srv);
		return false;
	}
	reclaim_start(srv->reclaim);
	return true;
}

static bool show_mount(struct server *srv)
{
	if (!srv->service)
		return claim_show_mount(srv);
	device_yield(srv->dev);
	return service_mount(srv->service, srv);
}

/* From here on requests are served until there are no more. */
static int run_session(struct server *srv)
{
	int status = EXIT_OK;

	if (!session_run(srv, on_ready)) {
		log_err("cannot start a thread: %s", strerror(errno));
		status = EXIT_SYSTEM;
	}
	session_unmount(srv);
	return status;
}

/* The file system is finished here, or was by the kernel's DESTROY. */
static int show_and_serve(struct server *srv)
{
	int status = EXIT_MOUNT;

	if (show_mount(srv))
		status = run_session(srv);
	/* What it waits for, the workers answer. */
	notifier_stop(srv->notifier);
	session_stop(srv);
	if (srv->fs && !srv->finished)
		finish(srv);
	notifier_free(srv->notifier);
	space_destroy(srv->space);
	syncing_destroy(srv->syncing);
	if (srv->finish_status)
		status = srv->finish_status;
	if (srv->opt->timing)
		timing_report();
	return status;
}

static int serve(struct server *srv, struct options *opt, const struct word_list *own_words)
{
	int status = EXIT_MOUNT;

	if (!create_session(srv, own_words))
		return EXIT_USAGE;
	srv->reclaim = reclaim_create(srv, &opt->mount);
	if (claim_device(srv, start_engine) && contain(srv, opt) &&
	    (srv->at_init || start_engine(srv)))
		status = show_and_serve(srv);
	reclaim_destroy(srv->reclaim);
	session_destroy(srv);
	return status;
}

/* The mount point may be a descriptor; who looks at the list of mounts then knows its name. */
static void look_for_given(struct options *opt, struct server *srv)
{
	char *where;

	srv->given_fd = srv->service ? -1 : given_descriptor(opt->mountpoint);
	srv->given = srv->given_fd >= 0;
	where = srv->given ? given_mountpoint(srv->given_fd) : NULL;
	if (!where)
		return;
	free(opt->mountpoint);
	opt->mountpoint = where;
	outside_given(opt);
}

/* A mount that was given to us, and came to nothing, would stay there, dead. */
static void undo_given(const struct options *opt, const struct server *srv)
{
	if (!srv->given || srv->attached)
		return;
	if (given_descriptor(opt->mountpoint) < 0)
		outside_detach();
	else
		log_warn("the mount of %s stays, and is dead: unmount it", opt->mountpoint);
}

static int run(struct options *opt, struct server *srv)
{
	struct device dev = { .service = srv->service };
	struct word_list own_words = { NULL, 0 };
	char reason[600];
	int status = EXIT_MOUNT;

	srv->dev = &dev;

	process_protect(opt);
	report_ignored(opt);
	if (!srv->service)
		start_report(opt);
	look_for_given(opt, srv);
	if (!srv->service && !check_names(opt, srv)) {
		undo_given(opt, srv);
		return EXIT_MOUNT;
	}
	if (!lockfile_take(opt)) {
		undo_given(opt, srv);
		return EXIT_MOUNT;
	}
	if (!srv->service && !loopdev_attach(opt, reason, sizeof(reason))) {
		log_err("%s", reason);
		goto out;
	}
	if (!srv->service && !mounting_prepare(opt, srv->given, &own_words))
		goto out;
	if (!prepare_outside(srv, opt)) {
		status = EXIT_SYSTEM;
		goto out;
	}
	if (!device_open(opt, &dev, reason, sizeof(reason))) {
		log_err("%s", reason);
		goto out;
	}
	loopdev_release();
	if (probe(opt, &dev))
		status = serve(srv, opt, &own_words);
	device_close(&dev);
out:
	loopdev_release();
	undo_given(opt, srv);
	outside_remove_lockfile();
	lockfile_drop();
	outside_stop();
	mounting_end();
	word_list_free(&own_words);
	return status;
}

/* What the command line asks for. */
static int obey(struct options *opt, struct server *srv, int argc, char **argv)
{
	char reason[300];
	int status;

	if (!options_parse(opt, argc, argv, reason, sizeof(reason))) {
		if (!srv->service)
			return usage_error(opt, reason);
		log_err("%s", reason);
		return EXIT_USAGE;
	}
	if (opt->help) {
		options_usage(opt, stdout);
		return EXIT_OK;
	}
	if (opt->version)
		return show_version(opt);
	if (srv->service) {
		service_adapt_options(srv->service, opt);
	} else if (opt->service) {
		log_err("option `service': no service manager has started this server; mount with "
			"`mount -t fuse.ext4'");
		return EXIT_MOUNT;
	}
	if (!log_open(opt))
		return EXIT_SYSTEM;
	if (!opt->foreground && !daemon_start()) {
		log_err("cannot go to the background: %s", strerror(errno));
		return EXIT_SYSTEM;
	}
	session_block_signals();
	status = run(opt, srv);
	log_close();
	return status;
}

int main(int argc, char **argv, char **envp)
{
	static struct server srv;
	struct options opt;
	int status;

	/* Nobody can be told: there may be no place for it. */
	if (!start_clean(argc, argv))
		return EXIT_SYSTEM;
	initialize_ext2_error_table();
	setproctitle_init(argc, argv, envp);
	options_init(&opt, argv[0]);
	srv.opt = &opt;
	if (!service_start(&srv.service, &argc, &argv))
		return service_end(NULL, EXIT_SYSTEM);
	status = obey(&opt, &srv, argc, argv);
	options_free(&opt);
	return srv.service ? service_end(srv.service, status) : status;
}
