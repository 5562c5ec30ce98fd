// Raw memory: what C's own functions promise, and frees by other threads.

#include "api.h"
#include "threads.h"

// Sizes on both sides of every size class's border, of what leaves the pools,
// and of what is larger than an arena.
static size_t sizes_fill(size_t *size, size_t room) {
    size_t count = 0;
    size_t step = 16;
    for (size_t border = 16; border <= 40960; border += step) {
        for (size_t s = border - 1; s <= border + 1 && count < room; s++)
            size[count++] = s;
        // 8 classes a doubling: steps of a 16th meet them all.
        step = border >= 512 ? border / 32 / 16 * 16 : 16;
        step = step < 16 ? 16 : step;
    }
    const size_t large[] = {65536, 1 << 20, 4 << 20, 5 << 20, 100 << 20};
    for (size_t n = 0; n < 5; n++)
        for (size_t s = large[n] - 1; s <= large[n] + 1 && count < room; s++)
            size[count++] = s;
    return count;
}

static size_t sizes[2000], sizes_count;

static int group_begin(void **state) {
    (void)state;
    sizes_count = sizes_fill(sizes, 2000);
    return 0;
}

// Writes the ends, and some of the middle.
static void fill(char *block, size_t size, char byte) {
    if (size <= 65536) {
        memset(block, byte, size);
    } else {
        memset(block, byte, 4096);
        memset(block + size - 4096, byte, 4096);
        block[size / 2] = byte;
    }
}

static bool is_filled(const char *block, size_t size, char byte) {
    if (size > 65536)
        return block[0] == byte && block[4095] == byte &&
               block[size - 4096] == byte && block[size - 1] == byte &&
               block[size / 2] == byte;
    for (size_t n = 0; n < size; n++)
        if (block[n] != byte)
            return false;
    return true;
}

static void blocks_of_every_size_are_whole_and_apart(void **state) {
    (void)state;
    static char *block[2000];
    for (size_t n = 0; n < sizes_count; n++) {
        block[n] = tally_alloc(sizes[n]);
        assert_non_null(block[n]);
        assert_int_equal((uintptr_t)block[n] % 16, 0);
        assert_true(tally_usable_size(block[n]) >= sizes[n]);
        fill(block[n], sizes[n], (char)n);
    }
    for (size_t n = 0; n < sizes_count; n++) {
        assert_true(is_filled(block[n], sizes[n], (char)n));
        tally_free(block[n]);
    }
}

static void little_of_a_block_is_lost_to_rounding(void **state) {
    (void)state;
    for (size_t size = 129; size <= 32768; size += 7) {
        void *block = tally_alloc(size);
        size_t lost = tally_usable_size(block) - size;
        assert_true(lost <= (size <= 8192 ? size / 8 : size / 4) + 16);
        tally_free(block);
    }
}

