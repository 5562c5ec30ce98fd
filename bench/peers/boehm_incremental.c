// PEER pkg-config: bdw-gc debian: libgc-dev
// Boehm's collector in its incremental mode: pages are write-protected to find
// what changes while it marks, in pieces of 5 ms. As one thread it marks with.

#define RIVAL "boehm_incremental"

#include "rival_boehm.h"

#define LIMIT_MS 5

static void rival_collect(void) {
    GC_enable();
    GC_start_incremental_collection();
    while (GC_collect_a_little())
        ;
    GC_disable();
}

#include "peer.h"
#include "work/pause.h"

static void without_stalls(void) { work_pause(RIVAL, NULL); }

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {{"pause", without_stalls},
                                                     {NULL, NULL}};
    GC_set_markers_count(1);
    GC_INIT();
    GC_enable_incremental();
    GC_set_time_limit(LIMIT_MS);
    return peer_main(argc, argv, questions);
}
