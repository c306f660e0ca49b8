/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening and locking the device and the external journal.  Nothing here reads
 * the content.
 */
#include <com_err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <blkid.h>
#include <time.h>
#include <unistd.h>
#include <uuid.h>
#include "device.h"
#include "holder.h"
#include "identity.h"
#include "imagelock.h"
#include "logging.h"
#include "service.h"

/* Seconds to wait for a device that is in use, and for a server of ours that says it is ending. */
#define BUSY_SECONDS	3
#define ENDING_SECONDS	60
#define RETRY_NSEC	50000000

static bool __attribute__((format(printf, 3, 4)))
refuse(char *reason, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, size, format, args);
	va_end(args);
	return false;
}

static const char *advice(errcode_t err, bool writing)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return writing ? "; you need permission to read and write it" :
				 "; you need permission to read it";
	case ENOENT:
		return "; check the name";
	case ENXIO:
	case ENOMEDIUM:
		return "; is there a medium in the drive?";
	default:
		return "";
	}
}

static io_manager manager_for(const char *path)
{
	return strncmp(path, "/dev/fd/", 8) ? unix_io_manager : unixfd_io_manager;
}

static bool is_busy(errcode_t err)
{
	return err == EBUSY || err == EWOULDBLOCK;
}

/* The kernel lets one open a read-only device for writing, and refuses each write. */
static bool only_reads(io_channel channel)
{
	int fd, read_only = 0;

	return !io_channel_get_fd(channel, &fd) && !ioctl(fd, BLKROGET, &read_only) && read_only;
}

/* A service's descriptors are not their channel's, which is named after its descriptor. */
static errcode_t close_channel(const struct device *dev, io_channel channel)
{
	int fd = dev->service ? atoi(channel->name + strlen("/dev/fd/")) : -1;
	errcode_t err = io_channel_close(channel);

	if (fd >= 0)
		close(fd);
	return err;
}

static errcode_t open_by_service(struct device *dev, const char *path, int flags, struct stat *st,
				 io_channel *channel)
{
	int open_flags = (flags & IO_FLAG_EXCLUSIVE ? O_EXCL : 0) | (flags & IO_FLAG_RW ? O_RDWR : O_RDONLY) |
			 (flags & IO_FLAG_DIRECT_IO ? O_DIRECT : 0);
	int fd = service_open(dev->service, path, open_flags);
	errcode_t err = 0;
	char name[32];

	if (fd < 0)
		return -fd;
	if (fstat(fd, st))
		err = errno;
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	if (!err)
		err = unixfd_io_manager->open(name, flags, channel);
	if (err)
		close(fd);
	return err;
}

static errcode_t lock_file(io_channel channel, bool writing, struct holder *holder)
{
	errcode_t err = io_channel_flock(channel, (writing ? LOCK_EX : LOCK_SH) | LOCK_NB);
	int fd;

	if (err || io_channel_get_fd(channel, &fd) || !image_lock(fd, writing))
		return err;
	*holder = (struct holder) { .text = "a virtual machine, or a program that locks images as qemu does" };
	return EBUSY;
}

/*
 * One attempt: the channel, locked, or an error; EBUSY with @holder who has it, or empty.  A service learns
 * only here what @st is, and its helper knows what else is in use.
 */
