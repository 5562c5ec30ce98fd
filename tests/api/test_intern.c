// Interned text: one object for what is equal.

#include "api.h"
#include "child.h"
#include "values.h"

// The interned text of a string.
static tally_text *interned(const char *string) {
    tally_text *text = tally_text_of(string);
    must(text);
    tally_text *result = tally_text_intern(text);
    must(result);
    tally_decref(text);
    return result;
}

static void equal_text_is_one_object(void **state) {
    (void)state;
    tally_text *one = interned("word"), *same = interned("word"),
               *other = interned("wore");
    assert_ptr_equal(one, same);
    assert_ptr_not_equal(one, other);
    assert_string_equal(tally_text_data(one), "word");
    assert_string_equal(tally_text_data(other), "wore");
    tally_decref(one);
    tally_decref(same);
    tally_decref(other);
}

static void interned_text_interns_as_itself(void **state) {
    (void)state;
    tally_text *one = interned("word"), *same = tally_text_intern(one);
    assert_ptr_equal(one, same);
    assert_int_equal(tally_counts_of(one).owner_count, 2);
    tally_decref(one);
    tally_decref(same);
}

static void it_is_text_in_all_else(void **state) {
    (void)state;
    tally_value one = tally_of(interned("word")), plain = text_new("word"),
                other = tally_of(interned("wore"));
    int order = 7;
    assert_true(tally_value_is(one, &tally_type_text));
    assert_true(equal(one, plain) && equal(plain, one) && equal(one, one));
    assert_false(equal(one, other) || equal(other, plain));
    assert_true(hash_of(one) == hash_of(plain));
    assert_int_equal(tally_value_compare(one, other, &order), TALLY_OK);
    assert_int_equal(order, -1);
    check_text(one, "word");
    tally_value_decref(one);
    tally_value_decref(plain);
    tally_value_decref(other);
}

static void what_nobody_holds_is_gone(void **state) {
    (void)state;
    uint64_t before = live_objects();
    tally_decref(interned("word"));
    tally_collect(); // and a grace period
    assert_int_equal(live_objects(), before);
    tally_text *again = interned("word");
    assert_string_equal(tally_text_data(again), "word");
    tally_decref(again);
    tally_collect();
    assert_int_equal(live_objects(), before);
}

// Destroy hooks wait for a section's end: what died inside is still found.
static void dying_text_is_replaced(void **state) {
    (void)state;
    tally_text *old = interned("word"), *made = NULL;
    TALLY_BORROW {
        tally_decref(old);
        made = interned("word");
        assert_ptr_not_equal(made, old);
    }
    tally_text *same = interned("word");
    assert_ptr_equal(made, same);
    tally_decref(made);
    tally_decref(same);
}

// Words that come and go, beside a list of which there are.
static void words_are_found_whatever_goes(void **state) {
    (void)state;
    enum { WORDS = 3000 };
    static tally_text *held[WORDS];
    uint64_t random = 1;
    char word[24];
    for (int n = 0; n < 60000; n++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned at = (unsigned)(random >> 33) % WORDS;
        snprintf(word, sizeof(word), "word %u", at);
        tally_text *text = interned(word);
        assert_string_equal(tally_text_data(text), word);
        if (held[at]) {
            assert_ptr_equal(held[at], text);
            tally_decref(text);
            tally_decref(held[at]);
            text = NULL;
        }
        // Half of them, and none in the end.
        held[at] = text;
    }
    for (unsigned at = 0; at < WORDS; at++)
        if (held[at])
            tally_decref(held[at]);
}

static void tables_that_are_empty_have_no_memory(void **state) {
    (void)state;
    enum { WORDS = 50000 };
    static tally_text *held[WORDS];
    char word[24];
    (void)tally_trim();
    uint64_t before = stats_now().live_bytes;
    for (unsigned n = 0; n < WORDS; n++) {
        snprintf(word, sizeof(word), "word %u", n);
        held[n] = interned(word);
    }
    assert_true(stats_now().live_bytes > before + WORDS * 48);
    for (unsigned n = 0; n < WORDS; n++)
        tally_decref(held[n]);
    // What was published waits for a grace period.
    must(tally_synchronize() == TALLY_OK);
    tally_collect();
    (void)tally_trim();
    assert_in_range(stats_now().live_bytes, 0, before + 128 * 1024);
}

static void child_interns(void *arg) {
    tally_text *one = interned("word"), *other = interned("child");
    must(one == arg && one != other);
    tally_decref(one);
    tally_decref(other);
}

static void a_child_has_its_parents_words(void **state) {
    (void)state;
    tally_text *one = interned("word");
    struct child child = child_run(child_interns, one);
    assert_int_equal(child.status, 0);
    tally_decref(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(equal_text_is_one_object),
        quiet_test(interned_text_interns_as_itself),
        lively_test(it_is_text_in_all_else),
        quiet_test(what_nobody_holds_is_gone),
        lively_test(dying_text_is_replaced),
        lively_test(words_are_found_whatever_goes),
        quiet_test(tables_that_are_empty_have_no_memory),
        lively_test(a_child_has_its_parents_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
