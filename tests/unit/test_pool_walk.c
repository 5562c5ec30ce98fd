// pool/walk.h: walking the pools of objects.

#include "unit_pool.h"

#include <sys/mman.h>

#include "pool/walk.h"

#define POOLS 300u // more than an arena has

static struct tly_pool *pools[POOLS], *met[2 * POOLS];
static unsigned met_count, met_limit;

static bool note(void *arg, struct tly_pool *pool) {
    (void)arg;
    met[met_count++] = pool;
    return met_count < met_limit;
}

static void begin(void) {
    act_as(heap_make());
    met_count = 0;
    met_limit = 2 * POOLS;
    for (unsigned n = 0; n < POOLS; n++) {
        pools[n] = tly_pool_carve(TLY_POOL_OBJECT, 0, 2);
        // Between them, what is no object.
        assert_non_null(tly_pool_carve(TLY_POOL_RAW, 0, 2));
    }
}

static void set_young(struct tly_pool *pool) {
    unsigned unit = tly_unit_of(pool->base);
    tly_arena_of(pool)->young[0][unit / 64] |= (uint64_t)1 << (unit % 64);
}

static void each_pool_of_objects_is_met_once_by_address(void **state) {
    (void)state;
    begin();
    assert_true(tly_pools_each(note, NULL));
    assert_int_equal(met_count, POOLS);
    for (unsigned n = 0; n < POOLS; n++)
        assert_ptr_equal(met[n], pools[n]);
}

static void large_and_huge_objects_are_met_too(void **state) {
    (void)state;
    bool clean;
    act_as(heap_make());
    met_count = 0;
    met_limit = 10;
    void *large = tly_large_take(TLY_POOL_OBJECT, 100000, 2, &clean);
    void *huge = tly_large_take(TLY_POOL_OBJECT, 9000000, 2, &clean);
    void *after = tly_large_take(TLY_POOL_OBJECT, TLY_UNITS_MAX * TLY_UNIT_SIZE,
                                 2, &clean);
    assert_true(tly_pools_each(note, NULL));
    assert_int_equal(met_count, 3);
    assert_ptr_equal(met[0]->base, large);
    assert_ptr_equal(met[1]->base, huge);
    assert_ptr_equal(met[2]->base, after);
}

static void a_walk_ends_where_it_is_told_to(void **state) {
    (void)state;
    begin();
    met_limit = 17;
    assert_false(tly_pools_each(note, NULL));
    assert_int_equal(met_count, 17);
}

static void a_pool_that_is_given_back_is_not_met(void **state) {
    (void)state;
    begin();
    tly_pool_give_back(pools[5]);
    assert_true(tly_pools_each(note, NULL));
    assert_int_equal(met_count, POOLS - 1);
    assert_ptr_equal(met[5], pools[6]);
}

static void a_young_look_is_at_young_pools_and_makes_them_old(void **state) {
    (void)state;
    begin();
    set_young(pools[3]);
    set_young(pools[299]);
    tly_pools_look(true, 1, SIZE_MAX);
    tly_pools_looked(note, NULL);
    assert_int_equal(met_count, 2);
    assert_ptr_equal(met[0], pools[3]);
    assert_ptr_equal(met[1], pools[299]);
    tly_pools_aged(1);
    tly_pools_look(true, 1, SIZE_MAX);
    met_count = 0;
    tly_pools_looked(note, NULL);
    assert_int_equal(met_count, 0);
}

static void a_full_look_is_at_all_pools(void **state) {
    (void)state;
    begin();
    set_young(pools[3]);
    tly_pools_look(false, 1, SIZE_MAX);
    tly_pools_looked(note, NULL);
    assert_int_equal(met_count, POOLS);
}

static bool keep_some(void *arg, struct tly_pool *pool) {
    (void)arg;
    return tly_unit_of(pool->base) % 4 == 0;
}

static void pools_that_are_let_go_are_not_looked_at_again(void **state) {
    (void)state;
    begin();
    tly_pools_look(false, 1, SIZE_MAX);
    tly_pools_looked(keep_some, NULL);
    tly_pools_looked(note, NULL);
    assert_in_range(met_count, POOLS / 4, POOLS / 2 + 1);
    for (unsigned n = 0; n < met_count; n++)
        assert_int_equal(tly_unit_of(met[n]->base) % 4, 0);
}

// Some pools for one, some for the next, by turns.
static void looked_pools_that_are_shared_out_are_met_once(void **state) {
    (void)state;
    begin();
    set_young(pools[3]);
    set_young(pools[299]);
    for (unsigned step = 1; step <= 3; step++) {
        tly_pools_look(false, 1, SIZE_MAX);
        met_count = 0;
        struct tly_cursor cursor = tly_cursor_begin();
        cursor.step = step;
        while (cursor.next < cursor.end) {
            // Who is told to stop loses what it was given, no more.
            met_limit = met_count + 1;
            tly_pools_share(&cursor, note, NULL);
        }
        if (step == 1 && TLY_CHECK > 0) // parts of one pool
            assert_int_equal(met_count, POOLS);
        met_limit = 2 * POOLS;
        met_count = 0;
        cursor = tly_cursor_begin();
        tly_pools_share(&cursor, note, NULL);
        assert_int_equal(met_count, POOLS);
        for (unsigned n = 0; n < POOLS; n++)
            assert_ptr_equal(met[n], pools[n]);
    }
    // They are looked at still.
    assert_int_equal(tly_pools_looked_count(), POOLS);
    tly_pools_look(true, 1, SIZE_MAX);
    assert_int_equal(tly_pools_looked_count(), 2);
    struct tly_cursor cursor = tly_cursor_begin();
    met_count = 0;
    tly_pools_share(&cursor, note, NULL);
    assert_int_equal(met_count, 2);
}

