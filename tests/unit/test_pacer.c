// collector/pacer.c: when collections come, by arithmetic and by simulation.
//
// The simulation is a program without a heap: it makes and drops bytes at rates
// that a script gives, on a clock of its own, and collects when the pacer says
// so. The same each time.

#include "unit_collector.h"

#include "collector/pacer.h"

#define MIB ((int64_t)1 << 20)
#define MS ((uint64_t)1000000)
#define NO_CEILING ((int64_t)1 << 56)

static struct tly_pacer pacer_of(uint64_t share) {
    struct tly_pacer pacer = {
        .young_bytes = 4 * MIB, .full_percent = 100, .share = share};
    tly_pacer_reset(&pacer);
    return pacer;
}

static struct tly_pacer pacer_new(void) { return pacer_of(10); }

static int due(struct tly_pacer *pacer, int64_t bytes, uint64_t now) {
    return tly_pacer_due(pacer, bytes, NO_CEILING, now);
}

// A collection of a thousand objects that takes no time of the program's.
static void collected(struct tly_pacer *pacer, tally_generation generation,
                      uint64_t freed, int64_t after, uint64_t cpu_ns) {
    struct tly_pace_work work = {.generation = generation,
                                 .candidates = 1000,
                                 .freed = freed,
                                 .freed_bytes = MIB,
                                 .cpu_ns = cpu_ns};
    struct tly_pacer_span span = {.before = after + MIB, .after = after};
    tly_pacer_done(pacer, &work, &span);
}

// ---- growth

static void a_small_heap_begins_with_a_young_and_then_a_full_one(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    assert_int_equal(due(&p, 4 * MIB - 1, 0), -1);
    assert_int_equal(due(&p, 4 * MIB, 0), TALLY_YOUNG);
    assert_int_equal(due(&p, 5 * MIB - 1, 0), TALLY_YOUNG);
    assert_int_equal(due(&p, 5 * MIB, 0), TALLY_FULL);
}

static void full_percent_is_the_growth_that_asks_for_a_full_one(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    collected(&p, TALLY_FULL, 500, 1000 * MIB, 0);
    assert_int_equal(due(&p, 1999 * MIB, 0), TALLY_YOUNG);
    assert_int_equal(due(&p, 2000 * MIB, 0), TALLY_FULL);
    p.full_percent = 50;
    assert_int_equal(due(&p, 1499 * MIB, 0), TALLY_YOUNG);
    assert_int_equal(due(&p, 1500 * MIB, 0), TALLY_FULL);
}

static void what_was_made_meanwhile_is_not_taken_for_live(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    struct tly_pace_work work = {.generation = TALLY_FULL,
                                 .candidates = 1000,
                                 .freed = 500,
                                 .freed_bytes = 100 * MIB};
    struct tly_pacer_span span = {.before = 200 * MIB, .after = 110 * MIB};
    tly_pacer_done(&p, &work, &span);
    // 100 live; twice that less the 5 % that the next one takes to end.
    assert_int_equal(due(&p, 190 * MIB, 0), TALLY_YOUNG);
    assert_int_equal(due(&p, 191 * MIB, 0), TALLY_FULL);
}

static void a_collection_that_cannot_keep_up_still_has_pauses(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    struct tly_pace_work work = {.generation = TALLY_FULL,
                                 .candidates = 1000,
                                 .freed = 500,
                                 .freed_bytes = 100 * MIB};
    struct tly_pacer_span span = {.before = 500 * MIB, .after = 800 * MIB};
    tly_pacer_done(&p, &work, &span);
    // 400 live, and nearly as much again while one runs: it is late already.
    // An eighth of what may grow from there.
    int64_t at = 800 * MIB + 600 * MIB / 8;
    assert_int_equal(due(&p, at - MIB, 0), TALLY_YOUNG);
    assert_int_equal(due(&p, at, 0), TALLY_FULL);
}

static void garbage_is_counted_from_where_counts_have_shrunk_the_heap(
    void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    collected(&p, TALLY_FULL, 500, 1000 * MIB, 0);
    assert_int_equal(due(&p, 100 * MIB, 0), -1);
    assert_int_equal(due(&p, 104 * MIB, 0), TALLY_YOUNG);
    assert_int_equal(due(&p, 200 * MIB, 0), TALLY_FULL);
}

// ---- share

