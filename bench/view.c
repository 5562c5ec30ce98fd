// What does a view cost beside the memory itself?
//
// op=slice: a slice of a view of 1 MiB is made, an item of it is read, and it
// is dropped. op=get: an item is read. op=copy and op=cast: 1 MiB is copied
// out of a view, and of a cast of it to doubles: ns for 1 KiB. op=memcpy: the
// same bytes by memcpy.

#include <string.h>

#include "rival_tally.h"
#include "team.h"

enum { SIZE = 1 << 20, BLOCKS = SIZE / 1024 };

struct desk {
    char *from, *to;
    tally_view *view;
};

static void desk_prepare(struct bench_worker *worker) {
    struct desk *desk = (struct desk *)malloc(sizeof *desk);
    bench_require(desk != NULL, "no memory");
    desk->from = (char *)malloc(SIZE);
    desk->to = (char *)malloc(SIZE);
    bench_require(desk->from && desk->to, "no memory");
    memset(desk->from, 1, SIZE);
    memset(desk->to, 2, SIZE);
    desk->view = tally_view_of_memory(desk->from, SIZE, false, NULL, NULL);
    bench_require(desk->view != NULL, "no memory");
    worker->state = desk;
}

static void desk_finish(struct bench_worker *worker) {
    struct desk *desk = (struct desk *)worker->state;
    tally_decref(desk->view);
    free(desk->from);
    free(desk->to);
    free(desk);
}

static void item_read(tally_view *view, int64_t index) {
    tally_value value;
    bench_require(tally_view_get(view, &index, 1, &value) == 0, "no item");
    bench_keep(value.bits_);
}

static void slice_run(struct bench_worker *worker) {
    struct desk *desk = (struct desk *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i++) {
        int64_t at = bench_random(&worker->random) % (SIZE / 2);
        tally_view *part = tally_view_slice(desk->view, at, at + 64, 2);
        bench_require(part != NULL, "no memory");
        item_read(part, 5);
        tally_decref(part);
    }
    tally_safepoint();
}

static void get_run(struct bench_worker *worker) {
    struct desk *desk = (struct desk *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i++)
        item_read(desk->view, bench_random(&worker->random) % SIZE);
    tally_safepoint();
}

static void copy_run(struct bench_worker *worker) {
    struct desk *desk = (struct desk *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += BLOCKS) {
        bench_require(tally_view_copy(desk->view, 'C', desk->to, SIZE) == 0,
                      "no copy");
        bench_keep((uint64_t)desk->to[i % SIZE]);
    }
}

static void cast_run(struct bench_worker *worker) {
    struct desk *desk = (struct desk *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += BLOCKS) {
        tally_view *reals = tally_view_cast(desk->view, "d", NULL, 0);
        bench_require(reals != NULL, "no memory");
        bench_require(tally_view_copy(reals, 'C', desk->to, SIZE) == 0,
                      "no copy");
        bench_keep((uint64_t)desk->to[i % SIZE]);
        tally_decref(reals);
    }
}

static void memcpy_run(struct bench_worker *worker) {
    struct desk *desk = (struct desk *)worker->state;
    for (uint64_t i = 0; i < worker->ops; i += BLOCKS) {
        memcpy(desk->to, desk->from, SIZE);
        bench_keep((uint64_t)desk->to[i % SIZE]);
    }
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    static const struct {
        const char *label;
        struct bench_work work;
    } all[] = {
        {"op=slice", {"view", 1, desk_prepare, slice_run, desk_finish}},
        {"op=get", {"view", 1, desk_prepare, get_run, desk_finish}},
        {"op=copy", {"view", BLOCKS, desk_prepare, copy_run, desk_finish}},
        {"op=cast", {"view", BLOCKS, desk_prepare, cast_run, desk_finish}},
        {"op=memcpy", {"view", BLOCKS, desk_prepare, memcpy_run, desk_finish}},
    };
    for (unsigned n = 0; n < sizeof all / sizeof all[0]; n++)
        team_measure(&all[n].work, 1, all[n].label);
    return 0;
}
