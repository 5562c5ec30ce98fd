// What all scenarios have in common: the runtime, its threads, its mutators.

#include "scenario.h"

#include <tally/tally.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "epoch/registry.h"
#include "object/finish.h"
#include "snapshot.h"

// Addresses of blocks decide which slot of a cache they hash to: the heap lies
// where it lay last time, if it can.
#define HEAP_AT ((void *)0x200000000000)

const struct scenario *scenario;

// Attaches as one logical thread after the other.
static void thread_setup(unsigned n) {
    struct identity none = identity_none();
    identity_set(&none);
    if (tally_attach("explorer") != TALLY_OK)
        schedule_fail("thread %u does not attach", n);
    scenario->thread_setup(n);
    none = identity_get();
    schedule_identity(n, &none);
}

static void heap_move(void) {
    void *base = mmap(HEAP_AT, tly_range_size, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base != HEAP_AT) {
        munmap(base, tly_range_size);
        return;
    }
    munmap(tly_range_base, tly_range_size);
    tly_range_base = base;
}

void scenario_setup(void) {
    struct tally_config config = TALLY_CONFIG_INIT;
    // It would win over these. A collection (option zeal) waits for threads
    // that are coroutines of the one that waits.
    unsetenv("TALLY_CONF");
    config.reserve_bytes = TLY_RANGE_MIN;
    config.purge_delay_ms = 86400000; // no clock decides anything
    config.deadline_ms = 0;
    config.collect = 0;
    config.collector = 0;
    if (scenario->configure)
        scenario->configure(&config);
    if (tally_init(&config) != TALLY_OK)
        schedule_fail("the runtime does not start");
    heap_move();
    struct identity main = identity_get();
    for (unsigned n = 0; n < SCHEDULE_THREADS; n++)
        thread_setup(n);
    identity_set(&main);
    snapshot_add(tly_records, SCENARIO_RECORDS * sizeof(union tly_record));
    scenario->snapshot();
}

// ---- what nothing may be left in

static void mutator_check(struct tly_mutator *m) {
    struct tly_local *local = tly_local_of(m);
    unsigned n = m->number;
    if (tly_inbox_has(&local->heap))
        schedule_fail("the inbox of mutator %u is not empty", n);
    if (local->heap.pending_count)
        schedule_fail("mutator %u has told nobody of %u frees or drops", n,
                      local->heap.pending_count);
    if (local->dead || local->held || local->finalize)
        schedule_fail("dead objects wait in mutator %u", n);
}

void scenario_mutators_check(void) {
    if (tly_registry_count() >= SCENARIO_RECORDS)
        schedule_fail("more mutators than the snapshot has room for");
    for (uint32_t n = 1; n <= tly_registry_count(); n++)
        mutator_check(tly_mutator_of(n));
}

// ---- names for traces

static const struct part object_parts[] = {
    PART(tally_object, local_),
    PART(tally_object, owner_),
    PART(tally_object, gc_),
    PART(tally_object, shared_),
};
static const struct part heap_parts[] = {
    PART(struct tly_heap, mutator.breaker),
    PART(struct tly_heap, mutator.state),
    PART(struct tly_heap, mutator.ack),
    PART(struct tly_heap, mutator.resumed),
    PART(struct tly_heap, inbox),
};

const char *part_of(const struct part *parts, size_t count, size_t offset) {
    for (size_t n = 0; n < count; n++)
        if (offset - parts[n].offset < parts[n].size)
            return parts[n].name;
    return "?";
}

const char *part_of_object(size_t offset) {
    return PART_OF(object_parts, offset);
}

void scenario_describe(const void *address, char *ret_name, size_t size) {
    if (scenario->describe(address, ret_name, size))
        return;
    size_t offset = (uintptr_t)address - (uintptr_t)tly_records;
    if (offset / sizeof(union tly_record) <= tly_registry_count())
        snprintf(ret_name, size, "mutator %zu %s",
                 offset / sizeof(union tly_record),
                 PART_OF(heap_parts, offset % sizeof(union tly_record)));
    else
        snprintf(ret_name, size, "a variable");
}
