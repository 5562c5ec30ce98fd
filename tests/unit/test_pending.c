// pool/pending.c: what others are told, in batches.

#include "unit_pool.h"

static struct tly_heap *mine, *other;
static struct tly_pool *pools[8];

// Some pools of another mutator, whose blocks are all in use.
static void begin(void) {
    other = heap_make();
    mine = heap_make();
    act_as(mine);
    for (unsigned n = 0; n < 8; n++) {
        pools[n] = tly_pool_carve(TLY_POOL_RAW, tly_class_of(32),
                                  other->mutator.number);
        memset(pools[n]->free, 0, sizeof(pools[n]->free));
        pools[n]->used = pools[n]->blocks;
    }
}

static bool add(unsigned n, unsigned bit) {
    return tly_pending_add(mine, pools[n], &pools[n]->remote[bit / 64],
                           (uint64_t)1 << (bit % 64));
}

static unsigned told(unsigned n) {
    unsigned count = 0;
    for (unsigned w = 0; w < TLY_POOL_WORDS; w++)
        count += tly_bit_count(pools[n]->remote[w]);
    return count;
}

static void bits_of_one_word_wait_together(void **state) {
    (void)state;
    begin();
    for (unsigned bit = 0; bit < 40; bit++)
        assert_true(add(0, bit));
    assert_int_equal(mine->pending_count, 40);
    assert_int_equal(told(0), 0);
    tly_pending_flush(mine);
    assert_true(pools[0]->remote[0] == tly_bit_mask(40));
    assert_int_equal(mine->pending_count, 0);
}

static void a_bit_that_waits_already_is_refused(void **state) {
    (void)state;
    begin();
    assert_true(add(0, 3));
    assert_false(add(0, 3));
    assert_int_equal(mine->pending_count, 1);
    tly_pending_flush(mine);
    assert_true(pools[0]->remote[0] == 8);
}

static void the_first_bit_asks_for_a_safepoint(void **state) {
    (void)state;
    begin();
    assert_int_equal(mine->mutator.breaker.bits_, 0);
    add(0, 1);
    assert_int_equal(mine->mutator.breaker.bits_, TLY_BREAK_FLUSH);
}

static void at_most_256_bits_wait(void **state) {
    (void)state;
    begin();
    for (unsigned bit = 0; bit < TLY_PENDING_BITS - 1; bit++)
        add(0, bit);
    assert_int_equal(mine->pending_count, TLY_PENDING_BITS - 1);
    add(0, TLY_PENDING_BITS - 1);
    assert_int_equal(mine->pending_count, 0);
    assert_int_equal(told(0), TLY_PENDING_BITS);
}

static void nothing_waits_longer_than_64_safepoints(void **state) {
    (void)state;
    begin();
    add(0, 1);
    for (unsigned n = 1; n < TLY_PENDING_POLLS; n++) {
        mine->mutator.breaker.bits_ = 0;
        tly_pending_poll(mine);
        assert_int_equal(told(0), 0);
        // It has asked for the next one.
        assert_int_equal(mine->mutator.breaker.bits_, TLY_BREAK_FLUSH);
    }
    tly_pending_poll(mine);
    assert_int_equal(told(0), 1);
}

static void a_poll_without_anything_asks_for_nothing(void **state) {
    (void)state;
    begin();
    tly_pending_poll(mine);
    assert_int_equal(mine->mutator.breaker.bits_, 0);
}

static void no_bit_is_lost_when_words_meet_in_one_place(void **state) {
    (void)state;
    begin();
    // 64 words in 16 places.
    for (unsigned bit = 0; bit < 512; bit += 5)
        for (unsigned n = 0; n < 8; n++)
            assert_true(add(n, bit));
    tly_pending_flush(mine);
    for (unsigned n = 0; n < 8; n++)
        for (unsigned bit = 0; bit < 512; bit++)
            assert_int_equal(pools[n]->remote[bit / 64] >> (bit % 64) & 1,
                             bit % 5 == 0);
    for (unsigned n = 0; n < TLY_PENDING; n++)
        assert_null(mine->pending[n].word);
}

static unsigned collisions, collided_word;
static uint64_t collided_bits;

static void note_collision(struct tly_heap *self, struct tly_pool *pool,
                           unsigned word, uint64_t bits) {
    must(self == mine && pool == pools[0]);
    collisions++;
    collided_word = word;
    collided_bits = bits;
}

static void drops_that_collide_stay_the_callers(void **state) {
    (void)state;
    begin();
    unit_pool_hooks.collide = note_collision;
    collisions = 0;
    pools[0]->drop[2] = 0x0C;
    tly_pending_add(mine, pools[0], &pools[0]->drop[2], 0x04);
    tly_pending_add(mine, pools[0], &pools[0]->drop[2], 0x10);
    tly_pending_flush(mine);
    assert_int_equal(collisions, 1);
    assert_int_equal(collided_word, 2);
    assert_true(collided_bits == 0x04);
    assert_true(pools[0]->drop[2] == 0x1C);
}

