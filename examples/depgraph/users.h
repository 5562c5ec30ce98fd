// The reverse of what names declare.

#ifndef DEPGRAPH_USERS_H
#define DEPGRAPH_USERS_H

#include "worker.h"

// Gives each name of the worker's share of the catalogue the list of names
// that declare it. Each thread runs it, once all is read.
void find_users(struct worker *worker);

#endif