static errcode_t open_locked(struct device *dev, const char *path, struct stat *st, int flags,
			     io_channel *ret, struct holder *holder)
{
	io_channel channel;
	errcode_t err;

	*holder = (struct holder) { .ending = false };
	err = dev->service ? open_by_service(dev, path, flags, st, &channel) :
			     manager_for(path)->open(path, flags, &channel);
	if (err)
		return err;
	/* A block device is locked by having been opened exclusively. */
	if (!S_ISBLK(st->st_mode))
		err = lock_file(channel, flags & IO_FLAG_RW, holder);
	else if (flags & IO_FLAG_RW && only_reads(channel))
		err = EROFS;
	if (!err && !dev->service && identity_in_use(st, !(flags & IO_FLAG_RW), holder))
		err = EBUSY;
	if (err) {
		close_channel(dev, channel);
		return err;
	}
	*ret = channel;
	return 0;
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - start->tv_sec + (now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Try until it is free, or the deadline has passed, or the holder is one that stays. */
static errcode_t open_waiting(struct device *dev, const char *path, struct stat *st, int flags,
			      io_channel *ret, struct holder *holder)
{
	const struct timespec pause = { .tv_nsec = RETRY_NSEC };
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		errcode_t err = open_locked(dev, path, st, flags, ret, holder);
		double waited = seconds_since(&start);

		if (!is_busy(err))
			return err;
		if (!dev->service && !*holder->text)
			holder_find(st, holder);
		if (holder->stays || waited > ENDING_SECONDS || (waited > BUSY_SECONDS && !holder->ending))
			return err;
		nanosleep(&pause, NULL);
	}
}

static bool refuse_busy(const struct device *dev, const char *path, const struct holder *holder, char *reason,
			size_t size)
{
	if (dev->service)
		return refuse(reason, size, "%s is in use", path);
	if (!*holder->text)
		return refuse(reason, size, "%s is in use by somebody whom only root can see; "
			      "unmount it there first", path);
	if (*holder->where)
		return refuse(reason, size, "%s is in use by %s; unmount it there first, or have it here "
			      "as well with `mount --bind %s'", path, holder->text, holder->where);
	return refuse(reason, size, "%s is in use by %s; unmount it there first", path, holder->text);
}

static bool check_kind(const char *path, const struct stat *st, char *reason, size_t size)
{
	if (S_ISDIR(st->st_mode))
		return refuse(reason, size, "%s is a directory; name a block device or an image file",
			      path);
	if (!S_ISBLK(st->st_mode) && !S_ISREG(st->st_mode))
		return refuse(reason, size, "%s is neither a block device nor a regular file", path);
	return true;
}

/* A limit of the size of files that could not be raised would fail writes in the middle of the image. */
static bool check_limit(const char *path, const struct stat *st, char *reason, size_t size)
{
	struct rlimit limit;

	if (!S_ISREG(st->st_mode) || getrlimit(RLIMIT_FSIZE, &limit) ||
	    limit.rlim_cur == RLIM_INFINITY || st->st_size <= (off_t)limit.rlim_cur)
		return true;
	return refuse(reason, size, "%s is larger than the %llu bytes that you may write into a file "
		      "(`ulimit -f'); raise that limit, or mount with -o ro", path,
		      (unsigned long long)limit.rlim_cur);
}

/* Open @path for us alone.  *@read_only is set when it can only be read. */
static bool open_exclusively(struct device *dev, const char *path, const struct options *opt, bool *read_only,
			     io_channel *ret, char *reason, size_t size)
{
	int flags = IO_FLAG_EXCLUSIVE | (opt->mount.direct_io ? IO_FLAG_DIRECT_IO : 0);
	struct holder holder;
	struct stat st;
	errcode_t err;

	if (!dev->service && stat(path, &st))
		return refuse(reason, size, "cannot open %s: %s%s", path, strerror(errno),
			      advice(errno, false));
	if (!dev->service && !check_kind(path, &st, reason, size))
		return false;
	if (!dev->service && !*read_only && !check_limit(path, &st, reason, size))
		return false;
	err = open_waiting(dev, path, &st, flags | (*read_only ? 0 : IO_FLAG_RW), ret, &holder);
	if (!*read_only && (err == EACCES || err == EPERM || err == EROFS)) {
		errcode_t second = open_waiting(dev, path, &st, flags, ret, &holder);

		if (!second) {
			log_warn("%s: %s; mounting read-only", path, error_message(err));
			*read_only = true;
			return true;
		}
		if (is_busy(second))
			err = second;
	}
	/* (EALREADY: the helper says that waiting does not help.) */
	if (is_busy(err) || (dev->service && err == EALREADY))
		return refuse_busy(dev, path, &holder, reason, size);
	if (err == EINVAL && opt->mount.direct_io)
		return refuse(reason, size, "cannot open %s for direct I/O: %s; try without `directio'",
			      path, error_message(err));
	return !err || refuse(reason, size, "cannot open %s: %s%s", path, error_message(err),
			      advice(err, !*read_only));
}

/* The number of the block device behind a channel that has no offset yet; 0: it is none. */
static dev_t number_of(io_channel channel)
{
	struct stat st;
	int fd;

	if (io_channel_get_fd(channel, &fd) || fstat(fd, &st) || !S_ISBLK(st.st_mode))
		return 0;
	return st.st_rdev;
}

static bool set_offset(const struct options *opt, struct device *dev, char *reason, size_t size)
{
	char text[48];
	errcode_t err;

	if (!opt->offset)
		return true;
	snprintf(text, sizeof(text), "offset=%llu", (unsigned long long)opt->offset);
	err = io_channel_set_options(dev->channel, text);
	if (!err)
		return true;
	device_close(dev);
	return refuse(reason, size, "%s: cannot look at offset %llu: %s", opt->device,
		      (unsigned long long)opt->offset, error_message(err));
}

bool device_open(const struct options *opt, struct device *dev, char *reason, size_t size)
{
	dev->channel = dev->claim = dev->journal = NULL;
	dev->read_only = opt->mount.read_only;
	if (!open_exclusively(dev, opt->device, opt, &dev->read_only, &dev->channel, reason, size))
		return false;
	dev->number = number_of(dev->channel);
	return set_offset(opt, dev, reason, size);
}

/*
 * The superblock and journal_dev= have device numbers in the kernel's own packing.  The kernel's
 * name of the device is that of its node; udev's links by number are not everywhere.
 */
static char *path_of_devnum(uint32_t devnum)
{
	unsigned int major_nr = (devnum & 0xfff00) >> 8;
	unsigned int minor_nr = (devnum & 0xff) | (devnum >> 12 & 0xfff00);
	char link[64], target[PATH_MAX], *path;
	ssize_t len;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major_nr, minor_nr);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return asprintf(&path, "/dev/block/%u:%u", major_nr, minor_nr) < 0 ? NULL : path;
	target[len] = '\0';
	return asprintf(&path, "/dev/%s", basename(target)) < 0 ? NULL : path;
}

