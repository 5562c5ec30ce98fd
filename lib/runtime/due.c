// A thread whose first object, call or buffered drop is put off sets a word
// (finish.h), and tells the service that collects at its next safepoint. The
// service sleeps, so that many share one grace period; waits for that; and does
// for threads that do not run what is ripe. Those that run it only tells to
// look: a safepoint never waits for what is due here. Who finds there that what
// was ripe led to more of its kind says so, and the service waits for the next
// grace period at once: a chain beside its thread costs that one safepoint with
// work a level. Who keeps something still asks again.

#include "runtime/due.h"

#include "collector/collect.h"
#include "epoch/attach.h"
#include "epoch/borrow.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "object/defer.h"
#include "object/finish.h"
#include "platform/os.h"

// What is put off is ten times as long at rest as a slow grace period takes,
// and costs a busy process one in a hundred of its milliseconds at most.
#define DELAY_NS 10000000u
// Twice as long after each round in vain, up to 1.28 s: a section that does not
// end is no reason to wake an idle process often.
#define VAIN_MAX 7u
// Grace periods of one round, one after another: a level each of what dies of
// the last one: 1 to 2 ms for what threads left, so that a chain without an end
// leaves most of a processor to others.
#define LEVELS 256u
// How long a level waits for those that run: to leave their sections, and to
// say that they have come to the next one.
#define LEVEL_NS 1000000u
#define NAP_NS 50000u // between looks at sections

uint32_t tly_due_follows;
static struct tly_event due_led; // signalled by those

// The service's own, by turns; or of a child that has one thread.
static struct {
    uint64_t at;   // when it is time; 0: it has not been told
    uint64_t goal; // of the handshake that threads in sections answer when they
                   // have left them; 0: none
    uint32_t vain; // rounds in a row that waited for a section
} due;

bool tly_due_is_asked(void) {
    // Relaxed: a hint; the turn's exchange orders.
    return tly_load_relaxed(&tly_put_off) != 0;
}

bool tly_due_ask(struct tly_local *self) {
    if (tly_due_is_asked() ||
        // Relaxed: the thread's own word.
        (!tly_limbo_has(self) &&
         !tly_load_relaxed(&tly_cold(self)->later_count)))
        return false;
    // ORDER[put-off] acq_rel: as in tly_put_off_begin.
    tly_or_acq_rel(&tly_put_off, 1);
    return true;
}

uint64_t tly_due_at(void) {
    if (!tly_due_is_asked())
        return 0;
    if (due.at == 0)
        due.at = tly_os_now() + ((uint64_t)DELAY_NS << due.vain);
    return due.at;
}

bool tly_due_is_now(void) {
    uint64_t at = tly_due_at();
    return at && tly_os_now() >= at;
}

void tly_due_leads(void) { tly_event_signal(&due_led); }

// ---- a turn

// After those that run were told: whether one of them has come to a next level.
// DETACHED; [seen]: the event's value before they were told.
static bool leads_on(struct tly_local *self, uint32_t seen, uint64_t ns) {
    if (tly_event_value(&due_led) != seen)
        return true;
    struct tly_mutator *mutator = tly_mutator_in(self);
    tly_mutator_detach(mutator);
    bool led = tly_event_wait(&due_led, seen, tly_os_now() + ns);
    tly_mutator_attach(mutator);
    return led;
}

// Whether all have answered, or are in no section.
static bool all_have_left(void) {
    for (uint32_t n = 1; n <= tly_registry_count(); n++)
        if (!tly_handshake_is_done(tly_mutator_of(n), due.goal) &&
            tly_rcu_has_section(tly_mutator_of(n)))
            return false;
    return true;
}

