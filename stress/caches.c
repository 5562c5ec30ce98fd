// Stress: a cache of uncounted pointers. An object's destroy hook takes it out,
// under the lock under which others ask tally_try_incref for it; objects end by
// their count, and as garbage.
//
// ORACLE  what tally_try_incref gives is not destroyed while it is held. In the
//         end all is destroyed, and the cache is empty.
// USE     caches [--threads N] [--seconds N] [--seed N]
// FAILS   when a collection does not say of what it clears that it is dying
//         (collector/weaken.c), with the option mode:1; when an upgrade of what
//         a collection watches does not ask whether that has committed
//         (tly_count_take).

#include "rounds.h"

#define SLOTS 256u
#define TURNS 3000u

struct node {
    tally_object head;
    tally_ref next;
    uint32_t slot;
    atomic_uint held; // by threads that got it
};

static struct node *cache[SLOTS];
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong made, destroyed, got, refused;

static void node_gone(void *object) {
    struct node *node = object;
    pthread_mutex_lock(&cache_lock);
    if (cache[node->slot] == node)
        cache[node->slot] = NULL;
    pthread_mutex_unlock(&cache_lock);
    expect(atomic_fetch_add(&node->held, 1u << 31) == 0,
           "a node is destroyed while it is held");
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}
TALLY_TYPE(node, TALLY_REF(next), TALLY_DESTROY(node_gone));

static struct node *node_new(uint64_t *random) {
    struct node *node = tally_new(node);
    must(node);
    node->slot = stress_below(random, SLOTS);
    if (stress_below(random, 8)) // what is not, only its owner is given
        tally_publish(node);
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    return node;
}

static void cache_put(struct node *node) {
    pthread_mutex_lock(&cache_lock);
    cache[node->slot] = node;
    pthread_mutex_unlock(&cache_lock);
}

// A ring of some, or one that ends by its count.
static void make(uint64_t *random) {
    struct node *first = node_new(random), *last = first;
    uint32_t more = stress_below(random, 4);
    for (uint32_t n = 0; n < more; n++) {
        struct node *node = node_new(random);
        tally_set_steal(last, next, node);
        last = node;
    }
    if (stress_below(random, 4))
        tally_set(last, next, first);
    for (struct node *node = first;; node = tally_get(node, next)) {
        cache_put(node);
        if (node == last)
            break;
    }
    tally_decref(first);
}

static struct node *get(uint64_t *random) {
    uint32_t slot = stress_below(random, SLOTS);
    pthread_mutex_lock(&cache_lock);
    struct node *node = cache[slot];
    if (node && !tally_try_incref(node)) {
        atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
        node = NULL;
    }
    pthread_mutex_unlock(&cache_lock);
    if (!node)
        return NULL;
    expect(atomic_fetch_add(&node->held, 1) < 1u << 31,
           "a node is given that is destroyed");
    atomic_fetch_add_explicit(&got, 1, memory_order_relaxed);
    return node;
}

static void let_go(void *reference) {
    struct node *node = reference;
    expect(atomic_fetch_sub(&node->held, 1) - 1 < 1u << 31,
           "a node that was held is destroyed");
    tally_decref(node);
}

static void turn(uint64_t me, uint64_t *random, void **held) {
    if (stress_below(random, 4) == 0)
        make(random);
    void **slot = &held[stress_below(random, 2)];
    if (*slot)
        let_go(*slot);
    *slot = get(random);
    if (me == 0 && stress_below(random, 64) == 0)
        tally_collect();
}

static void check(void) {
    stress_settle();
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu nodes were made, and %lu are destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    for (uint32_t n = 0; n < SLOTS; n++)
        expect(!cache[n], "the cache has what is destroyed");
    expect(tally_verify(2) == TALLY_OK, "the heap is corrupt");
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "caches", 4);
    rounds_run((struct round_of){TURNS, turn, let_go, check, 0});
    printf("caches: %lu got, %lu refused\n", atomic_load(&got),
           atomic_load(&refused));
    return stress_end();
}
