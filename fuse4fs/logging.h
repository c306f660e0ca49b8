/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where messages go: to stderr until the mount is up; afterwards to the log file
 * if one was named, to stderr in the foreground, to the kernel's log in kernel
 * mode, and else to the system log; these last two by the attendant, where there is one.
 */
#ifndef FUSE4FS_LOGGING_H
#define FUSE4FS_LOGGING_H

#include <stdbool.h>
#include "ext4/ext4.h"
#include "options.h"

/* Open what the options name.  False with a message on stderr when the log file cannot be written. */
bool log_open(const struct options *opt);
/* No file can be opened any more from here on. */
void log_prepare(void);
/* The log file's descriptor, or -1. */
int log_file(void);
/* The mount is up: leave stderr, unless we stay in the foreground. */
void log_detach(void);
void log_close(void);

void log_message(enum ext4_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
#define log_err(...)	log_message(EXT4_LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_message(EXT4_LOG_WARN, __VA_ARGS__)
#define log_info(...)	log_message(EXT4_LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_message(EXT4_LOG_DEBUG, __VA_ARGS__)

/* What the engine is given; @priv is the device's name. */
void log_from_engine(void *priv, enum ext4_log_level level, const char *message);

#endif /* FUSE4FS_LOGGING_H */
