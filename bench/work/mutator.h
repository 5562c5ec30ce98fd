// How much memory does it cost that one more thread uses the library?
//
// 1,000 threads, parked. They exist and have touched their stacks before
// anything is measured, and the library has served the main thread; then all
// attach (state=attached), then each makes one node (state=allocated, the
// attaching included).

#ifndef BENCH_WORK_MUTATOR_H
#define BENCH_WORK_MUTATOR_H

#include <pthread.h>

#include "../rss.h"

#define MUTATOR_THREADS 1000u
#define MUTATOR_STACK 131072u
#define MUTATOR_TOUCHED 65536u

static pthread_barrier_t mutator_barrier;

// Once when all are there, and once more when the main thread has measured.
static void mutator_wait(void) {
    pthread_barrier_wait(&mutator_barrier);
    pthread_barrier_wait(&mutator_barrier);
}

static void mutator_touch_stack(void) {
    char room[MUTATOR_TOUCHED];
    memset(room, 1, sizeof room);
    bench_opaque(room);
}

static void *mutator_thread(void *unused) {
    (void)unused;
    mutator_touch_stack();
    mutator_wait();
    rival_begin();
    rival_pause();
    mutator_wait();
    rival_resume();
    node_ref node = node_make();
    rival_pause();
    mutator_wait();
    rival_resume();
    node_drop(&node);
    rival_end();
    return NULL;
}

struct mutator_bytes {
    double rss;
    double library;
};

static struct mutator_bytes mutator_measure(void) {
    pthread_barrier_wait(&mutator_barrier);
    struct mutator_bytes now = {bench_rss(), rival_os_bytes()};
    pthread_barrier_wait(&mutator_barrier);
    return now;
}

static void mutator_print(const char *state, struct mutator_bytes before,
                          struct mutator_bytes now) {
    char label[64];
    snprintf(label, sizeof label, "state=%s by=rss", state);
    bench_print_bytes("mutator", label,
                      (now.rss - before.rss) / MUTATOR_THREADS);
    if (now.library <= 0)
        return;
    snprintf(label, sizeof label, "state=%s by=library", state);
    bench_print_bytes("mutator", label,
                      (now.library - before.library) / MUTATOR_THREADS);
}

static void work_mutator(void) {
    static pthread_t thread[MUTATOR_THREADS];
    pthread_attr_t attributes;
    pthread_barrier_init(&mutator_barrier, NULL, MUTATOR_THREADS + 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, MUTATOR_STACK);
    for (unsigned i = 0; i < MUTATOR_THREADS; i++) {
        int failed =
            pthread_create(&thread[i], &attributes, mutator_thread, NULL);
        bench_require(!failed, "cannot make a thread");
    }
    rival_begin();
    node_ref first = node_make();
    rival_pause();
    struct mutator_bytes start = mutator_measure();
    struct mutator_bytes attached = mutator_measure();
    struct mutator_bytes allocated = mutator_measure();
    for (unsigned i = 0; i < MUTATOR_THREADS; i++)
        pthread_join(thread[i], NULL);
    rival_resume();
    node_drop(&first);
    rival_end();
    mutator_print("attached", start, attached);
    mutator_print("allocated", start, allocated);
}

#endif
