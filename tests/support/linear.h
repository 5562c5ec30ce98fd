// Whether a history of operations that overlapped can be told as one after
// another: whether what they were done on is linearizable.
//
// A history is short, of what some threads did between two meetings. Each
// operation has the time of its call and that of its answer, by one clock; the
// checker looks for an order in which no operation comes before one that had
// answered when it was called, and in which each answer is what a sequential
// model answers. (Wing and Gong, "Testing and Verifying Concurrent Objects",
// 1993, with the memory of Lowe, "Testing for Linearizability", 2017: where the
// same operations have led to the same state, it does not look twice.)
//
//     struct linear_span span[N]; struct operation ops[N];
//     span[n].call = linear_now();
//     ops[n].result = do_it(&ops[n]);               // by any thread
//     span[n].answer = linear_now();
//     ...
//     const struct linear history = {
//         .state_bytes = sizeof(struct state), .begin = &before,
//         .end = &after, .apply = state_apply, .op_bytes = sizeof(*ops),
//         .ops = ops, .spans = span, .count = N};
//     expect(linear_check(&history), "...");

#ifndef SUPPORT_LINEAR_H
#define SUPPORT_LINEAR_H

#include <stdatomic.h>
#include <string.h>

#include "must.h"

#define LINEAR_MAX 64u // operations of a history

struct linear_span {
    uint64_t call, answer;
};

// A state is plain bytes: equal states have equal bytes, those that are not
// used as well.
struct linear {
    size_t state_bytes;
    const void *begin; // the state before the first operation
    const void *end;   // the one after the last; NULL: any
    // Does an operation to a state, and says whether the answer fits.
    bool (*apply)(void *state, const void *op);
    size_t op_bytes;
    const void *ops;
    const struct linear_span *spans;
    size_t count;
};

// The clock. An operation that is called after another's answer was noted has
// a later time, and sees what that one did.
static inline uint64_t linear_now(void) {
    static _Atomic uint64_t clock;
    return atomic_fetch_add(&clock, 1) + 1;
}

// ---- where the search has been

struct linear_search {
    const struct linear *history;
    char *states;  // one a depth
    char *seen;    // of [room] places: a mask of operations, and a state
    size_t room;   // a power of two
    size_t filled; // places
};

static inline size_t linear_place_bytes(const struct linear_search *s) {
    return sizeof(uint64_t) + s->history->state_bytes;
}

static inline uint64_t linear_hash(const char *bytes, size_t count) {
    uint64_t hash = 0xCBF29CE484222325u; // FNV-1a
    for (size_t n = 0; n < count; n++)
        hash = (hash ^ (unsigned char)bytes[n]) * 0x100000001B3u;
    return hash ^ (hash >> 29);
}

// The place of what is at [entry], or the vacant one that is for it: a mask is
// never 0.
static inline char *linear_place(const struct linear_search *s,
                                 const char *entry) {
    size_t bytes = linear_place_bytes(s);
    for (uint64_t n = linear_hash(entry, bytes);; n++) {
        char *place = s->seen + (n & (s->room - 1)) * bytes;
        uint64_t mask;
        memcpy(&mask, place, sizeof(mask));
        if (mask == 0 || memcmp(place, entry, bytes) == 0)
            return place;
    }
}

static inline void linear_grow(struct linear_search *s) {
    char *old = s->seen;
    size_t bytes = linear_place_bytes(s), before = s->room;
    s->room = before ? before * 2 : 256;
    s->seen = calloc(s->room, bytes);
    must(s->seen);
    for (size_t n = 0; n < before; n++) {
        uint64_t mask;
        memcpy(&mask, old + n * bytes, sizeof(mask));
        if (mask)
            memcpy(linear_place(s, old + n * bytes), old + n * bytes, bytes);
    }
    free(old);
}

// Whether the search comes here for the first time.
static inline bool linear_enter(struct linear_search *s, const char *entry) {
    if (s->filled * 2 >= s->room)
        linear_grow(s);
    char *place = linear_place(s, entry);
    uint64_t mask;
    memcpy(&mask, place, sizeof(mask));
    if (mask)
        return false;
    memcpy(place, entry, linear_place_bytes(s));
    s->filled++;
    return true;
}

// ---- the search

static inline uint64_t linear_all(const struct linear *h) {
    return h->count == 64 ? UINT64_MAX : ((uint64_t)1 << h->count) - 1;
}

// The operation that answered first among those that are not in the mask: what
// was called later cannot come before it.
static inline uint64_t linear_horizon(const struct linear *h, uint64_t mask) {
    uint64_t first = UINT64_MAX;
    for (size_t n = 0; n < h->count; n++)
        if (!(mask >> n & 1) && h->spans[n].answer < first)
            first = h->spans[n].answer;
    return first;
}

// An entry of [seen] for each depth: what has been done, and the state then.
static inline bool linear_from(struct linear_search *s, size_t depth) {
    const struct linear *h = s->history;
    size_t bytes = linear_place_bytes(s);
    char *here = s->states + depth * bytes, *next = here + bytes;
    uint64_t mask;
    memcpy(&mask, here, sizeof(mask));
    if (mask == linear_all(h))
        return !h->end ||
               memcmp(here + sizeof(mask), h->end, h->state_bytes) == 0;
    uint64_t horizon = linear_horizon(h, mask);
    for (size_t n = 0; n < h->count; n++) {
        uint64_t with = mask | (uint64_t)1 << n;
        if (with == mask || h->spans[n].call > horizon)
            continue;
        memcpy(next, here, bytes);
        memcpy(next, &with, sizeof(with));
        if (h->apply(next + sizeof(with),
                     (const char *)h->ops + n * h->op_bytes) &&
            linear_enter(s, next) && linear_from(s, depth + 1))
            return true;
    }
    return false;
}

// Whether there is such an order.
static inline bool linear_check(const struct linear *history) {
    struct linear_search s = {.history = history};
    must(history->count <= LINEAR_MAX);
    linear_grow(&s);
    s.states = calloc(history->count + 1, linear_place_bytes(&s));
    must(s.states);
    memcpy(s.states + sizeof(uint64_t), history->begin, history->state_bytes);
    bool found = linear_from(&s, 0);
    free(s.states);
    free(s.seen);
    return found;
}

#endif
