// Turns the input into the graph, by many threads at once.

#ifndef DEPGRAPH_LOAD_H
#define DEPGRAPH_LOAD_H

#include "worker.h"

// Takes pieces of the input and puts their stanzas into the table, until the
// input ends or the run fails. Each thread runs it.
void load(struct worker *worker);

#endif
