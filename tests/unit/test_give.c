// pool/give.c: giving blocks back.

#include "unit_pool.h"

#define SIZE 48
#define BLOCKS (TLY_UNIT_SIZE / SIZE)

static char *blocks[4][BLOCKS];

static struct tly_heap *begin(void) {
    struct tly_heap *heap = heap_make();
    act_as(heap);
    return heap;
}

// Takes so many whole pools.
static void take_pools(unsigned count) {
    for (unsigned n = 0; n < count; n++)
        for (unsigned i = 0; i < BLOCKS; i++)
            blocks[n][i] = raw_take(SIZE);
}

static void give_pool(unsigned n) {
    for (unsigned i = 0; i < BLOCKS; i++)
        raw_give(blocks[n][i]);
}

static void an_owners_free_is_a_bit_and_the_block_is_not_written(void **state) {
    (void)state;
    begin();
    take_pools(1);
    struct tly_pool *pool = tly_pool_of(blocks[0][0]);
    memset(blocks[0][7], 0x5A, SIZE);
    raw_give(blocks[0][7]);
    assert_true(pool->free[0] == (uint64_t)1 << 7);
    assert_int_equal(pool->used, BLOCKS - 1);
    for (unsigned n = 0; n < SIZE; n++)
        assert_int_equal(blocks[0][7][n], 0x5A);
}

static void a_strangers_free_is_not_the_owners_until_it_is_harvested(
    void **state) {
    (void)state;
    struct tly_heap *mine = begin(), *other = heap_make();
    take_pools(1);
    struct tly_pool *pool = tly_pool_of(blocks[0][0]);
    act_as(other);
    raw_give(blocks[0][7]);
    assert_int_equal(other->remote_frees, 1);
    assert_int_equal(pool->remote[0], 0);
    tly_pending_flush(other);
    assert_true(pool->remote[0] == (uint64_t)1 << 7);
    assert_int_equal(pool->free[0], 0);
    assert_int_equal(pool->used, BLOCKS);
    act_as(mine);
    assert_int_equal(tly_pool_harvest(pool), 1);
    assert_int_equal(pool->used, BLOCKS - 1);
}

static void one_empty_pool_is_kept_and_the_others_go_back(void **state) {
    (void)state;
    begin();
    take_pools(4);
    assert_int_equal(units_in_use(), 4);
    for (unsigned n = 0; n < 4; n++)
        give_pool(n);
    assert_in_range(units_in_use(), 1, 2);
    char *block = raw_take(SIZE);
    assert_non_null(block);
    assert_in_range(units_in_use(), 1, 2);
}

static void a_parked_pool_is_listed_when_an_eighth_is_free(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    take_pools(2);
    struct tly_pool *pool = tly_pool_of(blocks[0][0]);
    struct tly_pool **list = &heap->partial[0][tly_class_of(SIZE)];
    unsigned n = 0;
    while (!pool->listed)
        raw_give(blocks[0][n++]);
    assert_in_range(n, BLOCKS / 8, BLOCKS / 8 + 2);
    assert_ptr_equal(*list, pool);
    assert_int_equal(pool->parked, 0);
}

static void emptying_a_heap_gives_everything_back(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    take_pools(3);
    for (unsigned n = 0; n < 3; n++)
        give_pool(n);
    for (size_t size = 1; size <= TLY_CLASS_MAX; size *= 2)
        raw_give(raw_take(size));
    assert_int_equal(heap->active, 1);
    tly_heap_empty(heap, true);
    assert_int_equal(units_in_use(), 0);
    assert_int_equal(heap->active, 0);
    for (unsigned class = 0; class < TLY_CLASSES; class ++) {
        assert_null(heap->raw[class].pool);
        assert_int_equal(heap->raw[class].mask, 0);
        assert_null(heap->partial[0][class]);
    }
}

static void emptying_a_heap_keeps_what_is_in_use(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    char *block = raw_take(SIZE);
    struct tly_pool *pool = tly_pool_of(block);
    tly_heap_empty(heap, true);
    assert_int_equal(units_in_use(), 1);
    assert_int_equal(pool->used, 1);
    assert_int_equal(pool->leased, 0);
    assert_true(tly_pool_valid(pool));
    raw_give(block);
    tly_heap_empty(heap, true);
    assert_int_equal(units_in_use(), 0);
}

