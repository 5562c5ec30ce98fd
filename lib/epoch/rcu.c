// liburcu 0.13.2, memb flavour.
//
// ThreadSanitizer does not see its inline assembly: two happens-before edges
// stand for a grace period, and the sections are called out of line in its
// builds. One token for all readers means that a section that begins and ends
// inside a grace period counts as ordered; the tests' poison covers that.

#include "epoch/rcu.h"

#include "base/cancel.h"
#include "epoch/overdue.h"
#include "epoch/registry.h"
#include "platform/module.h"
#include "sync/mutex.h"

#if !TLY_TSAN
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-memb.h>
// Declares the reader's record; the sections are still called out of line.
#include <urcu/static/urcu-memb.h>

#if TLY_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
static char grace_begin, grace_end; // only their addresses matter
#define HAPPENS_BEFORE(token) __tsan_release(&(token))
#define HAPPENS_AFTER(token) __tsan_acquire(&(token))
#else
#define HAPPENS_BEFORE(token) ((void)0)
#define HAPPENS_AFTER(token) ((void)0)
#endif

// The public fast path does what liburcu's own does where programs have it
// inlined (urcu/static/urcu-memb.h), which is why it is liburcu's ABI too. It
// needs the kernel's membarrier, and is blind to ThreadSanitizer.
_Static_assert(URCU_GP_COUNT == 1, "sections are counted by one");
_Static_assert(URCU_GP_CTR_NEST_MASK == TALLY_SECTIONS_,
               "the count of sections is where inline/borrow.h has it");

static void fast_path_set(struct tly_mutator *self) {
    bool fast = !TLY_TSAN && urcu_memb_has_sys_membarrier;
    self->breaker.reader_ =
        fast ? &URCU_TLS(urcu_memb_reader).ctr : &tly_no_reader;
    self->breaker.epoch_ = &urcu_memb_gp.ctr;
    self->breaker.waiter_ = &urcu_memb_gp.futex;
}

// Registering and waiting exclude fork, which would copy liburcu's locks.
static struct tly_mutex rcu_lock = TLY_MUTEX_INIT(TLY_RANK_RCU);
static struct tly_mutex grace_lock = TLY_MUTEX_INIT(TLY_RANK_GRACE);

static void reader_set(struct tly_mutator *self) {
    self->rcu_reader = &URCU_TLS(urcu_memb_reader);
    fast_path_set(self);
}

void tly_rcu_register(struct tly_mutator *self) {
    if (URCU_TLS(urcu_memb_reader).registered) {
        // Of ours others read it, with the lock.
        if (!self->rcu_ours)
            reader_set(self);
        return;
    }
    tly_mutex_lock(&rcu_lock);
    reader_set(self);
    urcu_memb_register_thread();
    self->rcu_ours = true;
    tly_mutex_unlock(&rcu_lock);
    HAPPENS_AFTER(grace_begin);
}

void tly_rcu_unregister(struct tly_mutator *self) {
    if (!self->rcu_ours)
        return;
    HAPPENS_BEFORE(grace_end);
    tly_mutex_lock(&rcu_lock);
    urcu_memb_unregister_thread();
    self->rcu_ours = false;
    tly_mutex_unlock(&rcu_lock);
}

void tly_rcu_enter(void) {
    urcu_memb_read_lock();
    HAPPENS_AFTER(grace_begin);
}

void tly_rcu_leave(void) {
    HAPPENS_BEFORE(grace_end);
    urcu_memb_read_unlock();
}

void tly_rcu_leave_all(void) {
    while (tly_rcu_ongoing())
        tly_rcu_leave();
}

unsigned long tly_rcu_depth(void) {
    // Relaxed: the thread's own word.
    return tly_load_relaxed(&URCU_TLS(urcu_memb_reader).ctr) & TALLY_SECTIONS_;
}

bool tly_rcu_ongoing_slow(void) { return urcu_memb_read_ongoing() != 0; }

// With the lock, which keeps the thread from unregistering and ending.
static unsigned long sections_of(const struct tly_mutator *mutator) {
    const struct urcu_reader *reader = mutator->rcu_reader;
    // Relaxed: a hint.
    return mutator->rcu_ours ? tly_load_relaxed(&reader->ctr) : 0;
}

static bool has_section(const struct tly_mutator *mutator) {
    return sections_of(mutator) & TALLY_SECTIONS_;
}

bool tly_rcu_has_section(const struct tly_mutator *mutator) {
    tly_mutex_lock(&rcu_lock);
    bool has = has_section(mutator);
    tly_mutex_unlock(&rcu_lock);
    return has;
}

