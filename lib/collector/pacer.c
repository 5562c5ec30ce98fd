// How growth, share and yield balance.
//
// Growth says between which sizes a full collection begins, the share when in
// between. A program that makes garbage fast grows from the soft size to the
// hard one before its share is due: there growth wins, and the collector takes
// what it takes. One that makes garbage slowly never gets there, and pays the
// share at most. So memory is bounded always, processor time where it can be.
//
// A generation that frees less than a hundredth of what it looks at waits
// twice as long the next time, up to eight times: a young one for growth, a
// full one for growth up to the hard size and for rest. The bound on memory is
// never given up for it.
//
// Young collections do not wait for the share. Each looks once at what was
// made since the last, so that waiting makes them rarer and as much longer;
// only what dies by its count meanwhile is saved, and that is what their
// back-off is for. What they cost is charged to the share.

#include "collector/pacer.h"

#include "base/atomic.h"

#define BACKOFF_MAX 8
#define RUNWAY_ONE 1024
#define RETRY_NS 10000000u // after the first that was abandoned
#define RETRY_SHIFT_MAX 7u // doubled up to 1.28 s

static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

void tly_pacer_reset(struct tly_pacer *pacer) {
    *pacer = (struct tly_pacer){.young_bytes = pacer->young_bytes,
                                .full_percent = pacer->full_percent,
                                .share = pacer->share,
                                .backoff = {1, 1}};
}

// The heap has become smaller without a collection: by counts, or because what
// waited for its finalizers is gone. Garbage is then counted from there. Not
// while collections free nothing: a heap that breathes would be collected with
// each breath.
static void follow(struct tly_pacer *pacer, int64_t bytes) {
    for (int g = TALLY_YOUNG; g <= TALLY_FULL; g++)
        // Relaxed: hints; of two that follow at once the last is right enough.
        if (bytes < tly_load_relaxed(&pacer->low[g]) &&
            tly_load_relaxed(&pacer->backoff[g]) == 1)
            tly_store_relaxed(&pacer->low[g], bytes);
    if (bytes < tly_load_relaxed(&pacer->stopped) &&
        tly_load_relaxed(&pacer->frees))
        tly_store_relaxed(&pacer->stopped, bytes);
}

// What is taken to live.
static int64_t base_of(const struct tly_pacer *pacer, tally_generation g) {
    // What was made while the collection ran may have died since.
    // Relaxed, both: hints.
    int64_t low = tly_load_relaxed(&pacer->low[g]);
    return greater(low - tly_load_relaxed(&pacer->fresh[g]), low / 16);
}

// The heap in which a collection begins that is to end in one of [end] bytes.
static int64_t begin_for(const struct tly_pacer *pacer, int64_t end) {
    // Relaxed: a hint.
    int64_t runway = tly_load_relaxed(&pacer->runway);
    return end / (RUNWAY_ONE + runway) * RUNWAY_ONE;
}

// By how much the heap grows at most before the next full collection ends. In a
// small heap, of what starts young collections.
static int64_t hard_of(const struct tly_pacer *pacer, int64_t growth) {
    // Relaxed: an option.
    int64_t y = tly_load_relaxed(&pacer->young_bytes);
    return greater(growth / 2 * 3, y / 4 * 7);
}

bool tly_pacer_is_late(const struct tly_pacer *pacer, int64_t bytes,
                       int64_t listed) {
    int64_t base = base_of(pacer, TALLY_FULL);
    // Relaxed, both: an option, and a hint.
    int64_t percent = tly_load_relaxed(&pacer->full_percent);
    int64_t low = tly_load_relaxed(&pacer->low[TALLY_FULL]);
    int64_t hard = hard_of(pacer, base / 100 * percent);
    // Not before a collection is due: nobody waits for none.
    return bytes >= greater(base + hard, low + hard / 8) || listed >= hard;
}

