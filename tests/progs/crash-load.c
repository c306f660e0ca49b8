/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A load for servers that get killed, and the judge of what is left.
 *
 * `crash-load load DIR LOG SEED': four threads create, write, truncate, rename,
 * unlink and fsync files below DIR, and keep a record of it in files that begin
 * with LOG, until the file system dies.  `crash-load check DIR LOG': what is
 * below DIR must be a state that the threads went through, not older than
 * what they were told is durable, and no file may hold another's data.
 *
 * Who owns a file tells which one it is: each has a user id of its own from
 * its creation on, whatever it is called later and however empty it is.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS		4
#define SLOTS		48	/* names per thread; the lowest bit is the directory */
#define MAX_SIZE	(96 * 1024)
#define CELLS		(MAX_SIZE / sizeof(struct cell))
#define UID_BASE	1000000

enum op { OP_CREATE, OP_WRITE, OP_TRUNC, OP_RENAME, OP_UNLINK, OP_SYNC_FILE, OP_SYNC_DIR };

/* Written before the operation starts; syncs are written after they succeeded. */
struct record {
	uint32_t	op;
	uint32_t	id;
	uint32_t	slot, slot2;
	uint32_t	off, len;
};

/* The unit of file content; @version is the number of the record that wrote it. */
struct cell {
	uint32_t	uid, version, off, mark;
};
#define CELL_MARK	0x5ca1ab1eu

struct worker {
	unsigned int	number;
	const char	*dir, *log;
	unsigned int	seed;
	int		log_fd;
	uint32_t	records, next_id;
	uint32_t	names[SLOTS];	/* the file at each name, 0 = none */
	uint32_t	sizes[SLOTS];
	int		error;
};

static uint32_t file_uid(unsigned int thread, uint32_t id)
{
	return UID_BASE * (thread + 1) + id;
}

static void slot_path(const struct worker *w, uint32_t slot, char *path, size_t len)
{
	snprintf(path, len, "%s/t%u/d%u/s%u", w->dir, w->number, slot & 1, slot);
}

/* ---- the load ---- */

static int note(struct worker *w, struct record rec)
{
	if (write(w->log_fd, &rec, sizeof(rec)) != sizeof(rec)) {
		perror("log");
		exit(2);
	}
	return (int)w->records++;
}

static void fill_cells(struct cell *cells, uint32_t uid, uint32_t version, uint32_t off, uint32_t len)
{
	for (uint32_t i = 0; i < len / sizeof(*cells); i++)
		cells[i] = (struct cell){ uid, version, off + i * (uint32_t)sizeof(*cells), CELL_MARK };
}

static int write_range(struct worker *w, int fd, uint32_t slot, uint32_t off, uint32_t len)
{
	static __thread struct cell cells[CELLS];
	uint32_t id = w->names[slot];
	int version = note(w, (struct record){ .op = OP_WRITE, .id = id, .off = off, .len = len });

	fill_cells(cells, file_uid(w->number, id), version, off, len);
	for (uint32_t done = 0; done < len; ) {
		ssize_t put = pwrite(fd, (char *)cells + done, len - done, off + done);

		if (put < 0)
			return -errno;
		done += put;
	}
	if (w->sizes[slot] < off + len)
		w->sizes[slot] = off + len;
	return 0;
}

static int sync_fd(struct worker *w, int fd, struct record rec, bool data_only)
{
	if ((data_only ? fdatasync(fd) : fsync(fd)) < 0)
		return -errno;
	note(w, rec);
	return 0;
}

static int sync_path(struct worker *w, const char *path, int flags, struct record rec)
{
	int fd = open(path, flags), err;

	if (fd < 0)
		return -errno;
	err = sync_fd(w, fd, rec, false);
	close(fd);
	return err;
}

