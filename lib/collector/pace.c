// When to collect: by the heap's own bytes and the program's word for what it
// holds beside, never by the process's size. The arithmetic is in pacer.c; here
// is what it goes by, and who may ask.

#include "collector/pace.h"

#include "base/check.h"
#include "collector/clear.h"
#include "collector/collect.h"
#include "collector/control.h"
#include "collector/limit.h"
#include "collector/pacer.h"
#include "epoch/registry.h"
#include "platform/os.h"

// More than any machine has; sums of it do not overflow.
#define PRESSURE_MAX ((int64_t)1 << 48)
#define NO_CEILING ((int64_t)1 << 56)

static struct {
    bool automatic;   // (a)
    int64_t pressure; // (a) bytes that the program holds beside the heap
    uint32_t running; // (a) a collection has begun
    uint32_t stops;   // (a) a full one in a stopped world is due
    uint64_t number;  // of the last collection that has begun
    uint64_t told;    // (a) pressure, without what was taken back
    uint64_t made;    // what had been made then
    struct tly_pacer_span span; // of that one
    struct tly_pacer pacer;
} pace = {.automatic = true,
          .pacer = {.young_bytes = 4 << 20,
                    .full_percent = 100,
                    .share = 10,
                    .backoff = {1, 1}}};

// ---- bytes

int64_t tly_pace_bytes(void) {
    // Relaxed: a hint when to collect.
    return tly_pool_live_bytes() + tly_load_relaxed(&pace.pressure);
}

// Without garbage that is known, and waits for finalizers: no collection finds
// it again, and it lives no more than what has been given back.
static int64_t unknown_bytes(void) {
    int64_t bytes = tly_pace_bytes() - tly_garbage_listed();
    return bytes > 0 ? bytes : 0;
}

// Within what can be counted; [bytes] may be anything.
static int64_t pressure_sum(int64_t pressure, int64_t bytes) {
    int64_t sum;
    if (__builtin_add_overflow(pressure, bytes, &sum) || sum > PRESSURE_MAX)
        return bytes > 0 ? PRESSURE_MAX : 0;
    if (sum < 0 && TLY_CHECK >= 1)
        tly_misuse("thread %u tells of %lld bytes of memory pressure, where "
                   "%lld are told",
                   tly_os_thread_id(), (long long)bytes, (long long)pressure);
    return sum < 0 ? 0 : sum;
}

void tally_memory_pressure(int64_t bytes) {
    // Relaxed, both: a hint when to collect.
    int64_t pressure = tly_load_relaxed(&pace.pressure), sum;
    do
        sum = pressure_sum(pressure, bytes);
    while (!tly_cas_relaxed(&pace.pressure, &pressure, sum));
    if (bytes > 0)
        // Relaxed: a counter.
        tly_add_relaxed(&pace.told, (uint64_t)bytes);
    if (!tly_is_attached(tly_self()))
        return;
    tly_heap_of(tly_self())->grown |= bytes > 0;
    tly_collector_grew(tly_heap_of(tly_self()));
}

// ---- what is due

bool tly_pace_is_open(void) {
    // Relaxed: hints; the collection itself is ordered by its lock.
    return tly_load_relaxed(&pace.automatic) && !tly_collect_is_held();
}

// The most that unknown_bytes may be.
static int64_t ceiling(void) {
    int64_t limit = tly_pool_limit();
    if (!limit)
        return NO_CEILING;
    return limit + tly_load_relaxed(&pace.pressure) - tly_garbage_listed();
}

int tly_pace_due(void) {
    if (!tly_pace_is_open() || tly_pace_is_running())
        return -1;
    uint64_t now = tly_os_now_coarse();
    if (tly_pace_stops() ||
        (tly_limit_wants() && tly_pacer_may_at_limit(&pace.pacer, now)))
        return TALLY_FULL;
    return tly_pacer_due(&pace.pacer, unknown_bytes(), ceiling(), now);
}

