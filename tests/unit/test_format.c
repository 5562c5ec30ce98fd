// container/format.c, half.c: items as struct formats describe them.

#include "unit_object.h"

#include <math.h>
#include <string.h>

#include <tally/bytes.h>
#include <tally/dynamic.h>
#include <tally/number.h>

#include "container/format.h"
#include "container/half.h"

static size_t size_of(const char *text) {
    struct tly_format format;
    assert_int_equal(tly_format_parse(text, &format), TALLY_OK);
    return format.size;
}

static void sizes_are_those_of_calcsize(void **state) {
    (void)state;
    // As Python's struct.calcsize has them on a machine of 64 bits.
    static const struct {
        const char *format;
        size_t size;
    } all[] = {{"", 0},      {"B", 1},     {"x", 1},     {"bh", 4},
               {"hb", 3},    {"=bh", 3},   {"<qb", 9},   {"@bq", 16},
               {"bxq", 16},  {"5s", 5},    {"3p", 3},    {"2h3i", 16},
               {"c0q", 8},   {"=c0q", 1},  {" h h ", 4}, {"10x", 10},
               {"P", 8},     {"nN", 16},   {"=l", 4},    {"l", 8},
               {"!e2f", 10}, {"?d", 16},   {">?d", 9},   {"0s", 0},
               {"@0i", 0},   {"bhilq", 24}};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++)
        if (size_of(all[n].format) != all[n].size)
            fail_msg("%s: %zu", all[n].format, size_of(all[n].format));
    assert_int_equal(size_of(NULL), 1);
}

static void what_is_no_format_is_refused(void **state) {
    (void)state;
    struct tly_format format;
    static const char *const bad[] = {"k",   "<n", "=P", "b@h",  "3",  "hh3",
                                      "-1h", "&h", "T",  "(2)h", "h\1"};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++)
        if (tly_format_parse(bad[n], &format) != TALLY_FORMAT)
            fail_msg("%s is taken", bad[n]);
    static const char *const large[] = {
        "99999999999999999999b", "4611686018427387905s",
        "4611686018427387904b4611686018427387904b", "9223372036854775807q"};
    for (size_t n = 0; n < sizeof(large) / sizeof(large[0]); n++)
        assert_int_equal(tly_format_parse(large[n], &format), TALLY_OVERFLOW);
}

static int64_t integer_at(const char *text, const void *item) {
    struct tly_format format;
    tally_value value;
    int64_t n = 0;
    must(tly_format_parse(text, &format) == TALLY_OK);
    must(tly_format_unpack(&format, item, &value) == TALLY_OK);
    must(tally_as_integer(value, &n) == TALLY_OK);
    tally_value_decref(value);
    return n;
}

static void integers_are_read_in_each_order(void **state) {
    (void)state;
    local_make();
    const unsigned char item[] = {0xFE, 1, 2, 3, 4, 5, 6, 0x87};
    assert_int_equal(integer_at("b", item), -2);
    assert_int_equal(integer_at("B", item), 0xFE);
    assert_int_equal(integer_at("<h", item), 0x01FE);
    assert_int_equal(integer_at(">h", item), -511);
    assert_int_equal(integer_at(">H", item), 0xFE01);
    assert_int_equal(integer_at("<i", item), 0x030201FE);
    assert_int_equal(integer_at("!I", item), 0xFE010203);
    assert_int_equal(integer_at("<q", item), (int64_t)0x87060504030201FE);
}

static void an_integer_beyond_64_signed_bits_overflows(void **state) {
    (void)state;
    struct tly_format format;
    tally_value value = tally_nil();
    const unsigned char item[8] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    must(tly_format_parse("<Q", &format) == TALLY_OK);
    assert_int_equal(tly_format_unpack(&format, item, &value), TALLY_OVERFLOW);
    assert_true(tally_is_nil(value));
}

