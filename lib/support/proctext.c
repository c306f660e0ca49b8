/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small text files, read at once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "support/proctext.h"

bool support_read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len - (text[len - 1] == '\n')] = '\0';
	return true;
}

void support_unescape(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++) {
		unsigned int c;

		if (*from == '\\' && sscanf(from + 1, "%3o", &c) == 1) {
			*to++ = c;
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}
