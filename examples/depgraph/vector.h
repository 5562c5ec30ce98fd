// An array that grows, for what a thread works with. Its memory comes from
// the library's heap, though it holds no counted references by itself: each
// user says whether what it points to is owned or borrowed.

#ifndef DEPGRAPH_VECTOR_H
#define DEPGRAPH_VECTOR_H

#include "graph.h"

struct vector {
    void **item;
    size_t n;
    size_t capacity;
};

// Appends an item. Returns false when memory is short.
static inline bool vector_push(struct vector *vector, void *item) {
    if (vector->n == vector->capacity) {
        size_t capacity = vector->capacity ? vector->capacity * 2 : 64;
        void **grown =
            tally_reallocarray(vector->item, capacity, sizeof *grown);
        if (!grown)
            return false;
        vector->item = grown;
        vector->capacity = capacity;
    }
    vector->item[vector->n++] = item;
    return true;
}

// Drops the references of a vector that owns them, and empties it.
static inline void vector_drop(struct vector *vector) {
    for (size_t i = 0; i < vector->n; i++)
        drop(vector->item[i]);
    vector->n = 0;
}

static inline void vector_fini(struct vector *vector) {
    tally_free(vector->item);
    *vector = (struct vector){NULL, 0, 0};
}

#endif