static tally_status pack(const char *text, tally_value value, void *item) {
    struct tly_format format;
    must(tly_format_parse(text, &format) == TALLY_OK);
    return tly_format_pack(&format, value, item);
}

static void what_fits_is_written_and_nothing_else(void **state) {
    (void)state;
    local_make();
    unsigned char item[8] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    const unsigned char before = 0xAA;
    assert_int_equal(pack("b", tally_small(128), item), TALLY_RANGE);
    assert_int_equal(pack("b", tally_small(-129), item), TALLY_RANGE);
    assert_int_equal(pack("B", tally_small(-1), item), TALLY_RANGE);
    assert_int_equal(pack("B", tally_small(256), item), TALLY_RANGE);
    assert_int_equal(pack("h", tally_small(32768), item), TALLY_RANGE);
    assert_int_equal(pack("I", tally_small((int64_t)1 << 32), item),
                     TALLY_RANGE);
    assert_int_equal(pack("h", tally_nil(), item), TALLY_WRONG_TYPE);
    assert_int_equal(pack("d", tally_nil(), item), TALLY_WRONG_TYPE);
    assert_int_equal(pack("?", tally_small(1), item), TALLY_WRONG_TYPE);
    assert_int_equal(pack("2h", tally_small(1), item), TALLY_UNSUPPORTED);
    for (size_t n = 0; n < sizeof(item); n++)
        assert_int_equal(item[n], before);
    assert_int_equal(pack(">h", tally_small(-2), item), TALLY_OK);
    assert_int_equal(item[0], 0xFF);
    assert_int_equal(item[1], 0xFE);
    assert_int_equal(item[2], before);
    assert_int_equal(pack("?", tally_bool(true), item), TALLY_OK);
    assert_int_equal(item[0], 1);
}

static void reals_come_back(void **state) {
    (void)state;
    local_make();
    static const char *const formats[] = {"e",  "<e", ">e", "f",
                                          ">f", "d",  "!d"};
    const double numbers[] = {0.0, 1.0, -2.5, 65504.0, 0x1p-14, 0x1p-24};
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++)
        for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
            struct tly_format format;
            unsigned char item[8];
            double real = 77;
            tally_value value = tally_double(numbers[n]);
            must(tly_format_parse(formats[f], &format) == TALLY_OK);
            assert_int_equal(tly_format_pack(&format, value, item), TALLY_OK);
            tally_value_decref(value);
            must(tly_format_unpack(&format, item, &value) == TALLY_OK);
            must(tally_as_double(value, &real) == TALLY_OK);
            assert_true(real == numbers[n]);
            tally_value_decref(value);
        }
    tally_value large = tally_double(1e300);
    unsigned char item[8];
    assert_int_equal(pack("f", large, item), TALLY_RANGE);
    assert_int_equal(pack("e", large, item), TALLY_RANGE);
    tally_value_decref(large);
}

static void halves_are_rounded_to_the_nearest(void **state) {
    (void)state;
    uint16_t half;
    // Every number of 16 bits comes back.
    for (unsigned n = 0; n < 65536; n++) {
        double real = tly_half_to_double((uint16_t)n);
        if (isnan(real))
            continue;
        assert_true(tly_half_of_double(real, &half));
        assert_int_equal(half, n);
    }
    assert_true(tly_half_of_double(1.0 + 0x1p-11, &half));
    assert_int_equal(half, 0x3C00); // the even one of two
    assert_true(tly_half_of_double(1.0 + 3 * 0x1p-11, &half));
    assert_int_equal(half, 0x3C02);
    assert_true(tly_half_of_double(1.0 + 0x1p-11 + 0x1p-30, &half));
    assert_int_equal(half, 0x3C01);
    assert_true(tly_half_of_double(0x1p-25, &half));
    assert_int_equal(half, 0);
    assert_true(tly_half_of_double(0x1.8p-25, &half));
    assert_int_equal(half, 1);
    assert_true(tly_half_of_double(65519.0, &half));
    assert_int_equal(half, 0x7BFF);
    assert_false(tly_half_of_double(65520.0, &half));
    assert_true(tly_half_of_double((double)NAN, &half));
    assert_true(isnan(tly_half_to_double(half)));
}

