/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages to the person who runs the program: one line each, with a level and
 * a "program: device: " prefix, to the sink that fits the moment.  What is
 * worth a message is not decided here.  All functions may be called by any
 * thread at any time.
 */
#ifndef SUPPORT_LOG_H
#define SUPPORT_LOG_H

#include <stdarg.h>

enum support_log_level {
	SUPPORT_LOG_ERR,
	SUPPORT_LOG_WARN,
	SUPPORT_LOG_INFO,
	SUPPORT_LOG_DEBUG,
};

/*
 * One line, without its newline.  Control characters are replaced and overlong lines are
 * cut, since names from a hostile device end up here.  errno is kept.
 */
void support_log(enum support_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void support_vlog(enum support_log_level level, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/*
 * A line that another process has given to its support_log_to_callback(), with an empty prefix: as
 * support_log(), but it says already what level it is.
 */
void support_log_relay(enum support_log_level level, const char *line);

/* Levels above @level are not shown; SUPPORT_LOG_INFO at first. */
void support_log_set_level(enum support_log_level level);

/* Names for the prefix, copied; NULL leaves that part out.  Long ones are cut. */
void support_log_set_prefix(const char *program, const char *device);

/*
 * Where lines go from now on; standard error at first.  The descriptor stays
 * the caller's and must be open as long as the sink is in use.
 */
void support_log_to_stderr(void);
void support_log_to_journal(void);	/* standard error, each line with systemd's "<N>" */
void support_log_to_fd(int fd);		/* a log file: each line with date and time */
void support_log_to_syslog(void);	/* the program's name must have been set */
/*
 * The kernel's log; returns an errno value, with the sink unchanged, when /dev/kmsg cannot be
 * opened.
 */
int support_log_to_kmsg(void);
/* @func gets each finished line, with its prefix; a log lock is held, so it must not log. */
void support_log_to_callback(void (*func)(void *priv, enum support_log_level level,
					  const char *line), void *priv);

#endif /* SUPPORT_LOG_H */
