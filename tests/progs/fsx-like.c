/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on a few files, against a model in memory.
 *
 * fsx-like [-s SEED] [-n OPERATIONS] [-b BASE] [-r EVERY -h HOOK] [-x] DIR
 * -b: the files' action begins at this offset (whole pages), below is a hole.  -r, -h: run HOOK (sh -c) every so many operations, with
 * nothing open; it may unmount and mount.  -x: operations that the file system does not support are an error.
 * On a mismatch it prints the seed, what differs, and the last operations.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES		4
#define MAX_SIZE	(640 * 1024)
#define LOG_LINES	60
#define DIRECT_ALIGN	4096

struct file {
	char	name[16];
	int	fd, direct_fd;
	size_t	size;			/* after the base */
	uint8_t	data[MAX_SIZE];		/* zeroes after size */
};

static struct file files[FILES];
static uint8_t *scratch;		/* page aligned, MAX_SIZE */
static off_t base;
static unsigned int seed;
static unsigned long op_number;
static bool strict;
static const char *hook;
static char log_lines[LOG_LINES][160];
static bool unsupported[256];
static char scratch_path[PATH_MAX];

/* ---- telling ---- */

static void note(const struct file *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(const struct file *f, const char *fmt, ...)
{
	char *line = log_lines[op_number % LOG_LINES];
	int len = snprintf(line, sizeof(log_lines[0]), "%lu %s ", op_number, f ? f->name : "-");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(log_lines[0]) - len, fmt, ap);
	va_end(ap);
}

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *fmt, ...)
{
	unsigned long i = op_number >= LOG_LINES ? op_number - LOG_LINES + 1 : 0;
	va_list ap;

	fflush(stdout);
	for (; i <= op_number; i++)
		fprintf(stderr, "%s\n", log_lines[i % LOG_LINES]);
	fprintf(stderr, "seed %u, operation %lu: ", seed, op_number);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* ---- dice ---- */

static uint64_t state;

static uint32_t dice(uint32_t sides)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return sides ? (uint32_t)(state >> 33) % sides : 0;
}

/* Offsets like to be at, or next to, boundaries of blocks and pages. */
static size_t some_offset(size_t limit)
{
	size_t off = dice(limit + 1);

	switch (dice(4)) {
	case 0:
		off &= ~(size_t)4095;
		break;
	case 1:
		off &= ~(size_t)1023;
		break;
	case 2:
		off = (off & ~(size_t)1023) + dice(3);
		break;
	default:
		break;
	}
	return off > limit ? limit : off;
}

static size_t some_length(size_t limit)
{
	static const size_t most[] = { 16, 1024, 5000, 32768, 200000 };
	size_t len = most[dice(5)];

	len = some_offset(len < limit ? len : limit);
	return len ? len : limit > 0;
}

/* ---- comparing ---- */

static void compare(const struct file *f, const uint8_t *got, size_t off, size_t len, const char *what)
{
	size_t first = 0, last = len;

	if (!memcmp(got, f->data + off, len))
		return;
	while (got[first] == f->data[off + first])
		first++;
	while (got[last - 1] == f->data[off + last - 1])
		last--;
	die("%s of %zu at %zu: bytes 0x%zx to 0x%zx differ; the first is 0x%02x, should be 0x%02x", what, len, off,
	    off + first, off + last, got[first], f->data[off + first]);
}

static void check_size(struct file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		die("fstat: %s", strerror(errno));
	if (f->size ? st.st_size != base + (off_t)f->size : st.st_size > base)
		die("size is 0x%llx, should be 0x%zx", (long long)(st.st_size - base), f->size);
}

static void check_all(struct file *f, int fd, const char *what)
{
	ssize_t got = pread(fd, scratch, MAX_SIZE, base);

	if (got < 0 || (size_t)got != f->size)
		die("%s of the whole file gives %zd, should be %zu: %s", what, got, f->size,
		    got < 0 ? strerror(errno) : "too short");
	compare(f, scratch, 0, f->size, what);
}