static int do_write(struct worker *w, uint32_t slot, int fd)
{
	uint32_t cell = sizeof(struct cell);
	uint32_t limit = rand_r(&w->seed) % 4 ? 8192 : 60000;
	uint32_t len = rand_r(&w->seed) % limit / cell * cell + cell;
	uint32_t off = rand_r(&w->seed) % 2 ? w->sizes[slot] : rand_r(&w->seed) % (MAX_SIZE / 2) / cell * cell;

	if (off + len > MAX_SIZE)
		off = 0;
	return write_range(w, fd, slot, off, len);
}

/* Every way to ask for a file's durability, and not asking. */
static int maybe_sync(struct worker *w, uint32_t slot, int fd)
{
	struct record rec = { .op = OP_SYNC_FILE, .id = w->names[slot] };
	char path[512];

	slot_path(w, slot, path, sizeof(path));
	switch (rand_r(&w->seed) % 6) {
	case 0:
		return sync_fd(w, fd, rec, false);
	case 1:
		return sync_path(w, path, O_RDONLY, rec);
	case 2:
		return sync_fd(w, fd, rec, true);
	default:
		return 0;
	}
}

static int do_create(struct worker *w, uint32_t slot)
{
	uint32_t id = ++w->next_id;
	char path[512];
	int fd, err = 0;

	slot_path(w, slot, path, sizeof(path));
	note(w, (struct record){ .op = OP_CREATE, .id = id, .slot = slot });
	setfsuid(file_uid(w->number, id));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
	if (fd < 0)
		err = -errno;
	setfsuid(0);
	if (err)
		return err;
	w->names[slot] = id;
	w->sizes[slot] = 0;
	if (rand_r(&w->seed) % 8)
		err = do_write(w, slot, fd);
	if (!err)
		err = maybe_sync(w, slot, fd);
	close(fd);
	return err;
}

static int do_change(struct worker *w, uint32_t slot)
{
	uint32_t size = w->sizes[slot];
	char path[512];
	int fd, err = 0;

	slot_path(w, slot, path, sizeof(path));
	fd = open(path, O_RDWR);
	if (fd < 0)
		return -errno;
	if (rand_r(&w->seed) % 5) {
		err = do_write(w, slot, fd);
	} else {
		size = size ? rand_r(&w->seed) % (size + 1) / 16 * 16 : 0;
		note(w, (struct record){ .op = OP_TRUNC, .id = w->names[slot], .len = size });
		if (ftruncate(fd, size) < 0)
			err = -errno;
		else
			w->sizes[slot] = size;
	}
	if (!err)
		err = maybe_sync(w, slot, fd);
	close(fd);
	return err;
}

static int do_rename(struct worker *w, uint32_t from)
{
	uint32_t to = rand_r(&w->seed) % SLOTS;
	char old[512], new[512];

	if (to == from)
		return 0;
	slot_path(w, from, old, sizeof(old));
	slot_path(w, to, new, sizeof(new));
	note(w, (struct record){ .op = OP_RENAME, .slot = from, .slot2 = to });
	if (rename(old, new) < 0)
		return -errno;
	w->names[to] = w->names[from];
	w->sizes[to] = w->sizes[from];
	w->names[from] = 0;
	return 0;
}

static int do_unlink(struct worker *w, uint32_t slot)
{
	char path[512];

	slot_path(w, slot, path, sizeof(path));
	note(w, (struct record){ .op = OP_UNLINK, .slot = slot });
	if (unlink(path) < 0)
		return -errno;
	w->names[slot] = 0;
	return 0;
}

static int do_sync_dir(struct worker *w)
{
	uint32_t dir = rand_r(&w->seed) & 1;
	char path[512];

	snprintf(path, sizeof(path), "%s/t%u/d%u", w->dir, w->number, dir);
	return sync_path(w, path, O_RDONLY | O_DIRECTORY, (struct record){ .op = OP_SYNC_DIR, .slot = dir });
}

static int step(struct worker *w)
{
	uint32_t slot = rand_r(&w->seed) % SLOTS;
	unsigned int dice = rand_r(&w->seed) % 100;

	if (dice < 4)
		return do_sync_dir(w);
	if (!w->names[slot])
		return do_create(w, slot);
	if (dice < 60)
		return do_change(w, slot);
	return dice < 80 ? do_rename(w, slot) : do_unlink(w, slot);
}

