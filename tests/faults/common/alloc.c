/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the linker calls instead of the allocator.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "alloc.h"

static bool armed;
static long fail_at;
static bool fail_on;
static long count;
static unsigned long hits;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **p, size_t align, size_t size);
char *__real_strdup(const char *s);
int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*main)(void *), void *arg);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
int __wrap_posix_memalign(void **p, size_t align, size_t size);
char *__wrap_strdup(const char *s);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*main)(void *), void *arg);

void alloc_arm(long at, bool stays)
{
	fail_at = at;
	fail_on = stays;
	__atomic_store_n(&count, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&armed, true, __ATOMIC_RELEASE);
}

unsigned long alloc_disarm(void)
{
	__atomic_store_n(&armed, false, __ATOMIC_RELEASE);
	return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

unsigned long alloc_hits(void)
{
	return __atomic_load_n(&hits, __ATOMIC_RELAXED);
}

static bool out(void)
{
	long n;

	if (!__atomic_load_n(&armed, __ATOMIC_ACQUIRE))
		return false;
	n = __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
	if (fail_at < 0 || n < fail_at || (n > fail_at && !fail_on))
		return false;
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return out() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return out() ? NULL : __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return out() ? NULL : __real_aligned_alloc(align, size);
}

int __wrap_posix_memalign(void **p, size_t align, size_t size)
{
	return out() ? ENOMEM : __real_posix_memalign(p, align, size);
}

char *__wrap_strdup(const char *s)
{
	return out() ? NULL : __real_strdup(s);
}

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*main)(void *), void *arg)
{
	return out() ? EAGAIN : __real_pthread_create(id, attr, main, arg);
}
