// What does it cost a thread to come to the heap and to leave it?
//
// op=attach: tally_attach and tally_detach, of a thread that did so before;
// the mutator is taken over warm. op=blocking: entering and leaving a blocking
// region. Each is the pair.

#include "rival_tally.h"
#include "team.h"

static void attach_run(struct bench_worker *worker) {
    tally_detach();
    for (uint64_t i = 0; i < worker->ops; i++) {
        bench_require(tally_attach("bench") == 0, "cannot attach");
        tally_detach();
    }
    bench_require(tally_attach("bench") == 0, "cannot attach");
}

static void blocking_run(struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i++) {
        tally_blocking_enter();
        tally_blocking_exit();
    }
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    const struct bench_work attach = {"start", 64, NULL, attach_run, NULL};
    const struct bench_work blocking = {"start", 64, NULL, blocking_run, NULL};
    team_measure(&attach, 1, "op=attach");
    team_measure(&blocking, 1, "op=blocking");
    return 0;
}
