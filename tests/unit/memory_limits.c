/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory the server thinks it may take: control groups of both versions, also nested and in containers, limits
 * that change, and what becomes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include "fuse4fs/reclaim.h"
#include "support/memlimit.h"

#define MIB	(UINT64_C(1) << 20)

static char root[] = "/tmp/memory_limits.XXXXXX";

static void make_folders(char *path)
{
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
}

static void put(const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	make_folders(path);
	/* In place: the reader has it open. */
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root + sizeof(root) - 7, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static struct memlimit *look(void)
{
	struct memlimit *ml;

	assert_int_equal(memlimit_create(root, &ml), 0);
	return ml;
}

static uint64_t limit_of(const struct memlimit *ml)
{
	struct memlimit_state state;

	memlimit_read(ml, &state);
	return state.limit;
}

/* One look only. */
static uint64_t limit(void)
{
	struct memlimit *ml = look();
	uint64_t bytes = limit_of(ml);

	memlimit_destroy(ml);
	return bytes;
}

#define V2_MOUNT "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNTS \
	"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" \
	"34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" \
	"35 31 0:32 / /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,hugetlb,memory\n" \
	"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static void test_nothing_known(void **state)
{
	struct memlimit_state all;
	struct memlimit *ml = look();
	struct sysinfo info;

	(void)state;
	memlimit_read(ml, &all);
	memlimit_destroy(ml);
	assert_true(all.limit == MEMLIMIT_NONE);
	/* No proc(5): not nothing, and not more than there is. */
	assert_int_equal(sysinfo(&info), 0);
	assert_true(all.available >= (uint64_t)info.totalram * info.mem_unit / 4);
	assert_true(all.available <= (uint64_t)info.totalram * info.mem_unit);
}

static void test_version_2(void **state)
{
	struct memlimit *ml;

	(void)state;
	put("proc/self/cgroup", "0::/system.slice/a b.service\n");
	put("proc/self/mountinfo", V2_MOUNT);
	put("sys/fs/cgroup/system.slice/memory.max", "max\n");
	put("sys/fs/cgroup/system.slice/memory.high", "max\n");
	put("sys/fs/cgroup/system.slice/a b.service/memory.max", "max\n");
	put("sys/fs/cgroup/system.slice/a b.service/memory.high", "max\n");
	ml = look();
	assert_true(limit_of(ml) == MEMLIMIT_NONE);
	/* It is heeded whichever it is, and also when it comes later, or changes, or goes. */
	put("sys/fs/cgroup/system.slice/a b.service/memory.max", "67108864\n");
	assert_int_equal(limit_of(ml), 64 * MIB);
	put("sys/fs/cgroup/system.slice/a b.service/memory.high", "33554432\n");
	assert_int_equal(limit_of(ml), 32 * MIB);
	put("sys/fs/cgroup/system.slice/memory.high", "16777216\n");
	assert_int_equal(limit_of(ml), 16 * MIB);
	put("sys/fs/cgroup/system.slice/memory.high", "max\n");
	put("sys/fs/cgroup/system.slice/memory.max", "0\n");
	assert_int_equal(limit_of(ml), 0);
	put("sys/fs/cgroup/system.slice/memory.max", "\n");
	put("sys/fs/cgroup/system.slice/a b.service/memory.high", "max\n");
	put("sys/fs/cgroup/system.slice/a b.service/memory.max", "max\n");
	assert_true(limit_of(ml) == MEMLIMIT_NONE);
	memlimit_destroy(ml);
}

static void test_version_1(void **state)
{
	struct memlimit *ml;

	(void)state;
	put("proc/self/cgroup", "5:devices:/other\n4:hugetlb,memory:/outer/inner\n0::/\n");
	put("proc/self/mountinfo", V1_MOUNTS);
	put("sys/fs/cgroup/mem ory/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/mem ory/outer/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/mem ory/outer/inner/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/mem ory/outer/inner/memory.stat",
	    "cache 4096\nnot_hierarchical_memory_limit 1\nhierarchical_memory_limit 9223372036854771712\n");
	ml = look();
	assert_true(limit_of(ml) == MEMLIMIT_NONE);
	put("sys/fs/cgroup/mem ory/outer/memory.limit_in_bytes", "134217728\n");
	assert_int_equal(limit_of(ml), 128 * MIB);
	put("sys/fs/cgroup/mem ory/outer/inner/memory.limit_in_bytes", "67108864\n");
	assert_int_equal(limit_of(ml), 64 * MIB);
	/* Of a group that is not seen here. */
	put("sys/fs/cgroup/mem ory/outer/inner/memory.stat", "cache 4096\nhierarchical_memory_limit 33554432\n");
	assert_int_equal(limit_of(ml), 32 * MIB);
	memlimit_destroy(ml);
}

/* The mount point shows a group that is not the topmost, or the process is in a group that is not below it. */
static void test_containers(void **state)
{
	(void)state;
	put("proc/self/cgroup", "0::/docker/abc/inner\n");
	put("proc/self/mountinfo", "25 30 0:23 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
	put("sys/fs/cgroup/memory.max", "67108864\n");
	put("sys/fs/cgroup/inner/memory.max", "50331648\n");
	assert_int_equal(limit(), 48 * MIB);
	put("sys/fs/cgroup/inner/memory.max", "max\n");
	assert_int_equal(limit(), 64 * MIB);
	put("proc/self/cgroup", "0::/docker/abcdef\n");
	assert_int_equal(limit(), 64 * MIB);
	put("proc/self/cgroup", "0::/../../elsewhere\n");
	put("proc/self/mountinfo", "25 30 0:23 /../.. /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
	assert_int_equal(limit(), 64 * MIB);
	put("proc/self/cgroup", "0::/\n");
	put("proc/self/mountinfo", V2_MOUNT);
	assert_int_equal(limit(), 64 * MIB);
}

static void test_garbage(void **state)
{
	char deep[2048] = "0::";

	(void)state;
	put("proc/self/cgroup", "\n:\n::\n0::\n0:memory\nx:memory:relative\n");
	put("proc/self/mountinfo", " - \n - cgroup2\n1 2 - cgroup2 cgroup2 rw\n1\n\n");
	assert_true(limit() == MEMLIMIT_NONE);
	put("proc/self/cgroup", "0::/\n");
	assert_true(limit() == MEMLIMIT_NONE);
	put("proc/self/mountinfo", "1 2 - cgroup2 cgroup2 rw\n25 30 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	put("sys/fs/cgroup/memory.max", "-5\n");
	assert_true(limit() == MEMLIMIT_NONE);
	put("sys/fs/cgroup/memory.max", "999999999999999999999999\n");
	assert_true(limit() == MEMLIMIT_NONE);
	put("sys/fs/cgroup/memory.max", "");
	assert_true(limit() == MEMLIMIT_NONE);
	/* A long way down: the nearest count. */
	for (int i = 0; i < 400; i++)
		strcat(deep, "/d");
	put("proc/self/cgroup", deep);
	put("sys/fs/cgroup/memory.max", "67108864\n");
	assert_true(limit() == MEMLIMIT_NONE || limit() == 64 * MIB);
}

static void test_available(void **state)
{
	struct memlimit_state all;
	struct memlimit *ml;

	(void)state;
	put("proc/meminfo", "MemTotal:       24683520 kB\nMemFree:         1024 kB\nMemAvailable:    2048 kB\n");
	ml = look();
	memlimit_read(ml, &all);
	assert_int_equal(all.available, 2 * MIB);
	put("proc/meminfo", "MemTotal:       24683520 kB\nMemFree:         1024 kB\nMemAvailable:    4096 kB\n");
	memlimit_read(ml, &all);
	assert_int_equal(all.available, 4 * MIB);
	memlimit_destroy(ml);
}

static uint64_t share(uint64_t limit, uint64_t available, uint64_t mine)
{
	struct memlimit_state all = { limit, available };

	return reclaim_share(&all, mine);
}

static void test_shares(void **state)
{
	uint64_t before = 0;

	(void)state;
	assert_true(share(MEMLIMIT_NONE, MEMLIMIT_NONE, 0) == MEMLIMIT_NONE);
	/* Never more than the limit, with the rest that the process needs; never less for a higher one. */
	for (uint64_t limit = 0; limit < 1024 * MIB; limit += MIB) {
		uint64_t now = share(limit, MEMLIMIT_NONE, 0);

		assert_true(now >= before && now <= limit / 4 * 3);
		assert_true(limit < 16 * MIB || now + 8 * MIB < limit);
		before = now;
	}
	assert_int_equal(share(64 * MIB, 10240 * MIB, 0), 40 * MIB);
	assert_int_equal(share(32 * MIB, 10240 * MIB, 0), 16 * MIB);
	/* Half of what is left, and it stays so while it is being taken. */
	assert_int_equal(share(MEMLIMIT_NONE, 200 * MIB, 0), 100 * MIB);
	assert_int_equal(share(MEMLIMIT_NONE, 100 * MIB, 100 * MIB), 100 * MIB);
	assert_int_equal(share(64 * MIB, 20 * MIB, 0), 10 * MIB);
}

static void test_workers(void **state)
{
	(void)state;
	assert_int_equal(reclaim_workers(0), 4);
	assert_int_equal(reclaim_workers(16 * MIB), 4);
	assert_in_range(reclaim_workers(100 * MIB), 8, 16);
	assert_int_equal(reclaim_workers(1024 * MIB), 32);
	assert_int_equal(reclaim_workers(MEMLIMIT_NONE), 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_known, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_version_2, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_version_1, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_containers, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_garbage, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_available, make_root, remove_root),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
