// Weak references with callbacks, each with one holder and a record of both.

#ifndef STRESS_HOOKS_WEAKS_H
#define STRESS_HOOKS_WEAKS_H

#include "shared.h"

#define RECORDS (1u << 18) // in one round
static struct record {
    atomic_uint called;
    uint32_t holder; // 0: not known
} records[RECORDS];
static atomic_uint record_count;
static atomic_ulong weak_called;

// By this thread: what another one destroys may go while a call begins.
static bool holder_gone(uint32_t serial) {
    return serial && atomic_load(&states[serial]) == GONE &&
           atomic_load(&gone_by[serial]) == self.number;
}

static void weak_gone(tally_weak *weak, void *arg) {
    struct record *record = arg;
    const char *before = hook_enter("a weak callback");
    expect(tally_weak_get(weak) == NULL,
           "a weak reference is called and its object lives");
    expect(atomic_fetch_add(&record->called, 1) == 0,
           "a weak callback runs twice");
    expect(!on(CHECK_HOLDER) || !holder_gone(record->holder),
           "a weak callback runs after the weak reference's only holder, "
           "object %u, was destroyed",
           record->holder);
    atomic_fetch_add(&weak_called, 1);
    act(NULL);
    hook_leave(before);
}

// The holder is the caller's own, and has none yet.
static void weak_hold(struct node *holder, struct node *object) {
    uint32_t number = atomic_fetch_add(&record_count, 1);
    if (number >= RECORDS || tally_get(holder, weak))
        return;
    records[number].holder = holder->serial;
    atomic_store(&records[number].called, 0);
    tally_weak *weak = tally_weak_new(object, weak_gone, &records[number]);
    must(weak);
    tally_set_steal(holder, weak, weak);
}

static void act_weak(void) {
    struct node *object = below(2) ? root_dup() : NULL;
    object = object ? object : node_any();
    struct node *holder = node_any();
    tally_weak *plain = tally_weak_new(object, NULL, NULL);
    must(plain);
    weak_hold(holder, object);
    tally_set_steal(holder, a, node_any());
    if (below(2))
        tally_set(holder, b, object);
    drop(object);
    object = tally_weak_get(plain);
    if (object) {
        node_check(object);
        drop(object);
    }
    tally_decref(plain);
    root_set_steal(holder);
}

#endif
