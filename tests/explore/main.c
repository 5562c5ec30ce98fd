// explore: runs schedules of the library's code, a seed each.
//
// USE  explore [--scenario count|collect|ending|far] [--seed N] [--schedules N]
//              [--mode random|pct|bursts|either] [--defect NAME] [--trace]
//
// Without --defect the code is the library's own, and no schedule may fail.
// With it, one defect is switched on, and some schedule has to. Without any
// option but --scenario both are asked for, of every defect that the scenario
// finds. The exit status is the verdict.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/poison.h"
#include "scenario.h"
#include "snapshot.h"

#define REPLAYS 200u

#define DEFECT(name) (UINT64_C(1) << TLY_DEFECT_##name)

// What is run without options: how many schedules of the code as it is, and how
// many within which each of the defects has to be found.
static const struct plan {
    const struct scenario *scenario;
    uint64_t schedules, bound, defects;
} plans[] = {
    {&scenario_count, 100000, 300000,
     DEFECT(DETACH_NO_RECHECK) | DEFECT(SEND_NO_CHECK) |
         DEFECT(MERGE_LATE_OWNER) | DEFECT(BITS_FIRST) |
         DEFECT(DRAIN_NO_OWNER) | DEFECT(COLLISION_LOST) | DEFECT(COUNT_TORN) |
         DEFECT(MERGE_KEEPS_UNIT)},
    {&scenario_collect, 20000, 100000,
     DEFECT(COUNT_NO_DIRTY) | DEFECT(ANSWER_NO_CYCLE) | DEFECT(NO_LAST_TEST) |
         DEFECT(ONE_ROUND) | DEFECT(NO_END) | DEFECT(PHASE_FIRST) |
         DEFECT(NO_GRACE) | DEFECT(UNIT_BLINDLY)},
    {&scenario_ending, 20000, 100000, DEFECT(END_APART) | DEFECT(END_GIVEN)},
    {&scenario_far, 1000, 2000, DEFECT(SIDE_UNBOUND)},
};

static const char *const defects[] = {
    [TLY_DEFECT_NONE] = "none",
    [TLY_DEFECT_DETACH_NO_RECHECK] = "detach-no-recheck",
    [TLY_DEFECT_SEND_NO_CHECK] = "send-no-check",
    [TLY_DEFECT_MERGE_LATE_OWNER] = "merge-late-owner",
    [TLY_DEFECT_BITS_FIRST] = "bits-first",
    [TLY_DEFECT_DRAIN_NO_OWNER] = "drain-no-owner",
    [TLY_DEFECT_COLLISION_LOST] = "collision-lost",
    [TLY_DEFECT_COUNT_TORN] = "count-torn",
    [TLY_DEFECT_MERGE_KEEPS_UNIT] = "merge-keeps-unit",
    [TLY_DEFECT_END_APART] = "end-apart",
    [TLY_DEFECT_END_GIVEN] = "end-given",
    [TLY_DEFECT_COUNT_NO_DIRTY] = "count-no-dirty",
    [TLY_DEFECT_STORE_NO_DIRTY] = "store-no-dirty",
    [TLY_DEFECT_NO_HOLD] = "no-hold",
    [TLY_DEFECT_WATCH_PLAINLY] = "watch-plainly",
    [TLY_DEFECT_ANSWER_NO_CYCLE] = "answer-no-cycle",
    [TLY_DEFECT_NO_LAST_TEST] = "no-last-test",
    [TLY_DEFECT_ONE_ROUND] = "one-round",
    [TLY_DEFECT_NO_END] = "no-end",
    [TLY_DEFECT_NO_POOL_HOLD] = "no-pool-hold",
    [TLY_DEFECT_PHASE_FIRST] = "phase-first",
    [TLY_DEFECT_NO_GRACE] = "no-grace",
    [TLY_DEFECT_UNIT_BLINDLY] = "unit-blindly",
    [TLY_DEFECT_HOT_SUM_EARLY] = "hot-sum-early",
    [TLY_DEFECT_COOL_NO_DIRTY] = "cool-no-dirty",
    [TLY_DEFECT_SIDE_UNBOUND] = "side-unbound",
};
#define DEFECTS (sizeof(defects) / sizeof(defects[0]))

struct options {
    uint64_t seed, schedules;
    enum schedule_mode mode;
    size_t defect;
    size_t plan;
    bool trace, given;
};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// One schedule, from the snapshot on.
static struct schedule_result run(const struct options *o, uint64_t seed) {
    struct schedule_result result;
    snapshot_restore();
    tly_defect_on = (enum tly_defect)o->defect;
    schedule_run(seed, o->mode, o->trace, &result);
    return result;
}

