/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * everything DIR: make, change and remove one of each thing that a file system can have, below DIR, the same way each time;
 * what is left is for others to compare.  Needs root.  What the file system says it does not support
 * (EOPNOTSUPP), or has no room for where formats differ, is skipped; other failures are printed and make the exit status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static int failures;

/* check(CALL) tells when it failed; expect(CALL, ERRNO) when it did not fail that way. */
static int report(long result, const char *what, int line, int wanted)
{
	int err = result < 0 ? errno : 0;

	if (err == wanted || (!wanted && err == EOPNOTSUPP))
		return err;
	printf("line %d: %s: %s, not %s\n", line, what, strerror(err), strerror(wanted));
	failures++;
	return err;
}
#define check(call)		report((call), #call, __LINE__, 0)
#define expect(call, err)	report((call), #call, __LINE__, err)

static char *name(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *name(const char *fmt, ...)
{
	static __thread char buf[4][1024];
	static __thread unsigned int turn;
	va_list ap;

	turn = (turn + 1) % 4;
	va_start(ap, fmt);
	vsnprintf(buf[turn], sizeof(buf[turn]), fmt, ap);
	va_end(ap);
	return buf[turn];
}

static void fill(char *buf, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245u + 12345;
		buf[i] = (char)(seed >> 16);
	}
}

static void make_file(const char *path, size_t size)
{
	char *buf = malloc(size + 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	check(fd);
	fill(buf, size, (unsigned int)size + (unsigned int)strlen(path));
	if (size && write(fd, buf, size) != (ssize_t)size)
		check(-1);
	check(close(fd));
	free(buf);
}

/* ---- names ---- */

static void deep_tree(void)
{
	check(mkdir("deep", 0755));
	check(chdir("deep"));
	for (int i = 0; i < 40; i++) {
		make_file(name("file%d", i), i * 97);
		check(mkdir(name("level%d", i), 0700 + i % 8));
		check(chdir(name("level%d", i)));
	}
	for (int i = 0; i < 41; i++)
		check(chdir(".."));
}

static void big_directory(void)
{
	check(mkdir("big", 0755));
	for (int i = 0; i < 3000; i++)
		make_file(name("big/a rather long name of file number %d", i), 0);
	for (int i = 0; i < 3000; i += 3)
		check(unlink(name("big/a rather long name of file number %d", i)));
	for (int i = 0; i < 400; i++)
		check(mkdir(name("big/dir%d", i), 0755));
	for (int i = 0; i < 400; i += 2)
		check(rmdir(name("big/dir%d", i)));
	make_file(name("big/%0255d", 1), 10);
	expect(open(name("big/%0256d", 1), O_CREAT | O_RDWR, 0644), ENAMETOOLONG);
	expect(mkdir("big", 0755), EEXIST);
	expect(rmdir("big"), ENOTEMPTY);
}

static void hard_links(void)
{
	check(mkdir("links", 0755));
	make_file("links/first", 100);
	for (int i = 0; i < 200; i++)
		check(link("links/first", name("links/link%d", i)));
	for (int i = 0; i < 100; i++)
		check(unlink(name("links/link%d", i)));
	check(link("links/first", "deep/link"));
	expect(link("links", "links2"), EPERM);
	expect(link("links/first", "links/link150"), EEXIST);
}

static void symlinks(void)
{
	char target[1024];
	int sizes[] = { 1, 10, 59, 60, 61, 200, 1000 };

	check(mkdir("symlinks", 0755));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memset(target, 'a' + (int)i, sizes[i]);
		target[sizes[i]] = '\0';
		check(symlink(target, name("symlinks/s%d", sizes[i])));
		check(symlink(target, "symlinks/gone"));
		check(unlink("symlinks/gone"));
	}
}

static void devices(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "devices/socket" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	check(mkdir("devices", 0755));
	check(mknod("devices/char", S_IFCHR | 0600, makedev(5, 1)));
	check(mknod("devices/block", S_IFBLK | 0660, makedev(8, 17)));
	check(mknod("devices/wide", S_IFBLK | 0660, makedev(259, 300000)));
	check(mknod("devices/fifo", S_IFIFO | 0644, 0));
	check(bind(s, (struct sockaddr *)&addr, sizeof(addr)));
	check(chown("devices/char", 70000, 4000000000u));
	close(s);
}

