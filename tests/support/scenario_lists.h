// Lists that grow. Included by scenario.h.

#ifndef SUPPORT_SCENARIO_LISTS_H
#define SUPPORT_SCENARIO_LISTS_H

// What a list does that wants memory; a failure leaves it as it was.
static inline bool list_grows(tally_list *list, size_t count) {
    for (size_t n = 0; n < count; n++) {
        size_t length = tally_list_length(list);
        tally_status status =
            n % 3 == 0   ? tally_list_append(list, tally_of(list))
            : n % 3 == 1 ? tally_list_push_front(list, tally_small((int64_t)n))
                         : tally_list_insert(list, length / 2, tally_nil());
        must(tally_list_length(list) == length + (status == TALLY_OK));
        if (refused_status(status))
            return false;
    }
    return true;
}

static inline bool list_is_used(tally_list *list, tally_list *other) {
    struct tally_list_iterator i;
    tally_value value;
    size_t length = tally_list_length(list), seen = 0;
    if (refused_status(tally_list_begin(list, &i)))
        return false;
    while (tally_list_next(&i, &value))
        seen++;
    tally_list_end(&i);
    must(seen == length);
    if (refused_status(tally_list_extend(list, other)))
        return false;
    must(tally_list_length(list) == length + tally_list_length(other));
    tally_list *slice = tally_list_slice(list, 1, SIZE_MAX, 2);
    if (refused(slice))
        return false;
    bool done = !refused_status(tally_list_extend(slice, slice));
    while (tally_list_length(slice) > 1) // gives room back, if it can
        tally_value_decref(tally_list_pop(slice));
    tally_decref(slice);
    tally_list_clear(list);
    for (int64_t n = 0; n < 100 && done; n++)
        done = !refused_status(tally_list_append(list, tally_small(-n)));
    return done && !refused_status(tally_list_sort(list, NULL, NULL));
}

// Lists that hold themselves, so that what is lost is garbage for good.
static inline bool list_scenario(void) {
    tally_list *list = tally_list_new(), *other = tally_list_new_sized(50);
    bool done = !refused(list) && !refused(other);
    done = done && list_grows(list, 400) && list_grows(other, 30) &&
           list_is_used(list, other);
    if (list)
        tally_list_clear(list);
    if (other)
        tally_list_clear(other);
    if (list)
        tally_decref(list);
    if (other)
        tally_decref(other);
    return done;
}

#endif
