/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See report.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "report.h"

void pc_die(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "# %s\n", text);
	fflush(NULL);
	_exit(3);
}
