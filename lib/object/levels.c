// How far hooks that make the next are followed.

#include "object/levels.h"

#include "object/finalize.h"

bool tly_levels_count(const struct tly_local *self, struct tly_levels *levels) {
    // Relaxed, both: counters of one writer.
    uint64_t made = tly_load_relaxed(&self->counters.made);
    uint64_t ended = tly_load_relaxed(&self->counters.destroyed);
    levels->left -=
        levels->left > 0 && made - levels->made >= ended - levels->ended;
    levels->made = made;
    levels->ended = ended;
    if (levels->left == 0 && levels->credit) {
        uint64_t waiting = tly_finalize_waiting();
        levels->left = waiting < UINT32_MAX ? (uint32_t)waiting : UINT32_MAX;
        levels->credit = false;
    }
    return levels->left > 0;
}
