// Another thread says it: one of the runtime's, without a mutator. It is
// started by who finds a section open as it begins to wait; it sleeps for a
// second, looks who waits since then, and ends when nobody waits. A program
// whose sections end soon has it for a second in which one was met, and pays
// for a grace period two additions and a look at its mutators.

#include "epoch/overdue.h"

#include <stdio.h>

#include "base/atomic.h"
#include "base/check.h"
#include "epoch/attach.h"
#include "epoch/gate.h"
#include "epoch/late.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/wait.h"
#include "platform/os.h"

#define TELL_NS 1000000000u
#define TEXT_MAX (TLY_LATE_MAX + 128u)

static uint32_t overdue_waits;  // (a) threads that wait
static uint32_t overdue_looks;  // (a) the thread is there
static uint32_t overdue_waiter; // (a) mutator of who is in liburcu
static uint64_t overdue_began;  // (a) since when; 0: nobody is

static const char *late_tell(uint32_t late, char text[TEXT_MAX]) {
    char at[TLY_LATE_MAX];
    if (late == 0)
        return "a reader that the program has registered with liburcu itself; "
               "a read-side section must neither wait nor last";
    struct tly_mutator *mutator = tly_mutator_of(late);
    struct tly_who who = tly_who_is(mutator);
    tly_late_tell(mutator, at);
    snprintf(text, TEXT_MAX, "thread %u (%s, mutator %u%s), %s", who.thread,
             who.name, who.number,
             who.by_itself ? ", attached by its first use" : "", at);
    return text;
}

// Inside the gate: records stay. False: that wait has ended.
static bool tell(uint64_t began) {
    char text[TEXT_MAX];
    // Relaxed, both: for a report.
    uint32_t waiter = tly_load_relaxed(&overdue_waiter);
    const char *late = late_tell(tly_rcu_late(), text);
    if (tly_load_relaxed(&overdue_began) != began)
        return false;
    struct tly_who who = tly_who_is(tly_mutator_of(waiter));
    uint64_t tenths = (tly_os_now() - began) / (TELL_NS / 10);
    tly_report("thread %u (%s) has waited %llu.%llu s for the end of a borrow "
               "section of %s",
               who.thread, who.name, (unsigned long long)tenths / 10,
               (unsigned long long)tenths % 10, late);
    return true;
}

// Whether nobody waits any more, and the thread is none.
static bool is_over(void) {
    uint32_t none = 0;
    // Relaxed: looked at again.
    if (tly_load_relaxed(&overdue_waits))
        return false;
    // ORDER[overdue] seq_cst: stored before it is looked who waits.
    tly_store_seq_cst(&overdue_looks, 0);
    // ORDER[overdue] seq_cst: who waits and is not seen here sees that there
    // is no thread.
    return !tly_load_seq_cst(&overdue_waits) ||
           // ORDER[overdue] seq_cst: the thread goes on, or another is there.
           !tly_cas_seq_cst(&overdue_looks, &none, 1);
}

static void *look(void *arg) {
    uint64_t told = 0;
    do {
        // Relaxed: that wait is looked at again. It may begin after [now].
        uint64_t now = tly_os_now(), began = tly_load_relaxed(&overdue_began);
        bool late = began && began != told && now >= began + TELL_NS;
        if (late && tly_gate_enter()) {
            told = tell(began) ? began : told;
            tly_gate_leave();
        }
        uint64_t since = began && began != told && !late ? began : now;
        tly_os_futex_wait(&overdue_looks, 1, since + TELL_NS);
    } while (!is_over());
    return arg;
}

void tly_overdue_enter(void) {
    uint32_t none = 0;
    // ORDER[overdue] seq_cst: counted before it is looked for the thread.
    tly_add_seq_cst(&overdue_waits, 1);
    // ORDER[overdue] seq_cst: that ends only if nobody is counted.
    if (TLY_EXPLORED || tly_load_seq_cst(&overdue_looks) ||
        !tly_rcu_any_section() ||
        // ORDER[overdue] seq_cst: one starts it.
        !tly_cas_seq_cst(&overdue_looks, &none, 1))
        return;
    if (tly_os_thread_start(look, NULL) != TALLY_OK)
        // Relaxed: who waits is not told of; the next tries again.
        tly_store_relaxed(&overdue_looks, 0);
}

void tly_overdue_leave(void) {
    // Relaxed: the thread looks a second later than it has to.
    tly_add_relaxed(&overdue_waits, (uint32_t)-1);
}

void tly_overdue_begin(void) {
    struct tly_mutator *self = tly_mine();
    // Relaxed, both: for a report.
    tly_store_relaxed(&overdue_waiter, self ? self->number : 1);
    tly_store_relaxed(&overdue_began, tly_os_now());
}

void tly_overdue_end(void) {
    // Relaxed: as above.
    tly_store_relaxed(&overdue_began, 0);
}

void tly_overdue_forked(void) {
    // Relaxed, all: the child has one thread.
    tly_store_relaxed(&overdue_waits, 0);
    tly_store_relaxed(&overdue_looks, 0);
    tly_store_relaxed(&overdue_began, 0);
}
