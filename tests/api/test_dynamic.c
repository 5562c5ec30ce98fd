// What can be done with any value, and who is asked.

#include "api.h"
#include "values.h"

// A type with each hook. They take and give the key; [asked] counts calls.
struct thing {
    tally_object head;
    int64_t key;
};

static int asked;
static tally_status failure;
static tally_type tally_type_thing;

static bool thing_in(tally_value value, int64_t *ret_key) {
    void *object;
    if (tally_as(value, &tally_type_thing, &object) != TALLY_OK)
        return tally_as_integer(value, ret_key) == TALLY_OK;
    *ret_key = ((struct thing *)object)->key;
    return true;
}

static tally_status thing_equal(void *object, tally_value other,
                                bool *ret_equal) {
    int64_t key;
    asked++;
    if (failure)
        return failure;
    if (!thing_in(other, &key))
        return TALLY_WRONG_TYPE;
    *ret_equal = ((struct thing *)object)->key == key;
    return TALLY_OK;
}

static tally_status thing_hash(void *object, uint64_t *ret_hash) {
    asked++;
    return failure ? failure
                   : tally_value_hash(
                         tally_small(((struct thing *)object)->key), ret_hash);
}

static tally_status thing_compare(void *object, tally_value other,
                                  int *ret_order) {
    int64_t key;
    asked++;
    if (failure)
        return failure;
    if (!thing_in(other, &key))
        return TALLY_WRONG_TYPE;
    int64_t mine = ((struct thing *)object)->key;
    *ret_order = mine < key ? INT32_MIN : mine > key ? 1000 : 0;
    return TALLY_OK;
}

static tally_status thing_text(void *object, tally_text **ret_text) {
    asked++;
    (void)object;
    tally_text *text = failure ? NULL : tally_text_of("a thing");
    if (!text)
        return failure ? failure : -errno;
    *ret_text = text;
    return TALLY_OK;
}

// Its key, and the sum of the arguments.
static tally_status thing_call(void *object, const tally_value *arguments,
                               size_t count, tally_value *ret_result) {
    asked++;
    if (failure)
        return failure;
    int64_t sum = ((struct thing *)object)->key;
    for (size_t n = 0; n < count; n++)
        sum += tally_small_of(arguments[n]);
    *ret_result = tally_small(sum);
    return TALLY_OK;
}

static const tally_protocol thing_protocol = {.equal = thing_equal,
                                              .hash = thing_hash,
                                              .compare = thing_compare,
                                              .text = thing_text,
                                              .call = thing_call};
static const tally_trait thing_traits[] = {
    {.kind = TALLY_TRAIT_PROTOCOL, .protocol = &thing_protocol},
    {.kind = TALLY_TRAIT_END}};
static tally_type tally_type_thing = {
    .name = "thing", .size = sizeof(struct thing), .traits = thing_traits};

// Derived: with a hook of its own, with none, and one further.
static tally_status loud_text(void *object, tally_text **ret_text) {
    (void)object;
    tally_text *text = tally_text_of("A THING");
    must(text);
    *ret_text = text;
    return TALLY_OK;
}
static const tally_protocol loud_protocol = {.text = loud_text};
struct loud {
    struct thing thing;
};
TALLY_TYPE(loud, TALLY_BASE(thing), TALLY_PROTOCOL(loud_protocol));

struct louder {
    struct loud loud;
    int more;
};
TALLY_TYPE(louder, TALLY_BASE(loud));

struct plain {
    tally_object head;
};
TALLY_TYPE(plain);

// Equal to all that are plain, without a hash.
static tally_status odd_equal(void *object, tally_value other,
                              bool *ret_equal) {
    (void)object;
    *ret_equal = tally_value_is(other, TALLY_TYPE_OF(plain));
    return TALLY_OK;
}
static const tally_protocol odd_protocol = {.equal = odd_equal};
struct odd {
    tally_object head;
};
TALLY_TYPE(odd, TALLY_PROTOCOL(odd_protocol));

// A program's own kind of text: as its base in all.
struct label {
    tally_object head;
    uint64_t reserved[2];
};
TALLY_TYPE(label, TALLY_BASE(text));

static tally_value thing_new(tally_type *type, int64_t key) {
    struct thing *thing = tally_object_new(type, 0);
    must(thing);
    thing->key = key;
    return tally_of(thing);
}

