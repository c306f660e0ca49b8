/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostile-server: a mount service's server (descriptor 3) that was taken over.  It asks the helper for what
 * it should not get, in the order in which a server asks, and makes a mount that is not what the user typed.
 * Says on stderr "granted WHAT" for each thing it got, and "done" at the end.
 *
 * The image it is to serve is a word of the helper's command line.  In the image's folder are "other.img"
 * and, in a folder that only root may enter, what /proc/PID/cwd of a process of root's leads to.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuse_service/wire.h"

#define SOCK	3

static char packet[WIRE_MAX_PACKET];
static const char *image, *point;

/* The answer's error, -1 when there is none; a descriptor in *@fd. */
static int take_answer(int *fd)
{
	struct wire_msg msg;
	ssize_t size = wire_receive(SOCK, packet, sizeof(packet), fd);

	return size <= 0 || wire_unpack(packet, size, &msg) ? -1 : (int)msg.value[0];
}

static int ask(uint32_t magic, uint32_t v0, uint32_t v1, const char *text)
{
	const struct wire_msg msg = { .magic = magic, .value = { v0, v1, 1 }, .text = text };
	int fd = -1, err = wire_send(SOCK, &msg, -1) ? -1 : take_answer(&fd);

	if (fd >= 0)
		close(fd);
	return err;
}

static void granted(bool yes, const char *what, const char *name)
{
	if (yes)
		dprintf(2, "granted %s %s\n", what, name);
}

static void try_open(const char *what, const char *path, int flags)
{
	granted(!ask(WIRE_OPEN, flags, 0600, path), what, path);
	granted(!ask(WIRE_OPEN_BDEV, flags, 0600, path), what, path);
}

/* A name in the image's folder. */
static const char *beside(const char *name)
{
	static char text[4096];
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", image);
	snprintf(text, sizeof(text), "%s/%s", dirname(copy), name);
	return text;
}

static void try_files(void)
{
	try_open("reading", "/etc/shadow", O_RDONLY);
	try_open("writing", "/etc/shadow", O_RDWR);
	try_open("reading", "/etc/passwd", O_RDONLY);
	try_open("appending to", "/etc/passwd", O_WRONLY | O_APPEND);
	try_open("creating", "/etc/cron.d/hostile", O_WRONLY | O_CREAT);
	try_open("creating", beside("created"), O_RDWR | O_CREAT | O_EXCL);
	try_open("a nameless file in", "/tmp", O_RDWR | O_TMPFILE);
	try_open("the folder", "/", O_RDONLY | O_DIRECTORY);
	try_open("the folder", beside(""), O_RDONLY);
	try_open("a path to", "/", O_PATH);
	try_open("reading", beside("other.img"), O_RDONLY);
	try_open("writing", beside("other.img"), O_RDWR | O_EXCL);
	try_open("device", "/dev/fuse", O_RDWR);
	try_open("device", "/dev/null", O_RDWR);
	try_open("device", "/dev/kmsg", O_RDONLY | O_NONBLOCK);
	try_open("device", "/dev/tty", O_RDWR | O_NONBLOCK);
	try_open("setting", "/proc/sys/kernel/core_pattern", O_RDWR);
	try_open("setting", "/proc/sys/vm/drop_caches", O_WRONLY);
	try_open("memory", "/proc/self/mem", O_RDWR);
	try_open("folder", "/proc/1/root", O_RDONLY);
	try_open("a way around", "/dev/disk/by-uuid/../../../etc/passwd", O_RDONLY);
	try_open("a way around", "/sys/fs/cgroup/../../../etc/memory.pressure", O_RDONLY);
	try_open("cgroup file", "/sys/fs/cgroup/cgroup.procs", O_RDWR);
	try_open("no terminal", "/dev/stderr", O_RDWR);
}

/* A block device that is no journal, by any of the names that a journal has. */
static void try_devices(char **names)
{
	for (; *names; names++)
		try_open("block device", *names, O_RDONLY);
}

static void try_device(void)
{
	try_open("a path to the device", image, O_PATH);
	try_open("the device, only to write,", image, O_WRONLY);
	try_open("the device, to be created,", image, O_RDWR | O_CREAT);
	try_open("the device as a folder", image, O_RDONLY | O_DIRECTORY);
	granted(!ask(WIRE_OPEN, O_RDONLY | O_EXCL, 0, image), "(rightly) reading", image);
	granted(!ask(WIRE_OPEN, O_RDWR | O_EXCL, 0, image), "(if it is not ro) writing", image);
}

static void try_options(void)
{
	static const char *const words[] = {
		"user_id=0", "fd=0", "rootmode=100000", "subtype=forged", "context=system_u:object_r:bin_t:s0",
		"source=forged", "default_permissions,group_id=0", "max_read=1,user_id=0", "max_read=x", "dax",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		granted(!ask(WIRE_MNTOPTS, 0, 0, words[i]), "option", words[i]);
}

/* What a terminal would obey, in all the ways that there are to write it, around what is only text. */
static void tell_user(void)
{
	static const char text[] = "one\033[2Jtwo\2332Jthree\302\2332Jfour\302\205five\342\200\256six\177\r"
				   "\355\240\200\300\233 caf\303\251 \360\237\230\200\n";
	const struct wire_msg msg = { .magic = WIRE_OPEN, .value = { O_WRONLY | O_NONBLOCK },
				      .text = "/dev/stderr" };
	int fd = -1;

	if (wire_send(SOCK, &msg, -1) || take_answer(&fd) || write(fd, text, strlen(text)) < 0)
		dprintf(2, "the user cannot be told anything\n");
	if (fd >= 0)
		close(fd);
}

static void make_mount(void)
{
	static const unsigned long bad[] = { MS_BIND, MS_REMOUNT, MS_MOVE, MS_SHARED, MS_REMOUNT | MS_BIND };

	ask(WIRE_FSOPEN, 0, 0, NULL);
	try_open("after the mount has begun", image, O_RDONLY);
	try_options();
	ask(WIRE_SOURCE, 0, 0, "/dev/forged");
	granted(!ask(WIRE_MNTPT, S_IFDIR, 0, "/etc"), "mount point", "/etc");
	ask(WIRE_MNTPT, S_IFDIR, 0, point);
	try_open("after the mount point", image, O_RDONLY);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		granted(!ask(WIRE_MOUNT, bad[i], 0, NULL), "mount flag", "");
	ask(WIRE_MOUNT, 0, 0, NULL);
}

int main(int argc, char **argv)
{
	struct wire_msg reply = { .magic = WIRE_HELLO_REPLY, .value = { 1 } };
	struct wire_args args;
	int fd, fusedev;

	(void)argc;
	if (take_answer(NULL) < 0 || wire_send(SOCK, &reply, -1))
		return 1;
	take_answer(&fd);
	take_answer(&fusedev);
	if (wire_args_read(fd, &args) || args.argc < 3)
		return 1;
	image = args.argv[1];
	point = args.argv[2];
	try_files();
	try_devices(argv + 1);
	try_device();
	tell_user();
	make_mount();
	dprintf(2, "done\n");
	reply = (struct wire_msg) { .magic = WIRE_BYE };
	wire_send(SOCK, &reply, -1);
	wire_args_free(&args);
	return 0;
}
