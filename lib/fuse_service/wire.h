/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mount service's packets and the file with the arguments, as both ends
 * send and check them.  What is said when, and what it means, is not known
 * here.  All integers travel big endian; one packet is one message.
 */
#ifndef FUSE_SERVICE_WIRE_H
#define FUSE_SERVICE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WIRE_VERSION		1
#define WIRE_MAX_PACKET		65536	/* bytes; larger ones end the conversation */
#define WIRE_MAX_TEXT		4096	/* bytes of a path, without its NUL */
#define WIRE_MIN_BUFFER		(20 + WIRE_MAX_TEXT + 1)	/* what SO_SNDBUF must be at least */
#define WIRE_MAX_ARGS		4096	/* words of a command line */
#define WIRE_MAX_ARGS_BYTES	(1U << 20)	/* size of the file with the arguments */

/*
 * The first four bytes; each reads as ASCII.  In the comments: the values of struct wire_msg, and
 * whether there is a text.
 */
enum wire_magic {
	WIRE_HELLO	= 0x53414654,	/* lowest version, highest version, WIRE_HELLO_* */
	WIRE_HELLO_REPLY = 0x4c415354,	/* version, zero */
	WIRE_FILE	= 0x46494c45,	/* errno; text: path; a descriptor when errno is 0 */
	WIRE_REPLY	= 0x5245504c,	/* errno */
	WIRE_OPEN	= 0x4f50454e,	/* O_*, mode, WIRE_OPEN_*, block size; text: path */
	WIRE_OPEN_BDEV	= 0x42444556,	/* the same */
	WIRE_FSOPEN	= 0x54595045,	/* WIRE_FSOPEN_* */
	WIRE_SOURCE	= 0x4e414d45,	/* text */
	WIRE_MNTOPTS	= 0x4f505453,	/* text */
	WIRE_MTABOPTS	= 0x4d544142,	/* text */
	WIRE_MNTPT	= 0x4d4e5450,	/* S_IFDIR, S_IFREG or 0, zero; text: path */
	WIRE_MOUNT	= 0x444f4954,	/* MS_* */
	WIRE_BYE	= 0x42594545,	/* exit code */
	WIRE_ARGS	= 0x41524753,	/* not a packet: start of the file with the arguments */
};

#define WIRE_HELLO_ALLOW_OTHER	1U	/* allow_other and allow_root will be accepted */
#define WIRE_HELLO_FUSEBLK	2U
#define WIRE_HELLO_FLAGS	3U
#define WIRE_FSOPEN_FUSEBLK	1U
#define WIRE_OPEN_QUIET		1U	/* do not tell the user when it fails */

struct wire_msg {
	uint32_t	magic;
	uint32_t	value[4];
	const char	*text;		/* NULL where the packet has none */
};

/* Bytes written to @buf, or -EINVAL (no such packet, no text), -EMSGSIZE. */
ssize_t wire_pack(const struct wire_msg *msg, void *buf, size_t size);
/*
 * Read a packet; msg->text points into @buf.  -EBADMSG when it is none that we know;
 * -EINVAL, with msg->magic set, when it is known and malformed (size, missing NUL, empty text, padding).
 */
int wire_unpack(const void *buf, size_t size, struct wire_msg *msg);

/* Pack and send, with the descriptor @fd if that is not -1.  0 or a negative errno. */
int wire_send(int sock, const struct wire_msg *msg, int fd);
/*
 * Receive one packet into @buf: its size, 0 at the end of the conversation, or a negative
 * errno; -EBADMSG when the packet is larger than @size, or brings other than at most
 * one descriptor.  *@fd becomes the descriptor, close-on-exec and the caller's, or -1.  With @fd NULL
 * descriptors are thrown away.
 */
ssize_t wire_receive(int sock, void *buf, size_t size, int *fd);
/* -ENOBUFS when the socket's send buffer is too small for all packets; else 0. */
int wire_check_buffer(int sock);

/* A memfd with the words of a command line, or a negative errno (-E2BIG). */
int wire_args_write(int argc, char *const argv[]);

struct wire_args {
	int	argc;
	char	**argv;		/* NULL terminated */
	char	*store;
};
/*
 * Read the words.  The content is copied once and checked in the copy, so it may
 * change meanwhile.  -EBADMSG when it makes no sense, -E2BIG, -ENOMEM, or an error of reading.
 */
int wire_args_read(int fd, struct wire_args *args);
void wire_args_free(struct wire_args *args);

#endif /* FUSE_SERVICE_WIRE_H */
