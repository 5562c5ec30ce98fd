// PEER pkg-config: bdw-gc debian: libgc-dev
// Boehm's collector: no counts, dropping a reference is forgetting it. It
// marks with one thread, as we do, where its default is one for each core.

#define RIVAL "boehm"

#include "rival_boehm.h"

static void rival_collect(void) {
    GC_enable();
    GC_gcollect();
    GC_disable();
}

#include "peer.h"
#include "work/churn.h"
#include "work/cycles.h"
#include "work/live.h"
#include "work/memory.h"
#include "work/mutator.h"
#include "work/pass.h"
#include "work/pause.h"
#include "work/trees.h"
#include "work/walk.h"

static void without_stalls(void) { work_pause(RIVAL, NULL); }

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {
        {"churn", work_churn},     {"cycles", work_cycles},
        {"live", work_live},       {"memory", work_memory},
        {"mutator", work_mutator}, {"pass", work_pass},
        {"pause", without_stalls}, {"trees", work_trees},
        {"walk", work_walk},       {NULL, NULL}};
    GC_set_markers_count(1);
    GC_INIT();
    return peer_main(argc, argv, questions);
}
