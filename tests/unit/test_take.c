// pool/take.c: leases, and where blocks come from.

#include "unit_pool.h"

#include "platform/fault.h"

#define SIZE 48
#define BLOCKS (TLY_UNIT_SIZE / SIZE) // in a pool of this class

static struct tly_heap *begin(void) {
    struct tly_heap *heap = heap_make();
    act_as(heap);
    return heap;
}

static struct tly_pool *take_pool(char **ret_blocks) {
    for (unsigned n = 0; n < BLOCKS; n++)
        ret_blocks[n] = raw_take(SIZE);
    struct tly_pool *pool = tly_pool_of(ret_blocks[0]);
    assert_int_equal(pool->blocks, BLOCKS);
    assert_ptr_equal(tly_pool_of(ret_blocks[BLOCKS - 1]), pool);
    return pool;
}

static void a_pools_blocks_are_taken_each_once_in_order(void **state) {
    (void)state;
    char *blocks[BLOCKS];
    begin();
    struct tly_pool *pool = take_pool(blocks);
    for (unsigned n = 0; n < BLOCKS; n++)
        assert_ptr_equal(blocks[n], tly_block_at(pool, n));
    assert_int_equal(pool->used, BLOCKS);
    assert_int_equal(units_in_use(), 1);
}

static void a_lease_is_one_word_of_a_pool(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    struct tly_pool *pool = tly_pool_of(raw_take(SIZE));
    struct tly_lease *lease = &heap->raw[tly_class_of(SIZE)];
    assert_ptr_equal(lease->pool, pool);
    assert_int_equal(lease->size, SIZE);
    assert_int_equal(tly_bit_count(lease->mask), 63);
    assert_int_equal(pool->free[0], 0);
    assert_int_equal(pool->used, 64);
    assert_int_equal(pool->leased, 1);
    assert_true(tly_pool_valid(pool));
}

static void when_a_pool_is_full_it_is_parked_and_another_carved(void **state) {
    (void)state;
    char *blocks[BLOCKS];
    begin();
    struct tly_pool *pool = take_pool(blocks);
    struct tly_pool *next = tly_pool_of(raw_take(SIZE));
    assert_ptr_not_equal(next, pool);
    assert_int_equal(pool->parked, 1);
    assert_int_equal(pool->leased, 0);
    assert_int_equal(next->leased, 1);
    assert_int_equal(units_in_use(), 2);
}

static void blocks_freed_in_the_leased_pool_are_taken_again(void **state) {
    (void)state;
    char *blocks[BLOCKS];
    begin();
    take_pool(blocks);
    raw_give(blocks[5]);
    raw_give(blocks[70]);
    assert_ptr_equal(raw_take(SIZE), blocks[5]);
    assert_ptr_equal(raw_take(SIZE), blocks[70]);
    assert_int_equal(units_in_use(), 1);
}

static void what_others_freed_is_taken_before_a_new_pool(void **state) {
    (void)state;
    char *blocks[BLOCKS];
    struct tly_heap *mine = begin(), *other = heap_make();
    take_pool(blocks);
    act_as(other);
    raw_give(blocks[9]);
    tly_pending_flush(other);
    act_as(mine);
    assert_ptr_equal(raw_take(SIZE), blocks[9]);
    assert_int_equal(units_in_use(), 1);
}

// Three pools of which the second has the most blocks in use.
static void the_fullest_of_the_partial_pools_is_taken_first(void **state) {
    (void)state;
    char *blocks[3][BLOCKS];
    begin();
    for (unsigned n = 0; n < 3; n++)
        take_pool(blocks[n]);
    raw_take(SIZE);
    // A pool is listed when an eighth of it is free.
    unsigned freed[3] = {200, 60, 300};
    for (unsigned n = 0; n < 3; n++)
        for (unsigned i = 0; i < freed[n]; i++)
            raw_give(blocks[n][i]);
    struct tly_pool *leased = NULL;
    for (unsigned n = 0; n < BLOCKS; n++) {
        struct tly_pool *pool = tly_pool_of(raw_take(SIZE));
        if (n == BLOCKS - 1)
            leased = pool;
    }
    assert_ptr_equal(leased, tly_pool_of(blocks[1][0]));
    assert_int_equal(units_in_use(), 4);
}

static void a_refill_that_fails_changes_nothing(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_fault_arm(TLY_FAULT_REFILL, 1, false);
    errno = 0;
    assert_null(raw_take(SIZE));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(tly_fault_disarm(NULL), 1);
    assert_null(heap->raw[tly_class_of(SIZE)].pool);
    assert_non_null(raw_take(SIZE));
}

static void without_units_there_is_no_block_but_those_freed(void **state) {
    (void)state;
    char *blocks[BLOCKS];
    begin();
    take_pool(blocks);
    bool clean;
    while (tly_units_take(1, &clean)) {
    }
    errno = 0;
    assert_null(raw_take(SIZE));
    assert_int_equal(errno, ENOMEM);
    raw_give(blocks[3]);
    assert_null(raw_take(2 * SIZE));
    // The pool was parked; it comes back when an eighth of it is free.
    for (unsigned n = 4; n < 4 + BLOCKS / 4; n++)
        raw_give(blocks[n]);
    assert_ptr_equal(raw_take(SIZE), blocks[3]);
}

static void the_first_use_of_a_stranger_attaches_it(void **state) {
    (void)state;
    assert_non_null(
        tly_lease_refill(&tly_heap_of(tly_self())->raw[1], TLY_POOL_RAW, 1));
    assert_int_equal(tally_mutator_number(), 2);
    assert_non_null(tly_heap_of(tly_self())->raw[1].pool);
    assert_null(tly_heap_of(&tly_nobody.mutator)->raw[1].pool);
}