/* True when the operation is not there and that is allowed. */
static bool failed(int status, const char *what)
{
	if (!status)
		return false;
	if (errno == EOPNOTSUPP && !strict) {
		if (!unsupported[(uint8_t)what[0]])
			printf("# not supported: %s\n", what);
		unsupported[(uint8_t)what[0]] = true;
		return true;
	}
	die("%s: %s", what, strerror(errno));
}

/* ---- opening ---- */

static void open_file(struct file *f)
{
	f->fd = open(f->name, O_RDWR | O_CREAT, 0644);
	if (f->fd < 0)
		die("open: %s", strerror(errno));
	f->direct_fd = open(f->name, O_RDWR | O_DIRECT);
}

static void close_file(struct file *f)
{
	if (f->direct_fd >= 0 && close(f->direct_fd) < 0)
		die("close: %s", strerror(errno));
	if (close(f->fd) < 0)
		die("close: %s", strerror(errno));
}

/* ---- operations ---- */

static void grow_to(struct file *f, size_t end)
{
	if (f->size < end)
		f->size = end;
}

static void fill(uint8_t *buf, size_t len)
{
	uint64_t word = ((uint64_t)dice(1U << 31) << 32) | op_number;

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(1 + (word >> (i % 7 * 8)) % 255);
}

static void model_write(struct file *f, size_t off, const uint8_t *buf, size_t len)
{
	memcpy(f->data + off, buf, len);
	grow_to(f, off + len);
}

static void write_at(struct file *f, int fd, size_t off, size_t len, const char *what)
{
	note(f, "%s 0x%zx..0x%zx (size 0x%zx)", what, off, off + len, f->size);
	fill(scratch, len);
	if (pwrite(fd, scratch, len, base + off) != (ssize_t)len)
		die("%s: %s", what, strerror(errno));
	model_write(f, off, scratch, len);
}

static void do_write(struct file *f)
{
	size_t off = dice(3) ? some_offset(f->size) : some_offset(MAX_SIZE - 1);

	write_at(f, f->fd, off, some_length(MAX_SIZE - off), "write");
}

static void do_append(struct file *f)
{
	if (f->size < MAX_SIZE)
		write_at(f, f->fd, f->size, some_length(MAX_SIZE - f->size), "append");
}

static void do_direct_write(struct file *f)
{
	size_t off = some_offset(MAX_SIZE - 1) / DIRECT_ALIGN * DIRECT_ALIGN;
	size_t len = (some_length(MAX_SIZE - off) + DIRECT_ALIGN - 1) / DIRECT_ALIGN * DIRECT_ALIGN;

	if (f->direct_fd >= 0 && off + len <= MAX_SIZE)
		write_at(f, f->direct_fd, off, len, "direct write");
}

static void read_at(struct file *f, int fd, size_t off, size_t len, const char *what)
{
	size_t want = off >= f->size ? 0 : len < f->size - off ? len : f->size - off;
	ssize_t got;

	note(f, "%s 0x%zx..0x%zx (size 0x%zx)", what, off, off + len, f->size);
	got = pread(fd, scratch, len, base + off);
	if (got < 0 || (size_t)got != want)
		die("%s gives %zd, should be %zu: %s", what, got, want, got < 0 ? strerror(errno) : "length");
	compare(f, scratch, off, want, what);
}

static void do_read(struct file *f)
{
	size_t off = some_offset(f->size);

	read_at(f, f->fd, off, some_length(MAX_SIZE - off), "read");
}

static void do_direct_read(struct file *f)
{
	size_t off = some_offset(f->size) / DIRECT_ALIGN * DIRECT_ALIGN;
	size_t len = some_length(MAX_SIZE - off) / DIRECT_ALIGN * DIRECT_ALIGN;

	if (f->direct_fd >= 0 && len)
		read_at(f, f->direct_fd, off, len, "direct read");
}

