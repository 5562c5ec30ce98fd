// Stress: threads do everything that there is to one list.
//
// ORACLE  Every history is linearizable (tests/support/linear.h): in windows of
//         some operations a thread, what each answered is what a list in one
//         thread answers in some order, which ends with what the list then
//         holds. No element that is read has been destroyed, and all are in
//         the end.
// USE     lists [--threads N] [--seconds N] [--seed N]; up to 4 threads.
// FAILS   prints the window: the list before, each operation with the times of
//         its call and answer, and the list after.

#include "linear.h"
#include "stress.h"

enum { OPS = 6, MOST = 96, START = 12, OTHER = 3 };

// Odd ones are objects, even ones small integers; 0 is none.
typedef uint32_t element;

struct items {
    uint32_t count;
    element id[MOST];
};

enum kind {
    GET,
    SET,
    APPEND,
    PUSH_FRONT,
    INSERT,
    POP,
    POP_FRONT,
    REMOVE,
    LENGTH,
    SLICE,
    EXTEND,
    SORT,
    CLEAR,
    KINDS
};
static const char *const names[KINDS] = {
    "get",    "set",    "append", "push_front", "insert", "pop",  "pop_front",
    "remove", "length", "slice",  "extend",     "sort",   "clear"};

struct operation {
    enum kind kind;
    tally_status status;
    size_t index, end, step;
    element value;             // to be stored
    element result;            // that was read, or the length
    struct items result_items; // of a slice
};

struct bead {
    tally_object head;
    atomic_uint id; // 0: destroyed
};

static atomic_ulong made, destroyed, kinds[KINDS], ranges, busy;
static void bead_destroy(void *object) {
    atomic_store(&((struct bead *)object)->id, 0);
    atomic_fetch_add(&destroyed, 1);
}
TALLY_TYPE(bead, TALLY_DESTROY(bead_destroy));

static tally_list *list, *other;
static struct items other_items;
static struct operation *ops;
static struct linear_span *spans;

// ---- elements

static tally_value value_of(element id) {
    if (id % 2 == 0)
        return tally_small(id);
    struct bead *bead = tally_new(bead);
    must(bead);
    atomic_store(&bead->id, id);
    atomic_fetch_add(&made, 1);
    return tally_of(bead);
}

// Consumes the value.
static element id_of(tally_value value) {
    element id = 0;
    if (tally_is_small(value))
        return (element)tally_small_of(value);
    struct bead *bead = tally_object_of(value);
    if (bead) {
        id = atomic_load(&bead->id);
        expect(id % 2 == 1, "an element has been destroyed");
        tally_decref(bead);
    }
    return id;
}

static element element_next(void) {
    static atomic_uint last = 1;
    return atomic_fetch_add(&last, 1) + 1;
}

static void items_read(tally_list *from, struct items *ret_items) {
    struct tally_list_iterator i;
    tally_value value;
    memset(ret_items, 0, sizeof(*ret_items));
    must(tally_list_begin(from, &i) == TALLY_OK);
    while (tally_list_next(&i, &value)) {
        expect(ret_items->count < MOST, "the list is longer than it can be");
        ret_items->id[ret_items->count++] = id_of(tally_value_incref(value));
    }
    tally_list_end(&i);
}

// ---- the model

static void items_insert(struct items *items, size_t index, element id) {
    memmove(&items->id[index + 1], &items->id[index],
            (items->count - index) * sizeof(id));
    items->id[index] = id;
    items->count++;
}

static element items_remove(struct items *items, size_t index) {
    element id = items->id[index];
    items->count--;
    memmove(&items->id[index], &items->id[index + 1],
            (items->count - index) * sizeof(id));
    items->id[items->count] = 0;
    return id;
}

static int by_number(const void *a, const void *b) {
    element x = *(const element *)a, y = *(const element *)b;
    return (int)(x > y) - (int)(x < y);
}

static bool slice_fits(const struct items *items, const struct operation *op) {
    size_t end = op->end == SIZE_MAX ? items->count : op->end, count = 0;
    if (end > items->count || op->index > end)
        return op->status == TALLY_RANGE;
    for (size_t n = op->index; n < end; n += op->step)
        if (op->result_items.id[count++] != items->id[n])
            return false;
    return op->status == TALLY_OK && count == op->result_items.count;
}

static bool takes_fit(struct items *items, const struct operation *op) {
    size_t index = op->kind == POP         ? items->count - 1u
                   : op->kind == POP_FRONT ? 0
                                           : op->index;
    if (items->count == 0 || index >= items->count)
        return op->status == TALLY_RANGE;
    return op->status == TALLY_OK && op->result == items_remove(items, index);
}

