// What does a borrow section cost that has nothing in it?
//
// op=outer: entering and leaving, which ends in a safepoint. op=nested: the
// same inside another section.

#include "rival_tally.h"
#include "team.h"

static void enter(void) {
    bench_require(tally_borrow_enter() == 0, "cannot enter");
}

static void outer_run(struct bench_worker *worker) {
    for (uint64_t i = 0; i < worker->ops; i++) {
        enter();
        tally_borrow_leave();
    }
}

static void nested_run(struct bench_worker *worker) {
    enter();
    outer_run(worker);
    tally_borrow_leave();
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    const struct bench_work outer = {"borrow", 1024, NULL, outer_run, NULL};
    const struct bench_work nested = {"borrow", 1024, NULL, nested_run, NULL};
    team_measure(&outer, 1, "op=outer");
    team_measure(&nested, 1, "op=nested");
    return 0;
}