static void a_full_one_rests_until_its_time_is_the_share(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    collected(&p, TALLY_FULL, 500, 100 * MIB, 5 * MS);
    assert_int_equal(due(&p, 220 * MIB, 50 * MS - 1), TALLY_YOUNG);
    assert_int_equal(due(&p, 220 * MIB, 50 * MS), TALLY_FULL);
}

static void growth_by_half_more_wins_over_the_share(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    collected(&p, TALLY_FULL, 500, 100 * MIB, 5 * MS);
    assert_int_equal(due(&p, 250 * MIB - 1, 0), TALLY_YOUNG);
    assert_int_equal(due(&p, 250 * MIB, 0), TALLY_FULL);
}

static void young_ones_are_charged_to_the_share_too(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    collected(&p, TALLY_FULL, 500, 100 * MIB, 5 * MS);
    collected(&p, TALLY_YOUNG, 500, 100 * MIB, 1 * MS);
    assert_int_equal(due(&p, 220 * MIB, 60 * MS - 1), TALLY_YOUNG);
    assert_int_equal(due(&p, 220 * MIB, 60 * MS), TALLY_FULL);
}

static void idle_time_is_not_saved_for_later(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    struct tly_pace_work work = {.generation = TALLY_FULL,
                                 .candidates = 1000,
                                 .freed = 500,
                                 .freed_bytes = 100 * MIB,
                                 .cpu_ns = 5 * MS};
    struct tly_pacer_span span = {.began_ns = 10000 * MS,
                                  .ended_ns = 10005 * MS,
                                  .before = 200 * MIB,
                                  .after = 100 * MIB};
    tly_pacer_done(&p, &work, &span);
    assert_int_equal(due(&p, 220 * MIB, 10049 * MS), TALLY_YOUNG);
    assert_int_equal(due(&p, 220 * MIB, 10050 * MS), TALLY_FULL);
}

// ---- back-off

static void young_ones_that_free_nothing_come_rarer_to_an_eighth(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    int64_t waits[] = {8, 16, 32, 32}, heap = 1000 * MIB;
    collected(&p, TALLY_FULL, 500, heap, 0);
    for (unsigned n = 0; n < 4; n++) {
        collected(&p, TALLY_YOUNG, 9, heap, 0);
        assert_int_equal(due(&p, heap + waits[n] * MIB - 1, 0), -1);
        assert_int_equal(due(&p, heap + waits[n] * MIB, 0), TALLY_YOUNG);
    }
    collected(&p, TALLY_YOUNG, 10, heap, 0);
    assert_int_equal(due(&p, heap + 4 * MIB, 0), TALLY_YOUNG);
}

static void full_ones_that_free_nothing_rest_longer_but_keep_the_bound(
    void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    collected(&p, TALLY_FULL, 9, 100 * MIB, 5 * MS);
    // Twice the growth is beyond the hard size.
    assert_int_equal(due(&p, 250 * MIB - 1, 10000 * MS), TALLY_YOUNG);
    assert_int_equal(due(&p, 250 * MIB, 0), TALLY_FULL);
    assert_int_equal(p.rest, 100 * MS);
}

static void a_heap_that_breathes_and_has_no_garbage_is_left_alone(
    void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    unsigned full = 0, young = 0;
    for (unsigned breath = 0; breath < 100; breath++)
        for (int64_t n = 0; n < 200; n++) {
            int64_t heap = 100 + (n < 100 ? 2 * n : 2 * (199 - n));
            int generation = due(&p, heap * MIB, breath * 200 * MS);
            if (generation < 0)
                continue;
            full += generation == TALLY_FULL;
            young += generation == TALLY_YOUNG;
            collected(&p, (tally_generation)generation, 0, heap * MIB, MS);
        }
    assert_in_range(full, 1, 6);
    assert_in_range(young, 1, 20);
}

static void an_abandoned_one_is_tried_again_later_and_later(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    struct tly_pace_work work = {.generation = TALLY_FULL, .abandoned = true};
    struct tly_pacer_span span = {.ended_ns = 0};
    uint64_t wait = 10 * MS;
    for (unsigned n = 0; n < 12; n++) {
        tly_pacer_done(&p, &work, &span);
        assert_int_equal(due(&p, 1000 * MIB, wait - 1), -1);
        assert_false(tly_pacer_may(&p, wait - 1));
        assert_int_equal(due(&p, 1000 * MIB, wait), TALLY_FULL);
        wait = n < 7 ? wait * 2 : wait;
    }
    assert_int_equal(wait, 1280 * MS);
    collected(&p, TALLY_FULL, 500, 100 * MIB, 0);
    assert_int_equal(due(&p, 250 * MIB, 0), TALLY_FULL);
    span.ended_ns = 9000 * MS, tly_pacer_done(&p, &work, &span); // took so long
    assert_false(tly_pacer_may(&p, 18000 * MS - 1));
}

