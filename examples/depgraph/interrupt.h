// Ctrl-C ends the run early and cleanly; a second one ends it at once.

#ifndef DEPGRAPH_INTERRUPT_H
#define DEPGRAPH_INTERRUPT_H

#include <stdbool.h>

// Catches SIGINT and SIGTERM, once.
void interrupt_catch(void);

// Whether one of them came. Any thread.
bool is_interrupted(void);

#endif