static void a_pool_in_which_objects_are_made_is_young(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    unsigned class = tly_class_of(SIZE);
    struct tly_lease *lease = &heap->bins[class + 1].lease;
    char *block = tly_lease_refill(lease, TLY_POOL_OBJECT, class);
    unsigned unit = tly_unit_of(block);
    assert_true(tly_arena_of(block)->young[0][unit / 64] >> (unit % 64) & 1);
    struct tly_pool *raw = tly_pool_of(raw_take(SIZE));
    unit = tly_unit_of(raw->base);
    assert_false(tly_arena_of(raw)->young[0][unit / 64] >> (unit % 64) & 1);
}

// ---- large ones

static void a_large_block_is_counted_in_bytes(void **state) {
    (void)state;
    bool clean;
    struct tly_heap *heap = begin();
    int64_t before = tly_pool_live_bytes();
    assert_non_null(tly_heap_take_large(heap, TLY_POOL_RAW, 100000, &clean));
    assert_int_equal(tly_pool_live_bytes() - before, 100000);
}

static void large_blocks_beyond_the_range_cannot_be_had(void **state) {
    (void)state;
    bool clean;
    struct tly_heap *heap = begin();
    size_t sizes[] = {TLY_RANGE_MIN, TLY_RANGE_MAX, TLY_RANGE_MAX + 1,
                      SIZE_MAX};
    for (unsigned n = 0; n < 4; n++) {
        errno = 0;
        assert_null(tly_heap_take_large(heap, TLY_POOL_RAW, sizes[n], &clean));
        assert_int_equal(errno, ENOMEM);
    }
    assert_int_equal(tly_pool_live_bytes(), 0);
}

// ---- bytes

static unsigned grown;

static void note_growth(struct tly_heap *self) {
    (void)self;
    grown++;
}

static void growth_is_told_in_steps_of_64_kib(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    unit_pool_hooks.grew = note_growth;
    grown = 0;
    tly_heap_account(heap, 65535);
    assert_int_equal(tly_pool_live_bytes(), 0);
    assert_int_equal(grown, 0);
    tly_heap_account(heap, 1);
    assert_int_equal(tly_pool_live_bytes(), 65536);
    assert_int_equal(grown, 1);
    tly_heap_account(heap, -65536);
    assert_int_equal(tly_pool_live_bytes(), 0);
    assert_int_equal(grown, 2);
}

static void live_bytes_are_those_in_blocks_to_64_kib(void **state) {
    (void)state;
    static char *blocks[20000];
    begin();
    for (unsigned n = 0; n < 20000; n++)
        blocks[n] = raw_take(SIZE);
    int64_t bytes = 20000 * SIZE;
    assert_in_range(tly_pool_live_bytes(), bytes - 65536, bytes + 65536);
    for (unsigned n = 0; n < 20000; n++)
        raw_give(blocks[n]);
    tly_heap_empty(tly_heap_of(tly_self()), true);
    assert_true(tly_pool_live_bytes() <= 65536);
}

// ---- a limit

static size_t asked; // bytes that the hook was asked for
static bool answer;

static bool full(struct tly_heap *self, size_t bytes) {
    (void)self;
    asked = bytes;
    if (answer)
        tly_pool_limit_set(0);
    return answer;
}

static void at_the_limit_there_is_no_block_unless_room_is_made(void **state) {
    (void)state;
    bool clean;
    struct tly_heap *heap = begin();
    tly_pool_limit_set(1 << 20);
    tly_heap_account(heap, 1 << 20);
    unit_pool_hooks.full = full;
    answer = false;
    errno = 0;
    assert_null(raw_take(SIZE));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(asked, SIZE);
    assert_null(tly_heap_take_large(heap, TLY_POOL_RAW, 100000, &clean));
    assert_int_equal(asked, 100000);
    assert_int_equal(units_in_use(), 0);
    answer = true;
    assert_non_null(raw_take(SIZE));
}

static void what_fits_the_limit_is_had_without_asking(void **state) {
    (void)state;
    bool clean;
    struct tly_heap *heap = begin();
    tly_pool_limit_set(1 << 20);
    unit_pool_hooks.full = full;
    asked = 0;
    assert_true(tly_pool_fits(1 << 20));
    assert_false(tly_pool_fits((1 << 20) + 1));
    assert_non_null(tly_heap_take_large(heap, TLY_POOL_RAW, 1 << 20, &clean));
    assert_int_equal(asked, 0);
    answer = false;
    assert_null(tly_heap_take_large(heap, TLY_POOL_RAW, 1 << 20, &clean));
    assert_int_equal(asked, 1 << 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(a_pools_blocks_are_taken_each_once_in_order),
        pool_test(a_lease_is_one_word_of_a_pool),
        pool_test(when_a_pool_is_full_it_is_parked_and_another_carved),
        pool_test(blocks_freed_in_the_leased_pool_are_taken_again),
        pool_test(what_others_freed_is_taken_before_a_new_pool),
        pool_test(the_fullest_of_the_partial_pools_is_taken_first),
        pool_test(a_refill_that_fails_changes_nothing),
        pool_test(without_units_there_is_no_block_but_those_freed),
        pool_test(the_first_use_of_a_stranger_attaches_it),
        pool_test(a_pool_in_which_objects_are_made_is_young),
        pool_test(a_large_block_is_counted_in_bytes),
        pool_test(large_blocks_beyond_the_range_cannot_be_had),
        pool_test(growth_is_told_in_steps_of_64_kib),
        pool_test(live_bytes_are_those_in_blocks_to_64_kib),
        pool_test(at_the_limit_there_is_no_block_unless_room_is_made),
        pool_test(what_fits_the_limit_is_had_without_asking),
    };
    return cmocka_run_group_tests_name("pool/take", tests, NULL, NULL);
}
