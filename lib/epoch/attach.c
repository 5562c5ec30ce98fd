// How threads come, go and wait.
//
// ORDER[state] hands a mutator from whoever had it to whoever has it next. The
// pairs {store of an idle state, load of the breaker} here and {RMW on the
// breaker, load of the state} in who hands something over are Dekker's: one
// sees the other; nothing waits for who does not run (tests/model/inbox.pml).

#include "epoch/attach.h"

#include <pthread.h>

#include <tally/mutator.h>

#include "base/status.h"
#include "epoch/gate.h"
#include "epoch/handshake.h"
#include "epoch/rcu.h"
#include "epoch/region.h"
#include "epoch/registry.h"
#include "epoch/stall.h"
#include "epoch/wait.h"
#include "epoch/world.h"
#include "platform/os.h"
#include "sync/rank.h"

static TALLY_THREAD struct tly_mutator *attach_mine;
static TALLY_THREAD bool attach_forks; // the world stands still for its fork
static TALLY_THREAD uint32_t attach_reserve; // nesting of tly_reserve_take
static TALLY_THREAD struct tly_mutator *attach_saved; // mine, beside it
static pthread_key_t attach_key;

// What the end of a visit takes back: nothing; the thread was not attached, and
// has not asked for it since; it was in a blocking region; it has the reserve.
enum guest { GUEST_NOT, GUEST_NEW, GUEST_BLOCKED, GUEST_RESERVE };
static TALLY_THREAD enum guest attach_guest;
static TALLY_THREAD uint32_t attach_regions; // of such a one, meanwhile

struct tly_mutator *tly_mine(void) {
    return attach_mine;
}

static void self_set(struct tly_mutator *self) {
    tally_breaker_ = &self->breaker;
    tally_number_ = self->number;
}

static void self_clear(void) {
    tally_breaker_ = &tly_nobody.mutator.breaker;
    tally_number_ = TALLY_OWNER_NOBODY_;
}

// The mutator becomes the thread's, or is it no more.
static void mine_set(struct tly_mutator *self) {
    attach_mine = self;
    tly_rcu_register(self);
}

static void mine_clear(struct tly_mutator *self) {
    tly_rcu_unregister(self);
    attach_mine = NULL;
}

// Stores an idle state. Whatever others handed over before they could see it
// is done here; whatever they hand over later they do themselves. [waits]: for
// the runtime, not for long. What hooks do here, regions and waits of their own
// included, is over when the state is stored. A thread that gives its mutator
// up is inside the gate afterwards.
static void state_leave(struct tly_mutator *self, uint32_t idle, bool waits) {
    tly_locks_none_waits("a wait, or its end as a thread");
    for (;;) {
        uint32_t asked = self->asked;
        self->asked |= TLY_BREAK_FINISH; // as in tly_poll
        if (tly_epoch_hooks.flush)
            tly_epoch_hooks.flush(self, waits);
        self->asked = asked;
        // After the last of the program's code that runs with the mutator.
        if (idle == TLY_VACANT) {
            tly_gate_hold();
            mine_clear(self);
        }
        self_clear();
        // ORDER[state] seq_cst: all that the thread did with the mutator
        // happens before it is another's; and the breaker is read after.
        tly_store_seq_cst(&self->state, idle);
        if (TLY_BUSTED(DETACH_NO_RECHECK))
            return;
        // ORDER[breaker] seq_cst: the other half of Dekker's pair.
        uint32_t bits = tly_load_seq_cst(&self->breaker.bits_);
        // Whoever waits for this thread to stand still, or to answer, sleeps.
        // Not by the breaker's bits, which a poll that led here has taken.
        tly_world_left();
        tly_handshake_left(self);
        if (!(bits & TLY_BREAK_INBOX))
            return;
        // ORDER[state] seq_cst: as above. It fails when another acts already.
        uint32_t expected = idle;
        if (!tly_cas_seq_cst(&self->state, &expected, TLY_ATTACHED))
            return;
        self_set(self);
        if (idle == TLY_VACANT) {
            mine_set(self);
            tly_gate_leave();
        }
        tly_world_pass(self);
        tly_poll(self, false); // others may hand over what hooks make for ever
    }
}

