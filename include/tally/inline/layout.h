// The only layout that programs are compiled against.
//
// Everything here ends in an underscore and belongs to the library: programs
// embed a tally_object as the first member of their structures and declare
// tally_ref fields, and touch both through functions only.
//
//   +0  local_   u32  references counted by the owner, plainly
//   +4  owner_   u16  number of the owning mutator | DEAD | WATCH
//   +6  gc_      u8   what the collector knows
//   +7  tf_      u8   constant copy of hot type flags
//   +8  shared_  u64  others' count: 35 | type index: 22 | flags: 7

#ifndef TALLY_INLINE_LAYOUT_H
#define TALLY_INLINE_LAYOUT_H

#include <tally/api.h>

TALLY_BEGIN

// The first member of every object: 16 bytes.
typedef struct tally_object {
    uint32_t local_;
    uint16_t owner_;
    uint8_t gc_;
    uint8_t tf_;
    uint64_t shared_;
} tally_object;

// A counted field of an object. It is a type of its own, so that a raw
// pointer cannot be stored in it by accident.
typedef struct tally_ref {
    tally_object *object_;
} tally_ref;

// A field that any thread may read while others change it. Its references are
// found as those of a tally_ref.
typedef struct tally_aref {
    tally_ref ref_;
} tally_aref;

// A shared field that holds a value (tally/cell.h): an object, or a word in
// whose TALLY_TAG_ a bit is set.
typedef struct tally_cell {
    tally_ref ref_;
} tally_cell;
#define TALLY_TAG_ 7u

// Owner numbers. 1 .. TALLY_OWNER_MAX_ are mutators; a thread that is not
// attached has TALLY_OWNER_NOBODY_, which no header ever holds.
#define TALLY_OWNER_NONE_ 0x0000u
#define TALLY_OWNER_MAX_ 0x3FEFu
#define TALLY_OWNER_HOT_ 0x3FFCu
#define TALLY_OWNER_COOLING_ 0x3FFDu
#define TALLY_OWNER_NOBODY_ 0x3FFEu
#define TALLY_OWNER_IMMORTAL_ 0x3FFFu
#define TALLY_OWNER_MASK_ 0x3FFFu
#define TALLY_OWNER_DEAD_ 0x4000u
#define TALLY_OWNER_WATCH_ 0x8000u

// What fast paths read of a thread's mutator: what the runtime asks of it, and
// the words that borrow sections are made of (inline/borrow.h). A thread that
// is not attached sees a mutator that wants nothing. [counts_] is what files
// compiled with TALLY_COUNT_OPERATIONS count.
struct tally_breaker_ {
    uint32_t bits_;
    uint64_t counts_;
    unsigned long *reader_;      // counts sections; all ones: calls have to
    const unsigned long *epoch_; // what a section's begin stores there
    const int32_t *waiter_;      // not 0: one waits for a section's end
};
extern TALLY_API TALLY_THREAD struct tally_breaker_ *tally_breaker_;
extern TALLY_API TALLY_THREAD uint16_t tally_number_;

TALLY_END

#endif