static int rename2(const char *from, const char *to, unsigned int flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void renames(void)
{
	check(mkdir("renames", 0755));
	check(mkdir("renames/a", 0755));
	check(mkdir("renames/b", 0755));
	check(mkdir("renames/c", 0755));
	for (int i = 0; i < 8; i++)
		make_file(name("renames/f%d", i), 100 + i);
	check(rename("renames/f0", "renames/a/moved"));
	check(rename("renames/f1", "renames/f2"));
	expect(rename2("renames/f2", "renames/f3", RENAME_NOREPLACE), EEXIST);
	check(rename2("renames/f2", "renames/new", RENAME_NOREPLACE));
	check(rename2("renames/f3", "renames/a/moved", RENAME_EXCHANGE));
	check(rename2("renames/b", "renames/f4", RENAME_EXCHANGE));
	check(mkdir("renames/a/sub", 0755));
	make_file("renames/a/sub/inside", 5);
	check(rename2("renames/a/sub", "renames/c", RENAME_EXCHANGE));
	check(rename2("renames/f5", "renames/white", RENAME_WHITEOUT));
	check(rename2("renames/f6", "renames/f7", RENAME_WHITEOUT));
	check(mkdir("renames/empty", 0755));
	check(rename("renames/a", "renames/empty"));
	expect(rename("renames/empty", "renames/empty/sub/below"), EINVAL);
	expect(rename("renames/new", "renames/empty"), EISDIR);
	expect(rename("renames/empty", "renames/new"), ENOTDIR);
	expect(rename("renames/f4", "renames/c"), ENOTEMPTY);
}

/* ---- data ---- */

static void write_at(int fd, off_t off, size_t size)
{
	char *buf = malloc(size);

	fill(buf, size, (unsigned int)off);
	if (pwrite(fd, buf, size, off) != (ssize_t)size)
		check(-1);
	free(buf);
}

static void sizes(void)
{
	int fd;

	check(mkdir("sizes", 0755));
	for (int i = 0; i < 700; i += 13)
		make_file(name("sizes/small%d", i), i);
	for (int i = 0; i < 700; i += 26)
		check(truncate(name("sizes/small%d", i), i / 2));
	for (int i = 13; i < 700; i += 39) {
		fd = open(name("sizes/small%d", i), O_WRONLY | O_APPEND);
		check(fd);
		write_at(fd, 0, i * 7);
		close(fd);
	}
	make_file("sizes/large", 12 << 20);
	make_file("sizes/cut", 5 << 20);
	check(truncate("sizes/cut", 1234567));
	check(truncate("sizes/cut", 3 << 20));
	make_file("sizes/cut to nothing", 3 << 20);
	check(truncate("sizes/cut to nothing", 0));
}

static void sparse(void)
{
	int fd;

	check(mkdir("sparse", 0755));
	fd = open("sparse/holes", O_RDWR | O_CREAT, 0644);
	check(fd);
	for (int i = 0; i < 60; i++)
		write_at(fd, (off_t)i * 77777, 1000);
	for (int i = 24; i < 34; i++)
		write_at(fd, (off_t)1 << i, 5000);
	check(ftruncate(fd, ((off_t)3 << 32) + 17));
	close(fd);
	fd = open("sparse/allocated", O_RDWR | O_CREAT, 0644);
	check(fd);
	write_at(fd, 0, 300000);
	check(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 << 20));
	check(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 50001, 100000));
	check(fallocate(fd, FALLOC_FL_ZERO_RANGE, 200001, 50000));
	write_at(fd, 1 << 20, 10000);
	close(fd);
	for (int i = 0; i < 30; i++) {
		fd = open("sparse/fragments", O_RDWR | O_CREAT, 0644);
		check(fd);
		for (int j = i; j < 1200; j += 30)
			write_at(fd, (off_t)j * 4096, 4096);
		close(fd);
	}
}

static void open_and_nameless(void)
{
	char buf[100];
	int fd, fd2;

	check(mkdir("open", 0755));
	make_file("open/removed", 200000);
	fd = open("open/removed", O_RDWR);
	check(fd);
	check(unlink("open/removed"));
	write_at(fd, 300000, 100000);
	check(pread(fd, buf, sizeof(buf), 0));
	check(ftruncate(fd, 1000));
	make_file("open/replaced", 100);
	fd2 = open("open/replaced", O_RDWR);
	make_file("open/replacing", 10);
	check(rename("open/replacing", "open/replaced"));
	write_at(fd2, 0, 50000);
	close(fd);
	close(fd2);
	fd = open("open", O_RDWR | O_TMPFILE, 0640);
	if (fd < 0 && errno == EOPNOTSUPP)
		return;
	check(fd);
	write_at(fd, 0, 5000);
	check(linkat(AT_FDCWD, name("/proc/self/fd/%d", fd), AT_FDCWD, "open/named", AT_SYMLINK_FOLLOW));
	close(fd);
	fd = open("open", O_RDWR | O_TMPFILE, 0640);
	write_at(fd, 0, 5000);
	close(fd);
}

/* ---- attributes ---- */

