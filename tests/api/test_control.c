// Steering collections, and what they have come to.

#include <stdlib.h>

#include "api.h"
#include "threads.h"

struct node {
    tally_object head;
    tally_ref next;
    char bytes[200];
};
TALLY_TYPE(node, TALLY_REF(next));

static void ring_drop(void) {
    struct node *node = tally_new(node);
    must(node);
    tally_set(node, next, node);
    tally_decref(node);
}

static uint64_t collections(void) {
    struct tally_stats stats = stats_now();
    return stats.collections[TALLY_YOUNG] + stats.collections[TALLY_FULL];
}

// Makes collections due.
static void grow(void) {
    for (unsigned n = 0; n < 200000; n++) {
        ring_drop();
        tally_safepoint();
    }
}

// The same; whether any has ended then. One that has begun on the runtime's
// thread is waited for.
static bool some_start(void) {
    uint64_t before = collections();
    grow();
    for (unsigned ms = 0;
         ms < 20000 && tally_collect_is_enabled() && collections() == before;
         ms++)
        TALLY_BLOCKING { sleep_ms(1); }
    return collections() > before;
}

static void find_test(const char *who, uint32_t times, void *arg) {
    if (who && strcmp(who, "test") == 0)
        *(uint32_t *)arg = times;
}

static void a_name_holds_collections_off(void **state) {
    (void)state;
    uint32_t times = 0;
    assert_int_equal(tally_collect_disable_by("test"), TALLY_OK);
    tally_collect_enable(); // what the set-up has disabled
    tally_collect_holders_each(find_test, &times);
    assert_int_equal(times, 1);
    assert_false(tally_collect_is_enabled());
    assert_false(some_start());
    assert_int_equal(tally_collect_enable_by("test"), TALLY_OK);
    assert_true(tally_collect_is_enabled());
    assert_true(some_start());
    times = 0;
    tally_collect_holders_each(find_test, &times);
    assert_int_equal(times, 0);
    tally_collect_disable();
}

static void disable(void *object) {
    (void)object;
    tally_collect_disable();
}
struct switcher {
    tally_object head;
};
TALLY_TYPE(switcher, TALLY_DESTROY(disable));

static void one_on_its_way_heeds_who_disables(void **state) {
    (void)state;
    const char *conf = getenv("TALLY_CONF");
    char *given = strdup(conf ? conf : "");
    must(given);
    restart_with("zeal:1");
    must(tally_attach(NULL) == TALLY_OK);
    uint64_t before = collections();
    // It ends where a collection settles, before it asks for its turn.
    tally_decref_later(tally_new(switcher));
    tally_safepoint();
    bool enabled = tally_collect_is_enabled();
    uint64_t disabled = collections();
    tally_collect_enable();
    tally_safepoint();
    uint64_t after = collections();
    restart_with(given);
    free(given);
    assert_false(enabled);
    assert_int_equal(disabled, before);
    assert_true(after > before);
}

static void thresholds_decide_when_collections_start(void **state) {
    (void)state;
    struct tally_thresholds before, rare = {(uint64_t)1 << 32, 10000};
    tally_thresholds_get(&before);
    assert_int_equal(tally_thresholds_set(&rare), TALLY_OK);
    tally_collect();
    tally_collect_enable();
    uint64_t young = stats_now().collections[TALLY_YOUNG];
    grow();
    assert_int_equal(stats_now().collections[TALLY_YOUNG], young);
    struct tally_thresholds none = {0, 100};
    assert_int_equal(tally_thresholds_set(&none), TALLY_INVALID);
    assert_int_equal(tally_thresholds_set(&before), TALLY_OK);
    assert_true(some_start());
    tally_collect_disable();
}

static void growth_is_what_came_since_the_last_collection(void **state) {
    (void)state;
    tally_collect();
    assert_true(tally_collect_growth(TALLY_FULL) < 1 << 20);
    void *block = tally_alloc(10 << 20);
    // To 64 KiB for each mutator.
    assert_in_range(tally_collect_growth(TALLY_FULL), 9 << 20, 11 << 20);
    assert_int_equal(tally_collect_generation(TALLY_YOUNG, NULL), TALLY_OK);
    assert_true(tally_collect_growth(TALLY_YOUNG) < 1 << 20);
    assert_true(tally_collect_growth(TALLY_FULL) >= 9 << 20);
    tally_free(block);
}

static struct tally_collect_stats books(tally_collect_mode mode,
                                        tally_generation generation) {
    struct tally_collect_stats stats = {.size = sizeof(stats)};
    must(tally_collect_stats_get(mode, generation, &stats) == TALLY_OK);
    return stats;
}

static void each_mode(tally_collect_mode mode, tally_generation generation) {
    struct tally_collect_stats before = books(mode, generation);
    struct node *held = tally_new(node);
    for (unsigned n = 0; n < 10; n++)
        ring_drop();
    struct tally_collection done;
    must(tally_collect_with(mode, generation, &done) == TALLY_OK);
    struct tally_collect_stats after = books(mode, generation);
    assert_int_equal(done.mode, mode);
    assert_int_equal(after.collections, before.collections + 1);
    assert_int_equal(after.collected, before.collected + 10);
    assert_int_equal(after.garbage, before.garbage + 10);
    assert_true(after.candidates >= before.candidates + 11);
    assert_true(after.visited >= before.visited + 12);
    assert_int_equal(after.abandoned, before.abandoned);
    assert_int_equal(after.sum_ns, before.sum_ns + done.total_ns);
    assert_true(after.max_ns >= done.total_ns);
    tally_decref(held);
}

static void collections_are_entered_by_mode_and_generation(void **state) {
    (void)state;
    each_mode(TALLY_STOPPED, TALLY_YOUNG);
    each_mode(TALLY_STOPPED, TALLY_FULL);
    each_mode(TALLY_CONCURRENT, TALLY_YOUNG);
    each_mode(TALLY_CONCURRENT, TALLY_FULL);
}

static struct phoenix *revived;
static void revive(void *object) {
    tally_incref(object);
    revived = object;
}
struct phoenix {
    tally_object head;
    tally_ref next;
};
TALLY_TYPE(phoenix, TALLY_REF(next), TALLY_FINALIZE(revive));

static void what_is_brought_back_is_rescued(tally_collect_mode mode) {
    struct phoenix *phoenix = tally_new(phoenix);
    tally_set(phoenix, next, phoenix);
    tally_decref(phoenix);
    struct tally_collect_stats before = books(mode, TALLY_FULL);
    must(tally_collect_with(mode, TALLY_FULL, NULL) == TALLY_OK);
    assert_ptr_equal(revived, phoenix);
    struct tally_collect_stats after = books(mode, TALLY_FULL);
    assert_int_equal(after.finalized, before.finalized + 1);
    assert_int_equal(after.garbage, before.garbage + 1);
    assert_int_equal(after.rescued, before.rescued + 1);
    assert_int_equal(after.collected, before.collected);
    tally_decref(revived);
    assert_int_equal(tally_collect(), 1);
}

static void what_is_brought_back_is_entered_as_rescued(void **state) {
    (void)state;
    what_is_brought_back_is_rescued(TALLY_STOPPED);
    what_is_brought_back_is_rescued(TALLY_CONCURRENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        paced_test(a_name_holds_collections_off),
        lively_test(one_on_its_way_heeds_who_disables),
        paced_test(thresholds_decide_when_collections_start),
        quiet_test(growth_is_what_came_since_the_last_collection),
        quiet_test(collections_are_entered_by_mode_and_generation),
        quiet_test(what_is_brought_back_is_entered_as_rescued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
