// pool/freeze.c: which pools are frozen.

#include "unit_pool.h"

#include "pool/freeze.h"

#define FRESH 1u

static bool count(void *arg, struct tly_pool *pool) {
    must(pool->kind == TLY_POOL_OBJECT);
    ++*(unsigned *)arg;
    return true;
}

static unsigned young(void) {
    unsigned pools = 0;
    tly_pools_frozen_young(FRESH, count, &pools);
    return pools;
}

static void object_pools_are_frozen_and_others_are_not(void **state) {
    (void)state;
    struct tly_heap *heap = heap_make();
    act_as(heap);
    struct tly_pool *pool =
        tly_pool_carve(TLY_POOL_OBJECT, 3, heap->mutator.number);
    struct tly_pool *raw =
        tly_pool_carve(TLY_POOL_RAW, 3, heap->mutator.number);
    assert_false(tly_pool_is_frozen(pool));
    tly_pools_freeze();
    assert_true(tly_pool_is_frozen(pool));
    assert_false(tly_pool_is_frozen(raw));
    struct tly_pool *later =
        tly_pool_carve(TLY_POOL_OBJECT, 3, heap->mutator.number);
    assert_false(tly_pool_is_frozen(later));
    tly_pools_thaw();
    assert_false(tly_pool_is_frozen(pool));
    tly_inbox_drain(heap, UINT32_MAX);
}

static void a_unit_that_is_carved_anew_is_not_frozen(void **state) {
    (void)state;
    struct tly_heap *heap = heap_make();
    act_as(heap);
    struct tly_pool *pool =
        tly_pool_carve(TLY_POOL_OBJECT, 3, heap->mutator.number);
    tly_pools_freeze();
    tly_pool_give_back(pool);
    struct tly_pool *again =
        tly_pool_carve(TLY_POOL_OBJECT, 3, heap->mutator.number);
    assert_ptr_equal(again, pool);
    assert_false(tly_pool_is_frozen(again));
    // A bit that came late, for the life before.
    tly_pool_give_back(again);
    tly_or_relaxed(&tly_arena_of(pool)->frozen[tly_unit_of(pool->base) / 64],
                   (uint64_t)1 << (tly_unit_of(pool->base) % 64));
    again = tly_pool_carve(TLY_POOL_OBJECT, 3, heap->mutator.number);
    assert_ptr_equal(again, pool);
    assert_false(tly_pool_is_frozen(again));
}

static void large_objects_are_counted_until_they_go(void **state) {
    (void)state;
    struct tly_heap *heap = heap_make();
    act_as(heap);
    bool clean;
    void *a = tly_heap_take_large(heap, TLY_POOL_OBJECT, 100000, &clean);
    void *b = tly_heap_take_large(heap, TLY_POOL_OBJECT, 200000, &clean);
    tly_pools_freeze();
    (void)young();
    assert_int_equal(tly_pools_frozen_blocks(), 2);
    tly_block_give_any(heap, a);
    assert_int_equal(tly_pools_frozen_blocks(), 1);
    tly_pools_freeze(); // twice is once
    (void)young();
    assert_int_equal(tly_pools_frozen_blocks(), 1);
    tly_pools_thaw();
    assert_int_equal(tly_pools_frozen_blocks(), 0);
    tly_block_give_any(heap, b);
    assert_int_equal(tly_pools_frozen_blocks(), 0);
}

static void frozen_pools_are_not_looked_at(void **state) {
    (void)state;
    struct tly_heap *heap = heap_make();
    act_as(heap);
    tly_pool_carve(TLY_POOL_OBJECT, 3, heap->mutator.number);
    tly_pool_carve(TLY_POOL_OBJECT, 4, heap->mutator.number);
    tly_pools_freeze();
    tly_pool_carve(TLY_POOL_OBJECT, 5, heap->mutator.number);
    unsigned pools = 0;
    tly_pools_look(false, FRESH, SIZE_MAX);
    tly_pools_looked(count, &pools);
    assert_int_equal(pools, 1);
    tly_pools_thaw();
    tly_inbox_drain(heap, UINT32_MAX);
    pools = 0;
    tly_pools_look(false, FRESH, SIZE_MAX);
    tly_pools_looked(count, &pools);
    assert_true(pools >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(object_pools_are_frozen_and_others_are_not),
        pool_test(a_unit_that_is_carved_anew_is_not_frozen),
        pool_test(large_objects_are_counted_until_they_go),
        pool_test(frozen_pools_are_not_looked_at),
    };
    return cmocka_run_group_tests_name("pool/freeze", tests, NULL, NULL);
}
