// What is known of each object with a destroy hook: that it is alive, that its
// block is nobody else's, and that each hook runs once.

#ifndef STRESS_HOOKS_ORACLE_H
#define STRESS_HOOKS_ORACLE_H

#include "choice.h"

#define SERIALS (1u << 20) // in one round
enum state { NONE, ALIVE, GONE };
static atomic_uchar states[SERIALS]; // of the objects of this round
static atomic_uint gone_by[SERIALS]; // the number of the thread, when GONE
static atomic_uint serials;          // given in this round
static atomic_ulong made, destroyed, to_finalize, finalized, revived, acted;

static inline uint32_t serial_new(void) {
    uint32_t serial = 1 + atomic_fetch_add(&serials, 1);
    expect(serial < SERIALS, "a round with %u objects", serial);
    atomic_fetch_add(&made, 1);
    atomic_store(&states[serial], ALIVE);
    return serial;
}

static inline void serial_gone(uint32_t serial) {
    atomic_store(&gone_by[serial], self.number);
    unsigned char was = atomic_exchange(&states[serial], GONE);
    expect(was == ALIVE, "object %u is destroyed in state %u: %s", serial, was,
           was == GONE ? "a second time" : "of another round");
    atomic_fetch_add(&destroyed, 1);
}

// ---- owners of blocks

#define BUCKETS 4096u
#define OWNERS_MAX 64u
static struct bucket {
    pthread_mutex_t lock;
    uint32_t count;
    struct {
        void *block;
        uint32_t serial;
    } owners[OWNERS_MAX];
} buckets[BUCKETS];

static inline void owners_init(void) {
    for (uint32_t n = 0; n < BUCKETS; n++)
        must(pthread_mutex_init(&buckets[n].lock, NULL) == 0);
}

static inline struct bucket *bucket_of(void *block) {
    return &buckets[((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u >> 52];
}

// A child of a fork has the locks as they were.
static inline void owner_enter(void *block, uint32_t serial) {
    struct bucket *bucket = bucket_of(block);
    if (atomic_load(&in_child))
        return;
    pthread_mutex_lock(&bucket->lock);
    for (uint32_t n = 0; n < bucket->count; n++)
        expect(bucket->owners[n].block != block,
               "one block has two owners: objects %u and %u at %p",
               bucket->owners[n].serial, serial, block);
    if (bucket->count < OWNERS_MAX) {
        bucket->owners[bucket->count].block = block;
        bucket->owners[bucket->count++].serial = serial;
    }
    pthread_mutex_unlock(&bucket->lock);
}

static inline void owner_leave(void *block) {
    struct bucket *bucket = bucket_of(block);
    if (atomic_load(&in_child))
        return;
    pthread_mutex_lock(&bucket->lock);
    for (uint32_t n = 0; n < bucket->count; n++)
        if (bucket->owners[n].block == block)
            bucket->owners[n] = bucket->owners[--bucket->count];
    pthread_mutex_unlock(&bucket->lock);
}

// ---- hooks

// What holds for every hook, when it begins ...
static inline const char *hook_enter(const char *what) {
    thread_begin();
    expect(!self.stopped || !on(CHECK_STOPPED),
           "%s runs in a world that its thread has stopped", what);
    expect(!self.forking || !on(CHECK_FORKING), "%s runs inside of fork()",
           what);
    self.depth++;
    stress_tick();
    return doing(what);
}

// ... and when it ends: it leaves errno as hooks do.
static inline void hook_leave(const char *before) {
    doing(before);
    self.depth--;
    if (on(CHECK_ERRNO))
        errno = EDOM;
}

#endif
