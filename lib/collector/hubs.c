// Members with counts of 256 and more that show zero: garbage, or live by a
// multiple of 256 references from outside. Each is recounted exactly; the
// table of trial counts, all zero for what is left, tells which hub is meant.

#include "collector/trial.h"
#include "object/type.h"

#define HUBS 255u

struct hubs {
    struct {
        tally_object *object;
        int64_t rest; // count less the references found so far
    } hub[HUBS];
    unsigned count;
    const char *seen_to; // hubs below are done
    struct tly_cover cover;
};

static void gather(void *arg, tally_object *object) {
    struct hubs *hubs = arg;
    int64_t total = tly_trial_total(object);
    if (total < 256 || (const char *)object < hubs->seen_to ||
        hubs->count == HUBS)
        return;
    hubs->hub[hubs->count].object = object;
    hubs->hub[hubs->count].rest = total;
    tly_sides.trial[tly_side_at(object)] = (uint8_t)++hubs->count;
}

static void subtract_run(void *arg, tally_ref *first, size_t count) {
    struct hubs *hubs = arg;
    for (size_t n = 0; n < count; n++) {
        size_t granule;
        if (!tly_side_of(hubs->cover, tly_trial_load(&first[n]), &granule) ||
            !tly_side_get(tly_sides.member, granule))
            continue;
        uint8_t hub = tly_sides.trial[granule];
        if (hub)
            hubs->hub[hub - 1].rest--;
    }
}

static void subtract(void *hubs, tally_object *object) {
    unsigned refs = tly_trial_refs(object);
    if (refs == TLY_TF_ASK)
        tly_refs_each(object, tly_type_of(object), subtract_run, hubs);
    else
        subtract_run(hubs, (tally_ref *)(void *)(object + 1), refs);
}

// Takes those that are live, and all they lead to, out of the set. What is
// left has no reference from what went, so earlier results stand.
static void rescue(struct hubs *hubs) {
    for (unsigned n = 0; n < hubs->count; n++)
        tly_sides.trial[tly_side_at(hubs->hub[n].object)] = 0;
    for (unsigned n = 0; n < hubs->count; n++)
        if (hubs->hub[n].rest != 0)
            tly_side_set(tly_sides.own[0].marked,
                         tly_side_at(hubs->hub[n].object));
    tly_mark_noted();
}

void tly_hubs_rescue(const struct tly_trial *trial) {
    if (trial->hubs == 0)
        return;
    struct hubs hubs = {.seen_to = NULL, .cover = tly_sides_cover()};
    do {
        hubs.count = 0;
        tly_sides_each(tly_sides.member, gather, &hubs);
        tly_sides_each(tly_sides.member, subtract, &hubs);
        if (hubs.count)
            hubs.seen_to = (char *)hubs.hub[hubs.count - 1].object + 1;
        rescue(&hubs);
    } while (hubs.count == HUBS);
}
