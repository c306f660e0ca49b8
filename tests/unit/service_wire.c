/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount service's packets and argument files: what is written is read
 * back, and nothing malformed is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "config.h"
#include "fuse_service/wire.h"
#ifndef HAVE_LIBFUSE_SERVICE
#include "fuse_service/words.h"
#endif

static void packets_are_as_specified(void **state)
{
	static const unsigned char open_packet[] = "OPEN\0\0\0\2\0\0\1\244\0\0\0\1\0\0\2\0/img";
	const struct wire_msg msg = {
		.magic = WIRE_OPEN, .value = { 2, 0644, 1, 512 }, .text = "/img",
	};
	struct wire_msg back;
	char buf[64];

	(void)state;
	assert_int_equal(wire_pack(&msg, buf, sizeof(buf)), sizeof(open_packet));
	assert_memory_equal(buf, open_packet, sizeof(open_packet));
	assert_int_equal(wire_unpack(buf, sizeof(open_packet), &back), 0);
	assert_int_equal(back.value[1], 0644);
	assert_int_equal(back.value[3], 512);
	assert_string_equal(back.text, "/img");
	assert_int_equal(wire_pack(&msg, buf, 20), -EMSGSIZE);
}

static void all_kinds_come_back(void **state)
{
	static const struct wire_msg msgs[] = {
		{ WIRE_HELLO, { 1, 2, 3 }, NULL }, { WIRE_HELLO_REPLY, { 1, 0 }, NULL },
		{ WIRE_FILE, { 13 }, "x" }, { WIRE_REPLY, { 22 }, NULL },
		{ WIRE_OPEN_BDEV, { 1, 2, 0, 4096 }, "/dev/x" }, { WIRE_FSOPEN, { 1 }, NULL },
		{ WIRE_SOURCE, { 0 }, "s" }, { WIRE_MNTOPTS, { 0 }, "a,b" },
		{ WIRE_MTABOPTS, { 0 }, "user=a" }, { WIRE_MNTPT, { 0x4000 }, "/mnt" },
		{ WIRE_MOUNT, { 6 }, NULL }, { WIRE_BYE, { 1 }, NULL },
	};
	struct wire_msg back;
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(msgs) / sizeof(msgs[0]); i++) {
		ssize_t size = wire_pack(&msgs[i], buf, sizeof(buf));

		assert_true(size > 0);
		assert_int_equal(wire_unpack(buf, size, &back), 0);
		assert_memory_equal(back.value, msgs[i].value, sizeof(back.value));
		if (msgs[i].text)
			assert_string_equal(back.text, msgs[i].text);
		/* Any other size is refused, apart from longer texts. */
		assert_int_not_equal(wire_unpack(buf, size - 1, &back), 0);
		if (!msgs[i].text)
			assert_int_equal(wire_unpack(buf, size + 1, &back), -EINVAL);
	}
}

static void malformed_packets(void **state)
{
	struct wire_msg msg;

	(void)state;
	assert_int_equal(wire_unpack("OPE", 3, &msg), -EBADMSG);
	assert_int_equal(wire_unpack("WHAT1234", 8, &msg), -EBADMSG);
	assert_int_equal(wire_unpack("NAME", 5, &msg), -EINVAL);	/* empty text */
	assert_int_equal(wire_unpack("NAMEabc", 7, &msg), -EINVAL);	/* no NUL */
	assert_int_equal(wire_unpack("MNTP\100\0\0\1/a", 11, &msg), -EINVAL);	/* padding */
	assert_int_equal(wire_unpack("BYEE\0\0\0\0\0", 9, &msg), -EINVAL);
	assert_int_equal(msg.magic, WIRE_BYE);
	msg = (struct wire_msg) { .magic = WIRE_BYE, .text = "x" };
	assert_int_equal(wire_pack(&msg, &msg, 8), -EINVAL);
}