static void every_value_has_a_type(void **state) {
    (void)state;
    tally_value big = tally_integer(INT64_MAX), text = text_new("word");
    assert_null(tally_value_type(tally_absent()));
    assert_ptr_equal(tally_value_type(tally_nil()), &tally_type_nil);
    assert_ptr_equal(tally_value_type(tally_bool(true)), &tally_type_bool);
    assert_ptr_equal(tally_value_type(tally_bool(false)), &tally_type_bool);
    assert_ptr_equal(tally_value_type(tally_small(-1)), &tally_type_integer);
    assert_ptr_equal(tally_value_type(big), &tally_type_integer);
    assert_ptr_equal(tally_value_type(text), &tally_type_text);
    tally_value_decref(big);
    tally_value_decref(text);
}

static void there_are_no_objects_of_nil_and_bool(void **state) {
    (void)state;
    assert_null(tally_object_new(&tally_type_nil, 0));
    assert_int_equal(errno, EINVAL);
    assert_null(tally_object_new(&tally_type_bool, 0));
}

static void a_value_is_of_its_type_and_of_its_bases(void **state) {
    (void)state;
    tally_value louder = thing_new(TALLY_TYPE_OF(louder), 1);
    assert_true(tally_value_is(louder, TALLY_TYPE_OF(louder)));
    assert_true(tally_value_is(louder, TALLY_TYPE_OF(loud)));
    assert_true(tally_value_is(louder, &tally_type_thing));
    assert_false(tally_value_is(louder, TALLY_TYPE_OF(plain)));
    assert_true(tally_value_is(tally_small(1), &tally_type_integer));
    assert_false(tally_value_is(tally_small(1), &tally_type_double));
    assert_true(tally_value_is(tally_nil(), &tally_type_nil));
    assert_false(tally_value_is(tally_absent(), &tally_type_nil));
    assert_false(tally_value_is(tally_absent(), NULL));
    tally_value_decref(louder);
}

static void casts_are_checked(void **state) {
    (void)state;
    tally_value loud = thing_new(TALLY_TYPE_OF(loud), 1);
    void *object = &asked;
    assert_int_equal(tally_as(loud, TALLY_TYPE_OF(louder), &object),
                     TALLY_WRONG_TYPE);
    assert_int_equal(tally_as(tally_small(1), &tally_type_integer, &object),
                     TALLY_WRONG_TYPE);
    assert_int_equal(tally_as(tally_absent(), &tally_type_nil, &object),
                     TALLY_WRONG_TYPE);
    assert_ptr_equal(object, &asked);
    assert_int_equal(tally_as(loud, &tally_type_thing, &object), TALLY_OK);
    assert_ptr_equal(object, tally_object_of(loud));
    tally_value_decref(loud);
}

static void the_first_is_asked_whether_it_equals_then_the_second(void **state) {
    (void)state;
    tally_value one = thing_new(&tally_type_thing, 1),
                same = thing_new(TALLY_TYPE_OF(louder), 1),
                two = thing_new(TALLY_TYPE_OF(loud), 2), text = text_new("one");
    asked = 0;
    assert_true(equal(one, one));
    assert_int_equal(asked, 0);
    assert_true(equal(one, same) && equal(same, one));
    assert_false(equal(one, two) || equal(two, one));
    assert_int_equal(asked, 4);
    assert_true(equal(one, tally_small(1)) && equal(tally_small(1), one));
    assert_int_equal(asked, 6);
    assert_false(equal(one, text) || equal(text, one));
    assert_int_equal(asked, 8);
    tally_value_decref(one);
    tally_value_decref(same);
    tally_value_decref(two);
    tally_value_decref(text);
}

static void who_knows_the_other_decides(void **state) {
    (void)state;
    tally_value plain = tally_of(tally_new(plain)),
                other = tally_of(tally_new(plain)),
                odd = tally_of(tally_new(odd)),
                thing = thing_new(&tally_type_thing, 1);
    assert_true(equal(plain, odd) && equal(odd, plain));
    assert_false(equal(plain, other));
    assert_false(equal(odd, thing) || equal(thing, odd));
    tally_value_decref(plain);
    tally_value_decref(other);
    tally_value_decref(odd);
    tally_value_decref(thing);
}

