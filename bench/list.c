// What does a list cost beside a plain growing array of counted pointers?
//
// 1,024 elements are appended to an empty one, 1,024 are read at random, each
// counted up and down, and the whole is dropped. work=append: ns an element
// without the reading. work=both: ns an element with it.
//
// array=tally: a list. array=references: an array that doubles, of counted
// references to Tally's objects, for one thread. array=plain: of pointers with
// a plain count each, for one thread. array=atomic: with an atomic count, for
// threads that share what is in their arrays. array=mutex: shared as well.

#include <pthread.h>

#include "rival_tally.h"
#include "team.h"

enum { COUNT = 1024, BEADS = 64 };

static bool reads;

static uint32_t place(struct bench_worker *worker) {
    return bench_random(&worker->random) % COUNT;
}

// ---- lists

struct bead {
    tally_object head;
    long key;
};
TALLY_TYPE(bead);

static void list_prepare(struct bench_worker *worker) {
    struct bead **beads = (struct bead **)malloc(BEADS * sizeof *beads);
    bench_require(beads != NULL, "no memory");
    for (unsigned i = 0; i < BEADS; i++) {
        beads[i] = tally_new(bead);
        bench_require(beads[i] != NULL, "no memory");
    }
    worker->state = beads;
}

static void list_finish(struct bench_worker *worker) {
    struct bead **beads = (struct bead **)worker->state;
    for (unsigned i = 0; i < BEADS; i++)
        tally_decref(beads[i]);
    free(beads);
}

static void list_run(struct bench_worker *worker) {
    struct bead **beads = (struct bead **)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += COUNT) {
        tally_list *list = tally_list_new();
        bench_require(list != NULL, "no memory");
        for (unsigned n = 0; n < COUNT; n++)
            bench_require(tally_list_append(list, tally_of(beads[n % BEADS])) ==
                              0,
                          "no memory");
        for (unsigned n = 0; reads && n < COUNT; n++) {
            tally_value value = tally_list_get(list, place(worker));
            bench_keep((uint64_t)((struct bead *)tally_object_of(value))->key);
            tally_value_decref(value);
        }
        tally_decref(list);
        tally_safepoint();
    }
}

// ---- an array of references

static void references_run(struct bench_worker *worker) {
    struct bead **beads = (struct bead **)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += COUNT) {
        struct bead **item = NULL;
        size_t count = 0, room = 0;
        for (unsigned n = 0; n < COUNT; n++) {
            if (count == room) {
                room = room ? room * 2 : 4;
                item = (struct bead **)realloc(item, room * sizeof *item);
                bench_require(item != NULL, "no memory");
            }
            tally_incref(beads[n % BEADS]);
            item[count++] = beads[n % BEADS];
        }
        for (unsigned n = 0; reads && n < COUNT; n++) {
            struct bead *bead = item[place(worker)];
            tally_incref(bead);
            bench_keep((uint64_t)bead->key);
            tally_decref(bead);
        }
        for (unsigned n = 0; n < COUNT; n++)
            tally_decref(item[n]);
        free(item);
        tally_safepoint();
    }
}

// ---- arrays

struct counted {
    long count;
    long key;
};

struct array {
    struct counted **item;
    size_t count, room;
    pthread_mutex_t mutex;
};

enum rival { PLAIN, ATOMIC, MUTEX };

static inline void up(struct counted *counted, enum rival rival) {
    if (rival == PLAIN) {
        counted = (struct counted *)bench_opaque(counted);
        counted->count++;
    } else {
        __atomic_fetch_add(&counted->count, 1, __ATOMIC_RELAXED);
    }
}

static inline void down(struct counted *counted, enum rival rival) {
    bool last;
    if (rival == PLAIN) {
        counted = (struct counted *)bench_opaque(counted);
        last = --counted->count == 0;
    } else {
        last = __atomic_sub_fetch(&counted->count, 1, __ATOMIC_ACQ_REL) == 0;
    }
    if (last)
        free(counted);
}

static inline void array_append(struct array *array, struct counted *counted,
                                enum rival rival) {
    if (rival == MUTEX)
        pthread_mutex_lock(&array->mutex);
    if (array->count == array->room) {
        array->room = array->room ? array->room * 2 : 4;
        array->item = (struct counted **)realloc(
            array->item, array->room * sizeof *array->item);
        bench_require(array->item != NULL, "no memory");
    }
    up(counted, rival);
    array->item[array->count++] = counted;
    if (rival == MUTEX)
        pthread_mutex_unlock(&array->mutex);
}

static inline struct counted *array_get(struct array *array, size_t index,
                                        enum rival rival) {
    struct counted *counted = NULL;
    if (rival == MUTEX)
        pthread_mutex_lock(&array->mutex);
    if (index < array->count) {
        counted = array->item[index];
        up(counted, rival);
    }
    if (rival == MUTEX)
        pthread_mutex_unlock(&array->mutex);
    return counted;
}

static inline void array_run(struct bench_worker *worker, enum rival rival) {
    struct counted **beads = (struct counted **)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += COUNT) {
        struct array array = {NULL, 0, 0, PTHREAD_MUTEX_INITIALIZER};
        for (unsigned n = 0; n < COUNT; n++)
            array_append(&array, beads[n % BEADS], rival);
        for (unsigned n = 0; reads && n < COUNT; n++) {
            struct counted *counted = array_get(&array, place(worker), rival);
            bench_keep((uint64_t)counted->key);
            down(counted, rival);
        }
        for (unsigned n = 0; n < COUNT; n++)
            down(array.item[n], rival);
        free(array.item);
    }
}

static void array_prepare(struct bench_worker *worker) {
    struct counted **beads = (struct counted **)malloc(BEADS * sizeof *beads);
    bench_require(beads != NULL, "no memory");
    for (unsigned i = 0; i < BEADS; i++) {
        beads[i] = (struct counted *)calloc(1, sizeof **beads);
        bench_require(beads[i] != NULL, "no memory");
        beads[i]->count = 1;
    }
    worker->state = beads;
}

static void array_finish(struct bench_worker *worker) {
    struct counted **beads = (struct counted **)worker->state;
    for (unsigned i = 0; i < BEADS; i++)
        free(beads[i]);
    free(beads);
}

static void plain_run(struct bench_worker *worker) { array_run(worker, PLAIN); }
static void atomic_run(struct bench_worker *worker) {
    array_run(worker, ATOMIC);
}
static void mutex_run(struct bench_worker *worker) { array_run(worker, MUTEX); }

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    static const struct {
        const char *who;
        struct bench_work work;
    } all[] = {
        {"tally", {"list", COUNT, list_prepare, list_run, list_finish}},
        {"references",
         {"list", COUNT, list_prepare, references_run, list_finish}},
        {"plain", {"list", COUNT, array_prepare, plain_run, array_finish}},
        {"atomic", {"list", COUNT, array_prepare, atomic_run, array_finish}},
        {"mutex", {"list", COUNT, array_prepare, mutex_run, array_finish}},
    };
    for (unsigned both = 0; both < 2; both++)
        for (unsigned n = 0; n < sizeof all / sizeof all[0]; n++) {
            char label[64];
            reads = both;
            snprintf(label, sizeof label, "work=%s array=%s",
                     both ? "both" : "append", all[n].who);
            team_measure(&all[n].work, 1, label);
        }
    return 0;
}
