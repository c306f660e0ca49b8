/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header is read as text: a function is a name that begins with ext4_ and is followed by a
 * parenthesis, outside comments, macros and structures.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "api.h"

#define MAX_FUNCTIONS	128

/* Shared with the processes that call. */
static struct marks {
	int		n;
	const char	*name[MAX_FUNCTIONS];
} *marks;

void api_mark(const char *function)
{
	int i, n = marks ? __atomic_load_n(&marks->n, __ATOMIC_ACQUIRE) : 0;

	for (i = 0; i < n; i++) {
		if (marks->name[i] == function || !strcmp(marks->name[i], function))
			return;
	}
	if (!marks)
		return;
	marks->name[n] = function;
	__atomic_store_n(&marks->n, n + 1, __ATOMIC_RELEASE);
}

__attribute__((constructor)) static void share_marks(void)
{
	marks = mmap(NULL, sizeof(*marks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (marks == MAP_FAILED)
		abort();
}

static bool was_called(const char *name, size_t len)
{
	int i;

	for (i = 0; i < marks->n; i++) {
		if (strlen(marks->name[i]) == len && !strncmp(marks->name[i], name, len))
			return true;
	}
	return false;
}

static char *read_text(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f) {
		perror(path);
		return NULL;
	}
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static void blank_comments(char *text)
{
	char *p = text, *end;

	while ((p = strstr(p, "/*"))) {
		end = strstr(p, "*/");
		end = end ? end + 2 : p + strlen(p);
		memset(p, ' ', end - p);
		p = end;
	}
}

static int check_name(const char *name, size_t len, int *total)
{
	++*total;
	if (was_called(name, len))
		return 0;
	printf("# not called: %.*s\n", (int)len, name);
	return 1;
}

int api_missing(const char *header, int *total)
{
	char *text = read_text(header), *p;
	int missing = 0;
	size_t len;

	*total = 0;
	if (!text)
		return 1;
	blank_comments(text);
	for (p = text; (p = strstr(p, "ext4_")); p += len) {
		len = strspn(p, "abcdefghijklmnopqrstuvwxyz_0123456789");
		if (p[len] == '(' && (p == text || !isalnum((unsigned char)p[-1])))
			missing += check_name(p, len, total);
	}
	return missing;
}
