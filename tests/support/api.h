// What tests of the public interface have in common.

#ifndef SUPPORT_API_H
#define SUPPORT_API_H

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

// A test's set-up and end: collections come when the test asks for them, and
// what it made is gone when it ends, but for what it made immortal.
static uint64_t quiet_before;

static inline uint64_t mortal_objects(void) {
    struct tally_stats stats = stats_now();
    return stats.live_objects - stats.immortal_objects;
}

static inline int begin_quiet(void **state) {
    (void)state;
    tally_collect_disable();
    quiet_before = mortal_objects();
    return 0;
}

static inline int end_clean(void **state) {
    (void)state;
    tally_collect_enable();
    // Twice: finalizers may bring garbage back once.
    tally_collect();
    tally_collect();
    uint64_t left = mortal_objects();
    if (left != quiet_before)
        fprintf(stderr, "%llu objects before the test, %llu after\n",
                (unsigned long long)quiet_before, (unsigned long long)left);
    return left == quiet_before && tally_verify(2) == TALLY_OK ? 0 : -1;
}

#define quiet_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, begin_quiet, end_clean)

#endif