static bool element_fits(struct items *items, const struct operation *op) {
    bool inside = op->index < items->count;
    if (op->status != (inside ? TALLY_OK : TALLY_RANGE))
        return false;
    if (inside && op->kind == SET)
        items->id[op->index] = op->value;
    return !inside || op->kind == SET || op->result == items->id[op->index];
}

static bool whole_fits(struct items *items, const struct operation *op) {
    switch (op->kind) {
    case LENGTH:
        return op->result == items->count;
    case EXTEND:
        for (uint32_t n = 0; n < OTHER; n++)
            items_insert(items, items->count, other_items.id[n]);
        return true;
    case SORT:
        if (op->status == TALLY_OK)
            qsort(items->id, items->count, sizeof(element), by_number);
        return true; // busy: somebody else changes it
    case CLEAR:
        memset(items, 0, sizeof(*items));
        return true;
    default:
        return slice_fits(items, op);
    }
}

static bool apply(void *state, const void *op) {
    struct items *items = state;
    const struct operation *operation = op;
    size_t index = operation->kind == APPEND   ? items->count
                   : operation->kind == INSERT ? operation->index
                                               : 0;
    switch (operation->kind) {
    case GET:
    case SET:
        return element_fits(items, operation);
    case APPEND:
    case PUSH_FRONT:
    case INSERT:
        if (index > items->count)
            return operation->status == TALLY_RANGE;
        items_insert(items, index, operation->value);
        return operation->status == TALLY_OK;
    case POP:
    case POP_FRONT:
    case REMOVE:
        return takes_fit(items, operation);
    default:
        return whole_fits(items, operation);
    }
}

// ---- what threads do

static tally_status order(void *arg, tally_value a, tally_value b,
                          int *ret_order) {
    (void)arg;
    element x = id_of(tally_value_incref(a)), y = id_of(tally_value_incref(b));
    *ret_order = by_number(&x, &y);
    return TALLY_OK;
}

static tally_value take(const struct operation *op) {
    switch (op->kind) {
    case GET:
        return tally_list_get(list, op->index);
    case POP:
        return tally_list_pop(list);
    case POP_FRONT:
        return tally_list_pop_front(list);
    default:
        return tally_list_remove(list, op->index);
    }
}

static tally_status store(const struct operation *op, tally_value value) {
    switch (op->kind) {
    case SET:
        return tally_list_set(list, op->index, value);
    case APPEND:
        return tally_list_append(list, value);
    case PUSH_FRONT:
        return tally_list_push_front(list, value);
    default:
        return tally_list_insert(list, op->index, value);
    }
}

static tally_status whole(struct operation *op, tally_list **ret_slice) {
    switch (op->kind) {
    case LENGTH:
        op->result = (element)tally_list_length(list);
        return TALLY_OK;
    case SLICE:
        *ret_slice = tally_list_slice(list, op->index, op->end, op->step);
        return *ret_slice ? TALLY_OK : -errno;
    case EXTEND:
        return tally_list_extend(list, other);
    case SORT:
        return tally_list_sort(list, order, NULL);
    default:
        tally_list_clear(list);
        return TALLY_OK;
    }
}

// The clock is read right before and after the list's own function.
static void perform(struct operation *op, struct linear_span *span) {
    tally_list *slice = NULL;
    tally_value value = op->value ? value_of(op->value) : tally_absent();
    bool takes = op->kind == GET || (op->kind >= POP && op->kind <= REMOVE);
    span->call = linear_now();
    if (takes)
        value = take(op);
    else if (op->value)
        op->status = store(op, value);
    else
        op->status = whole(op, &slice);
    span->answer = linear_now();
    if (takes)
        op->status = tally_is_absent(value) ? TALLY_RANGE : TALLY_OK;
    element id = id_of(value);
    if (takes)
        op->result = id;
    if (slice) {
        items_read(slice, &op->result_items);
        tally_decref(slice);
    }
    atomic_fetch_add_explicit(&kinds[op->kind], 1, memory_order_relaxed);
    if (op->status != TALLY_OK)
        atomic_fetch_add_explicit(op->status == TALLY_BUSY ? &busy : &ranges, 1,
                                  memory_order_relaxed);
}

