// Keys of work/map.h as plain strings.

#ifndef PEER_MAP_PLAIN_H
#define PEER_MAP_PLAIN_H

#include "bench.h"

static inline size_t key_text(char *at, uint32_t number);

typedef const char *map_probe_ref;

static inline map_probe_ref map_probe(uint32_t number) {
    char letters[48];
    key_text(letters, number);
    char *copy = strdup(letters);
    bench_require(copy, "no memory");
    return copy;
}
static inline void map_probe_end(map_probe_ref probe) {
    free((char *)(uintptr_t)probe);
}

#endif