static void huge_objects_are_shared_out_too(void **state) {
    (void)state;
    bool clean;
    act_as(heap_make());
    met_count = 0;
    met_limit = 10;
    void *large = tly_large_take(TLY_POOL_OBJECT, 100000, 2, &clean);
    void *huge = tly_large_take(TLY_POOL_OBJECT, 9000000, 2, &clean);
    tly_pools_look(false, 1, SIZE_MAX);
    for (unsigned n = 0; n < 2; n++) {
        struct tly_cursor cursor = tly_cursor_begin();
        met_count = 0;
        tly_pools_share(&cursor, note, NULL);
        assert_int_equal(met_count, 2);
        assert_ptr_equal(met[0]->base, large);
        assert_ptr_equal(met[1]->base, huge);
    }
}

static bool always(void *arg, struct tly_pool *pool) {
    (void)arg, (void)pool;
    return true;
}

// The tables of a collection cover the slots that there were when they were
// prepared.
static void pools_beyond_the_slots_that_are_asked_for_are_not_looked_at(
    void **state) {
    (void)state;
    bool clean;
    begin();
    size_t slots = tly_slots_frontier();
    void *far = tly_large_take(TLY_POOL_OBJECT, 9000000, 2, &clean);
    tly_pools_look(false, 1, slots);
    assert_int_equal(tly_pools_looked_count(), POOLS);
    tly_pools_choose(always, NULL, slots);
    assert_int_equal(tly_pools_looked_count(), POOLS);
    tly_pools_look(false, 1, SIZE_MAX);
    assert_int_equal(tly_pools_looked_count(), POOLS + 1);
    tly_pools_looked(note, NULL);
    assert_ptr_equal(met[POOLS]->base, far);
}

// Its thread may give it back at any time, attached or not, and its slots may
// be anything then.
static void no_walk_reads_a_huge_block_that_holds_no_object(void **state) {
    (void)state;
    bool clean;
    begin();
    void *raw = tly_large_take(TLY_POOL_RAW, 9000000, 2, &clean);
    void *head = tly_arena_of(raw);
    size_t size = TLY_META_UNITS * TLY_UNIT_SIZE;
    assert_int_equal(mprotect(head, size, PROT_NONE), 0);
    assert_true(tly_pools_each(note, NULL));
    assert_int_equal(met_count, POOLS);
    tly_pools_look(false, 1, SIZE_MAX);
    assert_int_equal(tly_pools_looked_count(), POOLS);
    tly_pools_choose(always, NULL, SIZE_MAX);
    assert_int_equal(tly_pools_looked_count(), POOLS);
    tly_pools_aged(1);
    struct tly_cursor cursor = tly_cursor_begin();
    tly_pools_share(&cursor, always, NULL);
    assert_int_equal(mprotect(head, size, PROT_READ | PROT_WRITE), 0);
    tly_pool_give_back(tly_pool_of(raw));
}

static void taken_blocks_are_those_that_are_free_nowhere(void **state) {
    (void)state;
    begin();
    struct tly_pool *pool = pools[0];
    pool->free[0] = 0xF0;
    pool->remote[0] = 0x0C;
    assert_true(tly_pool_taken_bits(pool, 0) == ~(uint64_t)0xFC);
    struct tly_pool *few = tly_pool_carve(TLY_POOL_OBJECT, TLY_CLASSES - 1, 2);
    few->free[0] = 0;
    assert_true(tly_pool_taken_bits(few, 0) == tly_bit_mask(few->blocks));
    assert_true(tly_pool_taken_bits(few, 1) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(each_pool_of_objects_is_met_once_by_address),
        pool_test(large_and_huge_objects_are_met_too),
        pool_test(a_walk_ends_where_it_is_told_to),
        pool_test(a_pool_that_is_given_back_is_not_met),
        pool_test(a_young_look_is_at_young_pools_and_makes_them_old),
        pool_test(a_full_look_is_at_all_pools),
        pool_test(pools_that_are_let_go_are_not_looked_at_again),
        pool_test(looked_pools_that_are_shared_out_are_met_once),
        pool_test(huge_objects_are_shared_out_too),
        pool_test(pools_beyond_the_slots_that_are_asked_for_are_not_looked_at),
        pool_test(no_walk_reads_a_huge_block_that_holds_no_object),
        pool_test(taken_blocks_are_those_that_are_free_nowhere),
    };
    return cmocka_run_group_tests_name("pool/walk", tests, NULL, NULL);
}
