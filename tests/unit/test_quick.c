// container/quick.h: hashes and equality without hooks.

#include "unit_object.h"

#include <math.h>

#include "container/quick.h"

struct plain {
    tally_object head;
};
TALLY_TYPE(plain);

static tally_status hook_equal(void *object, tally_value other,
                               bool *ret_equal) {
    (void)object, (void)other, (void)ret_equal;
    fail_msg("a hook is called");
    return TALLY_OK;
}
static tally_status hook_hash(void *object, uint64_t *ret_hash) {
    (void)object, (void)ret_hash;
    fail_msg("a hook is called");
    return TALLY_OK;
}

static const tally_protocol both = {.equal = hook_equal, .hash = hook_hash};
static const tally_protocol hash_only = {.hash = hook_hash};

struct keyed {
    tally_object head;
};
TALLY_TYPE(keyed, TALLY_PROTOCOL(both));

struct derived {
    tally_object head;
    int more;
};
TALLY_TYPE(derived, TALLY_BASE(keyed), TALLY_PROTOCOL(hash_only));

struct hashed {
    tally_object head;
};
TALLY_TYPE(hashed, TALLY_PROTOCOL(hash_only));

static bool equal(tally_value a, tally_value b) {
    bool ab, ba;
    assert_true(tly_equal_quick(a, b, &ab));
    assert_true(tly_equal_quick(b, a, &ba));
    assert_int_equal(ab, ba);
    uint64_t hash_a = 0, hash_b = 0;
    assert_true(tly_hash_quick(a, &hash_a));
    assert_true(tly_hash_quick(b, &hash_b));
    // Different values have different hashes here: there are few.
    assert_int_equal(hash_a == hash_b, ab);
    return ab;
}

static void values_are_equal_when_they_are_made_of_the_same(void **state) {
    (void)state;
    local_make();
    tally_value all[] = {
        tally_nil(),
        tally_bool(false),
        tally_bool(true),
        tally_small(0),
        tally_small(1),
        tally_small(INT64_C(1) << 53),
        tally_integer((INT64_C(1) << 62) + 1),
        tally_integer(INT64_MAX),
        tally_integer(INT64_MIN),
        tally_double(0.5),
        tally_double(0x1p63),
        tally_double(INFINITY),
        tally_double(-INFINITY),
        tally_of(tally_text_of("")),
        tally_of(tally_text_of("word")),
        tally_of(tally_text_of("words")),
        tally_of(tally_new(plain)),
        tally_of(tally_new(plain)),
    };
    tally_value again[] = {
        tally_nil(),
        tally_bool(false),
        tally_bool(true),
        tally_double(-0.0),
        tally_double(1),
        tally_double(0x1p53),
        tally_integer((INT64_C(1) << 62) + 1),
        tally_integer(INT64_MAX),
        tally_double(-0x1p63),
        tally_double(0.5),
        tally_double(0x1p63),
        tally_double(INFINITY),
        tally_double(-INFINITY),
        tally_of(tally_text_of("")),
        tally_of(tally_text_of("word")),
        tally_of(tally_text_of("words")),
        tally_value_incref(all[16]),
        tally_value_incref(all[17]),
    };
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++)
        for (size_t m = 0; m < sizeof(all) / sizeof(all[0]); m++)
            if (equal(all[n], again[m]) != (n == m))
                fail_msg("of %zu and %zu", n, m);
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        tally_value_decref(all[n]);
        tally_value_decref(again[n]);
    }
}

static void bytes_are_not_text(void **state) {
    (void)state;
    local_make();
    tally_bytes *bytes = tally_bytes_new("word", 4),
                *same = tally_bytes_new("word", 4);
    tally_text *text = tally_text_of("word");
    bool result = true;
    assert_true(equal(tally_of(bytes), tally_of(same)));
    assert_true(tly_equal_quick(tally_of(bytes), tally_of(text), &result));
    assert_false(result);
    tally_decref(bytes);
    tally_decref(same);
    tally_decref(text);
}

static void a_key_that_is_not_a_number_is_found_again(void **state) {
    (void)state;
    local_make();
    tally_value one = tally_double(NAN), other = tally_double(NAN);
    bool result = false;
    assert_true(tly_equal_quick(one, one, &result) && result);
    assert_true(tly_equal_quick(one, other, &result) && !result);
    tally_value_decref(one);
    tally_value_decref(other);
}

static void whose_type_has_hooks_is_not_decided(void **state) {
    (void)state;
    local_make();
    void *all[] = {tally_new(keyed), tally_new(derived)};
    for (size_t n = 0; n < 2; n++) {
        bool result;
        uint64_t hash = 7;
        assert_false(tly_hash_quick(tally_of(all[n]), &hash));
        assert_int_equal(hash, 7);
        assert_false(tly_equal_quick(tally_of(all[n]), tally_nil(), &result));
        assert_false(
            tly_equal_quick(tally_small(1), tally_of(all[n]), &result));
        assert_false(
            tly_equal_quick(tally_of(all[!n]), tally_of(all[n]), &result));
        assert_true(
            tly_equal_quick(tally_of(all[n]), tally_of(all[n]), &result));
        assert_true(result);
    }
    tally_decref(all[0]);
    tally_decref(all[1]);
}

static void a_hash_alone_makes_nothing_equal(void **state) {
    (void)state;
    local_make();
    struct hashed *one = tally_new(hashed), *other = tally_new(hashed);
    bool result = true;
    uint64_t hash;
    assert_true(tly_equal_quick(tally_of(one), tally_of(other), &result));
    assert_false(result);
    assert_false(tly_hash_quick(tally_of(one), &hash));
    tally_decref(one);
    tally_decref(other);
}

static void the_nearest_hook_is_found(void **state) {
    (void)state;
    local_make();
    struct derived *derived = tally_new(derived);
    assert_ptr_equal(TLY_PROTOCOL_WITH(derived, equal), &both);
    assert_ptr_equal(TLY_PROTOCOL_WITH(derived, hash), &hash_only);
    assert_null(TLY_PROTOCOL_WITH(derived, call));
    tally_decref(derived);
}

int main(void) {
    tly_hash_start(1);
    const struct CMUnitTest tests[] = {
        object_test(values_are_equal_when_they_are_made_of_the_same),
        object_test(bytes_are_not_text),
        object_test(a_key_that_is_not_a_number_is_found_again),
        object_test(whose_type_has_hooks_is_not_decided),
        object_test(a_hash_alone_makes_nothing_equal),
        object_test(the_nearest_hook_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
