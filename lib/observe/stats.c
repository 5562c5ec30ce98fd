// Statistics: sums of what each mutator counts for itself. Reading them
// writes nothing.

#include "observe/stats.h"

#include <string.h>

#include <tally/stats.h>

#include "collector/collect.h"
#include "epoch/gate.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "epoch/stall.h"
#include "object/count.h"
#include "object/finalize.h"
#include "object/finish.h"
#include "object/hot.h"
#include "pool/walk.h"

static uint64_t read_counter(const uint64_t *counter) {
    // Relaxed: one writer, and a whole value is all that is asked.
    return tly_load_relaxed(counter);
}

static struct tally_counters counters_of(struct tly_mutator *m) {
    struct tly_local *local = tly_local_of(m);
    const struct tally_counters *c = &local->counters;
    return (struct tally_counters){
        .made = read_counter(&c->made),
        .destroyed = read_counter(&c->destroyed),
        .owner_counts =
            read_counter(&c->owner_counts) + read_counter(&m->breaker.counts_),
        .shared_counts =
            read_counter(&c->shared_counts) + read_counter(&c->handed_over),
        .handed_over = read_counter(&c->handed_over),
        .merged_counts = read_counter(&c->merged_counts),
        .merges = read_counter(&c->merges),
        .finalized = read_counter(&c->finalized),
        .remote_frees = read_counter(&local->heap.remote_frees),
        .safepoint_work = read_counter(&c->safepoint_work),
        .called = read_counter(&c->called),
    };
}

static void add(struct tally_counters *sum, const struct tally_counters *c) {
    sum->made += c->made;
    sum->destroyed += c->destroyed;
    sum->owner_counts += c->owner_counts;
    sum->shared_counts += c->shared_counts;
    sum->handed_over += c->handed_over;
    sum->merged_counts += c->merged_counts;
    sum->merges += c->merges;
    sum->finalized += c->finalized;
    sum->remote_frees += c->remote_frees;
    sum->safepoint_work += c->safepoint_work;
    sum->called += c->called;
}

static void put_off_sum(struct tally_stats *s, const struct tly_local *local,
                        struct tly_limbo_total *limbo) {
    tly_limbo_total(local, limbo);
    s->later_drops += tly_load_relaxed(&tly_cold(local)->later_count);
    s->later_bytes += tly_load_relaxed(&tly_cold(local)->later_bytes);
}

static void mutators_sum(struct tally_stats *s) {
    struct tly_limbo_total limbo = {0, 0, 0, 0};
    s->mutators = tly_registry_count();
    for (uint32_t n = 1; n <= s->mutators; n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        struct tally_counters c = counters_of(m);
        add(&s->counters, &c);
        uint32_t state = tly_load_relaxed(&m->state);
        s->attached += state == TLY_ATTACHED || state == TLY_DETACHED;
        struct tly_local *local = tly_local_of(m);
        put_off_sum(s, local, &limbo);
        s->dying_objects += tly_load_relaxed(&local->dying);
    }
    tly_limbo_left_total(&limbo);
    s->limbo_objects = limbo.objects;
    s->limbo_bytes = limbo.bytes;
    s->deferred_calls = limbo.calls;
    s->deferred_bytes = limbo.deferred_bytes;
    s->live_objects = s->counters.made - s->counters.destroyed;
}

uint64_t tly_stats_mortal(void) {
    uint64_t made = 0, destroyed = 0, immortal = tly_count_immortal();
    for (uint32_t n = 1; n <= tly_registry_count(); n++) {
        const struct tly_local *local = tly_local_of(tly_mutator_of(n));
        destroyed += read_counter(&local->counters.destroyed);
        made += read_counter(&local->counters.made);
    }
    return made > destroyed + immortal ? made - destroyed - immortal : 0;
}

static void memory_sum(struct tally_stats *s) {
    struct tly_arena_bytes bytes = tly_arena_bytes();
    size_t records = tly_registry_bytes();
    int64_t live = tly_pool_live_bytes();
    s->live_bytes = live > 0 ? (uint64_t)live : 0;
    s->heap_bytes = bytes.used;
    s->hot_bytes = tly_hot_bytes();
    s->metadata_bytes = bytes.metadata + records + s->hot_bytes;
    s->os_bytes = bytes.used + bytes.dirty + s->metadata_bytes;
    s->reserved_bytes = tly_range_size;
}

static void collections_sum(struct tally_stats *s) {
    const struct tly_collect_totals *t = &tly_collect_totals;
    s->collections[0] = read_counter(&t->collections[0]);
    s->collections[1] = read_counter(&t->collections[1]);
    s->collected = read_counter(&t->collected);
    s->pauses.count = read_counter(&t->pauses.count);
    s->pauses.sum_ns = read_counter(&t->pauses.sum_ns);
    s->pauses.max_ns = read_counter(&t->pauses.max_ns);
    for (unsigned n = 0; n < TALLY_HISTOGRAM_BUCKETS; n++)
        s->pauses.bucket[n] = read_counter(&t->pauses.bucket[n]);
}

static void all_sum(struct tally_stats *s) {
    mutators_sum(s);
    memory_sum(s);
    collections_sum(s);
    tly_stall_read(&s->stalls);
    s->immortal_objects = tly_count_immortal();
    s->pinned = tly_count_pins();
    s->hot_objects = tly_hot_objects();
    s->saturated = tly_count_saturated();
    s->finalizers_waiting = tly_finalize_waiting();
    s->grace_periods = tly_grace_count();
}

tally_status tally_stats_get(struct tally_stats *ret_stats) {
    if (!ret_stats || !ret_stats->size ||
        ret_stats->size > sizeof(struct tally_stats))
        return TALLY_INVALID;
    size_t size = ret_stats->size; // an older version's has fewer members
    struct tally_stats s = {.size = sizeof(s)};
    // Before the start, and after the end, there is nothing.
    if (tly_gate_enter()) {
        all_sum(&s);
        tly_gate_leave();
    }
    s.size = size;
    memcpy(ret_stats, &s, size);
    return TALLY_OK;
}

tally_status tally_mutator_counters(uint32_t number,
                                    struct tally_counters *ret) {
    if (!ret || !tly_gate_enter())
        return TALLY_INVALID;
    bool is = number > 0 && number <= tly_registry_count();
    if (is)
        *ret = counters_of(tly_mutator_of(number));
    tly_gate_leave();
    return is ? TALLY_OK : TALLY_INVALID;
}

uint64_t tally_histogram_quantile(const struct tally_histogram *h, double q) {
    if (h->count == 0)
        return 0;
    uint64_t wanted = (uint64_t)(q * (double)h->count + 0.5), seen = 0;
    wanted = wanted < 1 ? 1 : wanted > h->count ? h->count : wanted;
    for (unsigned n = 0; n < TALLY_HISTOGRAM_BUCKETS; n++) {
        seen += h->bucket[n];
        if (seen < wanted)
            continue;
        // The upper bound of the bucket: (4 + quarter + 1) << (power - 2).
        uint64_t bound = n < 8 ? 4 : (uint64_t)(5 + n % 4) << (n / 4 - 2);
        return bound < h->max_ns ? bound : h->max_ns;
    }
    return h->max_ns;
}