static void do_mmap(struct file *f, bool writing)
{
	size_t off = some_offset(f->size), start = off & ~(size_t)4095, len;
	uint8_t *map;

	if (off >= f->size)
		return;
	len = some_length(f->size - off);
	note(f, "mmap %s 0x%zx..0x%zx (size 0x%zx)", writing ? "write" : "read", off, off + len, f->size);
	map = mmap(NULL, off - start + len, writing ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, f->fd, base + start);
	if (map == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (writing) {
		fill(map + (off - start), len);
		model_write(f, off, map + (off - start), len);
		if (!dice(4) && msync(map, off - start + len, MS_SYNC) < 0)
			die("msync: %s", strerror(errno));
	} else {
		compare(f, map + (off - start), off, len, "mmap");
	}
	munmap(map, off - start + len);
}

static void do_truncate(struct file *f)
{
	size_t size = dice(3) ? some_offset(f->size) : some_offset(MAX_SIZE);

	note(f, "truncate 0x%zx to 0x%zx", f->size, size);
	if (ftruncate(f->fd, base + size) < 0)
		die("truncate: %s", strerror(errno));
	if (size < f->size)
		memset(f->data + size, 0, f->size - size);
	f->size = size;
}

static void do_fallocate(struct file *f, int mode, const char *what)
{
	size_t off = some_offset(MAX_SIZE - 1), len = some_length(MAX_SIZE - off), end = off + len;

	note(f, "%s mode %d 0x%zx..0x%zx (size 0x%zx)", what, mode, off, end, f->size);
	if (failed(fallocate(f->fd, mode, base + off, len), what))
		return;
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) && off < f->size)
		memset(f->data + off, 0, (end < f->size ? end : f->size) - off);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		grow_to(f, end);
}

static void do_copy(struct file *f)
{
	struct file *from = &files[dice(FILES)];
	size_t src = some_offset(from->size), dst = some_offset(MAX_SIZE - 1), len;
	off_t in = base + src, out = base + dst;
	ssize_t got;

	len = some_length(MAX_SIZE - (src > dst ? src : dst));
	if (src + len > from->size)
		len = from->size - src;
	if (!len || (from == f && src < dst + len && dst < src + len))
		return;
	note(f, "copy 0x%zx..0x%zx of %s to 0x%zx (size 0x%zx)", src, src + len, from->name, dst, f->size);
	for (size_t done = 0; done < len; done += got) {
		got = copy_file_range(from->fd, &in, f->fd, &out, len - done, 0);
		if (got <= 0)
			die("copy_file_range: %zd %s", got, strerror(errno));
	}
	model_write(f, dst, from->data + src, len);
}

/* A server may refuse while the file is open for writing, and hears of its closing a little later. */
static off_t patient_seek(int fd, off_t off, int whence)
{
	off_t found = -1;

	for (int i = 0; i < 1000; i++) {
		found = lseek(fd, off, whence);
		if (found >= 0 || errno != EINVAL)
			break;
		usleep(5000);
	}
	return found;
}

/* What is said to be a hole reads as zeroes. */
static void do_seek(struct file *f)
{
	size_t off = some_offset(f->size), end;
	off_t data, hole;
	int fd;

	if (off >= f->size)
		return;
	note(f, "close, seek at 0x%zx (size 0x%zx)", off, f->size);
	close_file(f);
	fd = open(f->name, O_RDONLY);
	if (fd < 0)
		die("open: %s", strerror(errno));
	data = patient_seek(fd, base + off, SEEK_DATA);
	if (data < 0 && errno != ENXIO)
		die("SEEK_DATA: %s", strerror(errno));
	end = data < 0 ? f->size : (size_t)(data - base);
	if (end < off || end > f->size)
		die("SEEK_DATA gives 0x%zx", end);
	for (size_t i = off; i < end; i++)
		if (f->data[i])
			die("SEEK_DATA passes over the byte at 0x%zx", i);
	hole = patient_seek(fd, base + off, SEEK_HOLE);
	if (hole < base + (off_t)off || hole > base + (off_t)f->size)
		die("SEEK_HOLE gives 0x%llx", (long long)(hole - base));
	close(fd);
	open_file(f);
}

