// The arena layer alone: a range of its own for each test.

#ifndef SUPPORT_UNIT_ARENA_H
#define SUPPORT_UNIT_ARENA_H

#include "unit_cmocka.h"

#include <pthread.h>
#include <sched.h>

#include "arena/arena.h"
#include "epoch/mutator.h"
#include "platform/fault.h"
#include "platform/os.h"

// No mutators here.
const struct tly_epoch_hooks tly_epoch_hooks = {.start = NULL};

static inline int arena_begin(void **state) {
    (void)state;
    tly_arena_set_delay((uint64_t)3600 * 1000000000u);
    return tly_range_start(TLY_RANGE_MIN) == TALLY_OK ? 0 : -1;
}

static inline int arena_end(void **state) {
    (void)state;
    tly_arena_end();
    return 0;
}

#define arena_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, arena_begin, arena_end)

static inline bool all_bytes_are(const void *p, size_t size, char byte) {
    const char *c = p;
    return size == 0 || (c[0] == byte && memcmp(c, c + 1, size - 1) == 0);
}

#endif
