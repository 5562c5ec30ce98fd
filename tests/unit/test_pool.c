// pool/pool.h: a pool's life.

#include "unit_pool.h"

#include "base/poison.h"
#include "platform/fault.h"

#define UNITS_MAX TLY_UNITS_MAX

static struct tly_pool *carve(enum tly_pool_kind kind, size_t size) {
    struct tly_pool *pool = tly_pool_carve(kind, tly_class_of(size), 3);
    assert_non_null(pool);
    return pool;
}

static bool is_noted(const uint64_t *words, const struct tly_pool *pool) {
    unsigned unit = tly_unit_of(pool->base);
    return words[unit / 64] >> (unit % 64) & 1;
}

static void a_fresh_pool_has_all_its_blocks_free(void **state) {
    (void)state;
    for (unsigned class = 0; class < TLY_CLASSES; class ++) {
        struct tly_pool *pool = tly_pool_carve(TLY_POOL_RAW, class, 3);
        unsigned count = 0;
        for (unsigned w = 0; w < TLY_POOL_WORDS; w++)
            count += tly_bit_count(pool->free[w]);
        assert_int_equal(count, tly_classes[class].blocks);
        assert_int_equal(pool->used, 0);
        assert_int_equal(pool->owner, 3);
        assert_true(tly_pool_valid(pool));
    }
}

static void any_address_of_a_block_leads_to_its_pool(void **state) {
    (void)state;
    struct tly_pool *before = carve(TLY_POOL_RAW, 5000);
    struct tly_pool *pool = carve(TLY_POOL_RAW, 5000);
    assert_true(pool->units > 1);
    for (unsigned n = 0; n < pool->blocks; n++) {
        char *block = tly_block_at(pool, n);
        assert_ptr_equal(tly_pool_of(block), pool);
        assert_ptr_equal(tly_pool_of(block + pool->size - 1), pool);
        assert_int_equal(tly_block_of(pool, block), n);
        assert_int_equal(tly_block_of(pool, block + pool->size - 1), n);
    }
    assert_ptr_equal(tly_pool_of(tly_block_at(before, 0)), before);
}

static void headers_of_objects_are_zero_where_units_were_used(void **state) {
    (void)state;
    bool clean;
    char *unit = tly_units_take(1, &clean);
    memset(unit, 0xFF, TLY_UNIT_SIZE);
    tly_units_give(unit, 1);
    struct tly_pool *pool = carve(TLY_POOL_OBJECT, 48);
    assert_ptr_equal(pool->base, unit);
    for (unsigned n = 0; n < pool->blocks; n++) {
        const uint64_t *header = tly_block_at(pool, n);
        assert_int_equal(header[0] | header[1], 0);
    }
}

static bool headers_are_zero(struct tly_pool *pool) {
    uint64_t any = 0;
    for (unsigned n = 0; n < pool->blocks; n++)
        any |= *(uint64_t *)tly_block_at(pool, n);
    return any == 0;
}

// Objects end with a zero header; whatever comes between them may not.
static void headers_stay_zero_whatever_the_units_were_used_for(void **state) {
    (void)state;
    const size_t sizes[] = {48, 48, 32, 48, 5000, 48, 5000, 5000, 64, 0};
    char *base = carve(TLY_POOL_OBJECT, 5000)->base;
    tly_pool_give_back(tly_pool_of(base));
    for (unsigned n = 0; sizes[n]; n++) {
        struct tly_pool *pool = carve(TLY_POOL_OBJECT, sizes[n]);
        tly_unpoison(base, pool->units * TLY_UNIT_SIZE);
        assert_ptr_equal(pool->base, base);
        assert_true(headers_are_zero(pool));
        if (n % 3 == 2) {
            tly_pool_give_back(pool);
            pool = carve(TLY_POOL_RAW, sizes[n]);
            tly_unpoison(base, pool->units * TLY_UNIT_SIZE);
            memset(base, 0xFF, pool->units * TLY_UNIT_SIZE);
        } else {
            for (unsigned b = 0; b < pool->blocks; b++)
                memset((char *)tly_block_at(pool, b) + 8, 0xFF, pool->size - 8);
        }
        tly_pool_give_back(pool);
    }
}