/* Make the next reads ask the server. */
static void do_drop(struct file *f)
{
	note(f, "fdatasync and drop");
	if (fdatasync(f->fd) < 0)
		die("fdatasync: %s", strerror(errno));
	posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
	check_all(f, f->fd, "read after drop");
}

static void do_reopen(struct file *f)
{
	note(f, "close, open");
	close_file(f);
	open_file(f);
}

static void do_fsync(struct file *f)
{
	note(f, "fsync");
	if (fsync(f->fd) < 0)
		die("fsync: %s", strerror(errno));
}

static void do_replace(struct file *f)
{
	note(f, "unlink, create");
	close_file(f);
	if (unlink(f->name) < 0)
		die("unlink: %s", strerror(errno));
	memset(f->data, 0, f->size);
	f->size = 0;
	open_file(f);
}

static void run_hook(void)
{
	note(NULL, "hook");
	for (int i = 0; i < FILES; i++)
		close_file(&files[i]);
	if (chdir("/") < 0 || system(hook) != 0 || chdir(getenv("FSX_DIR")) < 0)
		die("hook failed");
	for (int i = 0; i < FILES; i++) {
		open_file(&files[i]);
		check_size(&files[i]);
		check_all(&files[i], files[i].fd, "read after hook");
	}
}

static void step(void)
{
	struct file *f = &files[dice(FILES)];
	unsigned int what = dice(1000);

	if (what < 200)
		do_write(f);
	else if (what < 250)
		do_append(f);
	else if (what < 280)
		do_direct_write(f);
	else if (what < 450)
		do_read(f);
	else if (what < 500)
		do_direct_read(f);
	else if (what < 560)
		do_mmap(f, false);
	else if (what < 660)
		do_mmap(f, true);
	else if (what < 720)
		do_truncate(f);
	else if (what < 780)
		do_fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch hole");
	else if (what < 810)
		do_fallocate(f, FALLOC_FL_ZERO_RANGE, "zero range");
	else if (what < 840)
		do_fallocate(f, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero range");
	else if (what < 860)
		do_fallocate(f, 0, "fallocate");
	else if (what < 880)
		do_fallocate(f, FALLOC_FL_KEEP_SIZE, "fallocate");
	else if (what < 920)
		do_copy(f);
	else if (what < 950)
		do_seek(f);
	else if (what < 970)
		do_drop(f);
	else if (what < 992)
		do_reopen(f);
	else if (what < 996)
		do_fsync(f);
	else
		do_replace(f);
	check_size(f);
}

int main(int argc, char **argv)
{
	unsigned long count = 10000, every = 0;
	int opt;

	seed = getpid();
	while ((opt = getopt(argc, argv, "s:n:b:r:h:x")) != -1) {
		switch (opt) {
		case 's': seed = strtoul(optarg, NULL, 0); break;
		case 'n': count = strtoul(optarg, NULL, 0); break;
		case 'b': base = strtoll(optarg, NULL, 0); break;
		case 'r': every = strtoul(optarg, NULL, 0); break;
		case 'h': hook = optarg; break;
		case 'x': strict = true; break;
		default: return 2;
		}
	}
	if (optind + 1 != argc || chdir(argv[optind]) < 0 || posix_memalign((void **)&scratch, 4096, MAX_SIZE)) {
		fprintf(stderr, "usage: fsx-like [-s SEED] [-n COUNT] [-b BASE] [-r EVERY -h HOOK] [-x] DIR\n");
		return 2;
	}
	setenv("FSX_DIR", realpath(".", scratch_path), 1);
	state = seed;
	for (int i = 0; i < FILES; i++) {
		snprintf(files[i].name, sizeof(files[i].name), "file%d", i);
		open_file(&files[i]);
	}
	for (op_number = 0; op_number < count; op_number++) {
		step();
		if (hook && every && op_number % every == every - 1)
			run_hook();
	}
	for (int i = 0; i < FILES; i++) {
		check_all(&files[i], files[i].fd, "last read");
		close_file(&files[i]);
	}
	printf("seed %u: %lu operations\n", seed, count);
	return 0;
}
