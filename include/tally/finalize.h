// Finalizers: who runs them, and what becomes of their errors.
//
// A finalizer runs at most once for each object, and never inside an
// allocation. It may allocate, collect, take the program's locks, wait in a
// blocking region, and bring its object back by storing a reference to it. A
// lock that it takes must not be held by a thread that drops a last reference
// or passes a safepoint, for it may run there.
// What its object refers to, directly or not, is whole. By whom it is called
// is the type's choice (TALLY_FINALIZE_BY), or the option [finalizers]:
//
//   inline   the thread that dropped the last reference, or that collected;
//            when it has left the runtime's loops and locks
//   thread   a thread of the runtime's, which is started when there is work
//   pumped   whoever calls tally_finalize_pending

#ifndef TALLY_FINALIZE_H
#define TALLY_FINALIZE_H

#include <tally/type.h>

TALLY_BEGIN

// Runs finalizers that wait: those that are pumped, those of the runtime's
// thread that it has not begun, and those of this thread that could not run
// where they came up; of those that make the next, 1024 and as many more as
// wait then. When none is left, garbage that waited for them is
// destroyed.
//
// max:      how many at most.
// Returns:  how many ran; 0 inside a finalizer or a hook, in a borrow section,
//           in a world that the caller has stopped, and where the thread
//           cannot attach. errno is kept.
// Threads:  any.
// Blocks:   as the finalizers do; after the last, for a collection that is
//           under way, and until the world stands still.
// Cost:     a short lock for each; after the last, a visit of the garbage.
TALLY_API size_t tally_finalize_pending(size_t max);

// Called with what finalizers and hooks report: the object and its type, a
// status, a text, and what was given to tally_set_error_sink.
typedef void (*tally_error_sink)(const tally_type *type, void *object,
                                 tally_status status, const char *text,
                                 void *arg);

// Says where reports of finalizers and hooks go from now on, until
// tally_shutdown.
//
// fn:       NULL: one line each to stderr, as from the start. It is called by
//           the thread that reports, with no lock held; it may do what the
//           reporter may do. One that is replaced may still be running.
// Returns:  nothing.
// Threads:  any, attached or not.
// Blocks:   no.
// Cost:     a short lock.
TALLY_API void tally_set_error_sink(tally_error_sink fn, void *arg);

// Reports that something went wrong in a finalizer or a destroy hook, which
// has nobody to return a status to. Keeps errno.
//
// object:   that which is finalized or destroyed.
// status:   what happened; tally_strerror names it.
// text:     what was being done; NULL: nothing to say.
// Returns:  nothing.
// Threads:  the one that runs the finalizer or the hook.
// Blocks:   as the sink does.
// Cost:     a short lock, and the sink's.
TALLY_API void tally_finalize_error(void *object, tally_status status,
                                    const char *text);

TALLY_END

#endif
