// base/point.c: which points sleep, and for how long, where TALLY_SCHED=delay
// says so. The body is compiled into this test, whatever the build has, with a
// sleep that only notes.

#include "unit_cmocka.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "must.h"

static unsigned naps;
static struct timespec longest;

static int note_nap(const struct timespec *nap, struct timespec *rest) {
    (void)rest;
    naps++;
    if (nap->tv_sec > longest.tv_sec ||
        (nap->tv_sec == longest.tv_sec && nap->tv_nsec > longest.tv_nsec))
        longest = *nap;
    must(nap->tv_sec > 0 || nap->tv_nsec > 0);
    errno = EINTR;
    return -1;
}

#undef TLY_SCHED
#define TLY_SCHED 3
#define tly_point_delay point_delay
#define nanosleep note_nap
#include "../../lib/base/point.c"
#undef nanosleep

// All as when the program starts.
static void begin(const char *options) {
    setenv("TALLY_DELAY", options, 1);
    delay.seed = 1, delay.chance = 50000, delay.ms = 5;
    delay_configure();
    memset(places, 0, sizeof(places));
    threads = 0;
    delay_state = 0;
    naps = 0;
    longest = (struct timespec){0, 0};
}

// So many passages of one place: how many sleep.
__attribute__((noinline)) static unsigned pass(unsigned passages) {
    unsigned before = naps;
    for (unsigned n = 0; n < passages; n++)
        point_delay();
    return naps - before;
}

static void options_are_read_in_any_order_and_may_be_left_out(void **state) {
    (void)state;
    begin("ms:7,seed:3,chance:11");
    assert_int_equal(delay.ms, 7);
    assert_int_equal(delay.seed, 3);
    assert_int_equal(delay.chance, 11);
    begin("chance:12");
    assert_int_equal(delay.ms, 5);
    assert_int_equal(delay.seed, 1);
    assert_int_equal(delay.chance, 12);
    begin("xms:9");
    assert_int_equal(delay.ms, 5);
}

static void one_point_in_chance_sleeps(void **state) {
    (void)state;
    begin("chance:100");
    assert_in_range(pass(100000), 900, 1100);
    begin("chance:10000");
    pass(1000);
    assert_in_range(pass(1000000), 80, 120);
}

static void a_place_has_some_delays_more_at_first(void **state) {
    (void)state;
    unsigned early = 0, late = 0;
    for (unsigned seed = 1; seed <= 100; seed++) {
        char options[40];
        snprintf(options, sizeof(options), "seed:%u,chance:1000000000", seed);
        begin(options);
        early += pass(1000);
        late += pass(1000);
    }
    assert_in_range(early, 300, 500); // four in a thousand
    assert_int_equal(late, 0);
}

static void a_nap_lasts_for_so_many_milliseconds_at_most(void **state) {
    (void)state;
    begin("chance:10,ms:3");
    errno = EDOM;
    assert_in_range(pass(10000), 900, 1100);
    assert_int_equal(errno, EDOM);
    assert_int_equal(longest.tv_sec, 0);
    assert_in_range(longest.tv_nsec, 2900000, 3000000);
    begin("chance:10,ms:1500");
    pass(10000);
    assert_int_equal(longest.tv_sec, 1);
}

// Which of the first passages sleep, one bit each.
static uint64_t pattern(void) {
    uint64_t bits = 0;
    for (unsigned n = 0; n < 64; n++)
        bits = bits << 1 | pass(1);
    return bits;
}

static void *pattern_of_another(void *ret_bits) {
    *(uint64_t *)ret_bits = pattern();
    return NULL;
}

static void a_seed_delays_the_same_steps_of_each_thread(void **state) {
    (void)state;
    uint64_t first[2], second[2];
    for (unsigned n = 0; n < 2; n++) {
        begin("seed:9,chance:4");
        first[n] = pattern();
        pthread_t other;
        must(!pthread_create(&other, NULL, pattern_of_another, &second[n]));
        must(!pthread_join(other, NULL));
    }
    assert_true(first[0] == first[1]);
    assert_true(second[0] == second[1]);
    assert_true(first[0] != second[0]);
    begin("seed:10,chance:4");
    assert_true(pattern() != first[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read_in_any_order_and_may_be_left_out),
        cmocka_unit_test(one_point_in_chance_sleeps),
        cmocka_unit_test(a_place_has_some_delays_more_at_first),
        cmocka_unit_test(a_nap_lasts_for_so_many_milliseconds_at_most),
        cmocka_unit_test(a_seed_delays_the_same_steps_of_each_thread),
    };
    return cmocka_run_group_tests_name("base/point", tests, NULL, NULL);
}