// Which kinds a window has is drawn for it: some are all readers beside one
// that moves elements, some all ends.
static struct operation draw(uint64_t *random, uint32_t mood) {
    static const enum kind moods[4][8] = {
        {GET, GET, GET, INSERT, REMOVE, PUSH_FRONT, POP_FRONT, LENGTH},
        {GET, GET, APPEND, POP, APPEND, POP, GET, LENGTH},
        {GET, SLICE, SORT, SET, EXTEND, CLEAR, APPEND, INSERT},
        {APPEND, POP, PUSH_FRONT, POP_FRONT, GET, GET, REMOVE, SLICE}};
    struct operation op;
    memset(&op, 0, sizeof(op));
    op.kind = moods[mood][stress_below(random, 8)];
    op.index = stress_below(random, START);
    size_t length = tally_list_length(list);
    if (stress_below(random, 2) && length > 1) // around the end
        op.index = length - 2 + stress_below(random, 3);
    op.end = op.index + stress_below(random, START);
    if (stress_below(random, 4) == 0)
        op.end = SIZE_MAX;
    op.step = 1 + stress_below(random, 3);
    if (op.kind >= SET && op.kind <= INSERT)
        op.value = element_next();
    return op;
}

// ---- windows

static struct items before;
static uint32_t mood;
static atomic_ulong arrived;
static bool over;

// All begin a window as nearly at once as can be. Who waits for long sleeps:
// others have the cores.
static void gather(uint64_t *round) {
    const struct timespec nap = {0, 20000};
    unsigned long all = (unsigned long)(++*round * stress.threads);
    atomic_fetch_add(&arrived, 1);
    for (unsigned n = 0; atomic_load(&arrived) < all; n++)
        if (n > 2000)
            TALLY_BLOCKING { nanosleep(&nap, NULL); }
}

static void window_begin(uint64_t *random) {
    mood = stress_below(random, 4);
    while (tally_list_length(list) > START)
        (void)id_of(stress_below(random, 2) ? tally_list_pop(list)
                                            : tally_list_pop_front(list));
    while (tally_list_length(list) < stress_below(random, START)) {
        tally_value value = value_of(element_next());
        must(tally_list_append(list, value) == TALLY_OK);
        tally_value_decref(value);
    }
    items_read(list, &before);
}

static void items_print(const char *what, const struct items *items) {
    fprintf(stderr, "%s:", what);
    for (uint32_t n = 0; n < items->count; n++)
        fprintf(stderr, " %u", items->id[n]);
    fputc('\n', stderr);
}

static void window_print(size_t count, const struct items *after) {
    items_print("before", &before);
    for (size_t n = 0; n < count; n++) {
        fprintf(stderr, "%4llu..%4llu thread %zu: %s",
                (unsigned long long)(spans[n].call - spans[0].call + 100),
                (unsigned long long)(spans[n].answer - spans[0].call + 100),
                n / OPS, names[ops[n].kind]);
        fprintf(stderr, " index %zu end %zu step %zu value %u: %d, %u",
                ops[n].index, ops[n].end, ops[n].step, ops[n].value,
                ops[n].status, ops[n].result);
        items_print("", &ops[n].result_items);
    }
    items_print("after", after);
}

static void window_check(void) {
    struct items after;
    items_read(list, &after);
    const struct linear history = {.state_bytes = sizeof(struct items),
                                   .begin = &before,
                                   .end = &after,
                                   .apply = apply,
                                   .op_bytes = sizeof(*ops),
                                   .ops = ops,
                                   .spans = spans,
                                   .count = stress.threads * OPS};
    bool fits = linear_check(&history);
    if (!fits)
        window_print(history.count, &after);
    expect(fits, "a history is not linearizable");
    stress_tick();
}

static void *work(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg, round = 0;
    uint64_t random = stress_stream(1, me);
    for (;;) {
        if (me == 0) {
            window_begin(&random);
            over = stress_over();
        }
        gather(&round);
        if (over)
            return NULL;
        for (size_t n = me * OPS; n < (me + 1) * OPS; n++) {
            ops[n] = draw(&random, mood);
            perform(&ops[n], &spans[n]);
        }
        if (stress_below(&random, 512) == 0)
            tally_collect();
        gather(&round);
        if (me == 0)
            window_check();
    }
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "lists", 3);
    expect(stress.threads * OPS * OTHER + START <= MOST, "too many threads");
    ops = calloc(stress.threads * OPS, sizeof(*ops));
    spans = calloc(stress.threads * OPS, sizeof(*spans));
    list = tally_list_new();
    other = tally_list_new();
    must(ops && spans && list && other);
    for (uint32_t n = 0; n < OTHER; n++) {
        tally_value value = value_of(element_next());
        must(tally_list_append(other, value) == TALLY_OK);
        tally_value_decref(value);
    }
    items_read(other, &other_items);
    team_run(work);
    for (unsigned n = 0; n < KINDS; n++)
        printf("%s %lu, ", names[n], atomic_load(&kinds[n]));
    printf("out of range %lu, busy %lu\n", atomic_load(&ranges),
           atomic_load(&busy));
    tally_decref(list);
    tally_decref(other);
    free(ops);
    free(spans);
    stress_settle();
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu elements were made, and %lu are destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    return stress_end();
}
