// pool/class.h: properties of the table of size classes.

#include "unit_pool.h"

static void sizes_grow_from_32_bytes_to_32_kib(void **state) {
    (void)state;
    assert_int_equal(tly_classes[0].size, TLY_CLASS_MIN);
    assert_int_equal(tly_classes[TLY_CLASSES - 1].size, TLY_CLASS_MAX);
    for (unsigned n = 1; n < TLY_CLASSES; n++)
        assert_true(tly_classes[n].size > tly_classes[n - 1].size);
}

static void blocks_are_aligned_to_16_bytes(void **state) {
    (void)state;
    for (unsigned n = 0; n < TLY_CLASSES; n++)
        assert_int_equal(tly_classes[n].size % 16, 0);
}

static void each_size_gets_the_smallest_class_that_has_room(void **state) {
    (void)state;
    for (size_t size = 0; size <= TLY_CLASS_MAX; size++) {
        unsigned class = tly_class_of(size);
        assert_true(class < TLY_CLASSES);
        assert_true(tly_classes[class].size >= size);
        assert_true(class == 0 || tly_classes[class - 1].size < size);
    }
}

static void rounding_up_wastes_a_bounded_part(void **state) {
    (void)state;
    for (size_t size = 129; size <= TLY_CLASS_MAX; size++) {
        size_t room = tly_classes[tly_class_of(size)].size;
        // An eighth of a doubling up to 8 KiB; above, 128 KiB / n.
        size_t bound = room <= 8192 ? room / 9 : room / 5 + 16;
        assert_true(room - size <= bound);
    }
}

static void the_tail_of_a_pool_is_at_most_a_sixteenth(void **state) {
    (void)state;
    for (unsigned n = 0; n < TLY_CLASSES; n++) {
        const struct tly_class *c = &tly_classes[n];
        size_t bytes = c->units * TLY_UNIT_SIZE;
        assert_true(c->blocks * (size_t)c->size <= bytes);
        assert_true(bytes - c->blocks * (size_t)c->size <= bytes / 16);
        assert_true(bytes - c->blocks * (size_t)c->size < c->size);
    }
}

static void a_pool_has_4_to_512_blocks_in_1_to_8_units(void **state) {
    (void)state;
    for (unsigned n = 0; n < TLY_CLASSES; n++) {
        assert_in_range(tly_classes[n].units, 1, 8);
        assert_in_range(tly_classes[n].blocks, 4, 512);
        assert_true(tly_classes[n].blocks <= 64 * TLY_POOL_WORDS);
    }
}

static void the_reciprocal_finds_the_block_of_every_offset(void **state) {
    (void)state;
    for (unsigned n = 0; n < TLY_CLASSES; n++) {
        const struct tly_class *c = &tly_classes[n];
        char *base = tly_range_base;
        struct tly_pool pool = {.base = base, .recip = c->recip};
        size_t end = c->blocks * (size_t)c->size, wrong = 0;
        for (size_t offset = 0; offset < end; offset++)
            wrong += tly_block_of(&pool, base + offset) != offset / c->size;
        assert_int_equal(wrong, 0);
    }
}

static void blocks_of_one_pool_begin_in_different_granules(void **state) {
    (void)state;
    for (unsigned n = 0; n < TLY_CLASSES; n++)
        assert_true(tly_classes[n].size >= (size_t)1 << TLY_GRANULE_SHIFT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(sizes_grow_from_32_bytes_to_32_kib),
        pool_test(blocks_are_aligned_to_16_bytes),
        pool_test(each_size_gets_the_smallest_class_that_has_room),
        pool_test(rounding_up_wastes_a_bounded_part),
        pool_test(the_tail_of_a_pool_is_at_most_a_sixteenth),
        pool_test(a_pool_has_4_to_512_blocks_in_1_to_8_units),
        pool_test(the_reciprocal_finds_the_block_of_every_offset),
        pool_test(blocks_of_one_pool_begin_in_different_granules),
    };
    return cmocka_run_group_tests_name("pool/class", tests, NULL, NULL);
}
