// pool/raw.c: the family of malloc.

#include "unit_pool.h"

#include <tally/alloc.h>

#include "platform/fault.h"

// Below and above what pools serve, and beyond an arena.
static const size_t sizes[] = {1,      15,      16,      17,      32,
                               33,     1000,    8192,    32768,   32769,
                               100000, 4000000, 4096000, 4096001, 9000000};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void blocks_have_room_are_aligned_and_do_not_overlap(void **state) {
    (void)state;
    unsigned char *blocks[SIZES];
    for (size_t n = 0; n < SIZES; n++) {
        blocks[n] = tally_alloc(sizes[n]);
        assert_non_null(blocks[n]);
        assert_int_equal((uintptr_t)blocks[n] % 16, 0);
        assert_true(tally_usable_size(blocks[n]) >= sizes[n]);
        memset(blocks[n], (int)n + 1, sizes[n]);
    }
    for (size_t n = 0; n < SIZES; n++) {
        for (size_t i = 0; i < sizes[n]; i += 997)
            assert_int_equal(blocks[n][i], n + 1);
        assert_int_equal(blocks[n][sizes[n] - 1], n + 1);
        tally_free(blocks[n]);
    }
    tly_heap_empty(tly_heap_of(tly_self()), true);
    assert_int_equal(units_in_use(), 0);
}

static void a_block_of_no_bytes_is_one_of_its_own(void **state) {
    (void)state;
    void *a = tally_alloc(0), *b = tally_alloc(0), *c = tally_calloc(0, 8);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_ptr_not_equal(a, b);
    tally_free(a);
    tally_free(b);
    tally_free(c);
}

static void freeing_null_does_nothing(void **state) {
    (void)state;
    tally_free(NULL);
    assert_int_equal(tally_usable_size(NULL), 0);
    assert_int_equal(tly_registry_count(), 1);
}

static void an_array_is_zero_even_where_memory_was_used(void **state) {
    (void)state;
    for (size_t n = 0; n < SIZES; n++) {
        char *block = tally_alloc(sizes[n]);
        memset(block, 0xFF, sizes[n]);
        tally_free(block);
        block = tally_calloc(sizes[n], 1);
        for (size_t i = 0; i < sizes[n]; i++)
            if (block[i] != 0)
                fail_msg("byte %zu of %zu", i, sizes[n]);
        tally_free(block);
    }
}

static void a_product_that_overflows_is_no_memory(void **state) {
    (void)state;
    volatile size_t half = SIZE_MAX / 2 + 1;
    errno = 0;
    assert_null(tally_calloc(half, 2));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(tally_reallocarray(NULL, 16, half));
    assert_int_equal(errno, ENOMEM);
}

static void sizes_that_nobody_has_are_no_memory(void **state) {
    (void)state;
    volatile size_t huge[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2,
                              TLY_RANGE_MAX, TLY_RANGE_MIN};
    for (unsigned n = 0; n < 5; n++) {
        errno = 0;
        assert_null(tally_alloc(huge[n]));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(tally_calloc(1, huge[n]));
        assert_int_equal(errno, ENOMEM);
    }
}

static void a_block_that_changes_its_size_keeps_its_content(void **state) {
    (void)state;
    unsigned char *block = tally_alloc(1);
    size_t had = 0;
    uint64_t random = 1;
    for (unsigned n = 0; n < 200; n++) {
        size_t size = 1 + unit_random(&random) % (n % 10 ? 3000 : 300000);
        block = tally_realloc(block, size);
        assert_non_null(block);
        assert_true(tally_usable_size(block) >= size);
        for (size_t i = 0; i < (had < size ? had : size); i++)
            if (block[i] != (unsigned char)(i % 251))
                fail_msg("byte %zu of %zu", i, size);
        for (size_t i = 0; i < size; i++)
            block[i] = (unsigned char)(i % 251);
        had = size;
    }
    tally_free(block);
}