bool tly_pace_stops(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&pace.stops);
}

bool tly_pace_is_running(void) {
    // Relaxed: a hint.
    return tly_load_relaxed(&pace.running);
}

bool tly_pace_is_asked(void) {
    return tly_pace_is_running() || tly_pace_due() >= 0 ||
           tly_garbage_listed() > 0;
}

bool tly_pace_may(void) {
    return tly_pace_is_open() &&
           tly_pacer_may_at_limit(&pace.pacer, tly_os_now_coarse());
}

bool tly_pace_is_late(void) {
    return tly_pace_is_open() && tly_pacer_is_late(&pace.pacer, unknown_bytes(),
                                                   tly_garbage_listed());
}

// Bytes of all leases so far, and of all that was told: at least what was made.
static uint64_t made_bytes(void) {
    uint64_t sum = tly_load_relaxed(&pace.told); // Relaxed: a counter.
    for (uint32_t n = 1; n <= tly_registry_count(); n++)
        // Relaxed: a counter of one writer.
        sum += tly_load_relaxed(&tly_heap_of(tly_mutator_of(n))->leased);
    return sum;
}

void tly_pace_began(tally_generation generation) {
    pace.number++;
    pace.made = made_bytes();
    pace.span.began_ns = tly_os_now_coarse();
    pace.span.before = unknown_bytes();
    // Relaxed, both: hints.
    tly_store_relaxed(&pace.running, 1);
    if (generation == TALLY_FULL)
        tly_store_relaxed(&pace.stops, 0);
    tly_limit_began(generation);
}

uint64_t tly_pace_done(const struct tly_pace_work *work) {
    pace.span.ended_ns = tly_os_now_coarse();
    pace.span.after = unknown_bytes() - (int64_t)work->hooked_bytes;
    tly_pacer_done(&pace.pacer, work, &pace.span);
    bool stops = work->opaque && !work->stopped && !work->abandoned &&
                 work->generation == TALLY_FULL &&
                 tly_pacer_stops(&pace.pacer, ceiling());
    // Relaxed, both: hints.
    if (stops)
        tly_store_relaxed(&pace.stops, 1);
    tly_store_relaxed(&pace.running, 0);
    // Who waits for a full one waits for the one that is yet to come.
    tly_limit_done(stops ? TALLY_YOUNG : work->generation, work->abandoned,
                   work->waits);
    return pace.number;
}

void tly_pace_settled(uint64_t number, tally_generation generation) {
    if (pace.number == number)
        tly_pacer_settled(&pace.pacer, generation, unknown_bytes(),
                          (int64_t)(made_bytes() - pace.made));
}

void tly_pace_forked(void) {
    tly_limit_forked();
    struct tly_pace_work none = {.generation = TALLY_YOUNG, .abandoned = true};
    if (tly_pace_is_running())
        tly_pace_done(&none);
}

// ---- options

void tly_pace_configure(bool automatic, uint64_t young_bytes,
                        uint64_t full_percent, uint64_t collect_share) {
    // Relaxed: before threads come.
    tly_store_relaxed(&pace.automatic, automatic);
    pace.pacer.young_bytes = (int64_t)young_bytes;
    pace.pacer.full_percent = (int64_t)full_percent;
    pace.pacer.share = collect_share;
    tly_pace_reset();
}

void tly_pace_set(uint64_t young_bytes, uint64_t full_percent) {
    // Relaxed: hints; what has been learned stays.
    tly_store_relaxed(&pace.pacer.young_bytes, (int64_t)young_bytes);
    tly_store_relaxed(&pace.pacer.full_percent, (int64_t)full_percent);
}

void tly_pace_reset(void) {
    tly_pacer_reset(&pace.pacer);
    // Relaxed, both: before threads come. The program still holds what it
    // holds.
    tly_store_relaxed(&pace.running, 0);
    tly_store_relaxed(&pace.stops, 0);
}