// ---- in a stopped world

// A full collection beside the threads, which leaves so much.
static bool stops(struct tly_pacer *pacer, int64_t after, int64_t ceiling) {
    collected(pacer, TALLY_FULL, 500, after, 0);
    return tly_pacer_stops(pacer, ceiling);
}

static void stopped(struct tly_pacer *pacer, uint64_t freed, int64_t after) {
    struct tly_pace_work work = {TALLY_FULL, .candidates = 1000, .freed = freed,
                                 .stopped = true};
    struct tly_pacer_span span = {.before = after, .after = after};
    tly_pacer_done(pacer, &work, &span);
}

static void the_world_is_stopped_when_what_others_left_has_doubled(
    void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    assert_false(stops(&p, 5 * MIB - 1, NO_CEILING));
    stopped(&p, 500, 100 * MIB);
    assert_false(stops(&p, 199 * MIB, NO_CEILING));
    assert_true(stops(&p, 200 * MIB, NO_CEILING));
    assert_true(stops(&p, 150 * MIB, 200 * MIB)); // half of the room
}

static void a_heap_that_breathes_is_not_stopped_with_each_breath(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    stopped(&p, 500, 100 * MIB);
    for (int freed = 1; freed >= 0; freed--) {
        due(&p, 20 * MIB, 0);
        assert_int_equal(stops(&p, 100 * MIB, NO_CEILING), freed);
        stopped(&p, 0, 100 * MIB);
    }
}

static void an_allocation_that_fails_waits_for_half_a_processor_at_most(
    void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    collected(&p, TALLY_FULL, 500, 100 * MIB, 50 * MS);
    assert_true(tly_pacer_may_at_limit(&p, 0));
    for (unsigned n = 0; n < 4; n++)
        collected(&p, TALLY_FULL, 0, 100 * MIB, 50 * MS);
    assert_false(tly_pacer_may(&p, 4000 * MS - 1));
    assert_false(tly_pacer_may_at_limit(&p, 50 * MS - 1));
    assert_true(tly_pacer_may_at_limit(&p, 50 * MS));
}

static void below_a_ceiling_collections_come_when_it_is_near(void **state) {
    (void)state;
    struct tly_pacer p = pacer_new();
    collected(&p, TALLY_FULL, 500, 100 * MIB, 5 * MS);
    int64_t ceiling = 120 * MIB;
    assert_int_equal(tly_pacer_due(&p, 115 * MIB - 1, ceiling, 0), TALLY_YOUNG);
    assert_int_equal(tly_pacer_due(&p, 115 * MIB, ceiling, 0), TALLY_FULL);
    // One that frees nothing is not tried again at once.
    collected(&p, TALLY_FULL, 0, 115 * MIB, 5 * MS);
    assert_int_equal(tly_pacer_due(&p, 119 * MIB - 1, ceiling, 149 * MS), -1);
    assert_int_equal(tly_pacer_due(&p, 119 * MIB - 1, ceiling, 150 * MS),
                     TALLY_FULL);
}

// ---- simulation

// Bytes that the program makes between two looks. A collection's time for each
// KiB that it looks at: 30 ns for an object of 48 bytes.
#define STEP 65536
#define KIB_NS 640
#define HEAP_MIB 100 // what lives

// Of a thousand bytes that the program makes so many ...
struct script {
    const char *name;
    int64_t kib_ms;    // made in a millisecond, in KiB
    int64_t grow;      // ... live on
    int64_t replace;   // ... live on, and as many older ones become garbage
    int64_t young;     // ... become garbage before they are old
    bool concurrent;   // the program runs beside the collector
    int64_t share_max; // that it may come to, in percent
};

struct world {
    const struct script *script;
    struct tly_pacer pacer;
    uint64_t now, cpu;
    int64_t live, old_dead, young_dead, young_live;
    unsigned collections[2];
    int64_t worst; // heap per live bytes, in percent
};

static int64_t heap_of(const struct world *w) {
    return w->live + w->old_dead + w->young_dead;
}

