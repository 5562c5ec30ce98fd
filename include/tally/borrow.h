// Borrow sections and grace periods.
//
// Inside a borrow section an uncounted reference to a published object stays
// valid, though its last counted reference may go:
//
//     TALLY_BORROW {
//         struct table *t = tally_aref_get(&current);
//         use(t);
//     }
//
// Sections are short: a stop of the world waits for them, and what dies
// meanwhile waits for its memory. A grace period is the time after which every
// section that was open at its start has ended.

#ifndef TALLY_BORROW_H
#define TALLY_BORROW_H

#include <tally/inline/borrow.h>

TALLY_BEGIN

// Begins a borrow section. Sections nest, and must not block: no safepoint
// acts inside, so that others may wait for the section's end. A read-side
// section of liburcu's memb flavour that the program itself has begun counts
// as one.
//
// Returns:  0; then tally_borrow_leave must follow.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT: the thread could not be attached.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   no.
// Cost:     three loads and a store, nothing locked (bench/borrow).
TALLY_INLINE tally_status tally_borrow_enter(void) {
    const struct tally_breaker_ *self = tally_breaker_;
    return TALLY_LIKELY(tally_borrow_begin_(self, self->reader_))
               ? TALLY_OK
               : tally_borrow_enter_slow_();
}

// Ends a borrow section; the outermost one is a safepoint.
//
// Returns:  nothing.
// Threads:  the one that entered it.
// Blocks:   as tally_safepoint, for the outermost.
// Cost:     four loads and a store (bench/borrow).
TALLY_INLINE void tally_borrow_leave(void) { tally_borrow_end_(); }

// The statement that follows is a borrow section, however it is left: by its
// end, return, goto, an exception, or break and continue, which both leave the
// section and not the loop around it.
//
// Blocks:   at its end as tally_safepoint, if it is the outermost section; at
//           its begin only to attach the thread, which without memory waits
//           for a mutator that another gives up.
#define TALLY_BORROW TALLY_BORROW_(TALLY_CAT_(tally_once_, __COUNTER__))
#define TALLY_BORROW_(section)                                                 \
    for (struct tally_section_ section                                         \
         __attribute__((cleanup(tally_section_end_))) =                        \
             tally_section_begin_();                                           \
         section.once; section.once = false)

// Waits for a grace period.
//
// Returns:  0 when every section that was open at the call has ended.
// Errors:   TALLY_DEADLOCK inside a borrow section.
// Threads:  any.
// Blocks:   for the longest open borrow section, however long: the option
//           deadline_ms does not bound it. Of more than a second it is said on
//           stderr whose section that is, and what it is at. The caller is
//           detached meanwhile.
// Cost:     a detach, an attach and a grace period of liburcu.
TALLY_API tally_status tally_synchronize(void);

TALLY_END

#endif