// From DETACHED to ATTACHED, after whoever acts for the mutator.
static void state_enter(struct tly_mutator *self) {
    for (;;) {
        uint32_t state = TLY_DETACHED;
        // ORDER[state] seq_cst: takes over what was done for the mutator; and
        // the goal and the world's phase are read after.
        if (tly_cas_seq_cst(&self->state, &state, TLY_ATTACHED)) {
            tly_store_relaxed(&self->returning, 0);
            return;
        }
        uint32_t seen = tly_event_value(&self->resumed);
        // Relaxed: helpers that miss it come round again and see it then.
        tly_store_relaxed(&self->returning, 1);
        // ORDER[state] seq_cst: looks again before it sleeps.
        if (tly_load_seq_cst(&self->state) == TLY_SUSPENDED)
            tly_event_wait(&self->resumed, seen, 0);
    }
}

void tly_mutator_detach(struct tly_mutator *self) {
    state_leave(self, TLY_DETACHED, true);
}

static void state_back(struct tly_mutator *self) {
    state_enter(self);
    self_set(self);
    tly_world_pass(self);
}

void tly_mutator_attach(struct tly_mutator *self) {
    int error = errno;
    state_back(self);
    tly_poll(self, true);
    errno = error;
}

void tly_mutator_block(struct tly_mutator *self) {
    state_leave(self, TLY_DETACHED, false);
}

void tly_mutator_unblock(struct tly_mutator *self) {
    int error = errno;
    state_back(self);
    // ORDER[breaker] acquire: as in tly_poll, which comes next or is not due.
    if (tly_load_acquire(&self->breaker.bits_) || tly_handshake_seen(self))
        tly_poll(self, true);
    errno = error;
}

void tly_mutator_park(struct tly_mutator *self) {
    self_clear();
    // ORDER[state] seq_cst: what the thread did happens before what is done
    // while the world stands still. What is in its inbox waits that long.
    tly_store_seq_cst(&self->state, TLY_DETACHED);
}

void tly_mutator_unpark(struct tly_mutator *self) {
    state_enter(self);
    self_set(self);
}

void tly_mutator_rest(struct tly_mutator *self) {
    // What others wait for is done before, as far as it can be here. What is
    // handed over between the poll and the park waits for the end of the rest.
    tly_break_self(self, TLY_BREAK_STOP);
    tly_poll(self, false);
    tly_mutator_park(self);
    tly_world_left();
    tly_handshake_left(self);
}

void tly_mutator_rouse(struct tly_mutator *self) {
    tly_mutator_unpark(self);
    tly_world_pass(self);
    tly_poll(self, false);
}

// Gives a mutator up that has no thread any more.
static void give_up(struct tly_mutator *self) {
    state_leave(self, TLY_VACANT, false);
    pthread_setspecific(attach_key, NULL);
    tly_registry_vacate(self);
    tly_gate_leave();
}

// A mutator that is ATTACHED, and so keeps the runtime from ending; or NULL
// with errno.
static struct tly_mutator *mutator_take(void) {
    tally_status status = tly_gate_pass();
    if (status != TALLY_OK) {
        errno = tly_errno_of(status);
        return NULL;
    }
    struct tly_mutator *self = tly_registry_adopt();
    if (!self)
        self = tly_registry_create();
    tly_gate_arrive();
    return self;
}

void tly_attach_fork(bool begins) { attach_forks = begins; }

// Not by a handler that fork calls between ours: it would wait for its own
// thread.
static void handlers_check(void) {
    if (TLY_UNLIKELY(attach_forks))
        tly_misuse("thread %u uses the heap in a handler of fork that was "
                   "registered before the library was loaded; call "
                   "pthread_atfork in main, or later",
                   tly_os_thread_id());
}

static tally_status attach(const char *name, bool open) {
    if (tly_is_attached(tly_self()))
        return TALLY_OK;
    handlers_check();
    int error = errno;
    if (attach_mine)
        tly_misuse("thread %u attaches inside a blocking region",
                   tly_os_thread_id());
    struct tly_mutator *self = mutator_take();
    if (!self)
        return -errno;
    if (pthread_setspecific(attach_key, self) != 0) {
        // Without it the thread's end would leave the mutator ATTACHED.
        give_up(self);
        return TALLY_NO_MEMORY;
    }
    mine_set(self);
    (void)tly_os_on_stack(&error); // allocates: not first in a fork's child
    if (tly_epoch_hooks.adopt)
        tly_epoch_hooks.adopt(self);
    tly_who_set(self, name, !open);
    self->blocking = 0;
    self_set(self);
    uint64_t began = tly_stall_begin(self);
    tly_world_pass(self);
    tly_poll(self, open);
    tly_stall_end(began);
    errno = error;
    return TALLY_OK;
}

