// container/sort.c: a stable merge sort whose order may fail.

#include "unit_object.h"

#include "container/sort.h"

enum { MOST = 300 };

// A small integer: what it is sorted by, times 1000, and where it was.
struct asked {
    unsigned long calls, fail_at; // 0: never
};

static tally_status by_thousands(void *arg, tally_value a, tally_value b,
                                 int *ret_order) {
    struct asked *asked = arg;
    if (++asked->calls == asked->fail_at)
        return TALLY_OVERFLOW;
    must(asked->fail_at == 0 || asked->calls < asked->fail_at);
    int64_t x = tally_small_of(a) / 1000, y = tally_small_of(b) / 1000;
    *ret_order = (int)(x > y) - (int)(x < y);
    return TALLY_OK;
}

static void fill(tally_value *values, size_t count, uint64_t kinds) {
    uint64_t random = count * 31 + kinds;
    for (size_t n = 0; n < count; n++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        values[n] = tally_small((int64_t)((random >> 33) % kinds * 1000 + n));
    }
}

static void equal_values_keep_their_order(void **state) {
    (void)state;
    static tally_value values[MOST], room[MOST];
    for (size_t count = 0; count < MOST; count++)
        for (uint64_t kinds = 1; kinds < 1000; kinds = kinds * 3 + 1) {
            struct asked asked = {0, 0};
            fill(values, count, kinds);
            assert_int_equal(
                tly_sort(values, room, count, by_thousands, &asked), TALLY_OK);
            // Then all of it is in order, for places differ.
            for (size_t n = 1; n < count; n++)
                assert_true(tally_small_of(values[n - 1]) <
                            tally_small_of(values[n]));
        }
}

static void what_is_sorted_costs_one_look_each(void **state) {
    (void)state;
    static tally_value values[MOST], room[MOST];
    struct asked asked = {0, 0};
    for (size_t n = 0; n < MOST; n++)
        values[n] = tally_small((int64_t)n * 1000);
    assert_int_equal(tly_sort(values, room, MOST, by_thousands, &asked),
                     TALLY_OK);
    assert_in_range(asked.calls, MOST - 1, MOST);
}

static void a_failure_loses_nothing(void **state) {
    (void)state;
    static tally_value values[MOST], room[MOST];
    for (unsigned long at = 1; at < 2000; at += 13) {
        struct asked asked = {0, at};
        bool seen[MOST] = {false};
        fill(values, MOST, 1000);
        tally_status status =
            tly_sort(values, room, MOST, by_thousands, &asked);
        assert_int_equal(status, asked.calls < at ? TALLY_OK : TALLY_OVERFLOW);
        for (size_t n = 0; n < MOST; n++) {
            size_t place = (size_t)(tally_small_of(values[n]) % 1000);
            assert_false(seen[place]);
            seen[place] = true;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_values_keep_their_order),
        cmocka_unit_test(what_is_sorted_costs_one_look_each),
        cmocka_unit_test(a_failure_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
