/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often the same may be said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include "support/limit.h"

static struct support_limit limit;
static const char one[] = "one", other[] = "other";

static int setup(void **state __attribute__((unused)))
{
	memset(&limit, 0, sizeof(limit));
	support_limit_init(&limit);
	return 0;
}

static int teardown(void **state __attribute__((unused)))
{
	support_limit_destroy(&limit);
	return 0;
}

static unsigned int say(const char *name, unsigned int line, unsigned int times)
{
	unsigned int passed = 0, left_out;

	while (times--)
		passed += support_limit_pass(&limit, name, line, &left_out);
	return passed;
}

/* As if they were said so many seconds ago. */
static void age(unsigned int seconds)
{
	for (int i = 0; i < SUPPORT_LIMIT_PLACES; i++)
		limit.places[i].since -= seconds;
}

static void each_place_may_say_some(void **state __attribute__((unused)))
{
	assert_int_equal(say(one, 1, 3000), SUPPORT_LIMIT_LINES);
	assert_int_equal(say(one, 2, 3000), SUPPORT_LIMIT_LINES);
	assert_int_equal(say(other, 1, 4), 4);
	assert_int_equal(say(other, 1, 3000), SUPPORT_LIMIT_LINES - 4);
}

static void later_it_may_go_on_and_says_how_many_were_left_out(void **state __attribute__((unused)))
{
	unsigned int left_out = 99;

	say(one, 1, 3000);
	age(SUPPORT_LIMIT_SECONDS - 1);
	assert_false(support_limit_pass(&limit, one, 1, &left_out));
	assert_int_equal(left_out, 0);
	age(2);
	assert_true(support_limit_pass(&limit, one, 1, &left_out));
	assert_int_equal(left_out, 3001 - SUPPORT_LIMIT_LINES);
	assert_true(support_limit_pass(&limit, one, 1, &left_out));
	assert_int_equal(left_out, 0);
	assert_int_equal(say(one, 1, 3000), SUPPORT_LIMIT_LINES - 2);
}

static unsigned int flushed, places;

static void on_flush(void *priv, const char *name, unsigned int left_out)
{
	assert_ptr_equal(priv, &flushed);
	assert_non_null(name);
	flushed += left_out;
	places++;
}

static void nothing_is_left_out_without_a_word(void **state __attribute__((unused)))
{
	flushed = places = 0;
	say(one, 1, 110);
	say(one, 2, 210);
	say(other, 1, 3);
	support_limit_flush(&limit, on_flush, &flushed);
	assert_int_equal(flushed, 320 - 2 * SUPPORT_LIMIT_LINES);
	assert_int_equal(places, 2);
	support_limit_flush(&limit, on_flush, &flushed);
	assert_int_equal(places, 2);
}

/* More places than there are slots share them; nothing is counted twice or lost. */
static void many_places(void **state __attribute__((unused)))
{
	unsigned int passed = 0;

	flushed = 0;
	for (int round = 0; round < 100; round++)
		for (unsigned int line = 0; line < 3 * SUPPORT_LIMIT_PLACES; line++)
			passed += say(one, line, 1);
	support_limit_flush(&limit, on_flush, &flushed);
	assert_int_equal(passed + flushed, 100 * 3 * SUPPORT_LIMIT_PLACES);
	assert_in_range(passed, 1, SUPPORT_LIMIT_LINES * SUPPORT_LIMIT_PLACES);
}

static void *say_much(void *arg)
{
	*(unsigned int *)arg = say(one, 1, 100000);
	return NULL;
}

static void threads(void **state __attribute__((unused)))
{
	unsigned int passed[4], sum = 0;
	pthread_t thread[4];

	flushed = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, say_much, &passed[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		sum += passed[i];
	}
	support_limit_flush(&limit, on_flush, &flushed);
	assert_int_equal(sum, SUPPORT_LIMIT_LINES);
	assert_int_equal(flushed, 400000 - SUPPORT_LIMIT_LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_place_may_say_some, setup, teardown),
		cmocka_unit_test_setup_teardown(later_it_may_go_on_and_says_how_many_were_left_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nothing_is_left_out_without_a_word, setup, teardown),
		cmocka_unit_test_setup_teardown(many_places, setup, teardown),
		cmocka_unit_test_setup_teardown(threads, setup, teardown),
	};

	return cmocka_run_group_tests_name("support_limit", tests, NULL, NULL);
}