static void a_pool_of_several_units_ends_what_its_units_were(void **state) {
    (void)state;
    struct tly_pool *first = carve(TLY_POOL_OBJECT, 48);
    struct tly_pool *second = carve(TLY_POOL_OBJECT, 48);
    char *base = first->base;
    tly_pool_give_back(first);
    tly_pool_give_back(second);
    struct tly_pool *both = carve(TLY_POOL_RAW, 5000);
    assert_ptr_equal(both->base, base);
    tly_unpoison(base, both->units * TLY_UNIT_SIZE);
    memset(base, 0xFF, both->units * TLY_UNIT_SIZE);
    tly_pool_give_back(both);
    assert_true(headers_are_zero(carve(TLY_POOL_OBJECT, 48)));
    assert_true(headers_are_zero(carve(TLY_POOL_OBJECT, 48)));
}

static void pools_of_objects_are_noted_and_others_are_not(void **state) {
    (void)state;
    struct tly_pool *objects = carve(TLY_POOL_OBJECT, 48);
    struct tly_pool *raw = carve(TLY_POOL_RAW, 48);
    struct tly_arena *arena = tly_arena_of(objects);
    assert_true(is_noted(arena->objects, objects));
    assert_false(is_noted(arena->objects, raw));
    tly_pool_give_back(objects);
    assert_false(is_noted(arena->objects, objects));
}

static void a_pool_that_is_given_back_is_nobodys(void **state) {
    (void)state;
    struct tly_pool *pool = carve(TLY_POOL_RAW, 3000);
    size_t units = units_in_use();
    unsigned of_pool = pool->units;
    tly_pool_give_back(pool);
    assert_int_equal(units_in_use(), units - of_pool);
    assert_int_equal(pool->owner, 0);
    assert_int_equal(pool->kind, TLY_POOL_NONE);
}

static void carving_leaves_the_link_and_its_flag_alone(void **state) {
    (void)state;
    struct tly_pool *pool = carve(TLY_POOL_RAW, 48);
    struct tly_link other;
    pool->in_inbox = 1;
    pool->inbox.entry.next = &other.entry;
    tly_pool_give_back(pool);
    assert_ptr_equal(carve(TLY_POOL_OBJECT, 64), pool);
    assert_int_equal(pool->in_inbox, 1);
    assert_ptr_equal(pool->inbox.entry.next, &other.entry);
}

static void what_others_freed_is_harvested_once(void **state) {
    (void)state;
    struct tly_pool *pool = carve(TLY_POOL_RAW, 48);
    pool->free[0] = ~(uint64_t)0xFF;
    pool->used = 8;
    pool->remote[0] = 0x0F;
    assert_int_equal(tly_pool_harvest(pool), 4);
    assert_int_equal(pool->used, 4);
    assert_true(pool->free[0] == ~(uint64_t)0xF0);
    assert_int_equal(pool->remote[0], 0);
    assert_int_equal(tly_pool_harvest(pool), 0);
    assert_true(tly_pool_valid(pool));
}

static void harvest_twice(void *arg) {
    struct tly_pool *pool = arg;
    pool->remote[0] = 1; // of a block that is free
    tly_pool_harvest(pool);
}

static void a_block_that_is_free_twice_aborts(void **state) {
    (void)state;
    assert_aborts(harvest_twice, carve(TLY_POOL_RAW, 48), "broken");
}

static void a_pool_whose_bitmaps_contradict_each_other_is_not_valid(
    void **state) {
    (void)state;
    struct tly_pool *pool = carve(TLY_POOL_RAW, 5000), good = *pool;
    pool->used = 1;
    assert_false(tly_pool_valid(pool));
    *pool = good;
    pool->remote[0] = 1;
    assert_false(tly_pool_valid(pool));
    *pool = good;
    pool->free[0] |= (uint64_t)1 << pool->blocks;
    assert_false(tly_pool_valid(pool));
    *pool = good;
    pool->free[0] &= ~(uint64_t)1;
    assert_false(tly_pool_valid(pool));
    *pool = good;
    assert_true(tly_pool_valid(pool));
}