static void a_block_shrinks_when_half_of_it_would_be_lost(void **state) {
    (void)state;
    void *block = tally_alloc(1000000);
    block = tally_realloc(block, 100);
    assert_true(tally_usable_size(block) < 1000);
    void *same = tally_realloc(block, 101);
    assert_ptr_equal(same, block);
    tally_free(same);
}

static void reallocating_null_allocates(void **state) {
    (void)state;
    void *block = tally_realloc(NULL, 100);
    assert_non_null(block);
    block = tally_reallocarray(block, 10, 100);
    assert_true(tally_usable_size(block) >= 1000);
    tally_free(block);
}

static void a_failed_reallocation_leaves_the_block(void **state) {
    (void)state;
    char *block = tally_alloc(100);
    strcpy(block, "content");
    tly_fault_arm(TLY_FAULT_REFILL, 1, true);
    errno = 0;
    assert_null(tally_realloc(block, 50000));
    assert_int_equal(errno, ENOMEM);
    tly_fault_disarm(NULL);
    assert_string_equal(block, "content");
    tally_free(block);
}

static void freeing_keeps_errno(void **state) {
    (void)state;
    void *small = tally_alloc(10), *huge = tally_alloc(5000000);
    errno = 99;
    tally_free(small);
    tally_free(huge);
    assert_int_equal(errno, 99);
}

static void free_foreign(void *arg) { tally_free(arg); }

static void free_inside(void *arg) {
    (void)arg;
    char *block = tally_alloc(100);
    tally_free(block + 16);
}

static void free_twice(void *arg) {
    (void)arg;
    void *block = tally_alloc(100);
    tally_free(block);
    tally_free(block);
}

static void what_is_not_a_block_aborts_in_debug_builds(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(free_foreign, &state, "is not a block of this heap");
    assert_aborts(free_inside, NULL, "not the begin of one");
}

static void a_block_freed_twice_aborts(void **state) {
    (void)state;
    assert_aborts(free_twice, NULL, "broken");
}

static void a_freed_block_is_overwritten_in_test_builds(void **state) {
    (void)state;
    if (!TLY_POISON || UNDER_ASAN)
        skip();
    unsigned char *block = tally_alloc(100);
    memset(block, 1, 100);
    tally_free(block);
    assert_int_equal(block[50], 0xDD);
}

static void *free_all(void *arg) {
    void **blocks = arg;
    for (size_t n = 0; n < SIZES; n++)
        tally_free(blocks[n]);
    return NULL;
}

static void any_thread_frees_blocks_of_any_size(void **state) {
    (void)state;
    void *blocks[SIZES];
    for (unsigned round = 0; round < 20; round++) {
        for (size_t n = 0; n < SIZES; n++)
            blocks[n] = tally_alloc(sizes[n]);
        thread_run(free_all, blocks);
    }
    // Of each class one pool at the most, and huge ones are gone.
    tly_poll(tly_self(), true);
    tly_heap_empty(tly_heap_of(tly_self()), true);
    assert_int_equal(units_in_use(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(blocks_have_room_are_aligned_and_do_not_overlap),
        pool_test(a_block_of_no_bytes_is_one_of_its_own),
        pool_test(freeing_null_does_nothing),
        pool_test(an_array_is_zero_even_where_memory_was_used),
        pool_test(a_product_that_overflows_is_no_memory),
        pool_test(sizes_that_nobody_has_are_no_memory),
        pool_test(a_block_that_changes_its_size_keeps_its_content),
        pool_test(a_block_shrinks_when_half_of_it_would_be_lost),
        pool_test(reallocating_null_allocates),
        pool_test(a_failed_reallocation_leaves_the_block),
        pool_test(freeing_keeps_errno),
        pool_test(what_is_not_a_block_aborts_in_debug_builds),
        pool_test(a_block_freed_twice_aborts),
        pool_test(a_freed_block_is_overwritten_in_test_builds),
        pool_test(any_thread_frees_blocks_of_any_size),
    };
    return cmocka_run_group_tests_name("pool/raw", tests, NULL, NULL);
}