/* A service has no devices to look into; udev's link leads its helper there. */
static char *path_of_uuid(const struct device *dev, const uint8_t uuid[16])
{
	char text[37], *path;

	uuid_unparse_lower(uuid, text);
	if (!dev->service)
		return blkid_evaluate_tag("UUID", text, NULL);
	return asprintf(&path, "/dev/disk/by-uuid/%s", text) < 0 ? NULL : path;
}

/* Where the journal is: as the user said, else by its UUID, else where it last was. */
static char *journal_path(const struct options *opt, const struct device *dev,
			  const struct ext4_probe_info *info)
{
	char *path;

	if (opt->journal_path)
		return strdup(opt->journal_path);
	if (opt->journal_dev)
		return path_of_devnum(opt->journal_dev);
	path = path_of_uuid(dev, info->journal_uuid);
	return path || !info->journal_devnum ? path : path_of_devnum(info->journal_devnum);
}

bool device_open_journal(const struct options *opt, const struct ext4_probe_info *info,
			 struct device *dev, char *reason, size_t size)
{
	bool read_only = dev->read_only, good;
	char *path = journal_path(opt, dev, info);
	char text[37], why[400];

	uuid_unparse_lower(info->journal_uuid, text);
	if (!path)
		return refuse(reason, size, "%s has its journal on another device, UUID %s, which is "
			      "not found; name it with -o journal_path=", opt->device, text);
	good = open_exclusively(dev, path, opt, &read_only, &dev->journal, why, sizeof(why));
	if (!good && dev->service && !opt->journal_path && !opt->journal_dev && info->journal_devnum) {
		/* (Not everywhere are there links by UUID, and only the helper knows.) */
		free(path);
		path = path_of_devnum(info->journal_devnum);
		good = path && open_exclusively(dev, path, opt, &read_only, &dev->journal, why, sizeof(why));
	}
	if (good && read_only && !dev->read_only) {
		close_channel(dev, dev->journal);
		dev->journal = NULL;
		snprintf(why, sizeof(why), "%s can only be read; mount with -o ro", path);
		good = false;
	}
	free(path);
	return good || refuse(reason, size, "%s: external journal: %s", opt->device, why);
}

