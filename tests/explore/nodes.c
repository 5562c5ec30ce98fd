#include "nodes.h"

#include "base/bits.h"
#include "collector/sides.h"
#include "pool/walk.h"

static void told_ends(void *object);
static void last_call(void *object);
TALLY_TYPE(bare, TALLY_REF(node.next), TALLY_AREF(node.link));
TALLY_TYPE(told, TALLY_REF(node.next), TALLY_AREF(node.link),
           TALLY_DESTROY(told_ends));
TALLY_TYPE(last, TALLY_REF(node.next), TALLY_AREF(node.link),
           TALLY_FINALIZE(last_call));

struct node *objects[OBJECTS];
unsigned writer[OBJECTS];
static unsigned ends[OBJECTS]; // how often the destroy hook ran

static uint32_t held[THREADS][OBJECTS]; // references of each thread's own
unsigned holds[THREADS];                // which of those are not zero
static struct node *borrowed[THREADS];
static uint64_t borrowed_which[THREADS];
tally_object *asked[THREADS];
bool asks_granted;

// AddressSanitizer is not asked: a block that ends is poisoned before its
// header says so, and a schedule may change threads in between.
__attribute__((noinline, no_sanitize_address)) bool is_alive(unsigned k) {
    const struct node *node = objects[k];
    return node &&
           __atomic_load_n(&node->head.gc_, __ATOMIC_RELAXED) & TLY_GC_LIVE &&
           node->which == k;
}

void hold(unsigned self, unsigned k) {
    held[self][k]++;
    holds[self] |= 1u << k;
}

void release(unsigned self, unsigned k) {
    if (--held[self][k] == 0)
        holds[self] &= ~(1u << k);
}

static unsigned holds_all(void) {
    unsigned all = 0;
    for (unsigned n = 0; n < THREADS; n++)
        all |= holds[n];
    return all;
}

unsigned number_of(const struct node *node, const char *how) {
    if (!tly_range_has(node) || node->which >= OBJECTS ||
        objects[node->which] != node || !is_alive((unsigned)node->which))
        schedule_fail("%s leads to what is no object", how);
    return (unsigned)node->which;
}

void reached_check(void) {
    unsigned seen = holds_all(), left = seen;
    while (left) {
        unsigned k = tly_bit_lowest(left);
        left &= left - 1;
        const tally_object *to[2] = {objects[k]->next.object_,
                                     objects[k]->link.ref_.object_};
        for (unsigned n = 0; n < 2; n++) {
            if (!to[n])
                continue;
            unsigned m = number_of((const struct node *)(const void *)to[n],
                                   "a field of what is held");
            left |= ~seen & 1u << m;
            seen |= 1u << m;
        }
    }
}

void nodes_look(const void *address) {
    const tally_object *asks = asked[schedule_self()];
    if ((uintptr_t)address - (uintptr_t)asks < sizeof(*asks) &&
        !tly_side_block(tly_pool_of(asks), tly_granule_of(asks)))
        schedule_fail("an access by a weak reference to what is free");
    for (unsigned all = holds_all(); all; all &= all - 1)
        if (!is_alive(tly_bit_lowest(all)))
            schedule_fail("object %u is gone, and held", tly_bit_lowest(all));
    for (unsigned n = 0; n < THREADS; n++)
        if (borrowed[n] && borrowed[n]->which != borrowed_which[n])
            schedule_fail("object %llu is made into something else, and "
                          "thread %u has borrowed it",
                          (unsigned long long)borrowed_which[n], n);
}

static void told_ends(void *object) {
    struct node *node = object;
    unsigned k = (unsigned)node->which;
    if (k >= OBJECTS || objects[k] != node)
        schedule_fail("a destroy hook is called for what is no object");
    schedule_say("destroys object %u", k);
    if (ends[k]++ > 0)
        schedule_fail("object %u is destroyed twice", k);
    if (holds_all() >> k & 1)
        schedule_fail("object %u is destroyed, and held", k);
    reached_check();
}

static void last_call(void *object) {
    struct node *node = object;
    unsigned k = (unsigned)node->which;
    if (k >= OBJECTS || objects[k] != node || !is_alive(k))
        schedule_fail("a finalizer is called for what is no object");
    schedule_say("finalizes object %u", k);
    if (holds_all() >> k & 1 && !asks_granted)
        schedule_fail("object %u is finalized, and held", k);
    reached_check();
}

void borrow_note(unsigned self, struct node *node) {
    if (node)
        borrowed_which[self] = node->which;
    borrowed[self] = node;
}

bool is_free(unsigned k) {
    for (unsigned n = 0; n < THREADS; n++)
        if (borrowed[n] && borrowed_which[n] == k)
            return false;
    return tly_range_has(objects[k]) && !is_alive(k) && (k % 2 || ends[k] > 0);
}

void object_make(unsigned self, unsigned k, tally_type *type) {
    struct node *node = tally_object_new(type, 0);
    node->which = k;
    objects[k] = node;
    writer[k] = self;
    ends[k] = 0;
    hold(self, k);
}