static void emptying_a_heap_takes_what_others_freed(void **state) {
    (void)state;
    struct tly_heap *mine = begin(), *other = heap_make();
    take_pools(2);
    act_as(other);
    give_pool(0);
    give_pool(1);
    tly_pending_flush(other);
    act_as(mine);
    tly_poll(&mine->mutator, true);
    tly_heap_empty(mine, true);
    assert_int_equal(units_in_use(), 0);
}

static void emptying_a_heap_empties_the_caches_of_objects(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    unsigned class = tly_class_of(SIZE);
    struct tly_bin *bin = &heap->bins[class + 1];
    for (unsigned n = 0; n < TLY_CACHE_BLOCKS; n++)
        bin->cache[n] = tly_lease_refill(&bin->lease, TLY_POOL_OBJECT, class);
    bin->lease.cached = TLY_CACHE_BLOCKS;
    tly_heap_empty(heap, true);
    assert_int_equal(bin->lease.cached, 0);
    assert_int_equal(units_in_use(), 0);
}

static void a_word_of_blocks_is_given_back_at_once(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    take_pools(1);
    struct tly_pool *pool = tly_pool_of(blocks[0][0]);
    tly_word_give(heap, pool, 1, 0xF0);
    assert_int_equal(pool->used, BLOCKS - 4);
    assert_ptr_equal(raw_take(SIZE), blocks[0][64 + 4]);
}

// ---- twice

static void give_own_twice(void *arg) {
    (void)arg;
    begin();
    take_pools(1);
    raw_give(blocks[0][3]);
    raw_give(blocks[0][3]);
}

static void give_others_twice(void *arg) {
    (void)arg;
    begin();
    take_pools(1);
    act_as(heap_make());
    raw_give(blocks[0][3]);
    raw_give(blocks[0][3]);
}

static void give_others_twice_apart(void *arg) {
    (void)arg;
    begin();
    take_pools(1);
    for (unsigned n = 0; n < 2; n++) {
        act_as(heap_make());
        raw_give(blocks[0][3]);
        tly_pending_flush(tly_heap_of(tly_self()));
    }
}

static void give_as_stranger_twice(void *arg) {
    (void)arg;
    begin();
    take_pools(1);
    act_as(NULL);
    raw_give(blocks[0][3]);
    raw_give(blocks[0][3]);
}

static void give_as_owner_and_as_other(void *arg) {
    (void)arg;
    struct tly_heap *mine = begin();
    take_pools(1);
    act_as(heap_make());
    raw_give(blocks[0][3]);
    tly_pending_flush(tly_heap_of(tly_self()));
    act_as(mine);
    raw_give(blocks[0][3]);
    tly_pool_harvest(tly_pool_of(blocks[0][3]));
}

static void a_block_freed_twice_by_its_owner_aborts(void **state) {
    (void)state;
    assert_aborts(give_own_twice, NULL, "broken");
}

static void a_block_freed_twice_by_another_aborts(void **state) {
    (void)state;
    assert_aborts(give_others_twice, NULL, "broken");
}

static void a_block_freed_by_two_others_aborts(void **state) {
    (void)state;
    assert_aborts(give_others_twice_apart, NULL, "broken");
}

static void a_block_freed_twice_by_a_stranger_aborts(void **state) {
    (void)state;
    assert_aborts(give_as_stranger_twice, NULL, "broken");
}

static void a_block_freed_by_owner_and_other_aborts(void **state) {
    (void)state;
    assert_aborts(give_as_owner_and_as_other, NULL, "broken");
}

// ---- owners that do not run, threads that are not attached

static void the_last_block_of_an_owner_that_does_not_run_frees_its_pool(
    void **state) {
    (void)state;
    struct tly_heap *gone = begin(), *other = heap_make();
    take_pools(2);
    tly_heap_empty(gone, true);
    gone->mutator.state = TLY_VACANT;
    act_as(other);
    give_pool(0);
    give_pool(1);
    tly_pending_flush(other);
    // One may be kept as a spare.
    assert_in_range(units_in_use(), 0, 1);
    assert_false(tly_inbox_has(gone));
    assert_int_equal(gone->mutator.state, TLY_VACANT);
}