static void an_object_without_hooks_is_a_key_as_it_is(void **state) {
    (void)state;
    tally_value plain = tally_of(tally_new(plain)),
                other = tally_of(tally_new(plain));
    assert_true(hash_of(plain) == hash_of(plain));
    assert_true(hash_of(plain) != hash_of(other));
    tally_value_decref(plain);
    tally_value_decref(other);
}

static void what_can_be_equal_and_has_no_hash_is_no_key(void **state) {
    (void)state;
    tally_value odd = tally_of(tally_new(odd));
    uint64_t hash = 7;
    assert_int_equal(tally_value_hash(odd, &hash), TALLY_UNSUPPORTED);
    assert_int_equal(hash, 7);
    tally_value_decref(odd);
}

static void equal_values_have_the_same_hash(void **state) {
    (void)state;
    tally_value one = thing_new(TALLY_TYPE_OF(louder), 1);
    assert_true(hash_of(one) == hash_of(tally_small(1)));
    tally_value a = text_new("word"), b = text_new("word");
    assert_true(hash_of(a) == hash_of(b) && hash_of(a) == hash_of(a));
    tally_value_decref(one);
    tally_value_decref(a);
    tally_value_decref(b);
}

static void the_second_is_asked_for_the_order_the_other_way(void **state) {
    (void)state;
    tally_value two = thing_new(TALLY_TYPE_OF(loud), 2);
    int order = 7;
    assert_int_equal(tally_value_compare(two, tally_small(1), &order), 0);
    assert_int_equal(order, 1);
    assert_int_equal(tally_value_compare(tally_small(1), two, &order), 0);
    assert_int_equal(order, -1);
    assert_int_equal(tally_value_compare(two, tally_small(9), &order), 0);
    assert_int_equal(order, -1);
    assert_int_equal(tally_value_compare(tally_small(9), two, &order), 0);
    assert_int_equal(order, 1);
    tally_value_decref(two);
}

static void what_has_no_order_is_told(void **state) {
    (void)state;
    tally_value all[] = {tally_nil(),
                         tally_bool(true),
                         tally_small(1),
                         text_new("word"),
                         tally_of(tally_bytes_new("word", 4)),
                         tally_of(tally_new(plain)),
                         tally_of(tally_new(odd))};
    for (int n = 0; n < 7; n++)
        for (int m = 0; m < 7; m++) {
            int order = 7;
            if (n == m && n >= 2 && n <= 4)
                continue;
            assert_int_equal(tally_value_compare(all[n], all[m], &order),
                             TALLY_WRONG_TYPE);
            assert_int_equal(order, 7);
        }
    for (int n = 0; n < 7; n++)
        tally_value_decref(all[n]);
}

static void values_are_told_as_text(void **state) {
    (void)state;
    check_text(tally_nil(), "nil");
    check_text(tally_bool(true), "true");
    check_text(tally_bool(false), "false");
    check_text(tally_small(-42), "-42");
    check_text_drop(tally_integer(INT64_MIN), "-9223372036854775808");
    check_text_drop(text_new("w\"rd"), "w\"rd");
    check_text_drop(tally_of(tally_bytes_new("a\"\\\0\xFFz", 6)),
                    "b\"a\\x22\\x5c\\x00\\xffz\"");
    check_text_drop(tally_of(tally_bytes_new("", 0)), "b\"\"");
    check_text_drop(thing_new(&tally_type_thing, 1), "a thing");
    check_text_drop(thing_new(TALLY_TYPE_OF(loud), 1), "A THING");
    check_text_drop(thing_new(TALLY_TYPE_OF(louder), 1), "A THING");
    char expected[60];
    tally_value plain = tally_of(tally_new(plain));
    snprintf(expected, sizeof(expected), "<plain at %p>",
             tally_object_of(plain));
    check_text_drop(plain, expected);
}

static void values_are_called(void **state) {
    (void)state;
    tally_value thing = thing_new(TALLY_TYPE_OF(louder), 1), result;
    const tally_value arguments[] = {tally_small(10), tally_small(100)};
    assert_int_equal(tally_value_call(thing, arguments, 2, &result), TALLY_OK);
    assert_int_equal(tally_small_of(result), 111);
    assert_int_equal(tally_value_call(thing, NULL, 0, &result), TALLY_OK);
    assert_int_equal(tally_small_of(result), 1);
    tally_value_decref(thing);
}

