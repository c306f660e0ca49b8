/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file with the words of a command line: magic, count, a table of position
 * and length (with the NUL) of each word, and the words.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuse_service/wire.h"

#define HEAD	8U	/* bytes before the table */
#define ENTRY	8U	/* bytes of an entry of the table */

static void store32(char *to, uint32_t value)
{
	value = htonl(value);
	memcpy(to, &value, sizeof(value));
}

static uint32_t load32(const char *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return ntohl(value);
}

static size_t total_size(int argc, char *const argv[])
{
	size_t total = HEAD + argc * (size_t)ENTRY;

	for (int i = 0; i < argc && total <= WIRE_MAX_ARGS_BYTES; i++)
		total += strlen(argv[i]) + 1;
	return total;
}

static void fill(char *image, int argc, char *const argv[])
{
	size_t pos = HEAD + argc * (size_t)ENTRY;

	store32(image, WIRE_ARGS);
	store32(image + 4, argc);
	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]) + 1;

		store32(image + HEAD + i * ENTRY, pos);
		store32(image + HEAD + i * ENTRY + 4, len);
		memcpy(image + pos, argv[i], len);
		pos += len;
	}
}

int wire_args_write(int argc, char *const argv[])
{
	size_t total, done = 0;
	char *image;
	int fd, err = 0;

	if (argc < 1 || argc > WIRE_MAX_ARGS)
		return -E2BIG;
	total = total_size(argc, argv);
	if (total > WIRE_MAX_ARGS_BYTES)
		return -E2BIG;
	image = malloc(total);
	if (!image)
		return -ENOMEM;
	fill(image, argc, argv);
	fd = memfd_create("argv", MFD_CLOEXEC);
	if (fd < 0)
		err = -errno;
	while (!err && done < total) {
		ssize_t n = pwrite(fd, image + done, total - done, done);

		if (n > 0)
			done += n;
		else if (n < 0 && errno != EINTR)
			err = -errno;
	}
	free(image);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

/* All of the file in memory, with a NUL behind it. */
static int copy_in(int fd, char **store, size_t *size)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)HEAD)
		return -EBADMSG;
	if (st.st_size > (off_t)WIRE_MAX_ARGS_BYTES)
		return -E2BIG;
	*store = malloc(st.st_size + 1);
	if (!*store)
		return -ENOMEM;
	*size = 0;
	do {
		n = pread(fd, *store + *size, st.st_size - *size, *size);
		if (n > 0)
			*size += n;
		else if (n < 0 && errno != EINTR)
			return -errno;
	} while (n && *size < (size_t)st.st_size);
	(*store)[*size] = '\0';
	return 0;
}

static int find_words(const char *store, size_t size, struct wire_args *args)
{
	for (int i = 0; i < args->argc; i++) {
		uint32_t pos = load32(store + HEAD + i * ENTRY);
		uint32_t len = load32(store + HEAD + i * ENTRY + 4);

		/* A word of the table itself would be no word. */
		if (pos < HEAD + args->argc * ENTRY || pos > size || !len || len > size - pos)
			return -EBADMSG;
		if (strnlen(store + pos, len) != len - 1)
			return -EBADMSG;
		args->argv[i] = args->store + pos;
	}
	return 0;
}

int wire_args_read(int fd, struct wire_args *args)
{
	size_t size = 0;
	uint32_t count;
	int err;

	memset(args, 0, sizeof(*args));
	err = copy_in(fd, &args->store, &size);
	if (!err && (size < HEAD || load32(args->store) != WIRE_ARGS))
		err = -EBADMSG;
	if (!err) {
		count = load32(args->store + 4);
		if (!count || count > (size - HEAD) / ENTRY)
			err = -EBADMSG;
		else if (count > WIRE_MAX_ARGS)
			err = -E2BIG;
		else
			args->argc = count;
	}
	if (!err) {
		args->argv = calloc(args->argc + 1, sizeof(char *));
		err = args->argv ? find_words(args->store, size, args) : -ENOMEM;
	}
	if (err)
		wire_args_free(args);
	return err;
}

void wire_args_free(struct wire_args *args)
{
	free(args->argv);
	free(args->store);
	memset(args, 0, sizeof(*args));
}