static void *work(void *data)
{
	struct worker *w = data;

	while (!w->error)
		w->error = step(w);
	close(w->log_fd);
	return NULL;
}

static void open_log(struct worker *w)
{
	char path[512];

	snprintf(path, sizeof(path), "%s.%u", w->log, w->number);
	w->log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	if (w->log_fd < 0) {
		perror(path);
		exit(2);
	}
}

static void make_dirs(struct worker *w)
{
	char path[512];

	for (int i = -1; i < 2; i++) {
		if (i < 0)
			snprintf(path, sizeof(path), "%s/t%u", w->dir, w->number);
		else
			snprintf(path, sizeof(path), "%s/t%u/d%d", w->dir, w->number, i);
		if (mkdir(path, 0777) < 0 || chmod(path, 0777) < 0) {
			perror(path);
			exit(2);
		}
	}
}

static int sync_all(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	int err = fd < 0 || fsync(fd) < 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Success is to be stopped by the death of the file system, not by an error of it. */
static int load(const char *dir, const char *log, unsigned int seed)
{
	struct worker workers[THREADS] = { 0 };
	pthread_t threads[THREADS];
	int status = 0;

	umask(0);
	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .number = i, .dir = ".", .log = log, .seed = seed * THREADS + i };
		open_log(&workers[i]);
	}
	/* Once the mount point is gone, its path must not lead to what is below. */
	if (chdir(dir) < 0) {
		perror(dir);
		return 2;
	}
	for (unsigned int i = 0; i < THREADS; i++)
		make_dirs(&workers[i]);
	if (sync_all(".")) {
		perror("fsync");
		return 2;
	}
	puts("ready");
	fflush(stdout);
	for (unsigned int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			return 2;
	for (unsigned int i = 0; i < THREADS; i++) {
		int err;

		pthread_join(threads[i], NULL);
		err = -workers[i].error;
		if (err != ENOTCONN && err != ECONNABORTED && err != EIO) {
			fprintf(stderr, "thread %u, record %u: %s\n", i, workers[i].records, strerror(err));
			status = 1;
		}
	}
	return status;
}

/* ---- the judge ---- */

struct history {
	struct worker	w;
	struct record	*rec;
	uint32_t	count;
	uint32_t	found[SLOTS];
	int		complaints;
};

#define complain(h, ...) do { \
	printf("thread %u: ", (h)->w.number); \
	printf(__VA_ARGS__); \
	putchar('\n'); \
	(h)->complaints++; \
} while (0)

static void read_log(struct history *h)
{
	char path[512];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s.%u", h->w.log, h->w.number);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		exit(2);
	}
	h->rec = malloc(st.st_size + 1);
	h->count = st.st_size / sizeof(*h->rec);
	if (!h->rec || read(fd, h->rec, st.st_size) != st.st_size) {
		perror(path);
		exit(2);
	}
	close(fd);
}

static void find_names(struct history *h)
{
	char path[512];
	struct dirent *ent;
	struct stat st;
	DIR *dir;

	for (uint32_t d = 0; d < 2; d++) {
		snprintf(path, sizeof(path), "%s/t%u/d%u", h->w.dir, h->w.number, d);
		dir = opendir(path);
		if (!dir) {
			complain(h, "%s: %s", path, strerror(errno));
			continue;
		}
		while ((ent = readdir(dir))) {
			uint32_t slot;

			if (ent->d_name[0] == '.')
				continue;
			if (sscanf(ent->d_name, "s%u", &slot) != 1 || slot >= SLOTS || (slot & 1) != d ||
			    fstatat(dirfd(dir), ent->d_name, &st, 0) < 0) {
				complain(h, "strange name %s/%s", path, ent->d_name);
				continue;
			}
			h->found[slot] = st.st_uid - UID_BASE * (h->w.number + 1);
			if (!h->found[slot] || h->found[slot] >= UID_BASE)
				complain(h, "%s/%s belongs to %u", path, ent->d_name, st.st_uid);
		}
		closedir(dir);
	}
}

