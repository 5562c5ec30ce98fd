// Growable bytes.

#include <errno.h>
#include <string.h>

#include "api.h"
#include "threads.h"

static tally_bytearray *array_of(const char *text) {
    tally_bytearray *array = tally_bytearray_new(text, strlen(text));
    must(array);
    return array;
}

static bool holds(tally_bytearray *array, const char *text) {
    tally_bytes *bytes = tally_bytearray_bytes(array);
    must(bytes);
    bool same = tally_bytes_length(bytes) == strlen(text) &&
                memcmp(tally_bytes_data(bytes), text, strlen(text)) == 0;
    tally_decref(bytes);
    return same;
}

static void bytes_are_read_and_written(void **state) {
    (void)state;
    uint8_t byte = 7;
    char out[3] = "";
    tally_bytearray *array = array_of("abc");
    assert_int_equal(tally_bytearray_get(array, 2, &byte), TALLY_OK);
    assert_int_equal(byte, 'c');
    assert_int_equal(tally_bytearray_set(array, 0, 'A'), TALLY_OK);
    assert_true(holds(array, "Abc"));
    assert_int_equal(tally_bytearray_copy(array, 1, 2, out), TALLY_OK);
    assert_string_equal(out, "bc");
    assert_int_equal(tally_bytearray_copy(array, 3, 0, out), TALLY_OK);
    tally_decref(array);
}

static void what_is_out_of_range_is_refused(void **state) {
    (void)state;
    static const size_t far[] = {3, 4, SIZE_MAX - 1, SIZE_MAX};
    uint8_t byte = 7;
    char out[3];
    tally_bytearray *array = array_of("abc");
    for (size_t n = 0; n < 4; n++) {
        size_t at = far[n];
        assert_int_equal(tally_bytearray_get(array, at, &byte), TALLY_RANGE);
        assert_int_equal(tally_bytearray_set(array, at, 1), TALLY_RANGE);
        assert_int_equal(tally_bytearray_copy(array, at, 1, out), TALLY_RANGE);
        assert_int_equal(tally_bytearray_copy(array, 1, at, out), TALLY_RANGE);
        assert_int_equal(tally_bytearray_replace(array, at, 1, "", 0),
                         TALLY_RANGE);
        assert_int_equal(tally_bytearray_replace(array, 1, at, "", 0),
                         TALLY_RANGE);
    }
    assert_int_equal(byte, 7);
    static const size_t huge[] = {(size_t)1 << 39, SIZE_MAX - 3, SIZE_MAX};
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(tally_bytearray_resize(array, huge[n]),
                         TALLY_OVERFLOW);
        assert_null(tally_bytearray_new(NULL, huge[n]));
        assert_int_equal(errno, ENOMEM);
    }
    assert_true(holds(array, "abc"));
    tally_decref(array);
}

static void parts_are_replaced(void **state) {
    (void)state;
    static const struct {
        size_t start, removed;
        const char *comes, *text;
    } all[] = {
        {0, 0, "xy", "xyabcdef"},
        {6, 0, "xy", "abcdefxy"},
        {2, 2, "", "abef"},
        {0, 6, "x", "x"},
        {1, 3, "XYZ", "aXYZef"},
        {3, 1, "123456789012345678901234", "abc123456789012345678901234ef"}};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        tally_bytearray *array = array_of("abcdef");
        assert_int_equal(tally_bytearray_replace(array, all[n].start,
                                                 all[n].removed, all[n].comes,
                                                 strlen(all[n].comes)),
                         TALLY_OK);
        if (!holds(array, all[n].text))
            fail_msg("%s", all[n].text);
        tally_decref(array);
    }
}

static void it_grows_at_its_end(void **state) {
    (void)state;
    char expected[3001];
    tally_bytearray *array = tally_bytearray_new(NULL, 0);
    must(array);
    for (size_t n = 0; n < 3000; n++) {
        expected[n] = (char)('a' + n % 26);
        assert_int_equal(tally_bytearray_append(array, &expected[n], 1),
                         TALLY_OK);
    }
    expected[3000] = '\0';
    assert_int_equal(tally_bytearray_length(array), 3000);
    assert_true(holds(array, expected));
    assert_int_equal(tally_bytearray_resize(array, 2), TALLY_OK);
    assert_true(holds(array, "ab"));
    assert_int_equal(tally_bytearray_resize(array, 4), TALLY_OK);
    uint8_t byte = 7;
    assert_int_equal(tally_bytearray_get(array, 3, &byte), TALLY_OK);
    assert_int_equal(byte, 0);
    tally_decref(array);
}

