// Stress: threads change a graph at random, cycles and all.
//
// ORACLE  a shadow of the graph, by numbers. At each checkpoint, after one
//         tally_collect, exactly the objects that the shadow reaches are
//         alive, with the fields that the shadow has and whole canaries.
//         With --replay the same program makes the same graph whatever
//         collects: tests/support/replay compares its digests, of all that a
//         walk of the heap sees, in both modes.
// USE     graph [--replay N] [--threads N] [--seconds N] [--seed N]; the seed
//         decides what each thread does. --replay, which comes first: N
//         checkpoints of some turns each, and in a turn a node's fields are
//         one thread's; others read them, and keep nothing of it.
// FAILS   when field_exchange stores before it takes the lock; with the shadow
//         of one store in a thousand left out; without the collection of
//         checkpoint.

#include "stress.h"

#define NODES 40000u  // numbers of nodes, alive or not
#define ROOTS 64u     // references that each thread holds
#define MAILBOXES 32u // references on their way from thread to thread
#define BOXES (MAILBOXES + STRESS_THREADS_MAX) // a replay's are rounded up
#define STEPS 20000u // of each thread between two checkpoints
#define TURNS 20u    // of a replay between two checkpoints
#define FIELDS 4u
#define NOBODY UINT32_MAX

#define holds(condition) expect(condition, "%s is false", #condition)

// SplitMix64's end: what a node with a number has for a canary.
static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

// Three kinds: what ends simply, what has a hook, what has items.
struct simple {
    tally_object head;
    tally_ref field[2];
    uint64_t id, canary;
};
TALLY_TYPE(simple, TALLY_REF_ARRAY(field));

struct hooked {
    tally_object head;
    uint64_t id, canary;
    tally_ref field[3];
};
static atomic_ulong hooked_made, hooked_gone;

static void hooked_destroy(void *object);
TALLY_TYPE(hooked, TALLY_REF_ARRAY(field), TALLY_DESTROY(hooked_destroy));

struct table {
    tally_object head;
    uint64_t length, id, canary;
    tally_ref field[];
};
TALLY_TYPE(table, TALLY_REF_ITEMS(field, length));

// What the graph should be. The lock guards a node's fields, and their shadow.
static struct shadow {
    pthread_mutex_t lock;
    uint32_t field[FIELDS];
    unsigned fields;
    bool made, reached, seen;
    unsigned maker, turn; // in a replay: who made it, and when
    atomic_uint hooks;    // destroy hooks called
} shadow[NODES];

static void *root[STRESS_THREADS_MAX][ROOTS];
static void *_Atomic mailbox[BOXES];
// Numbers that each thread may give to new nodes.
static uint32_t spare[STRESS_THREADS_MAX][NODES];
static uint32_t spares[STRESS_THREADS_MAX];
static meeting barrier;
static bool over;
static unsigned checkpoints, most;
static unsigned replay;   // how many checkpoints; 0: until time is up
static unsigned turn = 1; // of a replay
static void *guest[STRESS_THREADS_MAX]; // what a replay's thread only reads
static uint64_t digest;                 // of all survivors

// Where a node keeps what, whatever its kind.
struct view {
    uint64_t *id, *canary;
    tally_ref *field;
    unsigned fields;
};

static struct view view_of(void *node) {
    if (tally_is_instance(node, TALLY_TYPE_OF(simple))) {
        struct simple *s = node;
        return (struct view){&s->id, &s->canary, s->field, 2};
    }
    if (tally_is_instance(node, TALLY_TYPE_OF(hooked))) {
        struct hooked *h = node;
        return (struct view){&h->id, &h->canary, h->field, 3};
    }
    struct table *t = node;
    return (struct view){&t->id, &t->canary, t->field, (unsigned)t->length};
}

static uint32_t id_of(void *node) {
    struct view view = view_of(node);
    holds(*view.id < NODES);
    holds(*view.canary == mix(*view.id ^ stress.seed));
    return (uint32_t)*view.id;
}