static void a_block_of_no_size_is_one_of_its_own(void **state) {
    (void)state;
    void *a = tally_alloc(0), *b = tally_alloc(0), *c = tally_calloc(0, 8),
         *d = tally_calloc(8, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    assert_true(a != b && b != c && c != d && a != d);
    tally_free(a);
    tally_free(b);
    tally_free(c);
    tally_free(d);
    assert_int_equal(tally_usable_size(NULL), 0);
    tally_free(NULL);
}

static void what_is_too_large_is_refused(void **state) {
    (void)state;
    const size_t large[] = {SIZE_MAX,
                            SIZE_MAX - 1,
                            SIZE_MAX - 15,
                            SIZE_MAX - 16,
                            SIZE_MAX - 31,
                            SIZE_MAX - 4095,
                            SIZE_MAX / 2,
                            PTRDIFF_MAX,
                            (size_t)1 << 48,
                            (size_t)1 << 40,
                            ((size_t)1 << 39) + 1,
                            (size_t)1 << 39,
                            ((size_t)1 << 39) - 1};
    void *small = tally_alloc(10);
    for (size_t n = 0; n < sizeof(large) / sizeof(large[0]); n++) {
        errno = 0;
        assert_null(tally_alloc(large[n]));
        assert_int_equal(errno, ENOMEM);
        assert_null(tally_calloc(large[n], 1));
        assert_null(tally_calloc(1, large[n]));
        errno = 0;
        assert_null(tally_realloc(small, large[n]));
        assert_int_equal(errno, ENOMEM);
    }
    tally_free(small);
}

static void a_product_that_overflows_is_refused(void **state) {
    (void)state;
    const size_t half = (size_t)1 << 32;
    void *block = tally_alloc(64);
    memset(block, 5, 64);
    errno = 0;
    assert_null(tally_calloc(half, half));
    assert_int_equal(errno, ENOMEM);
    assert_null(tally_calloc(SIZE_MAX, 2));
    assert_null(tally_calloc(half + 1, half));
    errno = 0;
    assert_null(tally_reallocarray(block, half, half));
    assert_int_equal(errno, ENOMEM);
    assert_null(tally_reallocarray(block, SIZE_MAX / 2, 3));
    assert_true(is_filled(block, 64, 5));
    tally_free(block);
}

static void calloc_clears_what_was_written_before(void **state) {
    (void)state;
    for (size_t n = 0; n < sizes_count; n++)
        for (int round = 0; round < 3; round++) {
            char *block = tally_calloc(1, sizes[n]);
            assert_non_null(block);
            assert_true(is_filled(block, sizes[n], 0));
            fill(block, sizes[n], (char)0xAB);
            tally_free(block);
        }
}

static void calloc_multiplies(void **state) {
    (void)state;
    char *block = tally_calloc(7, 1000);
    assert_true(tally_usable_size(block) >= 7000);
    assert_true(is_filled(block, 7000, 0));
    tally_free(block);
}

static void realloc_keeps_what_fits(void **state) {
    (void)state;
    const size_t size[] = {1,     16,     17,      100,     1000,    32768,
                           32769, 100000, 1 << 20, 5 << 20, 20 << 20};
    const size_t n = sizeof(size) / sizeof(size[0]);
    for (size_t from = 0; from < n; from++)
        for (size_t to = 0; to < n; to++) {
            size_t less = size[from] < size[to] ? size[from] : size[to];
            char *block = tally_alloc(size[from]);
            assert_non_null(block);
            memset(block, 0x5A, size[from]);
            block = tally_realloc(block, size[to]);
            assert_non_null(block);
            assert_true(tally_usable_size(block) >= size[to]);
            assert_true(is_filled(block, less, 0x5A));
            memset(block, 0x11, size[to]);
            tally_free(block);
        }
}

static void realloc_of_nothing_allocates(void **state) {
    (void)state;
    char *block = tally_realloc(NULL, 100);
    assert_non_null(block);
    memset(block, 1, 100);
    tally_free(block);
    block = tally_reallocarray(NULL, 10, 10);
    assert_non_null(block);
    tally_free(block);
}

static void realloc_to_nothing_gives_a_block(void **state) {
    (void)state;
    const size_t size[] = {1, 1000, 100000, 100 << 20};
    for (int n = 0; n < 4; n++) {
        void *block = tally_realloc(tally_alloc(size[n]), 0);
        assert_non_null(block);
        tally_free(block);
    }
}

static void a_block_grows_step_by_step(void **state) {
    (void)state;
    char *block = NULL;
    for (size_t size = 1; size < 3000000; size += size / 5 + 1) {
        block = tally_realloc(block, size);
        assert_non_null(block);
        block[size - 1] = 'x';
        block[0] = 'a';
    }
    for (size_t size = 2999999; size > 0; size -= size / 7 + 1) {
        block = tally_realloc(block, size);
        assert_non_null(block);
        assert_int_equal(block[0], 'a');
    }
    tally_free(block);
}

static void free_keeps_errno(void **state) {
    (void)state;
    void *block = tally_alloc(100), *large = tally_alloc(10 << 20);
    errno = 4711;
    tally_free(block);
    tally_free(large);
    assert_int_equal(errno, 4711);
}

struct parcel {
    char **block;
    bool attach;
};

static void *free_all(void *arg) {
    struct parcel *parcel = arg;
    if (parcel->attach)
        must(tally_attach(NULL) == TALLY_OK);
    for (size_t n = 0; n < sizes_count; n++) {
        must(is_filled(parcel->block[n], sizes[n], (char)n));
        tally_free(parcel->block[n]);
    }
    must((tally_mutator_number() != 0) == parcel->attach);
    return NULL;
}

static void frees_by_others(bool attach) {
    static char *block[2000];
    uint64_t heap = 0;
    for (int round = 0; round < 4; round++) {
        for (size_t n = 0; n < sizes_count; n++) {
            block[n] = tally_alloc(sizes[n]);
            assert_non_null(block[n]);
            fill(block[n], sizes[n], (char)n);
        }
        thread_run(free_all, &(struct parcel){block, attach});
        // What others freed is used again.
        if (round == 1)
            heap = stats_now().heap_bytes;
    }
    assert_true(stats_now().heap_bytes <= heap + (heap >> 3) + (1 << 20));
}

static void attached_threads_free_what_others_allocated(void **state) {
    (void)state;
    frees_by_others(true);
}

static void threads_that_never_attached_free_too(void **state) {
    (void)state;
    frees_by_others(false);
}

static void *alloc_all(void *arg) {
    char **block = arg;
    for (size_t n = 0; n < sizes_count; n++) {
        block[n] = tally_alloc(sizes[n]);
        must(block[n]);
        fill(block[n], sizes[n], (char)n);
    }
    return NULL;
}

static void blocks_outlive_the_thread_that_allocated_them(void **state) {
    (void)state;
    static char *block[2000];
    for (int round = 0; round < 3; round++) {
        thread_run(alloc_all, block);
        for (size_t n = 0; n < sizes_count; n++) {
            assert_true(is_filled(block[n], sizes[n], (char)n));
            tally_free(block[n]);
        }
    }
}

static void many_small_blocks_cost_little_more(void **state) {
    (void)state;
    enum { COUNT = 200000 };
    static void *block[COUNT];
    uint64_t before = stats_now().heap_bytes;
    for (int n = 0; n < COUNT; n++)
        must((block[n] = tally_alloc(48)));
    assert_true(stats_now().heap_bytes - before <= COUNT * 50);
    for (int n = 0; n < COUNT; n++)
        tally_free(block[n]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        lively_test(blocks_of_every_size_are_whole_and_apart),
        lively_test(little_of_a_block_is_lost_to_rounding),
        lively_test(a_block_of_no_size_is_one_of_its_own),
        lively_test(what_is_too_large_is_refused),
        lively_test(a_product_that_overflows_is_refused),
        lively_test(calloc_clears_what_was_written_before),
        lively_test(calloc_multiplies),
        lively_test(realloc_keeps_what_fits),
        lively_test(realloc_of_nothing_allocates),
        lively_test(realloc_to_nothing_gives_a_block),
        lively_test(a_block_grows_step_by_step),
        lively_test(free_keeps_errno),
        quiet_test(attached_threads_free_what_others_allocated),
        quiet_test(threads_that_never_attached_free_too),
        lively_test(blocks_outlive_the_thread_that_allocated_them),
        quiet_test(many_small_blocks_cost_little_more),
    };
    return cmocka_run_group_tests(tests, group_begin, NULL);
}
