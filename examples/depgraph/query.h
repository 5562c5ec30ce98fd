// Questions to the graph while others change it.

#ifndef DEPGRAPH_QUERY_H
#define DEPGRAPH_QUERY_H

#include "worker.h"

// Counts the packages that are there and need a name.
uint32_t query_users(struct worker *worker, struct name *name);

// Finds the shortest way from one name to another along what packages need
// and who provides it. Sets *ret_steps to its length, 0 if there is none.
// Returns false when memory is short.
bool query_path(struct worker *worker, struct name *from, struct name *to,
                uint32_t *ret_steps);

#endif
