/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subst -f CONF IN OUT: copy a text file, putting values for @NAME@.  CONF has
 * one "NAME value" in each line; values may refer to others as ${NAME}.  A name
 * that CONF lacks is an error, so that no page is installed with a hole in it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VARS	100
#define MAX_DEPTH	8

static struct {
	char *name, *value;
} vars[MAX_VARS];
static int nr_vars;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "subst: %s: %s\n", what, why);
	exit(1);
}

static void read_conf(const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "r");

	if (!f)
		die(path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		char *name = strtok(line, " \t\n");
		char *value = strtok(NULL, "\n");

		if (!name || *name == '#')
			continue;
		if (nr_vars == MAX_VARS)
			die(path, "too many variables");
		vars[nr_vars].name = strdup(name);
		vars[nr_vars++].value = strdup(value ? value : "");
	}
	fclose(f);
}

static const char *find(const char *name, size_t len)
{
	for (int i = 0; i < nr_vars; i++)
		if (strlen(vars[i].name) == len && !memcmp(vars[i].name, name, len))
			return vars[i].value;
	return NULL;
}

static size_t name_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

/* Write a value, with the ${NAME} in it resolved. */
static void put_value(const char *s, FILE *out, int depth)
{
	if (depth > MAX_DEPTH)
		die(s, "variables refer to each other in a circle");
	while (*s) {
		size_t n;
		const char *value;

		if (s[0] == '$' && s[1] == '{' && (n = name_length(s + 2)) && s[2 + n] == '}') {
			value = find(s + 2, n);
			if (!value)
				die(s, "unknown variable");
			put_value(value, out, depth + 1);
			s += n + 3;
		} else {
			fputc(*s++, out);
		}
	}
}

static void put_line(const char *s, FILE *out)
{
	while (*s) {
		size_t n;
		const char *value;

		if (s[0] == '@' && (n = name_length(s + 1)) && s[1 + n] == '@') {
			value = find(s + 1, n);
			if (!value)
				die(s, "unknown variable");
			put_value(value, out, 0);
			s += n + 2;
		} else {
			fputc(*s++, out);
		}
	}
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	FILE *in, *out;

	if (argc != 5 || strcmp(argv[1], "-f")) {
		fprintf(stderr, "usage: subst -f CONF IN OUT\n");
		return 1;
	}
	read_conf(argv[2]);
	in = fopen(argv[3], "r");
	if (!in)
		die(argv[3], strerror(errno));
	out = fopen(argv[4], "w");
	if (!out)
		die(argv[4], strerror(errno));
	while (getline(&line, &size, in) >= 0)
		put_line(line, out);
	free(line);
	fclose(in);
	if (fclose(out))
		die(argv[4], strerror(errno));
	return 0;
}