// Whether the growth since the last full collection asks for the next.
static bool has_grown(const struct tly_pacer *pacer, int64_t bytes,
                      bool rested) {
    // Relaxed, all: hints.
    int64_t low = tly_load_relaxed(&pacer->low[TALLY_FULL]);
    int64_t base = base_of(pacer, TALLY_FULL);
    int64_t y = tly_load_relaxed(&pacer->young_bytes);
    int64_t growth = base / 100 * tly_load_relaxed(&pacer->full_percent);
    int64_t hard = hard_of(pacer, growth);
    int64_t soft = greater(growth, y / 4 * 5);
    soft = lesser(soft * tly_load_relaxed(&pacer->backoff[TALLY_FULL]), hard);
    // Where more is made than a collection keeps up with, one still makes
    // some progress between them.
    int64_t end = base + (rested ? soft : hard);
    return bytes >= greater(begin_for(pacer, end), low + hard / 8);
}

// Whether what is left below the ceiling is to be collected for: three
// quarters of it are used.
static bool is_near(const struct tly_pacer *pacer, int64_t bytes,
                    int64_t ceiling) {
    // Relaxed: hints.
    int64_t low = tly_load_relaxed(&pacer->low[TALLY_FULL]);
    int64_t room = greater(ceiling - low, 0);
    int64_t at = begin_for(pacer, low + room / 4 * 3);
    return bytes >= greater(at, low + room / 4);
}

static bool has_rested(const struct tly_pacer *pacer, uint64_t now) {
    // Relaxed: a hint.
    return now >= tly_load_relaxed(&pacer->rest);
}

static bool must_wait(const struct tly_pacer *pacer, uint64_t now) {
    // Relaxed: a hint.
    return now < tly_load_relaxed(&pacer->retry);
}

// Whether the growth since the last one of any kind asks for a young one.
static bool is_young_due(const struct tly_pacer *pacer, int64_t bytes) {
    // Relaxed, all: hints.
    int64_t y = tly_load_relaxed(&pacer->young_bytes);
    int64_t growth = y * tly_load_relaxed(&pacer->backoff[TALLY_YOUNG]);
    int64_t low = tly_load_relaxed(&pacer->low[TALLY_YOUNG]);
    return bytes >= greater(base_of(pacer, TALLY_YOUNG) + growth, low + y / 2);
}

bool tly_pacer_may(const struct tly_pacer *pacer, uint64_t now) {
    // Relaxed: a hint.
    bool frees = tly_load_relaxed(&pacer->backoff[TALLY_FULL]) == 1;
    return !must_wait(pacer, now) && (frees || has_rested(pacer, now));
}

bool tly_pacer_may_at_limit(const struct tly_pacer *pacer, uint64_t now) {
    // Relaxed, both: hints.
    bool frees = tly_load_relaxed(&pacer->backoff[TALLY_FULL]) == 1;
    return !must_wait(pacer, now) &&
           (frees || now >= tly_load_relaxed(&pacer->half));
}

bool tly_pacer_stops(const struct tly_pacer *pacer, int64_t ceiling) {
    // Relaxed, all: hints.
    int64_t base = tly_load_relaxed(&pacer->stopped);
    int64_t y = tly_load_relaxed(&pacer->young_bytes);
    int64_t growth = base / 100 * tly_load_relaxed(&pacer->full_percent);
    int64_t room = greater(ceiling - base, 0);
    int64_t most = lesser(greater(growth, y / 4 * 5), room / 2);
    return base_of(pacer, TALLY_FULL) >= base + most;
}

int tly_pacer_due(struct tly_pacer *pacer, int64_t bytes, int64_t ceiling,
                  uint64_t now) {
    follow(pacer, bytes);
    if (must_wait(pacer, now))
        return -1;
    if (has_grown(pacer, bytes, has_rested(pacer, now)) ||
        (is_near(pacer, bytes, ceiling) && tly_pacer_may(pacer, now)))
        return TALLY_FULL;
    return is_young_due(pacer, bytes) ? TALLY_YOUNG : -1;
}