static void a_thread_that_is_not_attached_can_free(void **state) {
    (void)state;
    struct tly_heap *mine = begin();
    take_pools(1);
    struct tly_pool *pool = tly_pool_of(blocks[0][0]);
    act_as(NULL);
    raw_give(blocks[0][9]);
    assert_true(pool->remote[0] == (uint64_t)1 << 9);
    act_as(mine);
    assert_ptr_equal(raw_take(SIZE), blocks[0][9]);
}

static void a_parked_pool_is_told_of_the_first_block_freed(void **state) {
    (void)state;
    struct tly_heap *mine = begin(), *other = heap_make();
    take_pools(1);
    char *next = raw_take(SIZE); // leaves the full pool
    struct tly_pool *pool = tly_pool_of(blocks[0][0]);
    assert_int_equal(pool->parked, 1);
    act_as(other);
    raw_give(blocks[0][9]);
    tly_pending_flush(other);
    assert_int_equal(pool->parked, 0);
    assert_true(tly_inbox_has(mine));
    act_as(mine);
    tly_inbox_drain(mine, UINT32_MAX);
    assert_int_equal(pool->listed, 1);
    assert_int_equal(pool->used, BLOCKS - 1);
    raw_give(next);
}

// ---- while a collection reads the pools

// A block of a pool of objects, by whoever acts.
static char *object_take(void) {
    unsigned class = tly_class_of(SIZE);
    struct tly_lease *lease = &tly_heap_of(tly_self())->bins[class + 1].lease;
    if (!lease->mask)
        return tly_lease_refill(lease, TLY_POOL_OBJECT, class);
    char *block = lease->base + tly_bit_lowest(lease->mask) * (size_t)SIZE;
    lease->mask &= lease->mask - 1;
    return block;
}

static void take_object_pools(unsigned count) {
    for (unsigned n = 0; n < count; n++)
        for (unsigned i = 0; i < BLOCKS; i++)
            blocks[n][i] = object_take();
}

static void an_empty_pool_of_objects_is_retained_while_pools_are_held(
    void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    take_object_pools(3);
    size_t units = units_in_use();
    tly_pools_held = 1;
    give_pool(0);
    give_pool(1);
    struct tly_pool *retained = heap->retained;
    assert_non_null(retained);
    assert_int_equal(units_in_use(), units);
    assert_int_equal(retained->kind, TLY_POOL_OBJECT);
    assert_int_equal(retained->listed, TLY_RETAINED);
    assert_true(tly_retained_give(heap, true));
    assert_ptr_equal(heap->retained, retained);
    // Nothing is made in it, whatever else there is.
    for (unsigned i = 0; i < 2 * BLOCKS; i++)
        assert_ptr_not_equal(tly_pool_of(object_take()), retained);
    tly_pools_held = 0;
    units = units_in_use();
    assert_false(tly_retained_give(heap, false));
    assert_null(heap->retained);
    assert_int_equal(units_in_use(), units - 1);
}

static void an_empty_raw_pool_is_not_retained(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    take_pools(3);
    size_t units = units_in_use();
    tly_pools_held = 1;
    give_pool(0);
    give_pool(1);
    tly_pools_held = 0;
    assert_null(heap->retained);
    assert_int_equal(units_in_use(), units - 1);
}

static void a_huge_block_is_retained_if_it_holds_an_object(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    const enum tly_pool_kind kinds[] = {TLY_POOL_RAW, TLY_POOL_OBJECT};
    for (unsigned n = 0; n < 2; n++) {
        bool clean;
        void *block = tly_heap_take_large(
            heap, kinds[n], TLY_UNITS_MAX * TLY_UNIT_SIZE + 1, &clean);
        must(block);
        struct tly_pool *pool = tly_pool_of(block);
        assert_int_equal(pool->units, 0);
        tly_pools_held = 1;
        tly_block_give_any(heap, block);
        assert_ptr_equal(heap->retained,
                         kinds[n] == TLY_POOL_OBJECT ? pool : NULL);
        assert_true(!heap->retained || tly_retained_give(heap, true));
        tly_pools_held = 0;
        assert_false(tly_retained_give(heap, true));
        assert_null(heap->retained);
    }
}