static void attributes(void)
{
	struct timespec times[2] = { { 1000000000, 123456789 }, { 2000000000, 987654321 } };

	check(mkdir("attributes", 01777));
	make_file("attributes/mode", 1);
	check(chmod("attributes/mode", 06751));
	make_file("attributes/owner", 1);
	check(chown("attributes/owner", 4294967294u - 1, 65536));
	make_file("attributes/times", 1);
	check(utimensat(AT_FDCWD, "attributes/times", times, 0));
	times[1].tv_sec = -1000;
	make_file("attributes/before 1970", 1);
	check(utimensat(AT_FDCWD, "attributes/before 1970", times, 0));
	times[1].tv_sec = 10000000000;
	make_file("attributes/after 2038", 1);
	check(utimensat(AT_FDCWD, "attributes/after 2038", times, 0));
	check(mkdir("attributes/setgid", 0755));
	check(chown("attributes/setgid", 5, 77777));
	check(chmod("attributes/setgid", 02775));
	make_file("attributes/setgid/file", 1);
	check(mkdir("attributes/setgid/dir", 0755));
}

static void set(const char *path, const char *attr, size_t size, int flags, int also)
{
	static char value[65536];
	int err;

	fill(value, size, (unsigned int)size);
	err = lsetxattr(path, attr, value, size, flags) < 0 ? errno : 0;
	if (err && err != also && err != EOPNOTSUPP) {
		printf("setxattr %s %s %zu: %s\n", path, attr, size, strerror(err));
		failures++;
	}
}

static void xattrs(void)
{
	check(mkdir("xattrs", 0755));
	make_file("xattrs/small", 10);
	set("xattrs/small", "user.a", 1, 0, 0);
	set("xattrs/small", "user.empty", 0, 0, 0);
	set("xattrs/small", "trusted.b", 30, 0, 0);
	set("xattrs/small", "security.c", 40, 0, 0);
	set("xattrs/small", "user.a", 20, XATTR_REPLACE, 0);
	expect(setxattr("xattrs/small", "user.a", "x", 1, XATTR_CREATE), EEXIST);
	expect(setxattr("xattrs/small", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	expect(removexattr("xattrs/small", "user.none"), ENODATA);
	for (int i = 0; i < 20; i++) {
		make_file(name("xattrs/shared%d", i), 0);
		set(name("xattrs/shared%d", i), "user.block", 600, 0, 0);
	}
	for (int i = 0; i < 20; i += 2)
		set(name("xattrs/shared%d", i), "user.more", 20 + i, 0, 0);
	for (int i = 0; i < 20; i += 5)
		check(removexattr(name("xattrs/shared%d", i), "user.block"));
	for (int size = 500; size < 65536; size *= 3) {
		make_file(name("xattrs/large%d", size), 0);
		set(name("xattrs/large%d", size), "user.large", size, 0, size > 900 ? ENOSPC : 0);
		set(name("xattrs/large%d", size), "user.small", 10, 0, 0);
		set(name("xattrs/large%d", size), "user.large2", size, 0, ENOSPC);
	}
	if (!removexattr("xattrs/large40500", "user.large2"))
		set("xattrs/large40500", "user.large", 100, 0, 0);
	check(mkdir("xattrs/dir", 0755));
	set("xattrs/dir", "user.dir", 200, 0, 0);
	check(symlink("nowhere", "xattrs/link"));
	set("xattrs/link", "trusted.link", 10, 0, 0);
	expect(lsetxattr("xattrs/link", "user.link", "x", 1, 0), EPERM);
	for (int i = 0; i < 60; i++)
		set("xattrs/small", name("user.many%d", i), 5, 0, ENOSPC);
}

struct acl_entry { uint16_t tag, perm; uint32_t id; };
struct acl { uint32_t version; struct acl_entry e[5]; };

static void acls(void)
{
	struct acl acl = { 2, { { 1, 7, ~0u }, { 2, 5, 1234 }, { 4, 5, ~0u }, { 0x10, 7, ~0u }, { 0x20, 4, ~0u } } };

	check(mkdir("acls", 0755));
	make_file("acls/file", 1);
	check(setxattr("acls/file", "system.posix_acl_access", &acl, sizeof(acl), 0));
	check(chmod("acls/file", 0640));
	check(mkdir("acls/dir", 0755));
	acl.e[1].perm = 6;
	if (check(setxattr("acls/dir", "system.posix_acl_default", &acl, sizeof(acl), 0)))
		return;
	make_file("acls/dir/inherits", 1);
	check(mkdir("acls/dir/sub", 0777));
	make_file("acls/dir/sub/inherits", 1);
	check(symlink("x", "acls/dir/link"));
	check(mknod("acls/dir/fifo", S_IFIFO | 0666, 0));
	check(mkdir("acls/dir/without", 0777));
	check(removexattr("acls/dir/without", "system.posix_acl_default"));
}

int main(int argc, char **argv)
{
	if (argc != 2 || (mkdir(argv[1], 0755) < 0 && errno != EEXIST) || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: everything DIR\n");
		return 2;
	}
	umask(022);
	deep_tree();
	big_directory();
	hard_links();
	symlinks();
	devices();
	renames();
	sizes();
	sparse();
	open_and_nameless();
	attributes();
	xattrs();
	acls();
	return failures != 0;
}
