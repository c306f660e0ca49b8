/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A folder of its own for a unit test; see scratch.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include "scratch.h"

static char dir[PATH_MAX];
static pid_t owner;

static __attribute__((noreturn)) void fail(const char *what)
{
	perror(what);
	abort();
}

static void remove_dir(void)
{
	char command[PATH_MAX + 16];

	if (getpid() != owner)	/* a child that called exit() */
		return;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command))
		fprintf(stderr, "cannot remove %s\n", dir);
}

const char *scratch_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (*dir)
		return dir;
	snprintf(dir, sizeof(dir), "%s/unit.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		fail(dir);
	owner = getpid();
	atexit(remove_dir);
	return dir;
}

const char *scratch_path(const char *name)
{
	static char *keep[64];
	static unsigned int next;
	char **slot = &keep[next++ % 64];

	free(*slot);
	if (asprintf(slot, "%s/%s", scratch_dir(), name) < 0)
		fail("asprintf");
	return *slot;
}

static char *command_line(const char *fmt, va_list ap, const char *tail)
{
	char *command, *line = NULL;

	if (vasprintf(&command, fmt, ap) < 0 ||
	    asprintf(&line, "cd '%s' && PATH=$PATH:/sbin:/usr/sbin; { %s\n} %s", scratch_dir(),
		     command, tail) < 0)
		fail("asprintf");
	free(command);
	return line;
}

int scratch_run(const char *fmt, ...)
{
	char *line;
	va_list ap;
	int status;

	va_start(ap, fmt);
	line = command_line(fmt, ap, ">/dev/null 2>&1");
	va_end(ap);
	status = system(line);
	free(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *scratch_output(const char *fmt, ...)
{
	size_t len = 0, got;
	char *line, *text = NULL;
	char buf[4096];
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	line = command_line(fmt, ap, "2>/dev/null");
	va_end(ap);
	f = popen(line, "r");
	if (!f)
		fail(line);
	do {
		got = fread(buf, 1, sizeof(buf), f);
		text = realloc(text, len + got + 1);
		if (!text)
			fail("realloc");
		memcpy(text + len, buf, got);
		len += got;
		text[len] = '\0';
	} while (got);
	pclose(f);
	free(line);
	return text;
}

bool scratch_have(const char *program)
{
	return scratch_run("command -v %s", program) == 0;
}