static void without_memory_no_pool_is_carved(void **state) {
    (void)state;
    tly_fault_arm(TLY_FAULT_COMMIT, 1, false);
    errno = 0;
    assert_null(tly_pool_carve(TLY_POOL_RAW, 0, 3));
    assert_int_equal(errno, ENOMEM);
    tly_fault_disarm(NULL);
}

// ---- blocks that are a pool each

static void a_large_block_is_a_pool_of_one_block(void **state) {
    (void)state;
    bool clean = false;
    size_t bytes = TLY_CLASS_MAX + 1;
    char *block = tly_large_take(TLY_POOL_RAW, bytes, 3, &clean);
    struct tly_pool *pool = tly_pool_of(block + bytes - 1);
    assert_ptr_equal(pool, tly_pool_of(block));
    assert_ptr_equal(pool->base, block);
    assert_int_equal(pool->size, 0);
    assert_int_equal(pool->blocks, 1);
    assert_int_equal(pool->units, 3);
    assert_int_equal(tly_pool_block_size(pool), bytes);
    assert_true(clean);
    assert_true(tly_pool_valid(pool));
    assert_int_equal(units_in_use(), 3);
    tly_pool_give_back(pool);
    assert_int_equal(units_in_use(), 0);
}

static void a_large_block_in_used_units_begins_with_zeros(void **state) {
    (void)state;
    bool clean = true;
    size_t bytes = 2 * TLY_UNIT_SIZE + 1;
    char *block = tly_large_take(TLY_POOL_OBJECT, bytes, 3, &clean);
    memset(block, 0xFF, bytes);
    tly_pool_give_back(tly_pool_of(block));
    block = tly_large_take(TLY_POOL_OBJECT, bytes, 3, &clean);
    assert_false(clean);
    for (unsigned n = 0; n < 16; n++)
        assert_int_equal(block[n], 0);
}

static void a_block_beyond_an_arena_is_huge(void **state) {
    (void)state;
    bool clean = false;
    size_t most = UNITS_MAX * TLY_UNIT_SIZE;
    char *large = tly_large_take(TLY_POOL_RAW, most, 3, &clean);
    assert_int_equal(tly_pool_of(large)->units, UNITS_MAX);
    char *huge = tly_large_take(TLY_POOL_OBJECT, most + 1, 3, &clean);
    struct tly_pool *pool = tly_pool_of(huge);
    assert_true(clean);
    assert_int_equal(pool->units, 0);
    assert_int_equal(tly_pool_block_size(pool), most + 1);
    assert_true(tly_slot_is(1, TLY_SLOT_HUGE));
    tly_pool_give_back(pool);
    assert_false(tly_slot_is(1, TLY_SLOT_HUGE));
    // Walks look for objects only.
    huge = tly_large_take(TLY_POOL_RAW, most + 1, 3, &clean);
    assert_ptr_equal(tly_arena_of(huge), tly_range_base + TLY_SLOT_SIZE);
    assert_false(tly_slot_is(1, TLY_SLOT_HUGE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(a_fresh_pool_has_all_its_blocks_free),
        pool_test(any_address_of_a_block_leads_to_its_pool),
        pool_test(headers_of_objects_are_zero_where_units_were_used),
        pool_test(headers_stay_zero_whatever_the_units_were_used_for),
        pool_test(a_pool_of_several_units_ends_what_its_units_were),
        pool_test(pools_of_objects_are_noted_and_others_are_not),
        pool_test(a_pool_that_is_given_back_is_nobodys),
        pool_test(carving_leaves_the_link_and_its_flag_alone),
        pool_test(what_others_freed_is_harvested_once),
        pool_test(a_block_that_is_free_twice_aborts),
        pool_test(a_pool_whose_bitmaps_contradict_each_other_is_not_valid),
        pool_test(without_memory_no_pool_is_carved),
        pool_test(a_large_block_is_a_pool_of_one_block),
        pool_test(a_large_block_in_used_units_begins_with_zeros),
        pool_test(a_block_beyond_an_arena_is_huge),
    };
    return cmocka_run_group_tests_name("pool/pool", tests, NULL, NULL);
}
