// Bytes and text.

#include "api.h"
#include "values.h"

static void bytes_come_back(void **state) {
    (void)state;
    char data[3000];
    for (size_t n = 0; n < sizeof(data); n++)
        data[n] = (char)(n * n);
    for (size_t length = 0; length <= sizeof(data); length += 1 + length / 3) {
        tally_bytes *bytes = tally_bytes_new(data, length);
        must(bytes);
        assert_ptr_equal(tally_type_of(bytes), &tally_type_bytes);
        assert_int_equal(tally_bytes_length(bytes), length);
        assert_memory_equal(tally_bytes_data(bytes), data, length);
        assert_int_equal(((const char *)tally_bytes_data(bytes))[length], 0);
        tally_decref(bytes);
    }
}

static void text_comes_back(void **state) {
    (void)state;
    static const char word[] = "Z\xC3\xBCrich \xE2\x82\xAC \xF0\x9F\x98\x80";
    tally_text *text = tally_text_of(word);
    must(text);
    assert_ptr_equal(tally_type_of(text), &tally_type_text);
    assert_int_equal(tally_text_length(text), strlen(word));
    assert_int_equal(tally_text_points(text), 10);
    assert_string_equal(tally_text_data(text), word);
    tally_decref(text);
}

static void none_may_be_there(void **state) {
    (void)state;
    tally_text *text = tally_text_new(NULL, 0);
    tally_bytes *bytes = tally_bytes_new(NULL, 0);
    must(text && bytes);
    assert_int_equal(tally_text_length(text), 0);
    assert_int_equal(tally_text_points(text), 0);
    assert_string_equal(tally_text_data(text), "");
    assert_int_equal(tally_bytes_length(bytes), 0);
    tally_decref(text);
    tally_decref(bytes);
}

static void text_may_have_a_nul_inside(void **state) {
    (void)state;
    tally_text *text = tally_text_new("a\0b", 3);
    must(text);
    assert_int_equal(tally_text_length(text), 3);
    assert_int_equal(tally_text_points(text), 3);
    assert_memory_equal(tally_text_data(text), "a\0b", 4);
    tally_decref(text);
}

static void what_is_no_utf8_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\xFF",                                // never a byte of it
        "\x80",                                // goes on with nothing
        "\xC3",                                // cut short
        "\xC0\xAF",                            // longer than need be
        "\xE0\x80\xAF",                        //
        "\xF0\x80\x80\xAF",                    //
        "\xED\xA0\x80",                        // a surrogate
        "\xF4\x90\x80\x80",                    // beyond U+10FFFF
        "a long text, but at the end\xE2\x82", //
    };
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        errno = 0;
        assert_null(tally_text_of(bad[n]));
        assert_int_equal(errno, EILSEQ);
        assert_int_equal(-errno, TALLY_ENCODING);
    }
}

static void lengths_that_are_too_large_are_refused(void **state) {
    (void)state;
    static const size_t all[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 64,
                                 SIZE_MAX / 2, (size_t)1 << 39};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        errno = 0;
        assert_null(tally_bytes_new("", all[n]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(tally_text_new("", all[n]));
        assert_int_equal(errno, ENOMEM);
    }
}

static void text_is_in_order_of_code_points(void **state) {
    (void)state;
    tally_value all[] = {text_new(""),
                         text_new("Z"),
                         text_new("a"),
                         text_new("aa"),
                         text_new("b"),
                         text_new("\xC3\xBC"),
                         text_new("\xEF\xBF\xBD"),
                         text_new("\xF0\x9F\x98\x80")};
    for (int n = 0; n < 8; n++)
        for (int m = 0; m < 8; m++) {
            int order = 7;
            assert_int_equal(tally_value_compare(all[n], all[m], &order),
                             TALLY_OK);
            assert_int_equal(order, (n > m) - (n < m));
        }
    for (int n = 0; n < 8; n++)
        tally_value_decref(all[n]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(bytes_come_back),
        lively_test(text_comes_back),
        lively_test(none_may_be_there),
        lively_test(text_may_have_a_nul_inside),
        lively_test(what_is_no_utf8_is_refused),
        lively_test(lengths_that_are_too_large_are_refused),
        lively_test(text_is_in_order_of_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