static atomic_ulong hooked_made, hooked_gone;

static void hooked_destroy(void *object) {
    holds(atomic_fetch_add(&shadow[id_of(object)].hooks, 1) == 0);
    atomic_fetch_add(&hooked_gone, 1);
}

static void *node_make(unsigned kind, unsigned fields) {
    if (kind == 0)
        return tally_new(simple);
    if (kind == 1) {
        atomic_fetch_add(&hooked_made, 1);
        return tally_new(hooked);
    }
    return tally_new_items(table, fields);
}

// A new node, or NULL when this thread has no number left.
static void *node_new(unsigned self, uint64_t *rng) {
    if (spares[self] == 0)
        return NULL;
    uint32_t id = spare[self][--spares[self]];
    void *node = node_make(stress_below(rng, 3), 1 + stress_below(rng, FIELDS));
    must(node);
    struct view view = view_of(node);
    *view.id = id;
    *view.canary = mix(id ^ stress.seed);
    struct shadow *s = &shadow[id];
    s->fields = view.fields;
    s->maker = self;
    s->turn = turn;
    for (unsigned n = 0; n < FIELDS; n++)
        s->field[n] = NOBODY;
    s->made = true;
    atomic_store(&s->hooks, 0);
    return node;
}

// Puts a reference or nothing into a root, and drops what was there.
static void root_put(unsigned self, unsigned slot, void *node) {
    void *old = root[self][slot];
    root[self][slot] = node;
    if (old)
        tally_decref(old);
}

// The same, but keeps what is there for nothing: the graph would wither.
static void root_fill(unsigned self, unsigned slot, void *node) {
    if (node)
        root_put(self, slot, node);
}

// The lock of a node's fields. The thread is attached before it takes one: to
// attach inside may mean to wait for a stop of the world, which waits for the
// attached threads that wait for this lock.
static void node_lock(struct shadow *s) {
    must(tally_attach(NULL) == TALLY_OK);
    pthread_mutex_lock(&s->lock);
}

// Exchanges what a field of [node] holds for [value], which is the caller's.
static void *field_exchange(void *node, unsigned field, void *value) {
    struct view view = view_of(node);
    struct shadow *s = &shadow[id_of(node)];
    field %= view.fields;
    node_lock(s);
    void *old = tally_ref_exchange(node, &view.field[field], value);
    holds(s->field[field] == (old ? id_of(old) : NOBODY));
    s->field[field] = value ? id_of(value) : NOBODY;
    pthread_mutex_unlock(&s->lock);
    return old;
}

static void *field_dup(void *node, unsigned field) {
    struct view view = view_of(node);
    struct shadow *s = &shadow[id_of(node)];
    field %= view.fields;
    node_lock(s);
    void *value = tally_ref_dup(&view.field[field]);
    holds(s->field[field] == (value ? id_of(value) : NOBODY));
    pthread_mutex_unlock(&s->lock);
    return value;
}

// Whether a node's fields are a thread's, in this turn of a replay. What is new
// is its maker's, and nobody else reaches it but to read.
static bool is_mine(unsigned self, void *node) {
    uint32_t id = id_of(node);
    if (!replay || shadow[id].turn == turn)
        return !replay || shadow[id].maker == self;
    return mix((uint64_t)turn << 32 | id) % stress.threads == self;
}

// A box; in a replay one of those that are the thread's in this turn.
static unsigned box_of(unsigned self, unsigned n) {
    unsigned threads = (unsigned)stress.threads;
    n %= MAILBOXES;
    if (replay)
        n = n / threads * threads + (self + turn) % threads;
    return n;
}

// Reads on from what others may change: a reference that is soon dropped.
static void visit(unsigned self, void *node, unsigned field) {
    void *from = guest[self] ? guest[self] : node;
    void *next = field % 8 ? field_dup(from, field) : NULL;
    if (guest[self])
        tally_decref(guest[self]);
    guest[self] = next;
}

