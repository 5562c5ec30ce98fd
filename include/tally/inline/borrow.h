// The fast path of borrow sections.
//
// A section is a read-side section of liburcu's memb flavour: its begin copies
// the epoch's word to the thread's, its end takes one from it. Both are plain
// stores; who waits for a grace period makes every core pass a barrier
// (membarrier), and so needs none here but against the compiler.

#ifndef TALLY_INLINE_BORROW_H
#define TALLY_INLINE_BORROW_H

#include <tally/inline/count.h>
#include <tally/status.h>

TALLY_BEGIN

// The slow paths. For the fast paths only; the public functions that use them
// say what they do.
//
// Returns:  as tally_borrow_enter.  Errors: as there.  Threads: any.  Blocks:
// no.  Cost: a call of liburcu.
TALLY_API tally_status tally_borrow_enter_slow_(void);
// Returns:  nothing.  Threads: any.  Blocks: for a mutator to be had.  Cost: a
// call of liburcu.
TALLY_API void tally_borrow_enter_surely_(void);
// Returns:  nothing.  Threads: in a section.  Blocks: as tally_safepoint.
// Cost:     a call of liburcu.
TALLY_API void tally_borrow_leave_slow_(void);
// Returns:  nothing.  Threads: any.  Blocks: as tally_safepoint.  Cost: a
// call of liburcu, and of what is asked.
TALLY_API void tally_borrow_left_slow_(void);

// The bits of a thread's word in which sections are counted.
#define TALLY_SECTIONS_ ((1ul << (sizeof(long) * 4)) - 1)

// What a thread's word becomes when it enters a section.
// Returns:  0 when a call has to do it.
// Threads:  any.  Blocks: no.  Cost: three loads.
TALLY_INLINE unsigned long tally_section_word_(
    const struct tally_breaker_ *self, const unsigned long *reader) {
    // Relaxed: the thread's own word; grace periods order by membarrier.
    unsigned long word = __atomic_load_n(reader, __ATOMIC_RELAXED) + 1;
    if (TALLY_LIKELY((word & TALLY_SECTIONS_) == 1))
        return __atomic_load_n(self->epoch_, __ATOMIC_RELAXED);
    return TALLY_LIKELY(word & TALLY_SECTIONS_) ? word : 0;
}

// Begins a section, if no call is needed.
// Returns:  the thread's word, 0 when a call is: nothing is done.
// Threads:  any.  Blocks: no.  Cost: three loads and a store.
TALLY_INLINE unsigned long tally_borrow_begin_(
    const struct tally_breaker_ *self, unsigned long *reader) {
    unsigned long word = tally_section_word_(self, reader);
    if (TALLY_UNLIKELY(!word))
        return 0;
    __atomic_store_n(reader, word, __ATOMIC_RELAXED);
    // ORDER[section] acquire: the compiler keeps the section's reads after
    // its begin. Pairs with the membarrier of a grace period.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return word;
}

// Whether the end of a section is waited for, or a safepoint asked for.
// Returns:  true if so.  Threads: any.  Blocks: no.  Cost: three loads.
TALLY_INLINE bool tally_section_asked_(const struct tally_breaker_ *self) {
    // Relaxed: as tally_safepoint; the compiler keeps it after the end.
    return ((uint32_t)__atomic_load_n(self->waiter_, __ATOMIC_RELAXED) |
            __atomic_load_n(&self->bits_, __ATOMIC_RELAXED)) != 0;
}

// Returns:  nothing.  Threads: the one that entered.  Blocks: as
// tally_safepoint, for the outermost.  Cost: six loads and a store.
TALLY_INLINE void tally_borrow_end_(void) {
    struct tally_breaker_ *self = tally_breaker_;
    unsigned long *reader = self->reader_;
    // Relaxed: the thread's own word.
    unsigned long word = __atomic_load_n(reader, __ATOMIC_RELAXED);
    if (TALLY_UNLIKELY(((word + 1) & TALLY_SECTIONS_) <= 1)) {
        tally_borrow_leave_slow_();
        return;
    }
    // ORDER[section] release: the section's reads stay before its end, and
    // the look at who waits after it. Pairs as above.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(reader, word - 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (TALLY_UNLIKELY(tally_section_asked_(self)))
        tally_borrow_left_slow_();
}

// What a TALLY_BORROW statement remembers, so that its end reloads nothing.
struct tally_section_ {
    struct tally_breaker_ *self;
    unsigned long *reader; // NULL: a call has to end it
    unsigned long before;  // the thread's word after the section
    bool once;             // the statement is yet to be run
};

// Returns:  a section that is begun.  Threads: any.  Blocks: for a mutator to
// be had, if there is no memory for one.  Cost: as tally_borrow_enter.
TALLY_INLINE struct tally_section_ tally_section_begin_(void) {
    struct tally_section_ section;
    section.self = tally_breaker_;
    section.reader = section.self->reader_;
    section.before = tally_borrow_begin_(section.self, section.reader) - 1;
    section.once = true;
    if (TALLY_UNLIKELY(section.before == (unsigned long)-1)) {
        section.reader = NULL;
        tally_borrow_enter_surely_();
    }
    return section;
}

// The end of a TALLY_BORROW statement, however it is left.
// Returns:  nothing.  Threads: in that section.  Blocks: as tally_borrow_leave.
// Cost:     two loads and a store.
TALLY_INLINE void tally_section_end_(const struct tally_section_ *section) {
    if (TALLY_UNLIKELY(!section->reader)) {
        tally_borrow_end_();
        return;
    }
    // ORDER[section] release: as tally_borrow_end_.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(section->reader, section->before, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (TALLY_UNLIKELY(tally_section_asked_(section->self)))
        tally_borrow_left_slow_();
}

TALLY_END

#endif
