#include "watch.h"

#include "format.h"

#include <time.h>
#include <unistd.h>

#define BACK_AND_ERASE "\r\033[K"

uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct tally_stats stats_now(void) {
    struct tally_stats stats = {.size = sizeof stats};
    if (tally_stats_get(&stats))
        memset(&stats, 0, sizeof stats);
    return stats;
}

void watch_init(struct watch *watch, struct run *run, const struct team *team) {
    memset(watch, 0, sizeof *watch);
    watch->run = run;
    watch->team = team;
    watch->terminal = isatty(STDERR_FILENO) == 1;
}

// What all threads have done in the current phase.
static uint64_t done(const struct watch *watch) {
    enum counter counted[] = {QUERIES, PATHS, REPLACEMENTS, DROPS, RETURNS};
    bool working = watch->ends_ns != 0;
    uint64_t sum = 0;
    for (unsigned i = 0; i < watch->team->n; i++) {
        _Atomic uint64_t *counter = watch->team->workers[i].counter;
        if (!working)
            sum +=
                atomic_load_explicit(&counter[STANZAS], memory_order_relaxed);
        for (int j = 0; working && j < 5; j++)
            sum += atomic_load_explicit(&counter[counted[j]],
                                        memory_order_relaxed);
    }
    return sum;
}

static void note_peaks(struct watch *watch, const struct tally_stats *stats) {
    if (stats->live_bytes > watch->live_peak)
        watch->live_peak = stats->live_bytes;
    if (stats->os_bytes > watch->os_peak)
        watch->os_peak = stats->os_bytes;
}

static void tick(void *arg) {
    struct watch *watch = arg;
    uint64_t now = clock_ns();
    struct tally_stats stats = stats_now();
    note_peaks(watch, &stats);
    if (watch->ends_ns && now >= watch->ends_ns)
        atomic_store(&watch->run->enough, true);
    if (!watch->terminal)
        return;
    uint64_t n = done(watch);
    double seconds = (double)(now - watch->began_ns) / 1e9;
    double rate =
        seconds > 0.05 ? (double)(n - watch->done_before) / seconds : 0;
    fprintf(stderr, BACK_AND_ERASE "depgraph: %s: %s %s, %s/s, %s live",
            watch->phase, show_count(n).text,
            watch->ends_ns ? "operations" : "packages",
            show_count((uint64_t)rate).text, show_bytes(stats.live_bytes).text);
    fflush(stderr);
}

// Adds what came between two readings to that of the run.
static void add_times(struct tally_histogram *sum,
                      const struct tally_histogram *before,
                      const struct tally_histogram *after) {
    sum->count += after->count - before->count;
    sum->sum_ns += after->sum_ns - before->sum_ns;
    for (int i = 0; i < TALLY_HISTOGRAM_BUCKETS; i++)
        sum->bucket[i] += after->bucket[i] - before->bucket[i];
    // The longest of all time is at least the longest of this phase, which
    // the buckets know to a quarter of a power of two.
    sum->max_ns = after->max_ns;
}

uint64_t watch_phase(struct watch *watch, phase_fn fn, const char *phase,
                     double seconds) {
    struct tally_stats before = stats_now();
    watch->phase = phase;
    watch->began_ns = clock_ns();
    watch->ends_ns =
        seconds > 0 ? watch->began_ns + (uint64_t)(seconds * 1e9) : 0;
    watch->done_before = done(watch);
    atomic_store(&watch->run->enough, false);
    team_run(watch->run->team, fn, tick, watch);
    uint64_t took = clock_ns() - watch->began_ns;
    struct tally_stats after = stats_now();
    note_peaks(watch, &after);
    add_times(&watch->pauses, &before.pauses, &after.pauses);
    add_times(&watch->stalls, &before.stalls, &after.stalls);
    watch_clear(watch);
    return took;
}

void watch_show(struct watch *watch, const char *phase) {
    struct tally_stats stats = stats_now();
    note_peaks(watch, &stats);
    if (!watch->terminal)
        return;
    fprintf(stderr, BACK_AND_ERASE "depgraph: %s, %s live", phase,
            show_bytes(stats.live_bytes).text);
    fflush(stderr);
}

void watch_clear(const struct watch *watch) {
    if (watch->terminal)
        fputs(BACK_AND_ERASE, stderr);
}