static void world_make(struct world *w, int64_t bytes) {
    const struct script *s = w->script;
    w->now += (uint64_t)(bytes * 1000 / s->kib_ms * 1000 / 1024);
    w->live += bytes * s->grow / 1000;
    w->young_live += bytes * (s->grow + s->replace) / 1000;
    w->old_dead += bytes * s->replace / 1000;
    w->young_dead += bytes * s->young / 1000;
    // In a heap smaller than that, young collections are the bound.
    int64_t live = w->live > 4 * MIB ? w->live : 4 * MIB;
    int64_t percent = heap_of(w) * 100 / live;
    if (percent > w->worst)
        w->worst = percent;
}

static void world_collect(struct world *w, tally_generation generation) {
    bool full = generation == TALLY_FULL;
    struct tly_pacer_span span = {.began_ns = w->now, .before = heap_of(w)};
    int64_t looked = full ? heap_of(w) : w->young_live + w->young_dead;
    int64_t dead = w->young_dead + (full ? w->old_dead : 0);
    uint64_t ns = (uint64_t)(looked / 1024 * KIB_NS);
    w->young_live = 0;
    if (w->script->concurrent)
        world_make(w, (int64_t)ns * w->script->kib_ms / 1000 * 1024 / 1000);
    else
        w->now += ns;
    int64_t found = heap_of(w);
    if (full) {
        int64_t old = dead - (dead < w->young_dead ? dead : w->young_dead);
        w->old_dead -= old;
        dead -= old;
    }
    w->young_dead -= dead;
    span.after = heap_of(w);
    span.ended_ns = w->now;
    struct tly_pace_work work = {.generation = generation,
                                 .candidates = (uint64_t)looked / 48,
                                 .freed = (uint64_t)(found - span.after) / 48,
                                 .freed_bytes = (uint64_t)(found - span.after),
                                 .cpu_ns = ns};
    tly_pacer_done(&w->pacer, &work, &span);
    w->cpu += ns;
    w->collections[generation]++;
}

// The program makes so many MiB.
static void world_run(struct world *w, int64_t mib) {
    for (int64_t n = 0; n < mib * (MIB / STEP); n++) {
        world_make(w, STEP);
        int generation = due(&w->pacer, heap_of(w), w->now);
        if (generation >= 0)
            world_collect(w, (tally_generation)generation);
    }
}

static int64_t world_share(const struct world *w) {
    return (int64_t)(w->cpu * 100 / w->now);
}

static void world_print(const struct world *w) {
    printf("%-34s %3lld %% share, heap at most %3lld %% of live, "
           "%u young, %u full\n",
           w->script->name, (long long)world_share(w), (long long)w->worst,
           w->collections[0], w->collections[1]);
}

static struct world world_of(const struct script *script, uint64_t share) {
    struct world w = {.script = script, .pacer = pacer_of(share)};
    w.live = HEAP_MIB * MIB;
    collected(&w.pacer, TALLY_FULL, 500, w.live, 0);
    return w;
}

static void memory_stays_within_three_times_what_lives(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {"slow, old garbage, stopped", 10, 0, 300, 0, false, 10},
        {"slow, old garbage, beside", 10, 0, 300, 0, true, 10},
        {"slow, young garbage, stopped", 40, 0, 0, 1000, false, 10},
        {"slow, young garbage, beside", 40, 0, 0, 1000, true, 10},
        {"fast, old garbage, stopped", 500, 0, 300, 0, false, 50},
        {"fast, old garbage, beside", 500, 0, 300, 0, true, 100},
        {"fast, young garbage, stopped", 1000, 0, 0, 1000, false, 50},
        {"fast, young garbage, beside", 1000, 0, 0, 1000, true, 70},
        {"both, stopped", 500, 0, 100, 500, false, 40},
        {"both, beside", 500, 0, 100, 500, true, 60},
        {"growing, no garbage, stopped", 100, 1000, 0, 0, false, 15},
        {"growing, some garbage, beside", 100, 500, 100, 100, true, 15},
    };
    for (unsigned n = 0; n < sizeof(scripts) / sizeof(scripts[0]); n++) {
        struct world w = world_of(&scripts[n], 10);
        world_run(&w, 4000);
        world_print(&w);
        assert_in_range(w.worst, 100, 300);
        assert_in_range(world_share(&w), 0, scripts[n].share_max);
    }
}

static void a_small_heap_stays_within_three_times_young_bytes(void **state) {
    (void)state;
    struct script script = {"small", 500, 0, 300, 300, false, 0};
    for (int64_t live = 0; live < 8 * MIB; live += MIB) {
        struct world w = {.script = &script, .pacer = pacer_new()};
        w.live = live;
        world_run(&w, 1000);
        assert_in_range(w.worst, 100, 300);
    }
}