static void what_cannot_be_called_is_told(void **state) {
    (void)state;
    tally_value all[] = {tally_nil(), tally_small(1), text_new("word"),
                         tally_of(tally_new(plain))};
    for (size_t n = 0; n < 4; n++) {
        tally_value result = tally_small(7);
        assert_int_equal(tally_value_call(all[n], NULL, 0, &result),
                         TALLY_UNSUPPORTED);
        assert_true(tally_is(result, tally_small(7)));
        tally_value_decref(all[n]);
    }
}

static void what_a_hook_fails_with_is_returned(void **state) {
    (void)state;
    tally_value one = thing_new(&tally_type_thing, 1),
                two = thing_new(&tally_type_thing, 2), result = tally_nil();
    bool truth = true;
    uint64_t hash = 7;
    int order = 7;
    tally_text *text = NULL;
    failure = TALLY_BUSY;
    assert_int_equal(tally_value_equal(one, two, &truth), TALLY_BUSY);
    assert_int_equal(tally_value_hash(one, &hash), TALLY_BUSY);
    assert_int_equal(tally_value_compare(one, two, &order), TALLY_BUSY);
    assert_int_equal(tally_value_text(one, &text), TALLY_BUSY);
    assert_int_equal(tally_value_call(one, NULL, 0, &result), TALLY_BUSY);
    failure = TALLY_OK;
    assert_true(truth && hash == 7 && order == 7 && !text);
    assert_true(tally_is_nil(result));
    tally_value_decref(one);
    tally_value_decref(two);
}

static void what_is_absent_is_refused(void **state) {
    (void)state;
    tally_value none = tally_absent(), result;
    bool truth;
    uint64_t hash;
    int order;
    tally_text *text;
    assert_int_equal(tally_value_equal(none, none, &truth), TALLY_INVALID);
    assert_int_equal(tally_value_equal(tally_nil(), none, &truth),
                     TALLY_INVALID);
    assert_int_equal(tally_value_hash(none, &hash), TALLY_INVALID);
    assert_int_equal(tally_value_compare(none, tally_small(1), &order),
                     TALLY_INVALID);
    assert_int_equal(tally_value_text(none, &text), TALLY_INVALID);
    assert_int_equal(tally_value_call(none, NULL, 0, &result), TALLY_INVALID);
}

static void what_derives_from_text_is_as_text(void **state) {
    (void)state;
    tally_text *label = tally_object_new(TALLY_TYPE_OF(label), 5);
    must(label);
    memcpy((char *)(uintptr_t)tally_text_data(label), "word", 4);
    tally_value word = text_new("word"), derived = tally_of(label);
    int order = 7;
    assert_true(equal(word, derived) && equal(derived, word));
    assert_true(hash_of(word) == hash_of(derived));
    assert_int_equal(tally_value_compare(derived, word, &order), TALLY_OK);
    assert_int_equal(order, 0);
    check_text(derived, "word");
    tally_value_decref(word);
    tally_value_decref(derived);
}

// Before anything else has started the runtime.
static void an_integer_hashes_the_same_before_and_after(void **state) {
    (void)state;
    uint64_t before = hash_of(tally_small(42));
    tally_value object = tally_of(tally_new(plain));
    assert_true(hash_of(tally_small(42)) == before);
    tally_value_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_integer_hashes_the_same_before_and_after),
        lively_test(every_value_has_a_type),
        lively_test(there_are_no_objects_of_nil_and_bool),
        lively_test(a_value_is_of_its_type_and_of_its_bases),
        lively_test(casts_are_checked),
        lively_test(the_first_is_asked_whether_it_equals_then_the_second),
        lively_test(who_knows_the_other_decides),
        lively_test(an_object_without_hooks_is_a_key_as_it_is),
        lively_test(what_can_be_equal_and_has_no_hash_is_no_key),
        lively_test(equal_values_have_the_same_hash),
        lively_test(the_second_is_asked_for_the_order_the_other_way),
        lively_test(what_has_no_order_is_told),
        lively_test(values_are_told_as_text),
        lively_test(values_are_called),
        lively_test(what_cannot_be_called_is_told),
        lively_test(what_a_hook_fails_with_is_returned),
        lively_test(what_is_absent_is_refused),
        lively_test(what_derives_from_text_is_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
