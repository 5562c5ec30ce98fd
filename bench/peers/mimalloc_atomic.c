// PEER pkg-config: mimalloc debian: libmimalloc-dev
// mimalloc with an atomic count.

#include <mimalloc.h>

#define RIVAL "mimalloc_atomic"
#define peer_alloc mi_malloc
#define peer_free mi_free

#include "count_atomic.h"
#include "rival_counted.h"
#include "main_counted.h"
