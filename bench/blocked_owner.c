// Is memory held back by an owner that sits in a blocking call?
//
// One thread makes 200 objects of 1 MB and blocks. Another drops the last
// reference to each; counted is how many are destroyed when the drop returns.

#include <pthread.h>

#include "rival_tally.h"

#define BLOBS 200u
#define BLOB_BYTES 1000000u

struct blob {
    tally_object head;
    size_t bytes;
    char content[];
};

static unsigned blob_destroyed;

static void blob_destroy(void *blob) {
    (void)blob;
    // Relaxed: the thread that reads it is the one that destroys.
    __atomic_fetch_add(&blob_destroyed, 1, __ATOMIC_RELAXED);
}
TALLY_TYPE(blob, TALLY_ITEMS(content, bytes), TALLY_DESTROY(blob_destroy));

static struct blob *blobs[BLOBS];
static pthread_barrier_t made;
static pthread_barrier_t dropped;

static void *owner_thread(void *unused) {
    (void)unused;
    rival_begin();
    for (unsigned i = 0; i < BLOBS; i++) {
        blobs[i] = tally_new_items(blob, BLOB_BYTES);
        bench_require(blobs[i], "no memory");
        memset(blobs[i]->content, 1, BLOB_BYTES);
    }
    TALLY_BLOCKING {
        pthread_barrier_wait(&made);
        pthread_barrier_wait(&dropped);
    }
    rival_end();
    return NULL;
}

static double blobs_sample(void) {
    pthread_t owner;
    int failed = pthread_create(&owner, NULL, owner_thread, NULL);
    bench_require(!failed, "cannot make a thread");
    pthread_barrier_wait(&made);
    rival_begin();
    unsigned at_once = 0;
    for (unsigned i = 0; i < BLOBS; i++) {
        unsigned before = __atomic_load_n(&blob_destroyed, __ATOMIC_RELAXED);
        tally_decref(blobs[i]);
        at_once +=
            __atomic_load_n(&blob_destroyed, __ATOMIC_RELAXED) - before == 1;
    }
    rival_pause();
    pthread_barrier_wait(&dropped);
    pthread_join(owner, NULL);
    rival_resume();
    rival_end();
    return at_once;
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    pthread_barrier_init(&made, NULL, 2);
    pthread_barrier_init(&dropped, NULL, 2);
    struct bench_case result =
        bench_case_of("blocked_owner", RIVAL, "destroyed");
    snprintf(result.label, sizeof result.label, "objects=%u", BLOBS);
    while (result.runs < bench_options.runs)
        bench_add(&result, blobs_sample(), 1);
    bench_print(&result);
    return 0;
}
