// Changes of the graph: a group of names gets new packages, all at once.

#ifndef DEPGRAPH_CHANGE_H
#define DEPGRAPH_CHANGE_H

#include "worker.h"

enum change {
    INSTALL, // a new version of each, that needs what is there now
    REMOVE   // a virtual package for each
};

// Gives each name in worker->names, as plan.h put them there, a new package,
// and everybody who needs one of the old ones a new list. Who looks at the
// graph sees all of the change or nothing. The old packages are dropped: what
// nothing else refers to is destroyed at once, but for cycles among them.
//
// Returns false when memory is short; then nothing has changed.
bool change_graph(struct worker *worker, enum change change);

#endif
