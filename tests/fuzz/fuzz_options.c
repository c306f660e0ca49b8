/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing the command line: the input's NUL-terminated strings are the
 * arguments.  Also the parsers of numbers and words, on each of them.
 */
#include <stdlib.h>
#include <string.h>
#include "fuse4fs/options.h"

#define MAX_ARGS	16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parsers(const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	struct word_list list = { NULL, 0 };
	uint64_t value;
	int64_t number;

	parse_number(text, 0, UINT64_MAX, &value);
	if (parse_size(text, 5, 1ULL << 40, &value) && (value < 5 || value > 1ULL << 40))
		abort();
	if (parse_signed(text, -1000, 1000, &number) && (number < -1000 || number > 1000))
		abort();
	while ((word = parse_next_word(&rest)))
		word_list_add(&list, word, list.len < 1000 ? text : NULL);
	word_list_free(&list);
	free(copy);
}

static int split(char *text, size_t size, char **argv)
{
	char *end = text + size;
	int argc = 1;

	argv[0] = (char *)"fuse4fs";
	while (text < end && argc < MAX_ARGS) {
		argv[argc++] = text;
		text += strlen(text) + 1;
	}
	argv[argc] = NULL;
	return argc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[MAX_ARGS + 1], reason[64], *words;
	struct options opt;
	int argc, i;

	memcpy(text, data, size);
	text[size] = '\0';
	argc = split(text, size, argv);
	for (i = 1; i < argc; i++)
		parsers(argv[i]);
	options_init(&opt, argc > 1 ? argv[1] : "fuse2fs");
	if (options_parse(&opt, argc, argv, reason, sizeof(reason))) {
		words = options_for_fuse(&opt, "/dev/source,with\\comma");
		free(words);
	} else if (!memchr(reason, '\0', sizeof(reason)) || !reason[0]) {
		abort();	/* refused without a word */
	}
	options_free(&opt);
	free(text);
	return 0;
}
