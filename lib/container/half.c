// Numbers of 16 bits: 1 sign, 5 exponent, 10 fraction.

#include "container/half.h"

#include <math.h>

#define FRACTION 0x3FFu
#define INFINITE 0x7C00u

double tly_half_to_double(uint16_t half) {
    unsigned exponent = (unsigned)half >> 10 & 0x1F;
    unsigned fraction = half & FRACTION;
    double size;
    if (exponent == 0x1F)
        size = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent)
        size = ldexp(fraction + 1024, (int)exponent - 25);
    else
        size = ldexp(fraction, -24);
    return half & 0x8000 ? -size : size;
}

bool tly_half_of_double(double real, uint16_t *ret_half) {
    uint16_t sign = signbit(real) ? 0x8000 : 0;
    double size = fabs(real);
    if (isnan(real)) {
        *ret_half = (uint16_t)(sign | INFINITE | 0x200);
        return true;
    }
    if (isinf(real)) {
        *ret_half = (uint16_t)(sign | INFINITE);
        return true;
    }
    if (size >= 65536)
        return false;
    int exponent = 0;
    (void)frexp(size, &exponent); // size is [0.5, 1) * 2^exponent
    // Below 2^-14 the fraction counts in steps of 2^-24.
    int step = size == 0 || exponent < -13 ? -24 : exponent - 11;
    double steps = ldexp(size, -step); // below 2048
    unsigned whole = (unsigned)steps;
    double rest = steps - whole;
    whole += rest > 0.5 || (rest == 0.5 && whole % 2);
    // The leading 1 and a carry add to the exponent, which is as it should be.
    unsigned bits = whole + ((unsigned)(step + 24) << 10);
    if (bits >= INFINITE)
        return false;
    *ret_half = (uint16_t)(sign | bits);
    return true;
}
