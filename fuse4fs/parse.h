/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text to values: numbers with units, and the comma-separated words of -o.
 * Nothing here knows which options exist.
 */
#ifndef FUSE4FS_PARSE_H
#define FUSE4FS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole decimal (or 0x) number between @min and @max; nothing may follow it. */
bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* As parse_number(), with an optional unit k, m, g or t (powers of 1024). */
bool parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* A number that may be negative. */
bool parse_signed(const char *text, int64_t min, int64_t max, int64_t *value);

/*
 * Cut the next word off *@rest, which is changed in place: words are separated by commas, and a
 * backslash takes the character after it as it is.  NULL when there is none left.
 */
char *parse_next_word(char **rest);

/* A growing list of words with commas in between; commas and backslashes of a word are escaped. */
struct word_list {
	char	*text;		/* NULL while empty */
	size_t	len;
};
/* Append @word, or "@word=@value" when @value is not NULL.  False when memory is short. */
bool word_list_add(struct word_list *list, const char *word, const char *value);
/* Append all words of @more. */
bool word_list_append(struct word_list *list, const struct word_list *more);
void word_list_free(struct word_list *list);

#endif /* FUSE4FS_PARSE_H */
