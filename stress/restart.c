// Stress: threads come, use the heap and go while another thread ends the
// runtime again and again, and whoever comes next starts it.
//
// ORACLE  each object that was made is destroyed once, its hook called, before
//         the runtime that it was made in has ended: an end says that nothing
//         is left, and in the end as many were destroyed as were made.
// USE     restart [--threads N] [--seconds N] [--seed N]
// FAILS   when a thread that comes or goes uses what has ended (epoch/gate.c);
//         when garbage is left behind by a thread that came before the end.

#include "stress.h"

struct thing {
    tally_object head;
    tally_ref next;
    tally_aref shared;
    uint64_t filler[4];
};
static void thing_finalize(void *object);
static void thing_gone(void *object);
TALLY_TYPE(thing, TALLY_REF(next), TALLY_AREF(shared),
           TALLY_FINALIZE(thing_finalize), TALLY_DESTROY(thing_gone));

static atomic_ulong made, gone, finalized;

static void thing_finalize(void *object) {
    (void)object;
    atomic_fetch_add(&finalized, 1);
}

static void thing_gone(void *object) {
    const struct thing *thing = object;
    expect(thing->filler[3] == 77, "an object at %p is destroyed twice",
           object);
    ((struct thing *)object)->filler[3] = 0;
    atomic_fetch_add(&gone, 1);
}

static struct thing *thing_new(void) {
    struct thing *thing = tally_new(thing);
    must(thing);
    thing->filler[3] = 77;
    atomic_fetch_add(&made, 1);
    return thing;
}

static void use(uint64_t *random) {
    struct thing *a = thing_new(), *b = thing_new();
    tally_set(a, next, b);
    if (stress_below(random, 2))
        tally_set(b, next, a); // a ring
    if (stress_below(random, 4) == 0)
        tally_aref_set(a, &a->shared, b); // waits for a grace period
    tally_decref(b);
    if (stress_below(random, 8) == 0)
        tally_safepoint();
    if (stress_below(random, 64) == 0)
        tally_collect();
    if (stress_below(random, 16) == 0) {
        struct tally_stats stats = {.size = sizeof(stats)};
        must(tally_stats_get(&stats) == TALLY_OK);
    }
    char *block = tally_alloc(1 + stress_below(random, 5000));
    must(block);
    block[0] = 1;
    tally_free(block);
    tally_decref(a);
}

// One that ends attached or not.
static void *guest(void *arg) {
    uint64_t random = stress_stream((uintptr_t)arg, 7);
    use(&random);
    if (stress_below(&random, 2))
        tally_detach();
    return NULL;
}

static void *visitor(void *arg) {
    uint64_t random = stress_stream((uintptr_t)arg, 0);
    while (!stress_over()) {
        if (stress_below(&random, 2))
            must(tally_attach("visitor") == TALLY_OK);
        for (uint32_t n = stress_below(&random, 4); n > 0; n--)
            use(&random);
        if (stress_below(&random, 8) == 0)
            thread_join(thread_start(guest, (void *)(uintptr_t)random));
        tally_detach();
        if (stress_below(&random, 4) == 0)
            sched_yield();
        stress_tick();
    }
    return NULL;
}

static unsigned long ended, busy;

static void end_once(void) {
    size_t left = 0;
    tally_status status = tally_shutdown(&left);
    expect(status == TALLY_OK || status == TALLY_BUSY, "the end says %s",
           tally_strerror(status));
    expect(left == 0, "%zu objects are left by an end", left);
    status == TALLY_OK ? ended++ : busy++;
    stress_tick();
}

int main(int argc, char **argv) {
    pthread_t thread[STRESS_THREADS_MAX];
    stress_begin(argc, argv, "restart", 4);
    uint64_t random = stress_stream(99, 0);
    tally_detach();
    for (uintptr_t n = 0; n < stress.threads; n++)
        thread[n] = thread_start(visitor, (void *)(n + 1));
    while (!stress_over()) {
        end_once();
        if (stress_below(&random, 8) == 0) {
            use(&random);
            if (stress_below(&random, 2))
                tally_detach();
        }
    }
    for (uintptr_t n = 0; n < stress.threads; n++)
        must(pthread_join(thread[n], NULL) == 0);
    end_once();
    expect(made == gone, "%lu made, %lu destroyed", (unsigned long)made,
           (unsigned long)gone);
    printf("ended %lu times, %lu times busy; %lu objects\n", ended, busy,
           (unsigned long)made);
    return stress_end();
}
