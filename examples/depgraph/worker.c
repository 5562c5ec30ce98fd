#include "worker.h"

void worker_init(struct worker *worker, struct run *run, unsigned index) {
    memset(worker, 0, sizeof *worker);
    worker->run = run;
    worker->index = index;
    worker->random = run->options.seed * 0x2545f4914f6cdd1du + index;
}

void worker_fini(struct worker *worker) {
    vector_drop(&worker->fresh);
    vector_drop(&worker->lists);
    vector_fini(&worker->names);
    vector_fini(&worker->fresh);
    vector_fini(&worker->changed);
    vector_fini(&worker->lists);
    vector_fini(&worker->absent);
    tally_free(worker->marks.round_of);
    tally_free(worker->marks.value_of);
    free(worker->piece.text);
}

bool marks_clear(struct worker *worker) {
    struct marks *marks = &worker->marks;
    size_t n = worker->run->catalogue->n;
    if (!marks->round_of)
        marks->round_of = tally_calloc(n, sizeof *marks->round_of);
    if (!marks->value_of)
        marks->value_of = tally_calloc(n, sizeof *marks->value_of);
    if (!marks->round_of || !marks->value_of)
        return false;
    if (++marks->round == 0) {
        memset(marks->round_of, 0, n * sizeof *marks->round_of);
        marks->round = 1;
    }
    return true;
}

uint64_t random_below(struct worker *worker, uint64_t below) {
    uint64_t x = worker->random += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (x ^ x >> 31) % below;
}