static void swap_two(void *a, void *b, unsigned field) {
    struct view va = view_of(a), vb = view_of(b);
    uint32_t ia = id_of(a), ib = id_of(b);
    unsigned fa = field % va.fields, fb = field / 8 % vb.fields;
    if (ia == ib)
        return;
    node_lock(&shadow[ia < ib ? ia : ib]);
    node_lock(&shadow[ia < ib ? ib : ia]);
    tally_ref_swap(a, &va.field[fa], b, &vb.field[fb]);
    uint32_t held = shadow[ia].field[fa];
    shadow[ia].field[fa] = shadow[ib].field[fb];
    shadow[ib].field[fb] = held;
    pthread_mutex_unlock(&shadow[ia].lock);
    pthread_mutex_unlock(&shadow[ib].lock);
}

static void step_rare(uint64_t *rng, void *a) {
    switch (stress_below(rng, 8)) {
    case 0:
        if (a)
            (void)tally_transfer(a);
        break;
    case 1:
        if (a)
            tally_publish(a);
        break;
    case 2:
        (void)tally_collect_generation(
            stress_below(rng, 4) == 0 ? TALLY_FULL : TALLY_YOUNG, NULL);
        break;
    case 3:
        TALLY_BLOCKING { sched_yield(); }
        break;
    case 4:
        tally_detach();
        break;
    default:
        sched_yield();
    }
}

static void step(unsigned self, uint64_t *rng) {
    unsigned i = stress_below(rng, ROOTS), j = stress_below(rng, ROOTS);
    unsigned field = stress_below(rng, 64);
    void *a = root[self][i], *b = root[self][j];
    unsigned what = stress_below(rng, 16);
    if (a && what >= 4 && what <= 10 && !is_mine(self, a)) {
        visit(self, a, field);
        return;
    }
    switch (what) {
    case 0:
    case 1:
    case 2:
        root_fill(self, i, node_new(self, rng));
        break;
    case 3:
        root_put(self, i, NULL);
        break;
    case 4:
    case 5:
    case 6:
        if (!a || !b)
            break;
        tally_incref(b);
        if ((b = field_exchange(a, field, b)))
            tally_decref(b);
        break;
    case 7:
    case 8:
        if (a)
            root_fill(self, j, field_dup(a, field));
        break;
    case 9:
        if (a)
            root_fill(self, j, field_exchange(a, field, NULL));
        break;
    case 10:
        if (a && b && is_mine(self, b))
            swap_two(a, b, field);
        break;
    case 11:
    case 12:
    case 13:
        root[self][i] = NULL;
        root[self][i] = atomic_exchange(&mailbox[box_of(self, field)], a);
        break;
    case 14:
        tally_safepoint();
        break;
    default:
        if (stress_below(rng, 64) == 0)
            step_rare(rng, a);
    }
}

// ---- the checkpoint, in one thread; the others wait in a blocking region

static uint32_t stack[NODES];

static void reach(void *node, uint32_t *top) {
    if (!node)
        return;
    uint32_t id = id_of(node);
    if (!shadow[id].reached) {
        shadow[id].reached = true;
        stack[(*top)++] = id;
    }
}

static void reach_all(void) {
    uint32_t top = 0;
    for (unsigned t = 0; t < stress.threads; t++)
        for (unsigned n = 0; n < ROOTS; n++)
            reach(root[t][n], &top);
    for (unsigned n = 0; n < BOXES; n++)
        reach(atomic_load(&mailbox[n]), &top);
    while (top > 0) {
        struct shadow *s = &shadow[stack[--top]];
        for (unsigned n = 0; n < s->fields; n++) {
            uint32_t id = s->field[n];
            if (id == NOBODY || shadow[id].reached)
                continue;
            shadow[id].reached = true;
            stack[top++] = id;
        }
    }
}