static void strings_are_bytes(void **state) {
    (void)state;
    local_make();
    struct tly_format format;
    tally_value value;
    char item[5];
    tally_value word = tally_of(tally_bytes_new("tally", 5));
    must(tly_format_parse("3s", &format) == TALLY_OK);
    assert_int_equal(tly_format_pack(&format, word, item), TALLY_OK);
    must(tly_format_unpack(&format, item, &value) == TALLY_OK);
    assert_int_equal(tally_bytes_length(tally_object_of(value)), 3);
    assert_memory_equal(tally_bytes_data(tally_object_of(value)), "tal", 3);
    tally_value_decref(value);
    must(tly_format_parse("5p", &format) == TALLY_OK);
    assert_int_equal(tly_format_pack(&format, word, item), TALLY_OK);
    assert_memory_equal(item, "\4tall", 5);
    item[0] = 99; // more than there is room for
    must(tly_format_unpack(&format, item, &value) == TALLY_OK);
    assert_int_equal(tally_bytes_length(tally_object_of(value)), 4);
    tally_value_decref(value);
    must(tly_format_parse("c", &format) == TALLY_OK);
    assert_int_equal(tly_format_pack(&format, word, item), TALLY_RANGE);
    assert_int_equal(tly_format_pack(&format, tally_small(1), item),
                     TALLY_WRONG_TYPE);
    tally_value_decref(word);
}

static bool equal(const char *text_a, const void *a, const char *text_b,
                  const void *b) {
    struct tly_format format_a, format_b;
    bool are = false;
    must(tly_format_parse(text_a, &format_a) == TALLY_OK);
    must(tly_format_parse(text_b, &format_b) == TALLY_OK);
    must(tly_format_equal(&format_a, a, &format_b, b, &are) == TALLY_OK);
    return are;
}

static void items_are_equal_by_value(void **state) {
    (void)state;
    const double one = 1.0, large = 0x1p63, nan = (double)NAN;
    const double beyond = 0x1p64, endless = (double)INFINITY, minus = -1.0;
    const unsigned char top[8] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    const uint64_t most = UINT64_MAX;
    assert_true(equal("<h", "\1\0", ">i", "\0\0\0\1"));
    assert_false(equal("<h", "\1\0", ">i", "\0\0\1\1"));
    assert_true(equal("b", "\1", "d", &one));
    assert_true(equal("d", &large, "<Q", top));
    assert_false(equal("<q", top, "<Q", top));
    assert_false(equal("d", &nan, "d", &nan));
    assert_false(equal("Q", &most, "d", &beyond));
    assert_false(equal("d", &beyond, "Q", &most));
    assert_false(equal("Q", &most, "d", &endless));
    assert_false(equal("Q", &most, "d", &minus));
    assert_false(equal("Q", &most, "d", &nan));
    assert_false(equal("Q", &most, "q", &most));
    assert_true(equal("Q", &most, "<Q", &most));
    // As values: true is no number.
    assert_false(equal("?", "\1", "B", "\1"));
    assert_false(equal("d", &one, "?", "\1"));
    assert_true(equal("?", "\7", "<?", "\1"));
    assert_true(equal("3s", "abc", "4p", "\3abc"));
    assert_false(equal("c", "a", "B", "a"));
    assert_true(equal("=b2h", "\1\2\0\3\0", "<bxhh", "\1\7\2\0\3\0"));
    assert_false(equal("=b2h", "\1\2\0\3\0", "<bxhh", "\1\7\2\0\4\0"));
}

