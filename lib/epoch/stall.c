// Stalls are rare: one histogram for all threads, with atomic additions, is
// cheaper than memory for each. A stall takes two readings of the clock and
// two locked instructions.

#include "epoch/stall.h"

#include <string.h>

#include "base/bits.h"
#include "epoch/world.h"
#include "platform/os.h"

static struct tally_histogram stalls TLY_ALIGNED(TLY_LINE);

uint64_t tly_stall_begin(struct tly_mutator *self) {
    // Relaxed: hints. A request that comes right after waits for the thread's
    // next safepoint; one that does not is a stall that is not seen to begin.
    if (tly_load_relaxed(&self->breaker.bits_) || tly_world_is_stopping() ||
        tly_load_relaxed(&self->state) == TLY_SUSPENDED)
        return tly_os_now();
    return 0;
}

void tly_stall_end(uint64_t began) {
    if (began && !TLY_EXPLORED)
        tly_stall_record(tly_os_now() - began);
}

unsigned tly_stall_bucket(uint64_t ns) {
    if (ns < 4)
        return 0;
    unsigned high = tly_bit_highest(ns);
    unsigned bucket = high * 4 + (unsigned)(ns >> (high - 2) & 3);
    return bucket < TALLY_HISTOGRAM_BUCKETS ? bucket
                                            : TALLY_HISTOGRAM_BUCKETS - 1;
}

void tly_stall_record(uint64_t ns) {
    // Relaxed: statistics, of which each word is whole; none orders another.
    tly_add_relaxed(&stalls.bucket[tly_stall_bucket(ns)], 1);
    tly_add_relaxed(&stalls.sum_ns, ns);
    uint64_t longest = tly_load_relaxed(&stalls.max_ns);
    while (ns > longest && !tly_cas_relaxed(&stalls.max_ns, &longest, ns))
        ;
}

void tly_stall_read(struct tally_histogram *ret) {
    struct tally_histogram read = {.count = 0};
    for (unsigned n = 0; n < TALLY_HISTOGRAM_BUCKETS; n++) {
        // Relaxed: as above, and below.
        read.bucket[n] = tly_load_relaxed(&stalls.bucket[n]);
        read.count += read.bucket[n];
    }
    read.sum_ns = tly_load_relaxed(&stalls.sum_ns);
    read.max_ns = tly_load_relaxed(&stalls.max_ns);
    *ret = read;
}

void tly_stall_reset(void) { memset(&stalls, 0, sizeof(stalls)); }
