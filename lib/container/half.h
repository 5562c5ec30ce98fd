// Numbers of 16 bits as IEEE 754 has them ("binary16").

#ifndef TLY_CONTAINER_HALF_H
#define TLY_CONTAINER_HALF_H

#include "base/compiler.h"

double tly_half_to_double(uint16_t half);

// Rounds to the nearest, the even one of two. False: it is too large.
bool tly_half_of_double(double real, uint16_t *ret_half);

#endif