static bool see(void *node, void *arg) {
    (void)arg;
    struct shadow *s = &shadow[id_of(node)];
    holds(!s->seen);
    s->seen = true;
    struct view view = view_of(node);
    holds(view.fields == s->fields);
    for (unsigned n = 0; n < view.fields && s->reached; n++) {
        void *value = tally_ref_get(&view.field[n]);
        holds((value ? id_of(value) : NOBODY) == s->field[n]);
    }
    return true;
}

// Of what the heap holds, whatever the order in which a walk sees it.
static bool digest_add(void *node, void *arg) {
    struct view view = view_of(node);
    uint64_t sum = mix(id_of(node) + ((uint64_t)view.fields << 32) + 1);
    for (unsigned n = 0; n < view.fields; n++) {
        void *value = tally_ref_get(&view.field[n]);
        sum = mix(sum + (value ? id_of(value) : NOBODY));
    }
    digest += sum;
    ++*(unsigned *)arg;
    return true;
}

static void digest_print(void) {
    unsigned alive = 0;
    digest = 0;
    holds(tally_walk(digest_add, &alive) == TALLY_OK);
    printf("graph: checkpoint %u: %u alive, %lu destroyed by hooks, digest "
           "%016llx\n",
           checkpoints, alive, atomic_load(&hooked_gone),
           (unsigned long long)digest);
    fflush(stdout);
}

static void compare_all(void) {
    unsigned alive = 0, next = 0;
    for (unsigned t = 0; t < stress.threads; t++)
        spares[t] = 0;
    for (uint32_t id = 0; id < NODES; id++) {
        struct shadow *s = &shadow[id];
        holds(!s->reached || s->seen); // nothing reachable is gone
        holds(s->reached || !s->seen); // nothing unreachable is left
        holds(!s->reached || atomic_load(&s->hooks) == 0);
        alive += s->seen;
        if (!s->seen) {
            unsigned t = next++ % (unsigned)stress.threads;
            spare[t][spares[t]++] = id;
        }
        s->reached = s->seen = false;
    }
    most = alive > most ? alive : most;
}

static void checkpoint(void) {
    stress_collect();
    if (replay)
        digest_print();
    reach_all();
    holds(tally_walk(see, NULL) == TALLY_OK);
    compare_all();
    if (checkpoints++ % 8 == 0)
        holds(tally_verify(2) == TALLY_OK);
    over = replay ? checkpoints >= replay : stress_over();
}

static void *work(void *arg) {
    unsigned self = (unsigned)(uintptr_t)arg;
    uint64_t rng = stress_stream(1, self);
    do {
        for (unsigned n = replay ? STEPS - STEPS / TURNS : 0; n < STEPS; n++)
            step(self, &rng);
        if (guest[self])
            tally_decref(guest[self]);
        guest[self] = NULL;
        meeting_wait(&barrier);
        if (self == 0 && (!replay || turn++ % TURNS == 0))
            checkpoint();
        meeting_wait(&barrier);
    } while (!over);
    for (unsigned n = 0; n < ROOTS; n++)
        root_put(self, n, NULL);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "--replay") == 0) {
        replay = (unsigned)strtoul(argv[2], NULL, 10);
        argc -= 2;
        argv += 2;
    }
    stress_begin(argc, argv, "graph", 5);
    meeting_init(&barrier, stress.threads);
    for (uint32_t id = 0; id < NODES; id++) {
        pthread_mutex_init(&shadow[id].lock, NULL);
        unsigned t = id % (unsigned)stress.threads;
        spare[t][spares[t]++] = id;
    }
    team_run(work);
    for (unsigned n = 0; n < BOXES; n++)
        if (mailbox[n])
            tally_decref(atomic_exchange(&mailbox[n], NULL));
    printf("graph: %u checkpoints, at most %u nodes alive\n", checkpoints,
           most);
    holds(checkpoints > 0 && most > 100);
    stress_collect();
    holds(atomic_load(&hooked_made) == atomic_load(&hooked_gone));
    return stress_end();
}
