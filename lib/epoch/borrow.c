// The calls that the fast path of borrow sections leads to, and the wait for
// grace periods. A section is liburcu's: no safepoint acts inside one.

#include "epoch/borrow.h"

#include <tally/borrow.h>
#include <tally/mutator.h>

#include "base/status.h"
#include "epoch/attach.h"
#include "epoch/rcu.h"
#include "epoch/region.h"
#include "platform/os.h"

// The fast paths as symbols, as in object/twins.c.
extern inline unsigned long tally_section_word_(
    const struct tally_breaker_ *self, const unsigned long *reader);
extern inline unsigned long tally_borrow_begin_(
    const struct tally_breaker_ *self, unsigned long *reader);
extern inline void tally_borrow_end_(void);
extern inline bool tally_section_asked_(const struct tally_breaker_ *self);
extern inline struct tally_section_ tally_section_begin_(void);
extern inline void tally_section_end_(const struct tally_section_ *section);
extern inline tally_status tally_borrow_enter(void);
extern inline void tally_borrow_leave(void);

tally_status tally_borrow_enter_slow_(void) {
    if (!tly_self_attached())
        return -errno;
    tly_rcu_enter();
    return TALLY_OK;
}

void tally_borrow_enter_surely_(void) {
    tly_attach_surely();
    tly_rcu_enter();
}

void tally_borrow_leave_slow_(void) {
    if (!tly_rcu_ongoing())
        tly_misuse("thread %u leaves a borrow section that it is not in",
                   tly_os_thread_id());
    tly_rcu_leave();
    // Relaxed: as tally_safepoint.
    if (tly_load_relaxed(&tally_breaker_->bits_))
        tally_safepoint_slow_();
}

void tally_borrow_left_slow_(void) {
    if (tly_rcu_ongoing())
        return;
    tly_rcu_wake();
    tally_safepoint_slow_();
}

void tly_borrow_await(struct tly_mutator *self, uint64_t number) {
    tly_mutator_detach(self);
    tly_grace_await(number);
    tly_mutator_attach(self);
}

tally_status tally_synchronize(void) {
    struct tly_mutator *self = tly_self_attached();
    if (!self)
        return -errno;
    if (tly_rcu_ongoing())
        return TALLY_DEADLOCK;
    tly_borrow_await(self, tly_grace_next());
    return TALLY_OK;
}

void tly_borrow_none_slow(const char *call) {
    if (tly_rcu_ongoing())
        tly_misuse("thread %u %s inside a borrow section; that may wait, and "
                   "others wait for the section's end: leave it first",
                   tly_os_thread_id(), call);
}

// ---- leaving by longjmp

struct tally_mark tally_mark_now(void) {
    return (struct tally_mark){tly_rcu_depth(), tly_regions,
                               tly_self()->stopped_world};
}

void tally_unwind(const struct tally_mark *mark) {
    TLY_KEEPS_ERRNO;
    // Nobody blocks in a section: regions were begun last, or there are none.
    while (tly_regions > mark->regions_)
        tally_blocking_exit();
    unsigned long depth = tly_rcu_depth();
    for (unsigned long n = mark->sections_; n < depth; n++)
        tly_rcu_leave();
    if (tly_self()->stopped_world && !mark->stopped_)
        tally_start_world();
    struct tly_mutator *self = tly_self();
    // Whatever was called since the mark has a lower frame than this call.
    if (tly_is_attached(self) && tly_epoch_hooks.left)
        tly_epoch_hooks.left(self, __builtin_frame_address(0));
    tally_safepoint_slow_();
}