static void apply_name(uint32_t *names, const struct record *rec)
{
	switch (rec->op) {
	case OP_CREATE:
		names[rec->slot] = rec->id;
		break;
	case OP_RENAME:
		names[rec->slot2] = names[rec->slot];
		names[rec->slot] = 0;
		break;
	case OP_UNLINK:
		names[rec->slot] = 0;
		break;
	default:
		break;
	}
}

/*
 * How many records must at least have happened: a directory's sync covers all
 * changes in it before; a file's sync that file's own name.
 */
static uint32_t durable_records(const struct history *h)
{
	uint32_t names[SLOTS] = { 0 }, in_dir[2] = { 0 }, durable = 0;
	uint32_t *of_file = calloc(h->count + 2, sizeof(*of_file));

	for (uint32_t i = 0; i < h->count; i++) {
		const struct record *rec = &h->rec[i];
		uint32_t must = 0;

		if (rec->op == OP_CREATE || rec->op == OP_RENAME || rec->op == OP_UNLINK)
			in_dir[rec->slot & 1] = i + 1;
		if (rec->op == OP_RENAME)
			in_dir[rec->slot2 & 1] = i + 1;
		if (rec->op == OP_CREATE)
			of_file[rec->id] = i + 1;
		else if (rec->op == OP_RENAME)
			of_file[names[rec->slot]] = i + 1;
		else if (rec->op == OP_SYNC_FILE)
			must = of_file[rec->id];
		else if (rec->op == OP_SYNC_DIR)
			must = in_dir[rec->slot];
		apply_name(names, rec);
		if (durable < must)
			durable = must;
	}
	free(of_file);
	return durable;
}

static void check_names(struct history *h)
{
	uint32_t durable = durable_records(h), names[SLOTS] = { 0 };

	for (uint32_t i = 0; i <= h->count; i++) {
		if (i >= durable && !memcmp(names, h->found, sizeof(names)))
			return;
		if (i < h->count)
			apply_name(names, &h->rec[i]);
	}
	complain(h, "the names are in no state between record %u (durable) and %u", durable, h->count);
	memset(names, 0, sizeof(names));
	for (uint32_t i = 0; i < durable; i++)
		apply_name(names, &h->rec[i]);
	for (uint32_t s = 0; s < SLOTS; s++)
		if (names[s] != h->found[s])
			printf("    s%u: durable %u, found %u\n", s, names[s], h->found[s]);
}

/* What a file may contain: the state at its last sync, and what came after. */
struct expectation {
	uint32_t	size_min, size_max, size_sync;
	uint32_t	version[CELLS];		/* at the last sync, 0 = zeroes; record number + 1 */
	bool		may_be_zero[CELLS];
	uint32_t	synced_at;
};

static void expect_change(struct expectation *e, uint32_t *size, const struct record *rec, uint32_t index, bool synced)
{
	uint32_t first = rec->off / sizeof(struct cell), end;

	if (rec->op == OP_WRITE) {
		end = (rec->off + rec->len) / sizeof(struct cell);
		for (uint32_t c = first; c < end && synced; c++)
			e->version[c] = index + 1;
		if (*size < rec->off + rec->len)
			*size = rec->off + rec->len;
	} else if (rec->op == OP_TRUNC) {
		for (uint32_t c = rec->len / sizeof(struct cell); c < CELLS; c++) {
			if (synced)
				e->version[c] = 0;
			e->may_be_zero[c] = true;
		}
		*size = rec->len;
	}
}