static void send_fds(int sock, int count)
{
	char room[CMSG_SPACE(2 * sizeof(int))] = { 0 }, byte[] = "FILE\0\0\0\0x";
	struct iovec iov = { byte, sizeof(byte) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
	int fds[2] = { 0, 0 };

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	assert_int_equal(sendmsg(sock, &header, 0), sizeof(byte));
}

static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void descriptors(void **state)
{
	const struct wire_msg file = { .magic = WIRE_FILE, .text = "x" };
	int socks[2], fd, before;
	char buf[16];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks), 0);
	before = count_fds();
	assert_int_equal(wire_send(socks[0], &file, 0), 0);
	assert_int_equal(wire_receive(socks[1], buf, sizeof(buf), &fd), 10);
	assert_true(fd > 2);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(wire_send(socks[0], &file, -1), 0);
	assert_int_equal(wire_receive(socks[1], buf, sizeof(buf), &fd), 10);
	assert_int_equal(fd, -1);
	/* Two are one too many; nothing may be left open. */
	send_fds(socks[0], 2);
	assert_int_equal(wire_receive(socks[1], buf, sizeof(buf), &fd), -EBADMSG);
	assert_int_equal(fd, -1);
	/* One that was not expected is thrown away. */
	send_fds(socks[0], 1);
	assert_int_equal(wire_receive(socks[1], buf, sizeof(buf), NULL), 10);
	/* A packet that is too large, with a descriptor. */
	send_fds(socks[0], 1);
	assert_int_equal(wire_receive(socks[1], buf, 5, &fd), -EBADMSG);
	assert_int_equal(count_fds(), before);
	close(socks[0]);
	assert_int_equal(wire_receive(socks[1], buf, sizeof(buf), &fd), 0);
	close(socks[1]);
}

static void arguments_come_back(void **state)
{
	char *words[] = { "ext4", "/img", "", "-o", "ro,x=\\,y" };
	struct wire_args args;
	int fd = wire_args_write(5, words);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(wire_args_read(fd, &args), 0);
	assert_int_equal(args.argc, 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(args.argv[i], words[i]);
	assert_null(args.argv[5]);
	wire_args_free(&args);
	close(fd);
	assert_int_equal(wire_args_write(WIRE_MAX_ARGS + 1, words), -E2BIG);
}

/* A gap between the table and the words is legal. */
static void arguments_with_a_gap(void **state)
{
	static const char image[] = "ARGS\0\0\0\1\0\0\0\30\0\0\0\5\0\0\0\0\0\0\0\0ext4";
	struct wire_args args;
	int fd = memfd_create("a", 0);

	(void)state;
	assert_int_equal(write(fd, image, sizeof(image)), sizeof(image));
	assert_int_equal(wire_args_read(fd, &args), 0);
	assert_string_equal(args.argv[0], "ext4");
	wire_args_free(&args);
	close(fd);
}

static void arguments_mutated(void **state)
{
	char *words[] = { "ext4", "/some/image", "/some/where", "-o", "rw,dev,suid" };
	int good = wire_args_write(5, words), fd = memfd_create("m", 0);
	char image[256], copy[256];
	ssize_t size = pread(good, image, sizeof(image), 0);
	time_t end = time(NULL) + 3;

	(void)state;
	srandom(1);
	for (int round = 0; round < 100000 && time(NULL) < end; round++) {
		struct wire_args args;
		size_t len = random() % 4 ? (size_t)size : (size_t)(random() % size);
		int err;

		memcpy(copy, image, size);
		for (int i = random() % 6; i >= 0; i--)
			copy[random() % (random() % 2 ? 48 : size)] = random() % 3 ? random() % 64 : random();
		assert_int_equal(ftruncate(fd, len), 0);
		assert_int_equal(pwrite(fd, copy, len, 0), len);
		err = wire_args_read(fd, &args);
		for (int i = 0; !err && i < args.argc; i++)
			assert_true(strlen(args.argv[i]) < sizeof(image));
		if (!err)
			wire_args_free(&args);
		else
			assert_null(args.argv);
	}
	assert_int_equal(ftruncate(fd, WIRE_MAX_ARGS_BYTES + 1), 0);
	assert_int_equal(wire_args_read(fd, &(struct wire_args) { 0 }), -E2BIG);
	close(fd);
	close(good);
}

/* The content changes while it is being read. */
struct mutator {
	int		fd;
	atomic_bool	stop;
};

static void *mutate(void *arg)
{
	struct mutator *m = arg;
	unsigned int seed = 7;

	while (!atomic_load(&m->stop)) {
		unsigned char byte = rand_r(&seed);

		if (rand_r(&seed) % 50 == 0 && ftruncate(m->fd, rand_r(&seed) % 100))
			break;
		if (pwrite(m->fd, &byte, 1, rand_r(&seed) % 90) != 1)
			break;
	}
	return NULL;
}

static void arguments_change_while_read(void **state)
{
	char *words[] = { "ext4", "/some/image", "/some/where", "-o", "rw,dev,suid" };
	struct mutator m = { .fd = wire_args_write(5, words) };
	time_t end = time(NULL) + 2;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, mutate, &m), 0);
	while (time(NULL) < end) {
		struct wire_args args;

		if (!wire_args_read(m.fd, &args)) {
			for (int i = 0; i < args.argc; i++)
				assert_true(strlen(args.argv[i]) < 256);
			wire_args_free(&args);
		}
	}
	atomic_store(&m.stop, true);
	pthread_join(thread, NULL);
	close(m.fd);
}

