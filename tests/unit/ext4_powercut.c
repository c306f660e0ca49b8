/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power goes at any moment: a workload runs on a recording device, and of
 * many states that a cut could have left each must mount, be clean for e2fsck,
 * and hold all that was fsynced before, with its own content.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "etest.h"

#define FILES	40
#define ROUNDS	400

/* What the workload knows of one name after its last fsync. */
struct promise {
	bool		exists;		/* a version with this content is durable ... */
	unsigned int	version;
	size_t		len;
	size_t		event;		/* ... since this event of the device */
	bool		touched;	/* changed since: nothing is promised */
};

struct work {
	struct etest	*t;
	unsigned int	seed;
	struct promise	file[FILES];
	struct promise	*log;		/* the same after each round, FILES per round */
	size_t		*round_event;
	int		rounds;
};

static void content(char *buf, size_t len, int file, unsigned int version)
{
	char tag[32];
	size_t i, n = snprintf(tag, sizeof(tag), "<%d.%u>", file, version);

	for (i = 0; i < len; i++)
		buf[i] = tag[i % n];
}

static void name_of(int i, char name[16])
{
	snprintf(name, 16, "f%d", i);
}

static void write_version(struct work *w, int i, bool replace)
{
	struct promise *p = &w->file[i];
	size_t len = 1 + rand_r(&w->seed) % (rand_r(&w->seed) % 4 ? 6000 : 70000);
	char *buf = malloc(len), name[16], tmp[] = "tmp";
	struct ext4_inode *inode;

	name_of(i, name);
	p->touched = true;
	p->version++;
	content(buf, len, i, p->version);
	ext4_unlink(w->t->root, replace ? tmp : name, strlen(replace ? tmp : name));
	inode = etest_create(w->t->root, replace ? tmp : name);
	etest_write(inode, buf, len, 0);
	if (rand_r(&w->seed) % 2 || replace) {
		assert_int_equal(ext4_fsync(inode, rand_r(&w->seed) % 2), 0);
		if (replace)
			assert_int_equal(ext4_rename(w->t->root, tmp, strlen(tmp), w->t->root, name, strlen(name), 0,
						     &etest_root), 0);
		if (!replace || rand_r(&w->seed) % 2) {
			assert_int_equal(ext4_fsync(replace ? w->t->root : inode, false), 0);
			*p = (struct promise){ true, p->version, len, w->t->mem->nr_events, false };
		}
	}
	ext4_iput(inode);
	free(buf);
}

static void remove_file(struct work *w, int i)
{
	char name[16];

	name_of(i, name);
	w->file[i].touched = true;
	ext4_unlink(w->t->root, name, strlen(name));
	if (rand_r(&w->seed) % 3 == 0) {
		assert_int_equal(ext4_fsync(w->t->root, false), 0);
		w->file[i] = (struct promise){ false, w->file[i].version, 0, w->t->mem->nr_events, false };
	}
}

/* Directories that grow into an index and shrink, and xattrs: no promise, but the tree must hold. */
static void stir(struct work *w)
{
	struct ext4_inode *dir = NULL, *inode;
	char name[64], value[300];
	int i;

	if (ext4_lookup(w->t->root, "dir", 3, &dir))
		dir = etest_mkdir(w->t->root, "dir");
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "a-rather-long-name-%u", rand_r(&w->seed) % 200);
		if (ext4_create(dir, name, strlen(name), S_IFREG | 0600, 0, 0, &etest_root, &inode)) {
			ext4_unlink(dir, name, strlen(name));
			continue;
		}
		memset(value, 'v', sizeof(value));
		ext4_setxattr(inode, "user.x", value, rand_r(&w->seed) % sizeof(value), 0);
		ext4_iput(inode);
	}
	ext4_iput(dir);
}

static void run(struct work *w)
{
	int i, r;

	for (r = 0; r < w->rounds; r++) {
		i = rand_r(&w->seed) % FILES;
		switch (rand_r(&w->seed) % 6) {
		case 0:
			remove_file(w, i);
			break;
		case 1:
			stir(w);
			break;
		case 2:
			write_version(w, i, true);
			break;
		default:
			write_version(w, i, false);
		}
		memcpy(w->log + (size_t)r * FILES, w->file, sizeof(w->file));
		w->round_event[r] = w->t->mem->nr_events;
	}
}

/* ---- judging one state ---- */

static bool is_version_of(const char *buf, size_t len, int file)
{
	unsigned int version;
	char *want = malloc(len + 1);
	int got;
	bool ok = sscanf(buf, "<%d.%u>", &got, &version) == 2 && got == file;

	/* Short ones may be cut inside their tag. */
	if (!ok && len < 12) {
		free(want);
		return true;
	}
	if (ok) {
		content(want, len, file, version);
		ok = !memcmp(buf, want, len);
	}
	free(want);
	return ok;
}