// Whether a seed gives the same schedule again.
static bool repeats(const struct options *o, uint64_t seed,
                    const struct schedule_result *first) {
    struct schedule_result again = run(o, seed);
    return again.hash == first->hash && again.steps == first->steps &&
           strcmp(again.message, first->message) == 0;
}

// Runs schedules until one fails. Returns whether the verdict is as wanted.
static bool explore(const struct options *o) {
    bool wants = o->defect != TLY_DEFECT_NONE, found = false, same = true;
    uint64_t steps = 0, n = 0;
    struct schedule_result result = {.failed = false};
    double began = seconds();
    while (n < o->schedules && !found) {
        result = run(o, o->seed + n);
        if (result.failed || n < REPLAYS)
            same = same && (o->trace || repeats(o, o->seed + n, &result));
        steps += result.steps;
        found = result.failed;
        n++;
    }
    double took = seconds() - began;
    printf("%-18s %8llu schedules, %6.1f steps each, %7.0f a second, from "
           "seed %llu\n",
           defects[o->defect], (unsigned long long)n, (double)steps / (double)n,
           (double)n / took, (unsigned long long)o->seed);
    if (found)
        printf("    seed %llu fails at step %llu: %s\n",
               (unsigned long long)(o->seed + n - 1),
               (unsigned long long)result.steps, result.message);
    if (!same)
        printf("    a seed gives two different schedules\n");
    fflush(stdout);
    return found == wants && same;
}

static bool explore_all(struct options *o) {
    const struct plan *plan = &plans[o->plan];
    o->schedules = TLY_ASAN ? plan->schedules / 10 : plan->schedules;
    bool good = explore(o);
    if (TLY_ASAN) {
        printf("defects are not tried: their reports end the program\n");
        return good;
    }
    o->schedules = plan->bound;
    for (o->defect = 1; o->defect < DEFECTS; o->defect++)
        if (plan->defects >> o->defect & 1)
            good = explore(o) && good;
    return good;
}

static void usage(void) {
    fprintf(stderr,
            "use: explore [--scenario count|collect|ending|far] [--seed N] "
            "[--schedules N] [--mode random|pct|bursts|either] "
            "[--defect NAME] [--trace]\n"
            "defects:");
    for (size_t n = 0; n < DEFECTS; n++)
        fprintf(stderr, " %s", defects[n]);
    fputc('\n', stderr);
    exit(2);
}

static uint64_t number(const char *text) {
    char *end;
    uint64_t value = text ? strtoull(text, &end, 0) : 0;
    if (!text || end == text || *end)
        usage();
    return value;
}

static size_t word(const char *text, const char *const *words, size_t count) {
    for (size_t n = 0; text && n < count; n++)
        if (strcmp(text, words[n]) == 0)
            return n;
    usage();
    return 0;
}

static void options_read(struct options *o, char **argument) {
    static const char *const modes[] = {"either", "random", "pct", "bursts"};
    static const char *const scenarios[] = {"count", "collect", "ending",
                                            "far"};
    for (; *argument; argument++) {
        if (strcmp(*argument, "--scenario") == 0) {
            o->plan = word(*++argument, scenarios, 4);
            continue;
        }
        o->given = true;
        if (strcmp(*argument, "--trace") == 0)
            o->trace = true;
        else if (strcmp(*argument, "--seed") == 0)
            o->seed = number(*++argument);
        else if (strcmp(*argument, "--schedules") == 0)
            o->schedules = number(*++argument);
        else if (strcmp(*argument, "--mode") == 0)
            o->mode = (enum schedule_mode)word(*++argument, modes, 4);
        else if (strcmp(*argument, "--defect") == 0)
            o->defect = word(*++argument, defects, DEFECTS);
        else
            usage();
    }
    if (!o->schedules)
        usage();
}

int main(int count, char **arguments) {
    struct options o = {.seed = 1, .schedules = 1000};
    (void)count;
    options_read(&o, arguments + 1);
    if (o.trace)
        o.schedules = 1;
    if (!SNAPSHOT_WORKS) {
        printf("explore: nothing, in a build with this sanitizer\n");
        return 0;
    }
    scenario = plans[o.plan].scenario;
    schedule_start();
    scenario_setup();
    snapshot_save();
    return (o.given ? explore(&o) : explore_all(&o)) ? 0 : 1;
}
