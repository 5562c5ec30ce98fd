// How long the runtime holds a thread while another collects, in each mode of
// the collector: who=tally_stop is that which stops the world. See
// work/pause.h.

#include "modes.h"
#include "rival_tally.h"
#include "work/pause.h"

// What was recorded after the last call. The longest ever is known exactly;
// one that was not longer is known to its bucket.
static void tally_stalls(double ret_ns[PAUSE_QUANTILES]) {
    static struct tally_histogram last;
    struct tally_stats stats = {.size = sizeof stats};
    bench_require(tally_stats_get(&stats) == 0, "no statistics");
    struct tally_histogram since = stats.stalls;
    since.count -= last.count;
    for (unsigned n = 0; n < TALLY_HISTOGRAM_BUCKETS; n++)
        since.bucket[n] -= last.bucket[n];
    last = stats.stalls;
    for (unsigned i = 0; i < PAUSE_QUANTILES; i++)
        ret_ns[i] =
            (double)tally_histogram_quantile(&since, pause_quantiles[i].share);
}

static void pause_mode(const char *mode) {
    work_pause(strcmp(mode, "stop") ? "tally" : "tally_stop", tally_stalls);
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    modes_each(pause_mode);
    return 0;
}