static void check_file(struct etest *t, int i, const struct promise *p, size_t cut)
{
	struct ext4_inode *inode = NULL;
	struct ext4_stat st;
	char name[16], *buf;
	ssize_t n;
	int err;

	name_of(i, name);
	err = ext4_lookup(t->root, name, strlen(name), &inode);
	if (p && !p->touched && p->exists)
		assert_int_equal(err, 0);
	if (p && !p->touched && !p->exists && p->event)
		assert_int_equal(err, -ENOENT);
	if (err)
		return;
	ext4_getattr(inode, &st);
	buf = calloc(1, st.st.st_size + 1);
	n = ext4_read(inode, buf, st.st.st_size, 0);
	assert_int_equal(n, st.st.st_size);
	if (p && !p->touched && p->exists) {
		char *want = malloc(p->len + 1);

		content(want, p->len, i, p->version);
		assert_int_equal(st.st.st_size, p->len);
		if (memcmp(buf, want, p->len))
			fail_msg("file %d has lost version %u (cut at %zu)", i, p->version, cut);
		free(want);
	} else if (n && !is_version_of(buf, n, i)) {
		fail_msg("file %d holds bytes that were never written to it: %.20s (cut at %zu)", i, buf, cut);
	}
	free(buf);
	ext4_iput(inode);
}

/*
 * What was promised at the cut: the state of the last round that had ended by
 * then; what the round in between touched is left out.
 */
static void judge(struct work *w, size_t cut, const char *image, bool fsck)
{
	struct etest *t = etest_from(image, w->t->mem->size);
	struct promise now[FILES];
	int r, i;

	for (r = w->rounds - 1; r >= 0 && w->round_event[r] > cut; r--)
		;
	memset(now, 0, sizeof(now));
	if (r >= 0)
		memcpy(now, w->log + (size_t)r * FILES, sizeof(now));
	if (r + 1 < w->rounds)
		for (i = 0; i < FILES; i++)
			if (memcmp(&now[i], &w->log[(size_t)(r + 1) * FILES + i], sizeof(now[i])))
				now[i].touched = true;
	etest_mount(t);
	for (i = 0; i < FILES; i++)
		check_file(t, i, &now[i], cut);
	assert_int_equal(etest_umount(t), 0);
	if (fsck)
		assert_int_equal(etest_fsck(t), 0);
	etest_free(t);
}

static void power_cut(const char *mke2fs, enum ext4_data_mode mode, int states, int fsck_every)
{
	struct work w = { .t = etest_new(mke2fs), .seed = 42, .rounds = ROUNDS };
	unsigned int seed = 7;
	char *image;
	size_t cut;
	int i;

	w.log = calloc(ROUNDS, sizeof(w.file));
	w.round_event = calloc(ROUNDS, sizeof(*w.round_event));
	w.t->opts.data = mode;
	memio_start(w.t->mem);
	etest_mount(w.t);
	run(&w);
	assert_int_equal(etest_umount(w.t), 0);
	assert_int_equal(etest_fsck(w.t), 0);
	image = malloc(w.t->mem->size);
	for (i = 0; i < states; i++) {
		cut = rand_r(&seed) % (w.t->mem->nr_events + 1);
		memio_crash(w.t->mem, cut, (int[]){ 0, 30, 70, 100 }[rand_r(&seed) % 4], &seed, image);
		judge(&w, cut, image, i % fsck_every == 0);
	}
	free(image);
	free(w.log);
	free(w.round_event);
	etest_free(w.t);
}

static void ordered_small_journal(void **state)
{
	(void)state;
	power_cut("-t ext4 -b 1024 -J size=1 12M", EXT4_DATA_ORDERED, 400, 8);
}

static void ordered_orphan_file(void **state)
{
	(void)state;
	power_cut("-t ext4 -b 4096 -O orphan_file -J size=4 24M", EXT4_DATA_ORDERED, 200, 8);
}

static void ordered_inline_data(void **state)
{
	(void)state;
	power_cut("-t ext4 -b 1024 -I 512 -O inline_data,ea_inode -J size=1 12M", EXT4_DATA_ORDERED, 200, 8);
}

static void journaled_data(void **state)
{
	(void)state;
	power_cut("-t ext4 -b 1024 -J size=2 12M", EXT4_DATA_JOURNAL, 200, 8);
}

static void ext3_ordered(void **state)
{
	(void)state;
	power_cut("-t ext3 -b 1024 -J size=1 12M", EXT4_DATA_ORDERED, 200, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordered_small_journal),
		cmocka_unit_test(ordered_orphan_file),
		cmocka_unit_test(ordered_inline_data),
		cmocka_unit_test(journaled_data),
		cmocka_unit_test(ext3_ordered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
