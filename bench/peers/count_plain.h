// A count by hand as a program without threads writes it.

#ifndef PEER_COUNT_PLAIN_H
#define PEER_COUNT_PLAIN_H

#include <stdbool.h>

typedef long peer_count;

static inline void count_up(peer_count *count) { ++*count; }
static inline bool count_down(peer_count *count) { return --*count == 0; }

#endif
