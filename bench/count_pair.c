// The owner's incref and decref, and a safepoint that finds nothing to do. See
// work/count_pair.h.

#include "rival_tally.h"
#include "work/count_pair.h"

__attribute__((noinline, aligned(64))) static void poll_run(
    struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i++)
        tally_safepoint();
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_count_pair();
    const struct bench_work poll = {"count_pair", 1024, NULL, poll_run, NULL};
    team_measure(&poll, 1, "op=poll");
    return 0;
}
