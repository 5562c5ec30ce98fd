// How much memory of the OS does a small object take?
//
// 1 million nodes of two references, all alive. by=rss: growth of the
// process's resident memory; the array that holds the references is touched
// before and does not count. by=library: what the library says it got from the
// OS in all, where it says so.

#ifndef BENCH_WORK_MEMORY_H
#define BENCH_WORK_MEMORY_H

#include <pthread.h>

#include "../rss.h"

#define MEMORY_NODES 1000000u

static void *memory_thread(void *unused) {
    (void)unused;
    rival_begin();
    node_ref *held = node_slots(MEMORY_NODES);
    // Touched, in a way that compilers do not know to be in vain.
    memset(bench_opaque(held), 0, MEMORY_NODES * sizeof *held);
    double before = bench_rss();
    for (unsigned i = 0; i < MEMORY_NODES; i++)
        held[i] = node_make();
    double rss = bench_rss() - before;
    double library = rival_os_bytes();
    bench_print_bytes("memory", "by=rss", rss / MEMORY_NODES);
    if (library > 0)
        bench_print_bytes("memory", "by=library", library / MEMORY_NODES);
    for (unsigned i = 0; i < MEMORY_NODES; i++)
        node_drop(&held[i]);
    node_slots_free(held);
    rival_end();
    return NULL;
}

static void work_memory(void) {
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, memory_thread, NULL);
    bench_require(!failed, "cannot make a thread");
    pthread_join(thread, NULL);
}

#endif