static void what_is_lent_keeps_its_size(void **state) {
    (void)state;
    tally_bytearray *array = array_of("abc");
    tally_view *view = tally_view_new(array, TALLY_BUFFER_WRITABLE);
    must(view);
    assert_int_equal(tally_bytearray_append(array, "d", 1), TALLY_EXPORTED);
    assert_int_equal(tally_bytearray_resize(array, 2), TALLY_EXPORTED);
    assert_int_equal(tally_bytearray_replace(array, 0, 1, "", 0),
                     TALLY_EXPORTED);
    assert_true(holds(array, "abc"));
    // What keeps the size is done.
    assert_int_equal(tally_bytearray_replace(array, 0, 2, "XY", 2), TALLY_OK);
    assert_int_equal(tally_bytearray_resize(array, 3), TALLY_OK);
    assert_int_equal(tally_view_set(view, (int64_t[]){2}, 1, tally_small('Z')),
                     TALLY_OK);
    assert_true(holds(array, "XYZ"));
    tally_decref(view);
    assert_int_equal(tally_bytearray_append(array, "!", 1), TALLY_OK);
    assert_true(holds(array, "XYZ!"));
    tally_decref(array);
}

static bool equal(void *a, void *b) {
    bool result = false, other = false;
    must(tally_value_equal(tally_of(a), tally_of(b), &result) == TALLY_OK);
    must(tally_value_equal(tally_of(b), tally_of(a), &other) == TALLY_OK);
    must(result == other);
    return result;
}

static void arrays_are_equal_by_their_bytes(void **state) {
    (void)state;
    tally_bytearray *array = array_of("abc"), *same = array_of("abc");
    tally_bytearray *longer = array_of("abcd"), *none = array_of("");
    tally_bytes *bytes = tally_bytes_new("abc", 3);
    tally_text *text = tally_text_of("abc");
    uint64_t hash = 77;
    assert_true(equal(array, array));
    assert_true(equal(array, same));
    assert_true(equal(array, bytes));
    assert_true(equal(none, none));
    assert_false(equal(array, longer));
    assert_false(equal(array, none));
    assert_false(equal(longer, bytes));
    assert_false(equal(array, text));
    must(tally_bytearray_set(same, 2, 'x') == TALLY_OK);
    assert_false(equal(array, same));
    must(tally_bytearray_resize(longer, 3) == TALLY_OK);
    assert_true(equal(array, longer));
    // What changes is no key.
    assert_int_equal(tally_value_hash(tally_of(array), &hash),
                     TALLY_UNSUPPORTED);
    assert_int_equal(hash, 77);
    void *all[] = {array, same, longer, none, bytes, text};
    for (size_t n = 0; n < 6; n++)
        tally_decref(all[n]);
}

enum { ROUNDS = 2000, THREADS = 3 };

// Each thread appends its letter in fours, and cuts fours off.
static void *append_and_cut(void *arg) {
    tally_bytearray *array = arg;
    static atomic_int letters;
    char four[4];
    memset(four, 'a' + letters++ % 26, sizeof(four));
    for (int n = 0; n < ROUNDS; n++) {
        must(tally_bytearray_append(array, four, 4) == TALLY_OK);
        if (n % 3 == 0)
            must(tally_bytearray_replace(array, 0, 4, NULL, 0) == TALLY_OK);
        tally_bytes *bytes = tally_bytearray_bytes(array);
        must(bytes);
        const char *data = tally_bytes_data(bytes);
        must(tally_bytes_length(bytes) % 4 == 0);
        for (size_t at = 0; at < tally_bytes_length(bytes); at += 4)
            must(memcmp(data + at, data + at + 1, 3) == 0);
        tally_decref(bytes);
        if (n % 64 == 0)
            must(tally_bytearray_resize(array, 64) == TALLY_OK);
        tally_safepoint();
    }
    return NULL;
}

static void calls_are_one_step_for_others(void **state) {
    (void)state;
    tally_bytearray *array = array_of("aaaabbbb");
    pthread_t thread[THREADS];
    for (int n = 0; n < THREADS; n++)
        thread[n] = thread_start(append_and_cut, array);
    for (int n = 0; n < THREADS; n++)
        thread_join(thread[n]);
    tally_decref(array);
}

// A fork and a stop wait for no thread that is not attached, so that such a
// thread becomes so before it takes the lock.
static void *borrow_unattached(void *arg) {
    struct tally_buffer buffer;
    for (int n = 0; n < 2; n++) {
        tally_detach();
        must(tally_mutator_number() == 0);
        must(tally_buffer_get(arg, TALLY_BUFFER_SIMPLE, &buffer) == TALLY_OK);
        must(tally_mutator_number() != 0);
        must(tally_bytearray_append(arg, "b", 1) == TALLY_EXPORTED);
        tally_detach();
        must(tally_mutator_number() == 0);
        tally_buffer_release(&buffer);
        must(tally_mutator_number() == 0);
        must(tally_bytearray_append(arg, "b", 1) == TALLY_OK);
    }
    return NULL;
}

static void a_thread_is_attached_when_it_borrows_its_bytes(void **state) {
    (void)state;
    tally_bytearray *array = array_of("a");
    thread_run(borrow_unattached, array);
    assert_true(holds(array, "abb"));
    tally_decref(array);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(bytes_are_read_and_written),
        lively_test(what_is_out_of_range_is_refused),
        lively_test(parts_are_replaced),
        lively_test(it_grows_at_its_end),
        lively_test(what_is_lent_keeps_its_size),
        lively_test(arrays_are_equal_by_their_bytes),
        lively_test(calls_are_one_step_for_others),
        lively_test(a_thread_is_attached_when_it_borrows_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
