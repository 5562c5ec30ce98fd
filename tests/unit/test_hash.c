// container/hash.h: keyed hashes.

#include "unit_object.h"

#include <string.h>

#include "container/hash.h"

static void a_seed_makes_hashes_come_again(void **state) {
    (void)state;
    tly_hash_start(1);
    uint64_t one = tly_hash_bytes("word", 4), word = tly_hash_word(7);
    tly_hash_start(2);
    assert_int_not_equal(tly_hash_bytes("word", 4), one);
    assert_int_not_equal(tly_hash_word(7), word);
    tly_hash_start(1);
    assert_int_equal(tly_hash_bytes("word", 4), one);
    assert_int_equal(tly_hash_word(7), word);
}

static void without_a_seed_each_start_is_another(void **state) {
    (void)state;
    uint64_t seen[8];
    for (size_t n = 0; n < 8; n++) {
        tly_hash_start(0);
        seen[n] = tly_hash_bytes("word", 4);
        for (size_t m = 0; m < n; m++)
            assert_int_not_equal(seen[m], seen[n]);
    }
}

static void every_length_has_its_hash(void **state) {
    (void)state;
    enum { LENGTHS = 600 };
    static uint64_t seen[LENGTHS];
    static const char zeros[LENGTHS];
    tly_hash_start(0);
    for (size_t n = 0; n < LENGTHS; n++) {
        seen[n] = tly_hash_bytes(n ? zeros : NULL, n);
        assert_int_not_equal(seen[n], 0);
        for (size_t m = 0; m < n; m++)
            assert_int_not_equal(seen[m], seen[n]);
    }
}

static void every_bit_counts(void **state) {
    (void)state;
    tly_hash_start(0);
    char text[300];
    memset(text, 0, sizeof(text));
    uint64_t all = tly_hash_bytes(text, sizeof(text));
    for (size_t n = 0; n < sizeof(text) * 8; n++) {
        text[n / 8] = (char)(1u << n % 8);
        assert_int_not_equal(tly_hash_bytes(text, sizeof(text)), all);
        text[n / 8] = 0;
    }
    for (unsigned n = 0; n < 64; n++)
        assert_int_not_equal(tly_hash_word((uint64_t)1 << n), tly_hash_word(0));
}

// Numbers in a row, and multiples of large powers of two, spread over the
// buckets of a small table as chance would have it: of 4096 in 4096 buckets
// 63 % are hit. With any secret, or nearly so: the seed is fixed.
static void words_spread_over_low_bits(void **state) {
    (void)state;
    for (unsigned shift = 0; shift <= 48; shift += 16) {
        bool hit[4096] = {false};
        unsigned hits = 0;
        tly_hash_start(42);
        for (uint64_t n = 0; n < 4096; n++) {
            uint64_t at = tly_hash_word(n << shift) % 4096;
            hits += !hit[at];
            hit[at] = true;
        }
        assert_in_range(hits, 2400, 2800);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_makes_hashes_come_again),
        cmocka_unit_test(without_a_seed_each_start_is_another),
        cmocka_unit_test(every_length_has_its_hash),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(words_spread_over_low_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
