/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small table of places, by address; what does not fit shares a slot, and with it the allowance.
 */
#include <time.h>
#include "support/limit.h"

void support_limit_init(struct support_limit *limit)
{
	pthread_mutex_init(&limit->lock, NULL);
}

void support_limit_destroy(struct support_limit *limit)
{
	pthread_mutex_destroy(&limit->lock);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Its own slot, else a free one, else that of somebody else. */
static struct support_limit_place *find(struct support_limit *limit, const char *name,
					unsigned int line)
{
	unsigned int start = ((uintptr_t)name / 8 + line) % SUPPORT_LIMIT_PLACES;

	for (unsigned int i = 0; i < SUPPORT_LIMIT_PLACES; i++) {
		struct support_limit_place *place =
			&limit->places[(start + i) % SUPPORT_LIMIT_PLACES];

		if (!place->name || (place->name == name && place->line == line))
			return place;
	}
	return &limit->places[start];
}

bool support_limit_pass(struct support_limit *limit, const char *name, unsigned int line,
			unsigned int *left_out)
{
	struct support_limit_place *place;
	uint64_t time = now();
	bool pass;

	*left_out = 0;
	pthread_mutex_lock(&limit->lock);
	place = find(limit, name, line);
	if (!place->name) {
		place->name = name;
		place->line = line;
	}
	if (!place->said || time - place->since >= SUPPORT_LIMIT_SECONDS) {
		place->said = 0;
		place->since = time;
		*left_out = place->left_out;
		place->left_out = 0;
	}
	pass = place->said < SUPPORT_LIMIT_LINES;
	if (pass)
		place->said++;
	else
		place->left_out++;
	pthread_mutex_unlock(&limit->lock);
	return pass;
}

void support_limit_flush(struct support_limit *limit,
			 void (*func)(void *priv, const char *name, unsigned int left_out), void *priv)
{
	for (unsigned int i = 0; i < SUPPORT_LIMIT_PLACES; i++) {
		unsigned int left_out;
		const char *name;

		pthread_mutex_lock(&limit->lock);
		name = limit->places[i].name;
		left_out = limit->places[i].left_out;
		limit->places[i].left_out = 0;
		pthread_mutex_unlock(&limit->lock);
		if (left_out)
			func(priv, name, left_out);
	}
}
