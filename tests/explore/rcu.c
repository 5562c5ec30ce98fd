// What lib/epoch/rcu.c does, for the explorer, whose threads are one reader to
// liburcu: a mutator's sections are counted, and a grace period goes round
// until each section that was open when it began has ended. The linker takes
// this file for that one.

#include "epoch/rcu.h"

#include "base/point.h"
#include "epoch/registry.h"
#include "schedule.h"

#define MUTATORS 16u

// By mutator: sections that are open, one in the other, and how many outermost
// ones have ended.
static struct { uint32_t depth, ended; } sections[MUTATORS];

static uint64_t grace_begun, grace_ended; // (a)

static unsigned number_now(void) {
    unsigned number = tly_self()->number;
    if (number == 0 || number >= MUTATORS)
        schedule_fail("a borrow section of mutator %u", number);
    return number;
}

void tly_rcu_register(struct tly_mutator *self) { (void)self; }
void tly_rcu_unregister(struct tly_mutator *self) { (void)self; }

void tly_rcu_enter(void) {
    unsigned n = number_now();
    tly_point(&sections[n]);
    sections[n].depth++;
}

void tly_rcu_leave(void) {
    unsigned n = number_now();
    tly_point(&sections[n]);
    sections[n].ended += --sections[n].depth == 0;
}

void tly_rcu_leave_all(void) {
    while (tly_rcu_ongoing())
        tly_rcu_leave();
}

bool tly_rcu_ongoing_slow(void) {
    return tly_is_attached(tly_self()) && sections[number_now()].depth;
}

unsigned long tly_rcu_depth(void) {
    return tly_is_attached(tly_self()) ? sections[number_now()].depth : 0;
}

void tly_rcu_wake(void) {}

bool tly_rcu_has_section(const struct tly_mutator *mutator) {
    return sections[mutator->number % MUTATORS].depth;
}

// Nobody stays there.
bool tly_rcu_any_section(void) { return false; }

uint64_t tly_grace_next(void) { return tly_add_acq_rel(&grace_begun, 0) + 1; }

bool tly_grace_passed(uint64_t number) {
    return tly_load_acquire(&grace_ended) >= number;
}

void tly_grace_await(uint64_t number) {
    if (tly_grace_passed(number))
        return;
    uint64_t mine = tly_add_acq_rel(&grace_begun, 1) + 1;
    for (unsigned n = 1; n < MUTATORS; n++) {
        uint32_t ended = sections[n].ended;
        while (sections[n].depth && sections[n].ended == ended)
            tly_point_yield();
    }
    // Others may have begun and ended meanwhile.
    if (grace_ended < mine)
        grace_ended = mine;
}

uint64_t tly_grace_count(void) { return grace_ended; }

void tly_rcu_hold(bool hold) { (void)hold; }
void tly_rcu_forked(void) {}