static void a_larger_share_is_less_memory_and_more_time(void **state) {
    (void)state;
    struct script script = {"of shares", 30, 0, 600, 0, false, 0};
    struct world w[3];
    for (unsigned n = 0; n < 3; n++) {
        static const uint64_t shares[] = {1, 5, 100};
        w[n] = world_of(&script, shares[n]);
        world_run(&w[n], 8000);
        world_print(&w[n]);
        assert_in_range(w[n].worst, 100, 300);
    }
    assert_true(w[0].worst > w[2].worst);
    assert_true(w[0].collections[1] < w[2].collections[1]);
    assert_true(w[0].cpu < w[2].cpu);
}

static void garbage_after_growth_is_found_in_time(void **state) {
    (void)state;
    struct script grow = {"growth first", 100, 1000, 0, 0, false, 0};
    struct script churn = {"garbage then", 100, 0, 1000, 0, false, 0};
    struct world w = world_of(&grow, 10);
    world_run(&w, 300);
    assert_int_equal(heap_of(&w), w.live);
    w.script = &churn;
    world_run(&w, 4000);
    assert_in_range(w.worst, 100, 300);
}

static void a_shrunken_heap_is_bounded_by_what_is_left(void **state) {
    (void)state;
    struct script churn = {"after shrinking", 100, 0, 1000, 0, false, 0};
    struct world w = world_of(&churn, 10);
    world_run(&w, 1000);
    // Nine tenths end by their counts.
    w.live /= 10;
    w.worst = 0;
    w.old_dead = 0;
    world_run(&w, 1000);
    assert_in_range(w.worst, 100, 300);
}

static void a_heap_that_only_grows_is_looked_at_twice_in_all(void **state) {
    (void)state;
    struct script grow = {"growing to 40 times", 100, 1000, 0, 0, false, 0};
    struct world w = world_of(&grow, 10);
    world_run(&w, 4000);
    world_print(&w);
    assert_in_range(w.collections[TALLY_FULL], 2, 6);
    // Young and full together, of what was made.
    uint64_t once = (uint64_t)(heap_of(&w) / 1024 * KIB_NS);
    assert_in_range(w.cpu, 0, once * 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_heap_begins_with_a_young_and_then_a_full_one),
        cmocka_unit_test(full_percent_is_the_growth_that_asks_for_a_full_one),
        cmocka_unit_test(what_was_made_meanwhile_is_not_taken_for_live),
        cmocka_unit_test(a_collection_that_cannot_keep_up_still_has_pauses),
        cmocka_unit_test(
            garbage_is_counted_from_where_counts_have_shrunk_the_heap),
        cmocka_unit_test(a_full_one_rests_until_its_time_is_the_share),
        cmocka_unit_test(growth_by_half_more_wins_over_the_share),
        cmocka_unit_test(young_ones_are_charged_to_the_share_too),
        cmocka_unit_test(idle_time_is_not_saved_for_later),
        cmocka_unit_test(young_ones_that_free_nothing_come_rarer_to_an_eighth),
        cmocka_unit_test(
            full_ones_that_free_nothing_rest_longer_but_keep_the_bound),
        cmocka_unit_test(a_heap_that_breathes_and_has_no_garbage_is_left_alone),
        cmocka_unit_test(an_abandoned_one_is_tried_again_later_and_later),
        cmocka_unit_test(
            the_world_is_stopped_when_what_others_left_has_doubled),
        cmocka_unit_test(a_heap_that_breathes_is_not_stopped_with_each_breath),
        cmocka_unit_test(
            an_allocation_that_fails_waits_for_half_a_processor_at_most),
        cmocka_unit_test(below_a_ceiling_collections_come_when_it_is_near),
        cmocka_unit_test(memory_stays_within_three_times_what_lives),
        cmocka_unit_test(a_small_heap_stays_within_three_times_young_bytes),
        cmocka_unit_test(a_larger_share_is_less_memory_and_more_time),
        cmocka_unit_test(garbage_after_growth_is_found_in_time),
        cmocka_unit_test(a_shrunken_heap_is_bounded_by_what_is_left),
        cmocka_unit_test(a_heap_that_only_grows_is_looked_at_twice_in_all),
    };
    return cmocka_run_group_tests_name("collector/pacer", tests, NULL, NULL);
}