static void emptying_a_heap_releases_what_was_retained(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    take_object_pools(3);
    tly_pools_held = 1;
    for (unsigned n = 0; n < 3; n++)
        give_pool(n);
    tly_heap_empty(heap, true);
    assert_int_equal(units_in_use(), 3);
    tly_pools_held = 0;
    tly_heap_empty(heap, true);
    assert_null(heap->retained);
    assert_int_equal(units_in_use(), 0);
}

// ---- threads: one takes, others give; parking and waking race

#define SLOTS 4096u
static void *ring[SLOTS]; // (a) blocks on their way
static atomic_bool done;
static atomic_uint given;

static void *give_all(void *arg) {
    must(tally_attach(NULL) == TALLY_OK);
    unsigned me = *(unsigned *)arg;
    for (unsigned at = me; !atomic_load(&done);) {
        void *block = tly_exchange_acq_rel(&ring[at], NULL);
        if (block) {
            must(*(uint64_t *)block == (uintptr_t)block);
            raw_give(block);
            atomic_fetch_add(&given, 1);
        } else {
            sched_yield();
        }
        at = (at + 2) % SLOTS;
        tally_safepoint();
    }
    tally_detach();
    return NULL;
}

static void what_one_thread_takes_and_others_give_does_not_grow(void **state) {
    (void)state;
    unsigned numbers[2] = {0, 1}, count = rounds(200000, 20000);
    pthread_t threads[2];
    must(tally_attach(NULL) == TALLY_OK);
    done = false;
    given = 0;
    for (unsigned n = 0; n < 2; n++)
        threads[n] = thread_start(give_all, &numbers[n]);
    for (unsigned n = 0; n < count; n++) {
        uint64_t *block = raw_take(SIZE);
        must(block != NULL);
        *block = (uintptr_t)block;
        while (tly_load_relaxed(&ring[n % SLOTS])) {
            tally_safepoint();
            sched_yield();
        }
        tly_store_release(&ring[n % SLOTS], (void *)block);
    }
    while (given < count) {
        tally_safepoint();
        sched_yield();
    }
    done = true;
    for (unsigned n = 0; n < 2; n++)
        thread_join(threads[n]);
    // Some rings full of blocks at the most.
    assert_true(units_in_use() <= 8 * (SLOTS / BLOCKS + 1));
    struct tly_heap *self = tly_heap_of(tly_self());
    tly_poll(&self->mutator, true);
    tly_heap_empty(self, true);
    assert_int_equal(units_in_use(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(an_owners_free_is_a_bit_and_the_block_is_not_written),
        pool_test(a_strangers_free_is_not_the_owners_until_it_is_harvested),
        pool_test(one_empty_pool_is_kept_and_the_others_go_back),
        pool_test(a_parked_pool_is_listed_when_an_eighth_is_free),
        pool_test(emptying_a_heap_gives_everything_back),
        pool_test(emptying_a_heap_keeps_what_is_in_use),
        pool_test(emptying_a_heap_takes_what_others_freed),
        pool_test(emptying_a_heap_empties_the_caches_of_objects),
        pool_test(a_word_of_blocks_is_given_back_at_once),
        pool_test(a_block_freed_twice_by_its_owner_aborts),
        pool_test(a_block_freed_twice_by_another_aborts),
        pool_test(a_block_freed_by_two_others_aborts),
        pool_test(a_block_freed_twice_by_a_stranger_aborts),
        pool_test(a_block_freed_by_owner_and_other_aborts),
        pool_test(the_last_block_of_an_owner_that_does_not_run_frees_its_pool),
        pool_test(a_thread_that_is_not_attached_can_free),
        pool_test(a_parked_pool_is_told_of_the_first_block_freed),
        pool_test(an_empty_pool_of_objects_is_retained_while_pools_are_held),
        pool_test(an_empty_raw_pool_is_not_retained),
        pool_test(a_huge_block_is_retained_if_it_holds_an_object),
        pool_test(emptying_a_heap_releases_what_was_retained),
        pool_test(what_one_thread_takes_and_others_give_does_not_grow),
    };
    return cmocka_run_group_tests_name("pool/give", tests, NULL, NULL);
}
