/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to the user.  Parts of them come from a server that may want to play
 * with the terminal.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "fsm.h"

/* Bytes of the UTF-8 sequence at @p and its character, or 0 when it is none. */
static size_t decode(const unsigned char *p, uint32_t *character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 :
		     *p >= 0xf0 && *p < 0xf5 ? 4 : 0;

	*character = len < 2 ? *p : *p & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (p[i] & 0x3f);
	}
	return len && *character >= least[len] ? len : 0;
}

/*
 * Control characters of either half (a terminal may obey U+009B as it does ESC [), and what turns the direction
 * or breaks the line.
 */
static bool is_printable(uint32_t c)
{
	return c >= ' ' && !(c >= 0x7f && c <= 0x9f) && !(c >= 0x200e && c <= 0x200f) &&
	       !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
	       !(c >= 0xd800 && c <= 0xdfff) && c <= 0x10ffff;
}

void fsm_relay(char *text)
{
	unsigned char *from = (unsigned char *)text, *to = from;
	uint32_t character;
	size_t len;

	while (*from) {
		len = decode(from, &character);
		if (len && is_printable(character)) {
			memmove(to, from, len);
			to += len;
		} else {
			*to++ = '?';
		}
		from += len ? len : 1;
	}
	*to = '\0';
	fprintf(stderr, "%s\n", text);
}

void fsm_tell(const char *format, ...)
{
	char text[1024];
	va_list args;
	int len = snprintf(text, sizeof(text), "fuservicemount: ");

	va_start(args, format);
	vsnprintf(text + len, sizeof(text) - len, format, args);
	va_end(args);
	fsm_relay(text);
}
