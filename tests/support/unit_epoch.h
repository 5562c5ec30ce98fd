// The epoch layer alone: hooks that a test sets, a registry of its own for
// each test. Included by one file of a program.

#ifndef SUPPORT_UNIT_EPOCH_H
#define SUPPORT_UNIT_EPOCH_H

#include "unit_cmocka.h"

#include "threads.h"

#include "epoch/attach.h"
#include "epoch/registry.h"

// Where it is not inlined: the library's own copy is in object/twins.c.
#ifndef SUPPORT_UNIT_TWINS
extern inline void tally_safepoint(void);
#endif

// What the hooks do; members may be NULL.
static struct tly_epoch_hooks unit_hooks;

static tally_status unit_start(void) {
    return unit_hooks.start ? unit_hooks.start() : TALLY_OK;
}
static void unit_adopt(struct tly_mutator *self) {
    if (unit_hooks.adopt)
        unit_hooks.adopt(self);
}
static void unit_poll(struct tly_mutator *self, uint32_t bits, bool open) {
    if (unit_hooks.poll)
        unit_hooks.poll(self, bits, open);
}
static void unit_flush(struct tly_mutator *self, bool waits) {
    if (unit_hooks.flush)
        unit_hooks.flush(self, waits);
}
static void unit_orphan(struct tly_mutator *self) {
    if (unit_hooks.orphan)
        unit_hooks.orphan(self);
}
static void unit_acknowledge(struct tly_mutator *self, uint32_t kinds) {
    if (unit_hooks.acknowledge)
        unit_hooks.acknowledge(self, kinds);
}

const struct tly_epoch_hooks tly_epoch_hooks = {
    .start = unit_start,
    .adopt = unit_adopt,
    .poll = unit_poll,
    .flush = unit_flush,
    .acknowledge = unit_acknowledge,
    .orphan = unit_orphan,
};

// A fresh registry, with the record that is kept back; hooks that do nothing.
static inline int epoch_begin(void **state) {
    (void)state;
    unit_hooks = (struct tly_epoch_hooks){.start = NULL};
    if (tly_registry_start() != TALLY_OK || tly_attach_start() != TALLY_OK)
        return -1;
    struct tly_mutator *reserve = tly_registry_create();
    if (!reserve)
        return -1;
    reserve->state = TLY_VACANT;
    return 0;
}

static inline int epoch_end(void **state) {
    (void)state;
    tally_detach();
    tly_attach_end();
    tly_registry_end();
    return 0;
}

#define epoch_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, epoch_begin, epoch_end)

static inline uint32_t state_of(struct tly_mutator *m) {
    return tly_load_seq_cst(&m->state);
}

// Waits until a mutator is in a state.
static inline void state_wait(struct tly_mutator *m, uint32_t state) {
    while (state_of(m) != state)
        sched_yield();
}

#endif
