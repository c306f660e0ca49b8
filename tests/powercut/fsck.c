/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fsck.h.  Files lie in $TMPDIR, or else in memory where the system has such a folder.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fsck.h"
#include "report.h"

#define CHUNK 16384

static char dir[200];
static pid_t owner;
static char said[400];

const char *fsck_dir(void)
{
	const char *base = getenv("TMPDIR");

	if (owner == getpid())
		return dir;
	if (!base)
		base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(dir, sizeof(dir), "%s/powercut.XXXXXX", base);
	if (!mkdtemp(dir))
		pc_die("cannot make a folder in %s", base);
	owner = getpid();
	return dir;
}

void fsck_cleanup(void)
{
	static const char *const files[] = { "image", "output" };
	char path[256];
	unsigned int i;

	if (owner != getpid())
		return;
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
	owner = 0;
}

/* Zeroes become holes: most of an image is zeroes. */
void fsck_save(const char *path, const char *image, uint64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	uint64_t off, len;

	if (fd < 0 || ftruncate(fd, size))
		pc_die("cannot write %s", path);
	for (off = 0; off < size; off += len) {
		len = size - off < CHUNK ? size - off : CHUNK;
		if ((image[off] || memcmp(image + off, image + off + 1, len - 1)) &&
		    pwrite(fd, image + off, len, off) != (ssize_t)len)
			pc_die("cannot write %s", path);
	}
	close(fd);
}

static void load(const char *path, char *image, uint64_t size)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, image, size) != (ssize_t)size)
		pc_die("cannot read %s", path);
	close(fd);
}

static void child(const char *const *argv)
{
	int fd = open("output", O_RDWR | O_CREAT | O_TRUNC, 0600);

	dup2(fd, 1);
	dup2(fd, 2);
	fd = open("/dev/null", O_RDONLY);
	dup2(fd, 0);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static int run(const char *const *argv)
{
	pid_t pid;
	int status;

	pid = vfork();
	if (!pid) {
		if (chdir(dir))
			_exit(126);
		child(argv);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		pc_die("cannot run %s", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void read_output(void)
{
	char path[256], text[4096];
	ssize_t n;
	int fd, i, k = 0;

	snprintf(path, sizeof(path), "%s/output", dir);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	for (i = 0; i < n && k < (int)sizeof(said) - 1; i++)
		said[k++] = text[i] == '\n' ? '|' : text[i];
	said[k] = '\0';
}

int fsck_run(const char *options, const char *image, uint64_t size, char *out)
{
	const char *argv[] = { "e2fsck", options, "image", NULL };
	char path[256];
	int status;

	snprintf(path, sizeof(path), "%s/image", fsck_dir());
	fsck_save(path, image, size);
	status = run(argv);
	if (status)
		read_output();
	if (out)
		load(path, out, size);
	return status;
}

const char *fsck_says(void)
{
	return said;
}

void fsck_make_image(const char *options, char *image, uint64_t size)
{
	char path[256], command[600];
	const char *argv[] = { "sh", "-c", command, NULL };

	snprintf(path, sizeof(path), "%s/image", fsck_dir());
	snprintf(command, sizeof(command),
		 "rm -f image && truncate -s %llu image && mke2fs -q -F -U "
		 "3c8d6f6e-58f5-4d1e-9d3a-0f5a7a1c2b4d "
		 "-E lazy_itable_init=0,hash_seed=7e5ab6d0-2e0b-4a64-8a0e-2f1f7c9d1b3e %s image",
		 (unsigned long long)size, options);
	if (run(argv)) {
		read_output();
		pc_die("mke2fs %s: %s", options, said);
	}
	load(path, image, size);
}
