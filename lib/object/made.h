// Types that are made at run time, and go when nothing uses them.
//
// Such a type counts its objects, in stripes that threads seldom share: one up
// before the object exists, one down after the last use of the type for it,
// which is its destroy hook. Who holds no type makes no objects of it. So from
// the time that nobody holds it the count only falls, and a sum of the stripes
// that is 0 is 0 for good, in whatever order they are read.
//
// A type is freed by who has the collector's lock, after a collection: nobody
// walks the heap then, and those who borrowed what a collection cleared have
// ended their sections (tly_garbage_clear waits for them). What died by its
// count was destroyed a grace period after, if it was published
// (tests/model/types.pml).

#ifndef TLY_OBJECT_MADE_H
#define TLY_OBJECT_MADE_H

#include <tally/types.h>

#include "base/atomic.h"

#define TLY_MADE_STRIPES 16u

struct tly_made {
    tally_type type;
    tally_type *base;        // a hold, in effect: it counts this type
    struct tly_made *next;   // on the list of those that nobody holds
    uint64_t holds, derived; // with the lock of types
    bool listed;             // on that list
    struct {
        int64_t objects; // (a)
        char pad[56];    // a cache line each
    } stripe[TLY_MADE_STRIPES];
};

// One object more, or less, of a type that was made at run time. [number] is
// the thread's, and picks the stripe.
TLY_INLINE void tly_made_count(struct tly_made *made, unsigned number,
                               int64_t more) {
    // ORDER[made] release: the thread's last use of the type comes before.
    // Pairs with the acquire of who frees it.
    tly_add_release(&made->stripe[number % TLY_MADE_STRIPES].objects, more);
}

// Whether a type waits to be freed: a hint.
bool tly_types_are_dropped(void);

// Frees the types that nothing uses. The caller has the collector's lock, and
// no collection is under way.
void tly_types_retire(void);

// Forgets them, with the heap they lie in.
void tly_made_end(void);

#endif
