// For rivals whose threads have nothing to say to their library.

#ifndef PEER_RIVAL_THREADS_H
#define PEER_RIVAL_THREADS_H

#include "bench.h"

static inline void rival_begin(void) {}
static inline void rival_end(void) {}
static inline void rival_pause(void) {}
static inline void rival_resume(void) {}
static inline void rival_poll(void) {}
static inline double rival_os_bytes(void) { return 0; }

#endif
