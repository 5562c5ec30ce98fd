// PEER pkg-config: jemalloc debian: libjemalloc-dev
// jemalloc with an atomic count.

#include <stdlib.h>

#define RIVAL "jemalloc_atomic"
#define peer_alloc malloc
#define peer_free free

#include "count_atomic.h"
#include "rival_counted.h"
#include "main_counted.h"
