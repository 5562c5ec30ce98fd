// Borrow sections and grace periods.
//
// Inside a borrow section an uncounted reference to a published object stays
// valid, though its last counted reference may go. Sections are short: a stop
// of the world waits for them. A grace period is the time
// after which every section that was open at its start has ended.

#ifndef TALLY_BORROW_H
#define TALLY_BORROW_H

#include <tally/status.h>

TALLY_BEGIN

// Begins a borrow section. Sections nest, and must not block: no safepoint
// acts inside, so that others may wait for the section's end.
//
// Returns:  0; then tally_borrow_leave must follow.
// Errors:   TALLY_NO_MEMORY, TALLY_LIMIT: the thread could not be attached.
// Threads:  any; a thread that is not attached is attached.
// Blocks:   no.
// Cost:     a call and liburcu's section, without a locked operation
//           (bench/borrow).
TALLY_API tally_status tally_borrow_enter(void);

// Ends a borrow section; the outermost one is a safepoint.
//
// Returns:  nothing.
// Threads:  the one that entered it.
// Blocks:   as tally_safepoint, for the outermost.
// Cost:     as tally_borrow_enter.
TALLY_API void tally_borrow_leave(void);

// Waits for a grace period.
//
// Returns:  0 when every section that was open at the call has ended.
// Errors:   TALLY_DEADLOCK inside a borrow section.
// Threads:  any.
// Blocks:   for the longest open borrow section; the caller is detached
//           meanwhile.
// Cost:     a detach, an attach and a grace period of liburcu.
TALLY_API tally_status tally_synchronize(void);

TALLY_END

#endif
