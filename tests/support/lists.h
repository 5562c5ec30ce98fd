// Lists of digits, and beads to put into lists.

#ifndef SUPPORT_LISTS_H
#define SUPPORT_LISTS_H

#include "api.h"
#include "threads.h"

static atomic_int beads_destroyed;
static inline void bead_destroy(void *object) {
    (void)object;
    beads_destroyed++;
}

struct bead {
    tally_object head;
    tally_cell tie;
    int64_t key;
};
TALLY_TYPE(bead, TALLY_CELL(tie), TALLY_DESTROY(bead_destroy));

static inline struct bead *bead_new(int64_t key) {
    struct bead *bead = tally_new(bead);
    must(bead);
    bead->key = key;
    return bead;
}

static inline tally_list *list_new(void) {
    tally_list *list = tally_list_new();
    must(list);
    return list;
}

// A list of small integers from a string of digits.
static inline tally_list *list_of(const char *digits) {
    tally_list *list = list_new();
    for (; *digits; digits++)
        must(tally_list_append(list, tally_small(*digits - '0')) == TALLY_OK);
    return list;
}

static inline void assert_list(tally_list *list, const char *digits) {
    size_t length = strlen(digits);
    assert_int_equal(tally_list_length(list), length);
    for (size_t n = 0; n < length; n++)
        assert_int_equal(tally_small_of(tally_list_get(list, n)),
                         digits[n] - '0');
}

#endif
