// The table of size classes, computed once: when the library is loaded, before
// there are threads. A program's constructor that uses the heap still earlier
// finds no class, and computes it by starting the runtime.

#include "pool/class.h"

#include "arena/arena.h"
#include "base/check.h"

// A bitmap of a pool has 512 bits.
#define BLOCKS_MAX 512u
// Pools of one unit hold blocks of up to 1.5 KiB.
#define UNIT_BLOCK_MAX 1536u

struct tly_class tly_classes[TLY_CLASSES];
uint8_t tly_class_table[TLY_CLASS_MAX / 16 + 1];

static uint32_t class_size(unsigned n) {
    if (n < 15)
        return 32 + 16 * n;
    n -= 15;
    if (n < 40)
        return (256u << n / 8) / 8 * (n % 8 + 9);
    return 131072u / (13 - (n - 40)) / 16 * 16;
}

// The fewest units that hold 8 blocks (4 of the largest) with a small tail.
static unsigned class_units(uint32_t size) {
    if (size <= UNIT_BLOCK_MAX)
        return 1;
    for (unsigned units = 2; units < 8; units++) {
        uint32_t bytes = (uint32_t)(units * TLY_UNIT_SIZE);
        if (bytes / size >= 8 && bytes % size <= bytes / 16)
            return units;
    }
    return 8;
}

__attribute__((constructor(101))) void tly_class_start(void) {
    size_t granule = 0;
    if (tly_classes[0].size)
        return;
    for (unsigned n = 0; n < TLY_CLASSES; n++) {
        struct tly_class *c = &tly_classes[n];
        c->size = class_size(n);
        c->recip = (uint32_t)((((uint64_t)1 << 32) + c->size - 1) / c->size);
        c->units = (uint16_t)class_units(c->size);
        c->blocks = (uint16_t)(c->units * TLY_UNIT_SIZE / c->size);
        tly_require(c->blocks <= BLOCKS_MAX);
        for (; granule <= c->size / 16; granule++)
            tly_class_table[granule] = (uint8_t)n;
    }
}
