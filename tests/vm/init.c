/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All of the virtual machine's initial RAM disk: inserts the modules that /modules/list names, in
 * that order, and gives the machine to /dev/vda's own init.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what)
{
	printf("init: %s: %s\n", what, strerror(errno));
	sleep(1);
	return 1;
}

static void insert(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		fail(name);
	close(fd);
}

static int insert_all(void)
{
	char name[200];
	FILE *list = fopen("/modules/list", "r");

	if (!list)
		return fail("/modules/list");
	while (fgets(name, sizeof(name), list)) {
		name[strcspn(name, "\n")] = '\0';
		insert(name);
	}
	fclose(list);
	return 0;
}

int main(void)
{
	int console;

	mkdir("/dev", 0755);
	mkdir("/root", 0755);
	mount("dev", "/dev", "devtmpfs", 0, "");
	console = open("/dev/console", O_RDWR);
	for (int i = 0; console >= 0 && i < 3; i++)
		dup2(console, i);
	if (insert_all())
		return 1;
	for (int i = 0; i < 1000 && access("/dev/vda", F_OK); i++)
		usleep(10000);
	if (mount("/dev/vda", "/root", "ext4", 0, "") || mount("/dev", "/root/dev", 0, MS_MOVE, 0))
		return fail("the root file system");
	if (chdir("/root") || mount(".", "/", 0, MS_MOVE, 0) || chroot(".") || chdir("/"))
		return fail("changing the root");
	execl("/sbin/init", "/sbin/init", (char *)0);
	return fail("/sbin/init");
}