// A thread that came as a guest stays; it may have come in regions.
static void guest_stay(void) {
    if (attach_guest == GUEST_NEW)
        tly_regions += attach_regions;
    attach_guest = GUEST_NOT;
}

tally_status tally_attach(const char *name) {
    if (attach_guest == GUEST_NEW)
        guest_stay();
    return attach(name, true);
}

void tly_ignored(bool *once, const char *what) {
    if (!*once)
        tly_report("thread %u %s: this is ignored", tly_os_thread_id(), what);
    *once = true;
}

static void detach(struct tly_mutator *self) {
    if (!tly_is_attached(tly_self()))
        tly_mutator_attach(self);
    if (tly_rcu_ongoing() || self->stopped_world)
        tly_misuse("thread %u detaches inside a borrow section or a world "
                   "that it has stopped",
                   tly_os_thread_id());
    tly_poll(self, true);
    give_up(self);
}

void tally_detach(void) {
    static TALLY_THREAD bool once;
    struct tly_mutator *self = attach_mine;
    if (!self)
        return;
    // Whoever called the hook goes on with the mutator.
    if (tly_epoch_hooks.called && tly_epoch_hooks.called(self))
        tly_ignored(&once, "detaches in a hook, finalizer or callback");
    else
        detach(self);
}

struct tly_mutator *tly_self_attached(void) {
    struct tly_mutator *self = tly_self();
    if (TLY_LIKELY(tly_is_attached(self)))
        return self;
    handlers_check();
    if (attach_mine) {
        if (TLY_CHECK >= 1)
            tly_misuse("thread %u uses the heap inside a blocking region",
                       tly_os_thread_id());
        // Whoever uses the heap is outside: it has left the region by longjmp,
        // or has no right to be in it.
        tly_regions_end();
        attach_mine->blocking = 0;
        tly_mutator_attach(attach_mine);
        return attach_mine;
    }
    tally_status status = attach(NULL, false);
    if (status == TALLY_OK)
        return tly_self();
    errno = tly_errno_of(status);
    return NULL;
}

// Inside the gate, for what cannot fail: it is about an object or a block, and
// so the runtime has been started.
static void gate_surely(void) {
    tally_status status = tly_gate_pass();
    if (status != TALLY_OK)
        tly_misuse("thread %u uses what is no object or block of this heap, "
                   "which cannot be started: %s",
                   tly_os_thread_id(), tally_strerror(status));
}

void tly_attach_surely(void) {
    int error = errno;
    while (!tly_is_attached(tly_self()) && !tly_self_attached()) {
        gate_surely();
        tly_gate_leave();
        tly_os_yield();
    }
    errno = error;
}

struct tly_mutator *tly_reserve_take(void) {
    if (attach_reserve++ > 0)
        return tly_mutator_of(1);
    gate_surely();
    struct tly_mutator *self = tly_mutator_of(1);
    for (uint32_t state = TLY_VACANT;; state = TLY_VACANT) {
        // ORDER[state] seq_cst: as adoption of any vacant mutator.
        if (tly_cas_seq_cst(&self->state, &state, TLY_ATTACHED))
            break;
        tly_os_yield();
    }
    tly_gate_arrive();
    attach_saved = attach_mine;
    mine_set(self);
    self_set(self);
    tly_world_pass(self);
    tly_poll(self, false);
    return self;
}

void tly_reserve_leave(struct tly_mutator *self) {
    if (--attach_reserve > 0)
        return;
    state_leave(self, TLY_VACANT, false);
    attach_mine = attach_saved;
    tly_gate_leave();
}

struct tly_guest tly_guest_enter(void) {
    int error = errno;
    enum guest guest = attach_mine ? GUEST_BLOCKED : GUEST_NEW;
    struct tly_guest outer = {NULL, attach_guest, attach_regions};
    uint32_t regions = tly_regions;
    struct tly_mutator *self = attach_reserve > 0 ? NULL : tly_self_attached();
    attach_guest = self ? guest : GUEST_RESERVE;
    attach_regions = regions;
    // Hooks that run have regions of their own.
    if (self)
        tly_regions = 0;
    errno = error;
    outer.self = self ? self : tly_reserve_take();
    return outer;
}