// Whether every section has ended that was open in the last round, or ends
// within a level's time: a grace period has no deadline, and who waits for it
// keeps a fork and the runtime's end waiting.
static bool sections_ended(struct tly_local *self) {
    uint32_t naps = due.goal ? 0 : LEVEL_NS / NAP_NS;
    bool again = naps == 0;
    while (tly_rcu_any_section()) {
        if (due.goal == 0)
            due.goal = tly_handshake_ask(0);
        if (all_have_left())
            break;
        due.vain += again && due.vain < VAIN_MAX;
        if (naps-- == 0 || tly_hooks_end(self))
            return false;
        (void)leads_on(self, tly_event_value(&due_led), NAP_NS);
    }
    due.goal = 0;
    due.vain = 0;
    return true;
}

static bool anything_waits(const struct tly_local *self) {
    bool waits = tly_limbo_has(self);
    for (uint32_t n = 1; n <= tly_registry_count() && !waits; n++)
        waits = tly_limbo_keeps(tly_local_of(tly_mutator_of(n)));
    return waits;
}

// Tells those that keep anything, and how many of them run. False: one of them
// does not, and another acts for it now.
static bool tell_all(const struct tly_local *self, unsigned *ret_run) {
    bool told = true;
    *ret_run = 0;
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        const struct tly_local *of = tly_local_of(m);
        // Relaxed: ordered by the exchange, or its thread asks again.
        if (of == self || (!tly_limbo_keeps(of) &&
                           !tly_load_relaxed(&tly_cold(of)->later_count)))
            continue;
        tly_break(m, TLY_BREAK_DUE);
        // ORDER[state] seq_cst: read after the breaker was written.
        bool runs = tly_load_seq_cst(&m->state) == TLY_ATTACHED;
        told &= runs;
        *ret_run += runs;
    }
    return told;
}

// Ends the wait of what may be ended here, and tells those that run. False: a
// section is open.
static bool ripen(struct tly_local *self) {
    bool goes_on = true;
    unsigned run;
    for (unsigned n = 0; n < LEVELS && goes_on; n++) {
        tly_settle_rescue(self);
        if (!anything_waits(self))
            break;
        if (!sections_ended(self))
            return false;
        tly_borrow_await(tly_mutator_in(self), tly_grace_next());
        tly_limbo_reap(self);
        tly_finish(self, true);
        uint32_t seen = tly_event_value(&due_led);
        (void)tell_all(self, &run);
        tly_defer_run(self);
        // Calls may defer others for ever. A collection waits for no thread's
        // chain.
        goes_on = (tly_limbo_has_objects(self) ||
                   (run > 0 && leads_on(self, seen, LEVEL_NS) &&
                    !tly_collector_is_due())) &&
                  !tly_hooks_end(self);
    }
    return true;
}

void tly_due_turn(struct tly_local *self) {
    due.at = 0;
    unsigned run;
    // Relaxed, both: a hint.
    tly_store_relaxed(&tly_due_follows, 1);
    bool done = ripen(self);
    tly_store_relaxed(&tly_due_follows, 0);
    // ORDER[put-off] acq_rel: what is kept by who found the word set is seen;
    // who keeps something later finds it zero.
    (void)tly_exchange_acq_rel(&tly_put_off, 0);
    done &= tell_all(self, &run);
    if (!done || tly_limbo_has(self))
        // ORDER[put-off] acq_rel: as in tly_put_off_begin.
        tly_or_acq_rel(&tly_put_off, 1);
}

// ---- start and fork

void tly_due_reset(void) {
    due.at = due.goal = due.vain = 0;
    // Relaxed: no thread is there that could act; who keeps something asks
    // again at its next safepoint with work. Where there will be none nobody
    // has to ask.
    tly_store_relaxed(&tly_put_off, tly_collector_elsewhere ? 0 : 1);
}

void tly_due_forked(void) {
    tly_due_reset();
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        if (!tly_attach_has(m))
            tly_limbo_rescue(tly_local_of(m));
    }
    if (tly_mine())
        tly_break(tly_mine(), TLY_BREAK_FINISH);
}
