// PEER pkg-config: jemalloc debian: libjemalloc-dev
// jemalloc with a plain count: linking it is what replaces malloc.

#include <stdlib.h>

#define RIVAL "jemalloc"
#define peer_alloc malloc
#define peer_free free

#include "count_plain.h"
#include "rival_counted.h"
#include "main_counted.h"