// The thread is as it was before: it may never come to a safepoint. But not out
// of a section or region that a hook has left open, or a world that it has
// stopped.
static void guest_leave(struct tly_mutator *self) {
    enum guest guest = attach_guest;
    if (guest == GUEST_NOT)
        return;
    if (attach_mine != self || tly_rcu_ongoing() || self->stopped_world ||
        !tly_is_attached(tly_self()) ||
        (guest == GUEST_NEW && tly_regions > 0)) {
        guest_stay();
        return;
    }
    if (guest == GUEST_BLOCKED) {
        tly_mutator_detach(self);
        self->blocking = attach_regions > 0;
    } else {
        detach(self);
    }
    tly_regions = attach_regions;
}

void tly_guest_leave(const struct tly_guest *guest) {
    int error = errno;
    if (attach_guest == GUEST_RESERVE)
        tly_reserve_leave(guest->self);
    else
        guest_leave(guest->self);
    attach_guest = (enum guest)guest->outer;
    attach_regions = guest->regions;
    errno = error;
}

uint32_t tally_mutator_number(void) {
    return tly_is_attached(tly_self()) ? tly_self()->number : 0;
}

// At the end of every thread that attached and did not detach: in each round of
// its destructors, after those of the program's that used the heap, in the last
// round too; and again after a hook here that ends the thread.
static void thread_ends(void *mutator) {
    tly_regions = 0;
    if (!attach_mine)
        return;
    (void)pthread_setspecific(attach_key, mutator);
    // A destructor of the program's may have unregistered its own reader.
    tly_rcu_register(attach_mine);
    tly_rcu_leave_all();
    if (!tly_is_attached(tly_self()))
        tly_mutator_attach(attach_mine);
    if (tly_epoch_hooks.unwound)
        tly_epoch_hooks.unwound(attach_mine);
    if (attach_mine->stopped_world)
        tally_start_world();
    detach(attach_mine);
}

bool tly_attach_has(const struct tly_mutator *mutator) {
    return mutator == attach_mine ||
           (attach_reserve > 0 && mutator == attach_saved);
}

// [self]: this thread's, or tly_nobody.
static void orphan_serve(struct tly_mutator *orphan, struct tly_mutator *self) {
    struct tly_mutator *mine = attach_mine;
    mine_set(orphan);
    self_set(orphan);
    // ORDER[breaker] acq_rel: taken before the inbox, as in tly_inbox_help.
    tly_and_acq_rel(&orphan->breaker.bits_, ~TLY_BREAK_INBOX);
    if (tly_epoch_hooks.orphan)
        tly_epoch_hooks.orphan(orphan);
    mine_clear(orphan);
    attach_mine = mine;
    if (tly_is_attached(self))
        self_set(self);
    else
        self_clear();
}

void tly_attach_orphan(struct tly_mutator *orphan) {
    struct tly_mutator *self = tly_self();
    uint32_t bits;
    do {
        uint32_t state = TLY_VACANT;
        // ORDER[state] seq_cst: as adoption.
        while (!tly_cas_seq_cst(&orphan->state, &state, TLY_ATTACHED)) {
            if (state != TLY_SUSPENDED)
                return; // it has a thread, which has found all that
            tly_os_yield();
            state = TLY_VACANT;
        }
        orphan_serve(orphan, self);
        // ORDER[state] seq_cst: as in state_leave.
        tly_store_seq_cst(&orphan->state, TLY_VACANT);
        // ORDER[breaker] seq_cst: as in state_leave.
        bits = tly_load_seq_cst(&orphan->breaker.bits_);
        tly_world_left();
        tly_handshake_left(orphan);
    } while (bits & TLY_BREAK_INBOX);
}

void tly_attach_forget(void) {
    attach_mine = NULL;
    attach_reserve = 0;
    tly_regions = 0;
    self_clear();
}

tally_status tly_attach_start(void) {
    tly_stall_reset();
    tally_status status = tly_os_key_last(&attach_key, thread_ends);
    if (status == TALLY_OK)
        tly_gate_open();
    return status;
}

void tly_attach_end(void) {
    tly_gate_close();
    pthread_key_delete(attach_key);
}
