// The cycles of the graph, found by Tarjan's algorithm.

#ifndef DEPGRAPH_CYCLES_H
#define DEPGRAPH_CYCLES_H

#include "graph.h"

struct cycles {
    uint32_t count;    // strongly connected components of several names
    uint32_t members;  // names in them
    uint32_t largest;  // names in the largest
    uint32_t *ids;     // the members' numbers, in order
    char example[128]; // "a -> b -> a", empty if there is no cycle
};

// Finds the cycles among all names, and numbers them in name->cycle. Returns
// false when memory is short. No other thread changes names meanwhile.
bool cycles_find(struct cycles *ret_cycles, const struct links *catalogue);

void cycles_fini(struct cycles *cycles);

#endif
