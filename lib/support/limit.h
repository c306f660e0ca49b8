/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often the same may be said: one damaged block that is looked at all day must not fill the log.
 */
#ifndef SUPPORT_LIMIT_H
#define SUPPORT_LIMIT_H

#include <stdbool.h>
#include <pthread.h>
#include <stdint.h>

/* So many lines from one place, then no more until so many seconds after the first of them. */
#define SUPPORT_LIMIT_LINES	10
#define SUPPORT_LIMIT_SECONDS	30
#define SUPPORT_LIMIT_PLACES	64

struct support_limit {
	pthread_mutex_t	lock;
	struct support_limit_place {
		const char	*name;	/* NULL: unused; the caller's, for good */
		unsigned int	line;
		unsigned int	said, left_out;
		uint64_t	since;	/* seconds of the monotonic clock */
	} places[SUPPORT_LIMIT_PLACES];
};

/* With all bytes zero but for the lock. */
void support_limit_init(struct support_limit *limit);
void support_limit_destroy(struct support_limit *limit);

/*
 * Whether a line from @name (a literal or __func__: the pointer counts) and @line may be written now.  When it
 * may, *@left_out is how many lines of that place were not before it.  Any thread; takes the lock.
 */
bool support_limit_pass(struct support_limit *limit, const char *name, unsigned int line,
			unsigned int *left_out);

/* Call @func for each place of which lines were left out, and forget them. */
void support_limit_flush(struct support_limit *limit,
			 void (*func)(void *priv, const char *name, unsigned int left_out), void *priv);

#endif /* SUPPORT_LIMIT_H */
