/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Base images.  What is metadata is told from file data by a trick: make-seeds
 * fills files with the letter D, so that every other block that is not empty
 * is worth a patch.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base.h"

#define MAX_BASES	64

static struct base bases[MAX_BASES];
static size_t n_bases;

static bool all_is(const char *p, char c)
{
	return *p == c && !memcmp(p, p + 1, FUZZIO_UNIT - 1);
}

static void find_metadata(struct base *b)
{
	uint32_t i, units = b->dev->size / FUZZIO_UNIT;

	b->meta = calloc(units, sizeof(*b->meta));
	for (i = 0; i < units; i++) {
		const char *p = b->dev->base + (size_t)i * FUZZIO_UNIT;

		if (!all_is(p, '\0') && !all_is(p, 'D'))
			b->meta[b->n_meta++] = i;
	}
}

static int is_image(const struct dirent *ent)
{
	const char *dot = strrchr(ent->d_name, '.');

	return dot && !strcmp(dot, ".img");
}

void base_load(const char *dir)
{
	struct dirent **list;
	char path[4096];
	int i, n = scandir(dir, &list, is_image, alphasort);

	if (n <= 0 || n > MAX_BASES) {
		fprintf(stderr, "no base images in %s (FUZZ_SEEDS)\n", dir);
		exit(2);
	}
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		bases[i].dev = fuzzio_load(path);
		find_metadata(&bases[i]);
		free(list[i]);
	}
	free(list);
	n_bases = n;
}

struct base *base_get(unsigned int number)
{
	return &bases[number % n_bases];
}

size_t base_count(void)
{
	return n_bases;
}

static uint64_t place(const struct base *b, unsigned int block, unsigned int off)
{
	return (uint64_t)b->meta[block % b->n_meta] * FUZZIO_UNIT + off % FUZZIO_UNIT;
}

static void add(struct fuzzio *d, uint64_t at, uint32_t value, size_t width)
{
	uint32_t old = 0;

	if (at + width > d->size)
		return;
	memcpy(&old, d->data + at, width);
	old += value;
	fuzzio_patch(d, at, &old, width);
}

static void patch_one(struct base *b, const struct input_patch *p)
{
	uint64_t at = place(b, p->block, p->off);
	uint64_t from = place(b, p->value[0] | p->value[1] << 8, p->value[2] | p->value[3] << 8);
	struct fuzzio *d = b->dev;
	char copy[FUZZIO_UNIT];
	size_t len = p->len * 4U % FUZZIO_UNIT;
	uint32_t value;

	memcpy(&value, p->value, sizeof(value));
	switch (p->kind % PATCH_KINDS) {
	case PATCH_8:
	case PATCH_16:
	case PATCH_32:
		fuzzio_patch(d, at, p->value, (size_t)1 << p->kind % PATCH_KINDS);
		break;
	case PATCH_ADD16:
		add(d, at, (int16_t)value, 2);
		break;
	case PATCH_ADD32:
		add(d, at, value, 4);
		break;
	case PATCH_COPY:
		fuzzio_patch(d, at - p->off % FUZZIO_UNIT,
			     d->data + from / FUZZIO_UNIT * FUZZIO_UNIT, FUZZIO_UNIT);
		break;
	default:
		if (from + len > d->size)
			break;
		memcpy(copy, d->data + from, len);
		fuzzio_patch(d, at, copy, len);
	}
}

void base_patch(struct base *b, const struct input_patch *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		patch_one(b, &p[i]);
}