bool tly_rcu_any_section(void) {
    bool any = false;
    tly_mutex_lock(&rcu_lock);
    for (uint32_t n = 1; n <= tly_registry_count() && !any; n++)
        any = has_section(tly_mutator_of(n));
    tly_mutex_unlock(&rcu_lock);
    return any;
}

uint32_t tly_rcu_late(void) {
    uint32_t late = 0;
    tly_mutex_lock(&rcu_lock);
    // Relaxed, both: for a report. A section that began before the grace period
    // has its phase of then.
    unsigned long phase = tly_load_relaxed(&urcu_memb_gp.ctr);
    for (uint32_t n = 1; n <= tly_registry_count() && !late; n++) {
        // A section of the phase before. Its word is loaded once: the thread
        // may leave one, which keeps its phase, and begin another.
        unsigned long word = sections_of(tly_mutator_of(n));
        if (word & TALLY_SECTIONS_ && (word ^ phase) & URCU_GP_CTR_PHASE)
            late = n;
    }
    tly_mutex_unlock(&rcu_lock);
    return late;
}

void tly_rcu_wake(void) {
    // The end of a section looks for who waits.
    urcu_memb_read_lock();
    urcu_memb_read_unlock();
}

// The last one that has begun, and the last that has ended; (a), advanced with
// grace_lock held.
static uint64_t grace_begun, grace_ended;

uint64_t tly_grace_next(void) {
    // ORDER[grace] acq_rel: all that the caller took out of the readers' reach
    // happens before the next one begins. A read-modify-write: a load could
    // run before the stores that it is to follow, and miss one that begins.
    return tly_add_acq_rel(&grace_begun, 0) + 1;
}

bool tly_grace_passed(uint64_t number) {
    // ORDER[grace-end] acquire: the sections that it waited for happen before
    // what the caller does. Pairs with grace_pass.
    return tly_load_acquire(&grace_ended) >= number;
}

static void grace_pass(void) {
    TLY_NO_CANCEL;
    // ORDER[grace] acq_rel: see tly_grace_next.
    uint64_t number = tly_add_acq_rel(&grace_begun, 1) + 1;
    HAPPENS_BEFORE(grace_begin);
    HAPPENS_BEFORE(grace_end);
    tly_overdue_begin();
    urcu_memb_synchronize_rcu();
    tly_overdue_end();
    HAPPENS_AFTER(grace_end);
    // ORDER[grace-end] release: see tly_grace_passed.
    tly_store_release(&grace_ended, number);
}

void tly_grace_await(uint64_t number) {
    tly_overdue_enter();
    tly_mutex_lock(&grace_lock);
    // Whoever had the lock before may have waited for it as well.
    if (!tly_grace_passed(number))
        grace_pass();
    tly_check(tly_grace_passed(number));
    tly_mutex_unlock(&grace_lock);
    tly_overdue_leave();
}

uint64_t tly_grace_count(void) {
    // Relaxed: a statistic.
    return tly_load_relaxed(&grace_ended);
}

// ---- fork
//
// liburcu keeps readers in a list, the last that came first. The records of
// the other threads lie in their thread-local storage, which nobody may touch
// in the child: a handler of fork that was registered before ours may have
// started a thread there, and the C library gives it a dead thread's stack. So
// the thread that forks becomes the first of the list before; in the child
// what comes after it is cut off, which writes to its own record and to the
// head alone. What a new thread writes as it registers is neither of the two
// words, and it stays in the list.
//
// The program's own readers come and go meanwhile, with liburcu's lock, which
// is why the list is changed by liburcu's functions only. One that the program
// has registered since is before ours, and stays in the child's list, where
// liburcu's rule is that there must be none.

static struct cds_list_head *rcu_readers; // the list, while a fork holds it
static bool rcu_guest; // the thread that forks is a reader for this only

static void reader_first(void) {
    struct urcu_reader *reader = &URCU_TLS(urcu_memb_reader);
    rcu_guest = !reader->registered;
    do {
        if (reader->registered)
            urcu_memb_unregister_thread();
        urcu_memb_register_thread();
        // Relaxed: one that comes writes it. The head alone is in a module.
        rcu_readers = tly_load_relaxed(&reader->node.prev);
    } while (!tly_module_has(rcu_readers));
}

void tly_rcu_hold(bool hold) {
    // Not while another thread waits inside liburcu, whose own locks the child
    // would find locked.
    if (!hold && rcu_guest)
        urcu_memb_unregister_thread();
    tly_mutex_hold(&grace_lock, hold);
    tly_mutex_hold(&rcu_lock, hold);
    if (hold)
        reader_first();
}

void tly_rcu_forked(void) {
    struct urcu_reader *reader = &URCU_TLS(urcu_memb_reader);
    reader->node.next = rcu_readers;
    rcu_readers->prev = &reader->node;
    tly_overdue_forked();
}