static bool same(const char *text_a, const char *text_b) {
    struct tly_format a, b;
    must(tly_format_parse(text_a, &a) == TALLY_OK);
    must(tly_format_parse(text_b, &b) == TALLY_OK);
    must(tly_format_same(&a, &b) == tly_format_same(&b, &a));
    return tly_format_same(&a, &b);
}

static void formats_are_the_same_by_what_they_say(void **state) {
    (void)state;
    assert_true(same("d", "@d") && same(NULL, "B") && same("", "@"));
    assert_true(same("!h", ">h") && same("i xd", "@ixd"));
    assert_false(same("i", "I") || same("b", "B") || same("2h", "hh"));
    assert_false(same("<h", ">h") || same("bi", "b") || same("", "x"));
    assert_false(same("bi", "=bi")); // the integer is not in the same place
}

static void only_single_native_codes_can_be_cast(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool can;
    } all[] = {{"B", true},   {"@d", true}, {"<d", false},
               {"2h", false}, {"s", false}, {"hh", false},
               {"P", true},   {"", false},  {"xh", false}};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        struct tly_format format;
        must(tly_format_parse(all[n].text, &format) == TALLY_OK);
        assert_int_equal(tly_format_is_native_single(&format), all[n].can);
    }
}

// The table of native formats says what parsing says.
static void native_formats_are_as_they_are_parsed(void **state) {
    (void)state;
    unsigned count = 0;
    for (int code = 1; code < 128; code++) {
        const char text[] = {(char)code, '\0'};
        const struct tly_format *native = tly_format_native((char)code);
        struct tly_format parsed;
        bool can = tly_format_parse(text, &parsed) == TALLY_OK &&
                   tly_format_is_native_single(&parsed);
        assert_int_equal(native != NULL, can);
        if (!native)
            continue;
        count++;
        assert_string_equal(native->text, parsed.text);
        assert_int_equal(native->size, parsed.size);
        assert_int_equal(native->fields, parsed.fields);
        assert_int_equal(native->width, parsed.width);
        assert_int_equal(native->code, parsed.code);
        assert_int_equal(native->native, parsed.native);
        assert_int_equal(native->swapped, parsed.swapped);
        assert_int_equal(native->reading, parsed.reading);
    }
    assert_int_equal(count, 18);
}

// An integer that is read at once is what is read byte by byte.
static void what_is_read_at_once_is_the_same(void **state) {
    (void)state;
    static const unsigned char items[][8] = {
        {0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0xF7},
        {0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x7A, 0x79, 0x08},
        {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
    };
    for (const char *code = "bBhHiIlLqQnNP"; *code; code++)
        for (size_t n = 0; n < sizeof(items) / sizeof(items[0]); n++) {
            struct tly_format fast = *tly_format_native(*code), slow = fast;
            tally_value a = tally_absent(), b = tally_absent();
            slow.reading = TLY_READ_ANY;
            tally_status status = tly_format_unpack(&slow, items[n], &b);
            assert_int_equal(tly_format_unpack(&fast, items[n], &a), status);
            bool same = status != TALLY_OK;
            if (!same)
                must(tally_value_equal(a, b, &same) == TALLY_OK);
            assert_true(same);
            tally_value_decref(a);
            tally_value_decref(b);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_formats_are_as_they_are_parsed),
        object_test(what_is_read_at_once_is_the_same),
        cmocka_unit_test(sizes_are_those_of_calcsize),
        cmocka_unit_test(what_is_no_format_is_refused),
        object_test(integers_are_read_in_each_order),
        object_test(an_integer_beyond_64_signed_bits_overflows),
        object_test(what_fits_is_written_and_nothing_else),
        object_test(reals_come_back),
        cmocka_unit_test(halves_are_rounded_to_the_nearest),
        object_test(strings_are_bytes),
        cmocka_unit_test(items_are_equal_by_value),
        cmocka_unit_test(formats_are_the_same_by_what_they_say),
        cmocka_unit_test(only_single_native_codes_can_be_cast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