// The time after which the processor's time makes up the share again. A
// collection that comes late gains no credit.
static void charge(struct tly_pacer *pacer, uint64_t cpu_ns, uint64_t began,
                   int64_t backoff) {
    uint64_t from = pacer->rest > began ? pacer->rest : began;
    uint64_t rest = cpu_ns / pacer->share * 100 * (uint64_t)backoff;
    // Relaxed: a hint.
    tly_store_relaxed(&pacer->rest, from + rest);
}

// For a while that doubles, and not less than it has taken: a stop that waits
// for a thread holds all others.
static void give_up(struct tly_pacer *pacer,
                    const struct tly_pacer_span *span) {
    uint64_t pause = (uint64_t)RETRY_NS << pacer->abandoned;
    uint64_t taken = span->ended_ns - span->began_ns;
    uint32_t n = pacer->abandoned;
    // Relaxed: hints.
    tly_store_relaxed(&pacer->abandoned, n < RETRY_SHIFT_MAX ? n + 1 : n);
    tly_store_relaxed(&pacer->retry,
                      span->ended_ns + (pause > taken ? pause : taken));
}

static int64_t backoff_next(int64_t backoff, const struct tly_pace_work *work) {
    if (work->freed > 0 && work->freed >= work->candidates / 100)
        return 1;
    return lesser(backoff * 2, BACKOFF_MAX);
}

// What a collection has left: [after] bytes, of which [base] live.
static void learn(struct tly_pacer *pacer, tally_generation generation,
                  int64_t after, int64_t base) {
    int64_t fresh = greater(after - base, 0);
    for (int g = TALLY_YOUNG; g <= (int)generation; g++) {
        // Relaxed, both: hints.
        tly_store_relaxed(&pacer->low[g], after);
        tly_store_relaxed(&pacer->fresh[g], fresh);
    }
}

void tly_pacer_settled(struct tly_pacer *pacer, tally_generation generation,
                       int64_t after, int64_t made) {
    learn(pacer, generation, after,
          lesser(pacer->left, greater(after - made, 0)));
}

void tly_pacer_done(struct tly_pacer *pacer, const struct tly_pace_work *work,
                    const struct tly_pacer_span *span) {
    int64_t *backoff = &pacer->backoff[work->generation];
    if (work->abandoned) {
        charge(pacer, work->cpu_ns, span->began_ns, 1);
        give_up(pacer, span);
        return;
    }
    // Relaxed, all that follow: hints to who asks what is due.
    tly_store_relaxed(&pacer->retry, 0);
    tly_store_relaxed(&pacer->abandoned, 0);
    tly_store_relaxed(backoff, backoff_next(*backoff, work));
    bool full = work->generation == TALLY_FULL;
    charge(pacer, work->cpu_ns, span->began_ns, full ? *backoff : 1);
    int64_t left = span->before - (int64_t)work->freed_bytes;
    int64_t fresh = greater(span->after - left, 0);
    pacer->left = left;
    // What garbage leads to that waits may end with it, and may be most of the
    // heap: until then no more is taken to live than was before.
    if (work->waits)
        left = lesser(left, base_of(pacer, work->generation));
    learn(pacer, work->generation, span->after, left);
    if (!full)
        return;
    int64_t y = tly_load_relaxed(&pacer->young_bytes);
    int64_t runway = fresh * RUNWAY_ONE / greater(span->before, y);
    tly_store_relaxed(&pacer->runway, greater(runway, pacer->runway * 3 / 4));
    tly_store_relaxed(&pacer->half, span->ended_ns + work->cpu_ns);
    if (!work->stopped)
        return;
    tly_store_relaxed(&pacer->stopped, base_of(pacer, TALLY_FULL));
    tly_store_relaxed(&pacer->frees, *backoff == 1);
}