static void expect_file(const struct history *h, uint32_t id, struct expectation *e)
{
	uint32_t size = 0;

	memset(e, 0, sizeof(*e));
	for (uint32_t i = 0; i < h->count; i++)
		if (h->rec[i].op == OP_SYNC_FILE && h->rec[i].id == id)
			e->synced_at = i;
	for (uint32_t i = 0; i < e->synced_at; i++)
		if (h->rec[i].id == id)
			expect_change(e, &size, &h->rec[i], i, true);
	e->size_sync = e->size_min = e->size_max = size;
	for (uint32_t c = 0; c < CELLS; c++)
		e->may_be_zero[c] = !e->version[c];
	for (uint32_t i = e->synced_at; i < h->count; i++) {
		if (h->rec[i].id != id || (h->rec[i].op != OP_WRITE && h->rec[i].op != OP_TRUNC))
			continue;
		expect_change(e, &size, &h->rec[i], i, false);
		if (e->size_min > size)
			e->size_min = size;
		if (e->size_max < size)
			e->size_max = size;
	}
}

static const char *judge_cell(const struct history *h, uint32_t id, const struct expectation *e,
			      uint32_t c, const struct cell *cell)
{
	static const struct cell zero;
	const struct record *rec;

	if (!memcmp(cell, &zero, sizeof(zero)))
		return e->may_be_zero[c] ? NULL : "zeroes where data was synced";
	if (cell->mark != CELL_MARK)
		return "garbage";
	if (cell->uid != file_uid(h->w.number, id))
		return "another file's data";
	if (cell->off != c * sizeof(*cell))
		return "data of another place in the file";
	if (cell->version >= h->count)
		return "data from the future";
	rec = &h->rec[cell->version];
	if (rec->op != OP_WRITE || rec->id != id || cell->off < rec->off || cell->off >= rec->off + rec->len)
		return "data that was never written";
	return cell->version + 1 < e->version[c] ? "older data than what was synced" : NULL;
}

static void check_file(struct history *h, uint32_t slot, struct expectation *e)
{
	static struct cell cells[CELLS + 1];
	uint32_t id = h->found[slot];
	char path[512];
	ssize_t got;
	int fd;

	slot_path(&h->w, slot, path, sizeof(path));
	fd = open(path, O_RDONLY);
	got = fd < 0 ? -1 : pread(fd, cells, sizeof(cells), 0);
	if (got < 0) {
		complain(h, "%s: %s", path, strerror(errno));
		return;
	}
	close(fd);
	expect_file(h, id, e);
	if (got < e->size_min || got > e->size_max) {
		complain(h, "%s (file %u): size %zd is not in %u..%u (synced at record %u with %u)", path, id, got,
			 e->size_min, e->size_max, e->synced_at, e->size_sync);
		return;
	}
	for (uint32_t c = 0; c < got / sizeof(struct cell); c++) {
		const char *bad = judge_cell(h, id, e, c, &cells[c]);

		if (bad) {
			complain(h, "%s (file %u), offset %zu: %s (version %u, uid %u, off %u; synced %u at record %u)",
				 path, id, c * sizeof(struct cell), bad, cells[c].version, cells[c].uid, cells[c].off,
				 e->version[c], e->synced_at);
			return;
		}
	}
}

static int check(const char *dir, const char *log)
{
	static struct expectation e;
	uint32_t records = 0, files = 0;
	int complaints = 0;

	for (unsigned int i = 0; i < THREADS; i++) {
		struct history h = { .w = { .number = i, .dir = dir, .log = log } };

		read_log(&h);
		find_names(&h);
		if (!h.complaints)
			check_names(&h);
		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			if (!h.found[slot] || h.found[slot] >= UID_BASE)
				continue;
			check_file(&h, slot, &e);
			files++;
		}
		records += h.count;
		complaints += h.complaints;
		free(h.rec);
	}
	printf("%u records, %u files, %d complaints\n", records, files, complaints);
	return complaints != 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "load"))
		return load(argv[2], argv[3], strtoul(argv[4], NULL, 0));
	if (argc == 4 && !strcmp(argv[1], "check"))
		return check(argv[2], argv[3]);
	fprintf(stderr, "usage: crash-load load DIR LOG SEED | check DIR LOG\n");
	return 2;
}
