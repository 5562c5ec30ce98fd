// A thread whose first object, call or buffered drop is put off sets a word
// (finish.h), and tells the service that collects at its next safepoint. The
// service sleeps, so that many share one grace period; waits for that; and does
// for threads that do not run what is ripe. Those that run it only tells to
// look: a safepoint never waits for what is due here. Who finds there that it
// keeps something still asks again, so that each level of what dies of the last
// one costs one round.

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
// Grace periods of one round, one after another, for what threads left: a level
// each of what dies of the last one: 1 to 2 ms, so that a chain without an end
// leaves most of a processor to others.
#define LEVELS 256u

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

// ---- a turn

// Whether every section has ended that was open in the last round: a grace
// period has no deadline, and who waits for it keeps a fork and the runtime's
// end waiting.
static bool sections_ended(void) {
    if (tly_rcu_any_section()) {
        if (due.goal == 0) {
            due.goal = tly_handshake_ask(0);
            return false;
        }
        for (uint32_t n = 1; n <= tly_registry_count(); n++)
            if (!tly_handshake_is_done(tly_mutator_of(n), due.goal) &&
                tly_rcu_has_section(tly_mutator_of(n))) {
                due.vain += due.vain < VAIN_MAX;
                return false;
            }
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

// Ends the wait of what may be ended here. False: a section is open.
static bool ripen(struct tly_local *self) {
    bool goes_on = true;
    for (unsigned n = 0; n < LEVELS && goes_on; n++) {
        tly_settle_rescue(self);
        if (!anything_waits(self))
            break;
        if (!sections_ended())
            return false;
        tly_borrow_await(tly_mutator_in(self), tly_grace_next());
        tly_limbo_reap(self);
        tly_finish(self, true);
        tly_defer_run(self);
        // Calls may defer others for ever.
        goes_on = tly_limbo_has_objects(self) && !tly_hooks_end(self);
    }
    return true;
}

// Tells those that keep anything. False: one of them does not run, and another
// acts for it now.
static bool tell_all(const struct tly_local *self) {
    bool told = true;
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        const struct tly_local *of = tly_local_of(m);
        // Relaxed: ordered by the exchange, or its thread asks again.
        if (of == self || (!tly_limbo_keeps(of) &&
                           !tly_load_relaxed(&tly_cold(of)->later_count)))
            continue;
        tly_break(m, TLY_BREAK_DUE);
        // ORDER[state] seq_cst: read after the breaker was written.
        told &= tly_load_seq_cst(&m->state) == TLY_ATTACHED;
    }
    return told;
}

void tly_due_turn(struct tly_local *self) {
    due.at = 0;
    bool done = ripen(self);
    // ORDER[put-off] acq_rel: what is kept by who found the word set is seen;
    // who keeps something later finds it zero.
    (void)tly_exchange_acq_rel(&tly_put_off, 0);
    done &= tell_all(self);
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
