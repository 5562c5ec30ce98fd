// What tests of the public interface have in common.

#ifndef SUPPORT_API_H
#define SUPPORT_API_H

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tally/tally.h>

#include "must.h"

static inline struct tally_stats stats_now(void) {
    struct tally_stats stats = {.size = sizeof(stats)};
    must(tally_stats_get(&stats) == TALLY_OK);
    return stats;
}

static inline uint64_t live_objects(void) { return stats_now().live_objects; }

// ---- a test's set-up and end
//
// What it made is gone when it ends, but for what it made immortal.
//
//   lively_test  collections start at any time: at each safepoint with the
//                option zeal
//   quiet_test   they come when the test asks for them: it counts them or what
//                they free, or keeps other threads waiting
//   paced_test   as quiet; what it lets start is due, with the option zeal as
//                well: it says when collections start
static uint64_t alive_before;

static inline uint64_t mortal_objects(void) {
    struct tally_stats stats = stats_now();
    return stats.live_objects - stats.immortal_objects;
}

static inline int begin_lively(void **state) {
    (void)state;
    alive_before = mortal_objects();
    return 0;
}

static inline int end_lively(void **state) {
    (void)state;
    // Twice: finalizers may bring garbage back once.
    tally_collect();
    tally_collect();
    uint64_t left = mortal_objects();
    if (left != alive_before)
        fprintf(stderr, "%llu objects before the test, %llu after\n",
                (unsigned long long)alive_before, (unsigned long long)left);
    return left == alive_before && tally_verify(2) == TALLY_OK ? 0 : -1;
}

static inline int begin_quiet(void **state) {
    tally_collect_disable();
    tally_collect(); // behind one that had begun
    return begin_lively(state);
}

static inline int end_clean(void **state) {
    tally_collect_enable();
    return end_lively(state);
}

// Options are taken when the runtime starts.
static inline void restart_with(const char *conf) {
    must(tally_shutdown(NULL) == TALLY_OK);
    must(setenv("TALLY_CONF", conf, 1) == 0);
    must(tally_init(NULL) == TALLY_OK);
}

// Lets the runtime's thread come, which takes its time: with the first
// collection that is due.
static inline void collector_wake(void) {
    must(tally_attach(NULL) == TALLY_OK);
    tally_memory_pressure((int64_t)1 << 30);
    while (stats_now().collections[0] + stats_now().collections[1] == 0) {
        tally_safepoint();
        TALLY_BLOCKING { sched_yield(); }
    }
    tally_memory_pressure(-((int64_t)1 << 30));
    tally_collect(); // growth counts from here
}

static char *zealous_conf; // NULL: there is no zeal

static inline int begin_paced(void **state) {
    char conf[512];
    const char *given = getenv("TALLY_CONF");
    zealous_conf = given && strstr(given, "zeal:") ? strdup(given) : NULL;
    if (zealous_conf) {
        snprintf(conf, sizeof(conf), "%s,zeal:0", given);
        restart_with(conf);
        collector_wake();
    }
    return begin_quiet(state);
}

static inline int end_paced(void **state) {
    int result = end_clean(state);
    if (zealous_conf)
        restart_with(zealous_conf);
    free(zealous_conf);
    return result;
}

#define lively_test(name)                                                      \
    cmocka_unit_test_setup_teardown(name, begin_lively, end_lively)
#define quiet_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, begin_quiet, end_clean)
#define paced_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, begin_paced, end_paced)

#endif
