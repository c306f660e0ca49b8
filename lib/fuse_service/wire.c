/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packing and checking packets, and sending them with descriptors.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "fuse_service/wire.h"

struct layout {
	uint32_t	magic;
	uint8_t		width[4];	/* bytes of each value; 0 = no such value */
	int		padding;	/* the value that must be zero, or -1 */
	int		has_text;
};

static const struct layout layouts[] = {
	{ WIRE_HELLO,		{ 2, 2, 4 },	-1, 0 },
	{ WIRE_HELLO_REPLY,	{ 2, 2 },	1, 0 },
	{ WIRE_FILE,		{ 4 },		-1, 1 },
	{ WIRE_REPLY,		{ 4 },		-1, 0 },
	{ WIRE_OPEN,		{ 4, 4, 4, 4 },	-1, 1 },
	{ WIRE_OPEN_BDEV,	{ 4, 4, 4, 4 },	-1, 1 },
	{ WIRE_FSOPEN,		{ 4 },		-1, 0 },
	{ WIRE_SOURCE,		{ 0 },		-1, 1 },
	{ WIRE_MNTOPTS,		{ 0 },		-1, 1 },
	{ WIRE_MTABOPTS,	{ 0 },		-1, 1 },
	{ WIRE_MNTPT,		{ 2, 2 },	1, 1 },
	{ WIRE_MOUNT,		{ 4 },		-1, 0 },
	{ WIRE_BYE,		{ 4 },		-1, 0 },
};

static const struct layout *find_layout(uint32_t magic)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].magic == magic)
			return &layouts[i];
	return NULL;
}

static void put(unsigned char *to, uint32_t value, unsigned int width)
{
	while (width--) {
		to[width] = value;
		value >>= 8;
	}
}

static uint32_t get(const unsigned char *from, unsigned int width)
{
	uint32_t value = 0;

	while (width--)
		value = value << 8 | *from++;
	return value;
}

ssize_t wire_pack(const struct wire_msg *msg, void *buf, size_t size)
{
	const struct layout *layout = find_layout(msg->magic);
	unsigned char packet[20];
	size_t head = 4, text;

	if (!layout || !msg->text != !layout->has_text)
		return -EINVAL;
	put(packet, msg->magic, 4);
	for (int i = 0; i < 4; i++) {
		put(packet + head, msg->value[i], layout->width[i]);
		head += layout->width[i];
	}
	text = msg->text ? strlen(msg->text) + 1 : 0;
	if (text == 1)
		return -EINVAL;
	if (text > WIRE_MAX_PACKET || head + text > size)
		return -EMSGSIZE;
	memcpy(buf, packet, head);
	if (text)
		memcpy((char *)buf + head, msg->text, text);
	return head + text;
}

int wire_unpack(const void *buf, size_t size, struct wire_msg *msg)
{
	const struct layout *layout;
	const unsigned char *bytes = buf;
	size_t head = 4;

	memset(msg, 0, sizeof(*msg));
	if (size < 4)
		return -EBADMSG;
	msg->magic = get(bytes, 4);
	layout = find_layout(msg->magic);
	if (!layout)
		return -EBADMSG;
	for (int i = 0; i < 4; i++)
		head += layout->width[i];
	if (layout->has_text ? size < head + 2 || bytes[size - 1] : size != head)
		return -EINVAL;
	head = 4;
	for (int i = 0; i < 4; i++) {
		msg->value[i] = get(bytes + head, layout->width[i]);
		head += layout->width[i];
	}
	if (layout->has_text)
		msg->text = (const char *)bytes + head;
	if (layout->padding >= 0 && msg->value[layout->padding])
		return -EINVAL;
	return 0;
}

int wire_send(int sock, const struct wire_msg *msg, int fd)
{
	union {
		struct cmsghdr	header;
		char		room[CMSG_SPACE(sizeof(int))];
	} control;
	char buf[20 + WIRE_MAX_PACKET];
	ssize_t size = wire_pack(msg, buf, sizeof(buf));
	struct iovec iov = { buf, size };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (size < 0)
		return size;
	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		header.msg_control = &control;
		header.msg_controllen = sizeof(control.room);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	do {
		sent = sendmsg(sock, &header, MSG_EOR | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return sent == size ? 0 : -EMSGSIZE;
}

/* The one descriptor of a message, or -1. */
static int take_fd(struct msghdr *header)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
	int fd;

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return fd;
}

ssize_t wire_receive(int sock, void *buf, size_t size, int *fd)
{
	/* No room for more than one descriptor: the kernel installs no others. */
	union {
		struct cmsghdr	header;
		char		room[CMSG_LEN(sizeof(int))];
	} control;
	struct iovec iov = { buf, size };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t got;

	if (fd) {
		*fd = -1;
		header.msg_control = &control;
		header.msg_controllen = CMSG_LEN(sizeof(int));
	}
	do {
		got = recvmsg(sock, &header, MSG_TRUNC | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (fd)
		*fd = take_fd(&header);
	if ((size_t)got <= size && !(fd && header.msg_flags & MSG_CTRUNC))
		return got;
	if (fd && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return -EBADMSG;
}

int wire_check_buffer(int sock)
{
	socklen_t len = sizeof(int);
	int size;

	if (getsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, &len))
		return 0;
	return size < WIRE_MIN_BUFFER ? -ENOBUFS : 0;
}