/* Where files can still be opened. */
static bool reopen_direct(struct options *opt, struct device *dev, char *reason, size_t size)
{
	close_channel(dev, dev->channel);
	dev->channel = NULL;
	opt->mount.direct_io = true;
	return open_exclusively(dev, opt->device, opt, &dev->read_only, &dev->channel, reason, size) &&
	       set_offset(opt, dev, reason, size);
}

bool device_go_direct(struct options *opt, struct device *dev, char *reason, size_t size)
{
	errcode_t err = 0;
	io_channel direct;
	struct stat st;
	int flags, fd;

	if (dev->read_only || opt->mount.direct_io || io_channel_get_fd(dev->channel, &fd) ||
	    fstat(fd, &st) || !S_ISBLK(st.st_mode))
		return true;
	if (!dev->service)
		return reopen_direct(opt, dev, reason, size);
	fd = atoi(dev->channel->name + strlen("/dev/fd/"));
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT))
		err = errno;
	if (!err)
		err = unixfd_io_manager->open(dev->channel->name, IO_FLAG_RW | IO_FLAG_DIRECT_IO, &direct);
	if (err)
		return refuse(reason, size, "%s: multi-mount protection needs direct I/O: %s", opt->device,
			      error_message(err));
	io_channel_close(dev->channel);
	dev->channel = direct;
	opt->mount.direct_io = true;
	return set_offset(opt, dev, reason, size);
}

static bool read_super(struct device *dev, char *super)
{
	return !io_channel_set_blksize(dev->channel, sizeof(dev->seen)) &&
	       !io_channel_read_blk64(dev->channel, 1, 1, super);
}

bool device_share(const struct options *opt, struct device *dev, char *reason, size_t size)
{
	int flags = (dev->read_only ? 0 : IO_FLAG_RW) | (opt->mount.direct_io ? IO_FLAG_DIRECT_IO : 0);
	struct device shared = *dev;
	struct stat st;
	errcode_t err = dev->service ? open_by_service(dev, opt->device, flags, &st, &shared.channel) :
				       manager_for(opt->device)->open(opt->device, flags, &shared.channel);

	if (err)
		return refuse(reason, size, "cannot open %s: %s", opt->device, error_message(err));
	if (number_of(shared.channel) != dev->number) {
		close_channel(dev, shared.channel);
		return refuse(reason, size, "%s is another device now", opt->device);
	}
	if (!set_offset(opt, &shared, reason, size))
		return false;
	dev->claim = dev->channel;
	dev->channel = shared.channel;
	return read_super(dev, dev->seen) ||
	       refuse(reason, size, "%s: cannot read the superblock", opt->device);
}

void device_yield(struct device *dev)
{
	if (dev->claim)
		close_channel(dev, dev->claim);
	dev->claim = NULL;
}

bool device_reclaim(const struct options *opt, struct device *dev, char *reason, size_t size)
{
	bool read_only = dev->read_only;

	return open_exclusively(dev, opt->device, opt, &read_only, &dev->claim, reason, size);
}

bool device_unchanged(struct device *dev)
{
	char now[sizeof(dev->seen)];

	return read_super(dev, now) && !memcmp(now, dev->seen, sizeof(now));
}

errcode_t device_close(struct device *dev)
{
	errcode_t err = dev->journal ? close_channel(dev, dev->journal) : 0;
	errcode_t err2 = dev->channel ? close_channel(dev, dev->channel) : 0;

	device_yield(dev);
	dev->journal = dev->channel = NULL;
	return err ? err : err2;
}
