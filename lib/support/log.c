/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Formatting log lines and handing them to the current sink, each with one
 * system call so that lines of several threads and processes do not mix.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "support/log.h"

#define LINE_MAX_BYTES	1024

enum sink { SINK_STDERR, SINK_JOURNAL, SINK_FD, SINK_SYSLOG, SINK_KMSG, SINK_CALLBACK };

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static enum sink log_sink = SINK_STDERR;
static int log_fd = -1, kmsg_fd = -1;
static void (*log_func)(void *priv, enum support_log_level level, const char *line);
static void *log_priv;
static int log_max_level = SUPPORT_LOG_INFO;	/* atomic */
static char log_program[64], log_device[256];

static const int syslog_priority[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void support_log_set_level(enum support_log_level level)
{
	__atomic_store_n(&log_max_level, level, __ATOMIC_RELAXED);
}

void support_log_set_prefix(const char *program, const char *device)
{
	pthread_mutex_lock(&log_lock);
	snprintf(log_program, sizeof(log_program), "%s", program ? program : "");
	snprintf(log_device, sizeof(log_device), "%s", device ? device : "");
	pthread_mutex_unlock(&log_lock);
}

static void set_sink(enum sink sink, int fd)
{
	pthread_mutex_lock(&log_lock);
	log_sink = sink;
	log_fd = fd;
	pthread_mutex_unlock(&log_lock);
}

void support_log_to_stderr(void)
{
	set_sink(SINK_STDERR, STDERR_FILENO);
}

void support_log_to_journal(void)
{
	set_sink(SINK_JOURNAL, STDERR_FILENO);
}

void support_log_to_fd(int fd)
{
	set_sink(SINK_FD, fd);
}

void support_log_to_syslog(void)
{
	pthread_mutex_lock(&log_lock);
	openlog(log_program[0] ? log_program : NULL, LOG_PID, LOG_DAEMON);
	log_sink = SINK_SYSLOG;
	pthread_mutex_unlock(&log_lock);
}

int support_log_to_kmsg(void)
{
	int err = 0;

	pthread_mutex_lock(&log_lock);
	if (kmsg_fd < 0)
		kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (kmsg_fd < 0)
		err = errno;
	else
		log_sink = SINK_KMSG;
	pthread_mutex_unlock(&log_lock);
	return err;
}

void support_log_to_callback(void (*func)(void *priv, enum support_log_level level,
					  const char *line), void *priv)
{
	pthread_mutex_lock(&log_lock);
	log_sink = SINK_CALLBACK;
	log_func = func;
	log_priv = priv;
	pthread_mutex_unlock(&log_lock);
}

/* The start of a line, up to where the message begins. */
static size_t put_prefix(char *line, size_t size, enum support_log_level level, bool word)
{
	size_t n = 0;
	time_t now;
	struct tm tm;

	if (log_sink == SINK_FD) {
		now = time(NULL);
		localtime_r(&now, &tm);
		n += strftime(line, size, "%Y-%m-%d %H:%M:%S ", &tm);
	} else if (log_sink == SINK_KMSG || log_sink == SINK_JOURNAL) {
		n += snprintf(line, size, "<%d>", syslog_priority[level]);
	}
	if (log_program[0] && log_sink != SINK_SYSLOG)
		n += snprintf(line + n, size - n, "%s: ", log_program);
	if (log_device[0])
		n += snprintf(line + n, size - n, "%s: ", log_device);
	if (word && level == SUPPORT_LOG_WARN)
		n += snprintf(line + n, size - n, "warning: ");
	return n;
}

static void clean_line(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

static void write_line(int fd, const char *line, size_t len)
{
	/* Nobody to tell when the log itself fails. */
	while (write(fd, line, len) < 0 && errno == EINTR)
		;
}

static void emit(enum support_log_level level, char *line)
{
	size_t len = strlen(line);

	switch (log_sink) {
	case SINK_SYSLOG:
		syslog(syslog_priority[level], "%s", line);
		break;
	case SINK_CALLBACK:
		log_func(log_priv, level, line);
		break;
	case SINK_KMSG:
		line[len] = '\n';
		write_line(kmsg_fd, line, len + 1);
		break;
	case SINK_STDERR:
	case SINK_JOURNAL:
		line[len] = '\n';
		write_line(STDERR_FILENO, line, len + 1);
		break;
	case SINK_FD:
		line[len] = '\n';
		write_line(log_fd, line, len + 1);
		break;
	}
}

static void __attribute__((format(printf, 3, 0)))
put_line(enum support_log_level level, bool word, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES + 1];
	int saved = errno;
	size_t n;

	if ((int)level > __atomic_load_n(&log_max_level, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&log_lock);
	n = put_prefix(line, LINE_MAX_BYTES, level, word);
	vsnprintf(line + n, LINE_MAX_BYTES - n, fmt, args);
	clean_line(line);
	emit(level, line);
	pthread_mutex_unlock(&log_lock);
	errno = saved;
}

void support_vlog(enum support_log_level level, const char *fmt, va_list args)
{
	put_line(level, true, fmt, args);
}

static void __attribute__((format(printf, 2, 3)))
relay(enum support_log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_line(level, false, fmt, args);
	va_end(args);
}

void support_log_relay(enum support_log_level level, const char *line)
{
	relay(level, "%s", line);
}

void support_log(enum support_log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	support_vlog(level, fmt, args);
	va_end(args);
}
