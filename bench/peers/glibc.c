// glibc's malloc with a plain count.

#include <stdlib.h>

#define RIVAL "glibc"
#define peer_alloc malloc
#define peer_free free

#include "count_plain.h"
#include "rival_counted.h"
#include "main_counted.h"
