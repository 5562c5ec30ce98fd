// A number for each thread, and where on its stack the outermost level is.

#include "container/depth.h"

#include <stdint.h>

#include "base/compiler.h"

// Levels of containers in containers, which a ring has without end.
#define DEEPEST 200u
// Bytes of stack that hooks between the levels may take, of the 64 KiB that a
// small thread has. Levels that no hook is between take none.
#define STACK_MOST ((uintptr_t)40 << 10)

static TALLY_THREAD uint32_t depth;
static TALLY_THREAD uintptr_t outermost;

static uintptr_t between(uintptr_t a, uintptr_t b) {
    return a < b ? b - a : a - b;
}

TLY_NOINLINE tally_status tly_depth_enter(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (depth == 0)
        outermost = here;
    if (depth >= DEEPEST || between(here, outermost) > STACK_MOST)
        return TALLY_LIMIT;
    depth++;
    return TALLY_OK;
}

void tly_depth_leave(void) { depth--; }
