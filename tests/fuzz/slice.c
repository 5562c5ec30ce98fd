// Do slices of slices have the items that Python's would?
//
// ORACLE  a list of indices, cut item by item.

#include "fuzz.h"

#define LONGEST 64u

struct list {
    size_t count;
    uint8_t at[LONGEST];
};

static int64_t limit(int64_t at, int64_t length, int64_t step) {
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? length - 1 : length;
    if (at < 0)
        at = at < -length ? INT64_MIN : at + length;
    return at < low ? low : at > high ? high : at;
}

static struct list cut(const struct list *list, int64_t start, int64_t stop,
                       int64_t step) {
    struct list result = {0, {0}};
    int64_t length = (int64_t)list->count;
    int64_t from = limit(start, length, step), to = limit(stop, length, step);
    for (int64_t n = from; step < 0 ? n > to : n < to;) {
        result.at[result.count++] = list->at[n];
        if (__builtin_add_overflow(n, step, &n))
            break;
    }
    return result;
}

static void check(tally_view *view, const struct list *list) {
    uint8_t out[LONGEST];
    size_t length = 77;
    must(tally_view_length(view, &length) == TALLY_OK);
    must(length == list->count);
    must(tally_view_copy(view, 'C', out, sizeof(out)) == TALLY_OK);
    for (size_t n = 0; n < length; n++)
        must(out[n] == list->at[n]);
    tally_value value;
    int64_t beyond = (int64_t)length, last = -1;
    must(tally_view_get(view, &beyond, 1, &value) == TALLY_RANGE);
    if (length) {
        must(tally_view_get(view, &last, 1, &value) == TALLY_OK);
        must(tally_small_of(value) == list->at[length - 1]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, size};
    struct list list = {input_byte(&in) % (LONGEST + 1), {0}};
    uint8_t *bytes = (uint8_t *)malloc(list.count ? list.count : 1);
    must(bytes);
    for (size_t n = 0; n < list.count; n++)
        bytes[n] = list.at[n] = (uint8_t)(n + 1);
    tally_view *view =
        tally_view_of_memory(bytes, list.count, true, NULL, NULL);
    must(view);
    for (unsigned n = 0; n < 5 && in.size; n++) {
        int64_t start = input_integer(&in), stop = input_integer(&in);
        int64_t step = input_integer(&in);
        tally_view *part = tally_view_slice(view, start, stop, step);
        must((part != NULL) == (step != 0));
        if (!part)
            break;
        tally_decref(view);
        view = part;
        list = cut(&list, start, stop, step);
        check(view, &list);
    }
    tally_decref(view);
    free(bytes);
    return 0;
}