static void random_packets(void **state)
{
	time_t end = time(NULL) + 2;
	unsigned char buf[64];

	(void)state;
	srandom(2);
	for (int round = 0; round < 1000000 && time(NULL) < end; round++) {
		static const char magics[][5] = { "SAFT", "LAST", "FILE", "REPL", "OPEN", "BDEV", "TYPE",
						  "NAME", "OPTS", "MTAB", "MNTP", "DOIT", "BYEE" };
		size_t size = random() % sizeof(buf);
		struct wire_msg msg;

		for (size_t i = 0; i < size; i++)
			buf[i] = random() % 2 ? 0 : random();
		memcpy(buf, magics[random() % 13], size < 4 ? size : 4);
		if (!wire_unpack(buf, size, &msg) && msg.text)
			assert_true(*msg.text || buf[size - 1] == 0);
	}
}

#ifndef HAVE_LIBFUSE_SERVICE
static void words_are_sorted(void **state)
{
	static const char *const noted[] = { "ro", "suid", "nodev", "noexec", "allow_other", "user=me",
					     "context=a:b:s0,c1", "fsname=/a,b", "subtype=ext4", "x-y" };
	struct mount_words words;

	(void)state;
	mount_words_init(&words);
	assert_int_equal(words.flags, MS_NOSUID | MS_NODEV);
	for (size_t i = 0; i < sizeof(noted) / sizeof(noted[0]); i++)
		assert_int_equal(mount_words_add(&words, noted[i]), 0);
	assert_int_equal(mount_words_add(&words, "max_read=4096"), 1);
	assert_int_equal(mount_words_add(&words, "debug"), 1);
	assert_int_equal(mount_words_add(&words, "allow_root"), 1);
	assert_int_equal(words.flags, MS_RDONLY | MS_NODEV | MS_NOEXEC);
	assert_string_equal(words.kernel,
			    "allow_other,context=\"a:b:s0,c1\",max_read=4096,allow_other");
	assert_string_equal(words.mtab, "user=me,x-y");
	assert_string_equal(words.fsname, "/a,b");
	assert_string_equal(words.subtype, "ext4");
	mount_words_free(&words);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_as_specified),
		cmocka_unit_test(all_kinds_come_back),
		cmocka_unit_test(malformed_packets),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(arguments_come_back),
		cmocka_unit_test(arguments_with_a_gap),
		cmocka_unit_test(arguments_mutated),
		cmocka_unit_test(arguments_change_while_read),
		cmocka_unit_test(random_packets),
#ifndef HAVE_LIBFUSE_SERVICE
		cmocka_unit_test(words_are_sorted),
#endif
	};

	return cmocka_run_group_tests_name("service_wire", tests, NULL, NULL);
}
