/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text to values: numbers with units, and the comma-separated words of -o.
 * Nothing here knows which options exist.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "parse.h"

/* strtoull() takes blanks and a minus sign, which a mount option must not have. */
static bool read_digits(const char *text, uint64_t *value, char **end)
{
	int base = 10;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		if (!isxdigit((unsigned char)text[2]))
			return false;
	} else if (!isdigit((unsigned char)text[0])) {
		return false;
	}
	errno = 0;
	*value = strtoull(text, end, base);
	return errno == 0;
}

bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	return read_digits(text, value, &end) && !*end && *value >= min && *value <= max;
}

bool parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	static const char units[] = "kmgt";
	const char *unit;
	unsigned int shift;
	char *end;

	if (!read_digits(text, value, &end))
		return false;
	if (*end) {
		unit = strchr(units, tolower((unsigned char)*end));
		if (!unit || end[1])
			return false;
		shift = 10 * (unit - units + 1);
		if (*value > UINT64_MAX >> shift)
			return false;
		*value <<= shift;
	}
	return *value >= min && *value <= max;
}

bool parse_signed(const char *text, int64_t min, int64_t max, int64_t *value)
{
	bool negative = *text == '-';
	uint64_t n;

	if (!parse_number(text + negative, 0, INT64_MAX, &n))
		return false;
	*value = negative ? -(int64_t)n : (int64_t)n;
	return *value >= min && *value <= max;
}

char *parse_next_word(char **rest)
{
	char *word = *rest, *from = word, *to = word;

	if (!word)
		return NULL;
	while (*from && *from != ',') {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return word;
}

static bool append(struct word_list *list, const char *text, bool escape)
{
	char *grown = realloc(list->text, list->len + 2 * strlen(text) + 2);

	if (!grown)
		return false;
	list->text = grown;
	for (; *text; text++) {
		if (escape && (*text == ',' || *text == '\\'))
			grown[list->len++] = '\\';
		grown[list->len++] = *text;
	}
	grown[list->len] = '\0';
	return true;
}

bool word_list_add(struct word_list *list, const char *word, const char *value)
{
	if (list->len && !append(list, ",", false))
		return false;
	if (!append(list, word, true))
		return false;
	return !value || (append(list, "=", false) && append(list, value, true));
}

bool word_list_append(struct word_list *list, const struct word_list *more)
{
	return (!list->len || append(list, ",", false)) && append(list, more->text, false);
}

void word_list_free(struct word_list *list)
{
	free(list->text);
	list->text = NULL;
	list->len = 0;
}
