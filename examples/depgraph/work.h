// What a thread does with the graph, in random order.

#ifndef DEPGRAPH_WORK_H
#define DEPGRAPH_WORK_H

#include "worker.h"

// Queries, replaces, drops and brings back until the time is over, the run
// fails or is interrupted. The same seed makes the same choices.
void work(struct worker *worker);

#endif
