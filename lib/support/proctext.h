/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the small text files of /proc and /sys.
 */
#ifndef SUPPORT_PROCTEXT_H
#define SUPPORT_PROCTEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The file's first @size - 1 bytes, without a last newline; false when it is empty or cannot be read. */
bool support_read_text(const char *path, char *text, size_t size);
/* Undo, in place, how mountinfo writes some characters: a backslash and three octal digits. */
void support_unescape(char *text);

#endif /* SUPPORT_PROCTEXT_H */
