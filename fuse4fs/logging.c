/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of libsupport's sinks messages go to, and when.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "logging.h"
#include "named.h"
#include "outside.h"
#include "support/log.h"

static const struct options *opt;
static int logfile_fd = -1;

static enum support_log_level support_level(enum ext4_log_level level)
{
	static const enum support_log_level levels[] = {
		[EXT4_LOG_ERR] = SUPPORT_LOG_ERR, [EXT4_LOG_WARN] = SUPPORT_LOG_WARN,
		[EXT4_LOG_INFO] = SUPPORT_LOG_INFO, [EXT4_LOG_DEBUG] = SUPPORT_LOG_DEBUG,
	};

	return levels[level];
}

/* While the user waits for the mount, silence means success, unless more was asked for. */
bool log_open(const struct options *options)
{
	opt = options;
	support_log_set_prefix(opt->program, NULL);
	if (opt->debug)
		support_log_set_level(SUPPORT_LOG_DEBUG);
	else if (!opt->foreground)
		support_log_set_level(SUPPORT_LOG_WARN);
	if (!opt->logfile)
		return true;
	logfile_fd = named_open_log(opt->logfile);
	if (logfile_fd >= 0)
		return true;
	log_err("cannot write the log file %s: %s", opt->logfile,
		errno == ELOOP ? "it is another user's symbolic link" :
		errno == EMLINK ? "it has several names (hard links)" : strerror(errno));
	return false;
}

void log_prepare(void)
{
	/* The time zone is a file, too. */
	tzset();
}

int log_file(void)
{
	return logfile_fd;
}

/* What does not fit, because the log daemon is slow or waits for us, is counted. */
static void to_attendant(void *priv __attribute__((unused)), enum support_log_level level,
			 const char *line)
{
	static unsigned int missing;
	char text[64];

	if (missing) {
		snprintf(text, sizeof(text), "%u messages are missing here", missing);
		if (outside_log(SUPPORT_LOG_WARN, text))
			missing = 0;
	}
	if (missing || !outside_log(level, line))
		missing++;
}

void log_detach(void)
{
	support_log_set_level(opt->debug ? SUPPORT_LOG_DEBUG : SUPPORT_LOG_INFO);
	if (logfile_fd >= 0) {
		support_log_to_fd(logfile_fd);
	} else if (opt->foreground) {
		;
	} else if (outside_logs()) {
		support_log_set_prefix(NULL, NULL);
		support_log_to_callback(to_attendant, NULL);
	} else if (!opt->kernel || support_log_to_kmsg()) {
		support_log_to_syslog();
	}
}

void log_close(void)
{
	support_log_to_stderr();
	support_log_set_prefix(opt->program, NULL);
	if (logfile_fd >= 0)
		close(logfile_fd);
	logfile_fd = -1;
}

void log_message(enum ext4_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	support_vlog(support_level(level), format, args);
	va_end(args);
}

/* The engine's messages begin with the device. */
void log_from_engine(void *priv __attribute__((unused)), enum ext4_log_level level, const char *message)
{
	support_log(support_level(level), "%s", message);
}
