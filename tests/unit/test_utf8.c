// container/utf8.h: what is UTF-8 and what is not.

#include "unit_object.h"

#include <string.h>

#include "container/utf8.h"
#include "must.h"

// A code point as UTF-8 would have it in so many bytes, be it right or not.
static size_t encode(uint32_t point, size_t bytes, char *to) {
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0, 0xF8};
    if (bytes == 1) {
        to[0] = (char)point;
        return 1;
    }
    for (size_t n = bytes - 1; n > 0; n--, point >>= 6)
        to[n] = (char)(0x80u | (point & 0x3Fu));
    to[0] = (char)(first[bytes] | point);
    return bytes;
}

static size_t bytes_for(uint32_t point) {
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static bool valid(const char *text, size_t length) {
    // A copy of its own, so that reading beyond it is found.
    char *copy = malloc(length ? length : 1);
    must(copy);
    memcpy(copy, text, length);
    bool result = tly_utf8_valid(copy, length);
    free(copy);
    return result;
}

static void each_code_point_is_valid_in_its_shortest_form(void **state) {
    (void)state;
    char text[8];
    for (uint32_t point = 0; point < 0x110000; point++) {
        size_t bytes = encode(point, bytes_for(point), text);
        bool surrogate = point >= 0xD800 && point <= 0xDFFF;
        if (tly_utf8_valid(text, bytes) == surrogate)
            fail_msg("U+%X", point);
        if (!surrogate && tly_utf8_points(text, bytes) != 1)
            fail_msg("U+%X is not one code point", point);
    }
}

static void longer_forms_are_refused(void **state) {
    (void)state;
    char text[8];
    for (uint32_t point = 0; point < 0x10000; point++)
        for (size_t more = bytes_for(point) + 1; more <= 5; more++)
            if (tly_utf8_valid(text, encode(point, more, text)))
                fail_msg("U+%X in %zu bytes", point, more);
}

static void nothing_lies_beyond_10ffff(void **state) {
    (void)state;
    char text[8];
    for (uint32_t point = 0x110000; point < 0x200000; point++)
        if (tly_utf8_valid(text, encode(point, 4, text)))
            fail_msg("U+%X", point);
    for (unsigned first = 0xF5; first <= 0xFF; first++) {
        text[0] = (char)first;
        memset(text + 1, 0x80, 6);
        assert_false(tly_utf8_valid(text, 7));
    }
}

static void sequences_that_are_cut_short_are_refused(void **state) {
    (void)state;
    static const char *const whole[] = {"\xC3\xBC", "\xE2\x82\xAC",
                                        "\xF0\x9F\x98\x80"};
    for (size_t n = 0; n < 3; n++) {
        size_t length = strlen(whole[n]);
        char text[16];
        for (size_t cut = 1; cut < length; cut++) {
            assert_false(valid(whole[n], cut));
            assert_false(valid(whole[n] + cut, length - cut));
            memcpy(text, whole[n], cut);
            memset(text + cut, 'a', 8);
            assert_false(valid(text, cut + 8));
        }
    }
}

static void a_fault_is_found_at_each_place(void **state) {
    (void)state;
    char text[40];
    for (size_t length = 0; length <= sizeof(text); length++) {
        memset(text, 'a', sizeof(text));
        assert_true(valid(text, length));
        assert_int_equal(tly_utf8_points(text, length), length);
        for (size_t at = 0; at < length; at++) {
            text[at] = (char)0xFF;
            assert_false(valid(text, length));
            text[at] = (char)0xC3;
            assert_false(valid(text, length));
            if (at + 1 < length) {
                text[at + 1] = (char)0xBC;
                assert_true(valid(text, length));
                assert_int_equal(tly_utf8_points(text, length), length - 1);
                text[at + 1] = 'a';
            }
            text[at] = 'a';
        }
    }
}

static void points_are_counted_wherever_they_lie(void **state) {
    (void)state;
    char text[200];
    size_t length = 0, points = 0;
    static const uint32_t some[] = {'a', 0xFC, 0x20AC, 0x1F600, 0, 0x7FF};
    for (size_t n = 0; n < 50; n++) {
        uint32_t point = some[n * n % 6];
        length += encode(point, bytes_for(point), text + length);
        points++;
        assert_true(valid(text, length));
        assert_int_equal(tly_utf8_points(text, length), points);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_point_is_valid_in_its_shortest_form),
        cmocka_unit_test(longer_forms_are_refused),
        cmocka_unit_test(nothing_lies_beyond_10ffff),
        cmocka_unit_test(sequences_that_are_cut_short_are_refused),
        cmocka_unit_test(a_fault_is_found_at_each_place),
        cmocka_unit_test(points_are_counted_wherever_they_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
