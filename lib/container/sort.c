// Merge sort from below: short runs by insertion, then runs of twice the
// length until there is one. No recursion; what is in order already costs one
// comparison a merge.

#include "container/sort.h"
#include "sync/rank.h"

#include <string.h>

#define RUN ((size_t)8)

struct sorting {
    tally_list_order order;
    void *arg;
    tally_status status;
};

// Whether [b] belongs before [a], which stood before it. After a failure
// nothing is asked any more.
static bool is_before(struct sorting *s, tally_value b, tally_value a) {
    int order = 0;
    if (s->status == TALLY_OK) {
        tly_locks_none("the order of a sort");
        s->status = s->order(s->arg, b, a, &order);
    }
    return s->status == TALLY_OK && order < 0;
}

static void insertion(struct sorting *s, tally_value *run, size_t count) {
    for (size_t n = 1; n < count; n++) {
        tally_value value = run[n];
        size_t at = n;
        for (; at > 0 && is_before(s, value, run[at - 1]); at--)
            run[at] = run[at - 1];
        run[at] = value;
    }
}

// Two runs that stand one behind the other, [half] and [count] - [half] long.
static void merge(struct sorting *s, const tally_value *from, size_t half,
                  size_t count, tally_value *to) {
    size_t a = 0, b = half;
    if (!is_before(s, from[half], from[half - 1])) {
        memcpy(to, from, count * sizeof(*to));
        return;
    }
    for (size_t n = 0; n < count; n++) {
        bool second =
            a == half || (b < count && is_before(s, from[b], from[a]));
        to[n] = second ? from[b++] : from[a++];
    }
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

tally_status tly_sort(tally_value *values, tally_value *room, size_t count,
                      tally_list_order order, void *arg) {
    struct sorting s = {order, arg, TALLY_OK};
    tally_value *from = values, *to = room;
    for (size_t at = 0; at < count; at += RUN)
        insertion(&s, values + at, least(RUN, count - at));
    for (size_t run = RUN; run < count; run *= 2) {
        for (size_t at = 0; at < count; at += run * 2) {
            size_t left = least(run * 2, count - at);
            if (left > run)
                merge(&s, from + at, run, left, to + at);
            else
                memcpy(to + at, from + at, left * sizeof(*to));
        }
        tally_value *swap = from;
        from = to;
        to = swap;
    }
    if (from != values)
        memcpy(values, from, count * sizeof(*values));
    return s.status;
}