// Another word of pools [from] and on that waits in the same place.
static uint64_t *neighbour(const uint64_t *word, unsigned *from) {
    for (unsigned n = *from; n < 8; n++)
        for (unsigned w = 0; w < TLY_POOL_WORDS; w++)
            if (tly_pending_of(mine, &pools[n]->remote[w]) ==
                tly_pending_of(mine, word)) {
                *from = n;
                return &pools[n]->remote[w];
            }
    fail();
    return NULL;
}

static uint64_t *refill;
static struct tly_pool *refill_pool;

static void fill_again(struct tly_heap *self, struct tly_pool *pool,
                       unsigned word, uint64_t bits) {
    (void)pool, (void)word, (void)bits;
    tly_pending_add(self, refill_pool, refill, 2);
}

static void a_place_that_telling_fills_again_is_told_of_again(void **state) {
    (void)state;
    begin();
    uint64_t *drop = &pools[0]->drop[2];
    unsigned n = 1, m;
    refill = neighbour(drop, &n);
    refill_pool = pools[n];
    m = n + 1;
    uint64_t *last = neighbour(drop, &m);
    unit_pool_hooks.collide = fill_again;
    *drop = 4;
    tly_pending_add(mine, pools[0], drop, 4);
    tly_pending_add(mine, pools[m], last, 8); // tells of the drop first
    tly_pending_flush(mine);
    assert_true(*refill == 2);
    assert_true(*last == 8);
    assert_int_equal(mine->pending_count, 0);
}

static void fill_once(struct tly_heap *self, struct tly_pool *pool,
                      unsigned word, uint64_t bits) {
    (void)word;
    if (pool == pools[0])
        tly_pending_add(self, refill_pool, refill, 2);
    else
        collided_bits = bits;
    collisions++;
}

static void a_bit_that_telling_notes_is_told_before_it_is_noted_again(
    void **state) {
    (void)state;
    begin();
    uint64_t *drop = &pools[0]->drop[2];
    unsigned n = 0;
    do
        refill = &pools[1]->drop[n++];
    while (n < TLY_POOL_WORDS &&
           tly_pending_of(mine, refill) != tly_pending_of(mine, drop));
    assert_ptr_equal(tly_pending_of(mine, refill), tly_pending_of(mine, drop));
    refill_pool = pools[1];
    unit_pool_hooks.collide = fill_once;
    collisions = 0;
    *drop = 4;
    tly_pending_add(mine, pools[0], drop, 4);
    // Tells of the drop first, and that notes the very bit.
    assert_true(tly_pending_add(mine, pools[1], refill, 2));
    assert_int_equal(collisions, 1);
    assert_int_equal(mine->pending_count, 1);
    assert_true(*refill == 2);
    tly_pending_flush(mine);
    assert_int_equal(collisions, 2);
    assert_true(collided_bits == 2);
    assert_int_equal(mine->pending_count, 0);
}

static void drops_are_urgent_and_frees_are_not(void **state) {
    (void)state;
    begin();
    add(0, 1);
    tly_pending_flush(mine);
    assert_false(tly_inbox_has(other));
    tly_pending_add(mine, pools[0], &pools[0]->drop[0], 1);
    tly_pending_flush(mine);
    assert_true(tly_inbox_has(other));
    assert_true(other->mutator.breaker.bits_ & TLY_BREAK_INBOX);
}

static void a_word_of_which_all_is_freed_is_urgent(void **state) {
    (void)state;
    begin();
    for (unsigned bit = 0; bit < 64; bit++)
        add(0, bit);
    tly_pending_flush(mine);
    assert_true(tly_inbox_has(other));
    assert_true(other->mutator.breaker.bits_ & TLY_BREAK_INBOX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        pool_test(bits_of_one_word_wait_together),
        pool_test(a_bit_that_waits_already_is_refused),
        pool_test(the_first_bit_asks_for_a_safepoint),
        pool_test(at_most_256_bits_wait),
        pool_test(nothing_waits_longer_than_64_safepoints),
        pool_test(a_poll_without_anything_asks_for_nothing),
        pool_test(no_bit_is_lost_when_words_meet_in_one_place),
        pool_test(drops_that_collide_stay_the_callers),
        pool_test(a_place_that_telling_fills_again_is_told_of_again),
        pool_test(a_bit_that_telling_notes_is_told_before_it_is_noted_again),
        pool_test(drops_are_urgent_and_frees_are_not),
        pool_test(a_word_of_which_all_is_freed_is_urgent),
    };
    return cmocka_run_group_tests_name("pool/pending", tests, NULL, NULL);
}
