// What tests of values ask of them. Included after api.h.

#ifndef SUPPORT_VALUES_H
#define SUPPORT_VALUES_H

static inline tally_value text_new(const char *string) {
    tally_text *text = tally_text_of(string);
    must(text);
    return tally_of(text);
}

static inline void check_text(tally_value value, const char *expected) {
    tally_text *text;
    assert_int_equal(tally_value_text(value, &text), TALLY_OK);
    assert_string_equal(tally_text_data(text), expected);
    assert_int_equal(tally_text_length(text), strlen(expected));
    tally_decref(text);
}

static inline void check_text_drop(tally_value value, const char *expected) {
    check_text(value, expected);
    tally_value_decref(value);
}

static inline bool equal(tally_value a, tally_value b) {
    bool result;
    assert_int_equal(tally_value_equal(a, b, &result), TALLY_OK);
    return result;
}

static inline uint64_t hash_of(tally_value value) {
    uint64_t hash = 0;
    assert_int_equal(tally_value_hash(value, &hash), TALLY_OK);
    return hash;
}

#endif
