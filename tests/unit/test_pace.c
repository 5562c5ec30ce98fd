// collector/pace.c: when a collection is due.

#include "unit_collector.h"

#include "collector/pacer.h"

#define MIB ((int64_t)1 << 20)
#define NO_CEILING ((int64_t)1 << 56)

// Young after 1 MiB, full after 100 % and at least 1.25 MiB.
static struct tly_heap *begin(void) {
    collector_configure(true, 1 << 20, 100);
    struct tly_heap *heap = heap_make();
    act_as(heap);
    return heap;
}

static void nothing_is_due_in_a_small_heap(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    assert_int_equal(tly_pace_due(), -1);
    tly_heap_account(heap, MIB - 1);
    assert_int_equal(tly_pace_due(), -1);
}

// A collection of a thousand objects that takes no time.
static void collected(tally_generation generation, uint64_t freed) {
    struct tly_pace_work work = {
        .generation = generation, .candidates = 1000, .freed = freed};
    tly_pace_began(generation);
    tly_pace_done(&work);
}

static void growth_makes_a_young_collection_due_and_then_a_full_one(
    void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tly_heap_account(heap, MIB);
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void after_a_collection_growth_counts_from_there(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    collected(TALLY_FULL, 500);
    assert_int_equal(tly_pace_due(), -1);
    tly_heap_account(heap, MIB - 1);
    assert_int_equal(tly_pace_due(), -1);
    tly_heap_account(heap, 65536);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tly_heap_account(heap, 98 * MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tly_heap_account(heap, MIB);
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void what_is_made_while_one_runs_is_not_taken_for_live(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    struct tly_pace_work work = {.generation = TALLY_FULL,
                                 .candidates = 1000,
                                 .freed = 500,
                                 .freed_bytes = 100 * MIB};
    tly_heap_account(heap, 200 * MIB);
    tly_pace_began(TALLY_FULL);
    tly_heap_account(heap, 10 * MIB);
    tly_heap_account(heap, -100 * MIB);
    tly_pace_done(&work);
    // 100 live, and what comes until the next one has ended.
    tly_heap_account(heap, 80 * MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tly_heap_account(heap, MIB);
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void what_hooks_give_back_is_not_taken_for_live(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    struct tly_pace_work work = {.generation = TALLY_FULL,
                                 .candidates = 1000,
                                 .freed = 500,
                                 .freed_bytes = 100 * MIB,
                                 .hooked_bytes = 100 * MIB};
    tly_heap_account(heap, 200 * MIB);
    tly_pace_began(TALLY_FULL);
    tly_pace_done(&work);
    // 100 live; the rest goes when the hooks have run.
    tly_heap_account(heap, -MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tly_heap_account(heap, MIB);
    assert_int_equal(tly_pace_due(), TALLY_FULL);
    tly_heap_account(heap, -100 * MIB);
    assert_int_equal(tly_pace_due(), -1);
}

static void opaque(bool stops) {
    struct tly_pace_work work = {.generation = TALLY_FULL,
                                 .candidates = 1000,
                                 .freed = 500,
                                 .stopped = stops,
                                 .opaque = true};
    tly_pace_began(TALLY_FULL);
    tly_pace_done(&work);
}

static void what_hooks_keep_from_others_makes_a_stop_due(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    collected(TALLY_FULL, 500);
    assert_int_equal(tly_pace_due(), -1);
    opaque(false);
    assert_int_equal(tly_pace_due(), TALLY_FULL);
    assert_true(tly_pace_stops());
    opaque(true);
    assert_int_equal(tly_pace_due(), -1);
    assert_false(tly_pace_stops());
    // Until the heap has doubled.
    opaque(false);
    assert_false(tly_pace_stops());
    tly_heap_account(heap, 100 * MIB);
    opaque(false);
    assert_true(tly_pace_stops());
    tly_pace_began(TALLY_FULL);
    assert_false(tly_pace_stops());
    tly_pace_done(&(struct tly_pace_work){
        .generation = TALLY_FULL, .abandoned = true, .stopped = true});
    assert_false(tly_pace_stops());
}

static void nothing_is_due_while_one_runs(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    assert_false(tly_pace_is_running());
    tly_pace_began(TALLY_YOUNG);
    assert_true(tly_pace_is_running());
    assert_int_equal(tly_pace_due(), -1);
    tly_pace_done(&(struct tly_pace_work){.generation = TALLY_YOUNG});
    assert_false(tly_pace_is_running());
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void after_one_that_was_abandoned_nothing_is_due_for_a_while(
    void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    tly_pace_began(TALLY_FULL);
    tly_pace_done(
        &(struct tly_pace_work){.generation = TALLY_FULL, .abandoned = true});
    assert_int_equal(tly_pace_due(), -1);
    assert_false(tly_pace_may());
    sleep_ms(30);
    assert_true(tly_pace_may());
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void told_memory_counts_like_the_heaps(void **state) {
    (void)state;
    begin();
    tally_memory_pressure(MIB - 1);
    assert_int_equal(tly_pace_due(), -1);
    tally_memory_pressure(1);
    assert_int_equal(tly_pace_bytes(), MIB);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
    tally_memory_pressure(MIB);
    assert_int_equal(tly_pace_due(), TALLY_FULL);
    assert_true(tly_self()->breaker.bits_ & TLY_BREAK_COLLECT);
    tally_memory_pressure(-2 * MIB);
    assert_int_equal(tly_pace_bytes(), 0);
    assert_int_equal(tly_pace_due(), -1);
}

static void told_memory_ends_at_what_can_be_counted(void **state) {
    (void)state;
    begin();
    for (unsigned n = 0; n < 3; n++) {
        tally_memory_pressure(INT64_MAX);
        assert_int_equal(tly_pace_bytes(), (int64_t)1 << 48);
        assert_int_equal(tly_pace_due(), TALLY_FULL);
    }
    tally_memory_pressure(-((int64_t)1 << 48));
    assert_int_equal(tly_pace_bytes(), 0);
}

static void take_back(void *arg) {
    tally_memory_pressure(10);
    tally_memory_pressure(*(int64_t *)arg);
    must(tly_pace_bytes() == 0);
}

static void taking_back_more_than_was_told_aborts_in_debug_builds(
    void **state) {
    (void)state;
    int64_t much[] = {-11, INT64_MIN};
    for (unsigned n = 0; n < 2; n++)
        if (TLY_CHECK >= 1)
            assert_aborts(take_back, &much[n], "misuse");
        else
            take_back(&much[n]);
}

static void nothing_is_due_while_collections_are_disabled(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    tally_collect_disable();
    tally_collect_disable();
    assert_int_equal(tly_pace_due(), -1);
    tally_collect_enable();
    assert_int_equal(tly_pace_due(), -1);
    tally_collect_enable();
    assert_int_equal(tly_pace_due(), TALLY_FULL);
}

static void nothing_is_due_where_it_was_turned_off(void **state) {
    (void)state;
    struct tly_heap *heap = begin();
    tly_heap_account(heap, 100 * MIB);
    collector_configure(false, 1 << 20, 100);
    assert_int_equal(tly_pace_due(), -1);
}

static void enable(void *arg) {
    (void)arg;
    tally_collect_enable();
}

static void enabling_what_is_enabled_aborts_in_debug_builds(void **state) {
    (void)state;
    if (TLY_CHECK == 0)
        skip();
    assert_aborts(enable, NULL, "misuse");
}

struct node {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(node, TALLY_REF(next));

static void a_growing_heap_collects_at_a_safepoint_by_itself(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    collector_configure(true, 1 << 20, 100);
    uint64_t before = tly_collect_totals.collections[TALLY_YOUNG];
    for (unsigned n = 0; n < 200000; n++) {
        struct node *node = tally_new(node);
        tally_set(node, next, node);
        tally_decref(node);
        tally_safepoint();
    }
    // 200,000 of 32 bytes are 6 MiB.
    assert_true(tly_collect_totals.collections[TALLY_YOUNG] - before >= 4);
    assert_true(self->counters.destroyed > 100000);
    assert_true(tly_pool_live_bytes() < 3 * MIB);
}

struct hooked {
    tally_object head;
    tally_ref next;
    char rest[1000];
};
static void hooked_gone(void *object) { (void)object; }
TALLY_TYPE(hooked, TALLY_REF(next), TALLY_DESTROY(hooked_gone));

static void a_collection_tells_what_its_hooks_give_back(void **state) {
    (void)state;
    struct tly_local *self = local_make();
    collector_configure(true, 1 << 20, 100);
    for (unsigned n = 0; n < 8000; n++) {
        struct hooked *hooked = tally_new(hooked);
        tally_set(hooked, next, hooked);
        tally_decref(hooked);
    }
    assert_true(tly_pool_live_bytes() > 7 * MIB);
    assert_int_equal(tally_collect(), 8000);
    assert_int_equal(tly_pace_due(), -1);
    // Nothing was made meanwhile: the next one has no way to go before its end.
    tly_heap_account(&self->heap, MIB + 65536);
    assert_int_equal(tly_pace_due(), TALLY_YOUNG);
}

// ---- garbage that waits for finalizers, and a heap that is late

static struct tly_pacer pacer_new(void) {
    struct tly_pacer pacer = {
        .young_bytes = 4 * MIB, .full_percent = 100, .share = 10};
    tly_pacer_reset(&pacer);
    return pacer;
}

static int pacer_due(struct tly_pacer *pacer, int64_t bytes) {
    return tly_pacer_due(pacer, bytes, NO_CEILING, 0);
}

// A full collection of a heap of [before] bytes, which leaves [after], though
// it frees, or will have freed, so many.
static void pacer_collected(struct tly_pacer *pacer, int64_t before,
                            int64_t after, int64_t freed, bool waits) {
    struct tly_pace_work work = {.generation = TALLY_FULL,
                                 .waits = waits,
                                 .candidates = 1000,
                                 .freed = 500,
                                 .freed_bytes = (uint64_t)freed};
    struct tly_pacer_span span = {.before = before, .after = after};
    tly_pacer_done(pacer, &work, &span);
}

static void what_listed_garbage_holds_is_not_taken_for_live(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    pacer_collected(&p, 101 * MIB, 100 * MIB, MIB, false);
    // Half of what there is, and nobody knows what that leads to.
    pacer_collected(&p, 400 * MIB, 200 * MIB, 200 * MIB, true);
    assert_int_equal(pacer_due(&p, 218 * MIB), TALLY_YOUNG);
    assert_int_equal(pacer_due(&p, 219 * MIB), TALLY_FULL);
    // All but 120, of which 20 may be new.
    tly_pacer_settled(&p, TALLY_FULL, 120 * MIB, 20 * MIB);
    assert_int_equal(pacer_due(&p, 199 * MIB), TALLY_YOUNG);
    assert_int_equal(pacer_due(&p, 200 * MIB), TALLY_FULL);
    // No more than there was, less what was listed.
    pacer_collected(&p, 150 * MIB, 50 * MIB, 100 * MIB, true);
    tly_pacer_settled(&p, TALLY_FULL, 300 * MIB, 0);
    assert_false(tly_pacer_is_late(&p, 309 * MIB, 0));
    assert_true(tly_pacer_is_late(&p, 310 * MIB, 0));
}

static void a_heap_is_not_late_before_a_collection_is_due(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    for (int64_t before = 100; before < 1000; before += 100)
        for (int64_t after = 50; after < 3000; after += 50) {
            int64_t bytes = after * MIB;
            pacer_collected(&p, before * MIB, bytes, 50 * MIB, false);
            while (!tly_pacer_is_late(&p, bytes, 0))
                bytes += 10 * MIB;
            assert_int_equal(pacer_due(&p, bytes), TALLY_FULL);
        }
}

static void much_that_is_listed_is_late(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    pacer_collected(&p, 101 * MIB, 100 * MIB, MIB, false);
    assert_false(tly_pacer_is_late(&p, 100 * MIB, 149 * MIB));
    assert_true(tly_pacer_is_late(&p, 100 * MIB, 150 * MIB));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        collector_test(nothing_is_due_in_a_small_heap),
        collector_test(growth_makes_a_young_collection_due_and_then_a_full_one),
        collector_test(after_a_collection_growth_counts_from_there),
        collector_test(what_is_made_while_one_runs_is_not_taken_for_live),
        collector_test(what_hooks_give_back_is_not_taken_for_live),
        collector_test(what_hooks_keep_from_others_makes_a_stop_due),
        collector_test(nothing_is_due_while_one_runs),
        collector_test(after_one_that_was_abandoned_nothing_is_due_for_a_while),
        collector_test(told_memory_counts_like_the_heaps),
        collector_test(told_memory_ends_at_what_can_be_counted),
        collector_test(taking_back_more_than_was_told_aborts_in_debug_builds),
        collector_test(nothing_is_due_while_collections_are_disabled),
        collector_test(nothing_is_due_where_it_was_turned_off),
        collector_test(enabling_what_is_enabled_aborts_in_debug_builds),
        collector_test(a_growing_heap_collects_at_a_safepoint_by_itself),
        collector_test(a_collection_tells_what_its_hooks_give_back),
        collector_test(what_listed_garbage_holds_is_not_taken_for_live),
        collector_test(a_heap_is_not_late_before_a_collection_is_due),
        collector_test(much_that_is_listed_is_late),
    };
    return cmocka_run_group_tests_name("collector/pace", tests, NULL, NULL);
}
