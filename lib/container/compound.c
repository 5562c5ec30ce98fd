// Equality, order and text of lists, maps and sets.
//
// What is compared is held, as of one moment, and hooks are called without any
// lock; what maps and sets hold is told as an iterator meets it. A thread knows
// the containers that it is telling, so that one that holds itself is told as
// [...], and how deep it is in what it compares.

#include "container/compound.h"

#include <errno.h>
#include <string.h>

#include <tally/alloc.h>
#include <tally/dynamic.h>
#include <tally/list_whole.h>
#include <tally/map.h>
#include <tally/set.h>
#include <tally/text.h>

#include "base/compiler.h"
#include "container/pair.h"
#include "container/text.h"

// Levels of containers in containers; each takes some hundred bytes of stack.
#define DEEPEST 200u

// What this thread is in, the innermost first.
struct level {
    const void *object;
    const struct level *up;
    unsigned depth;
};
static TALLY_THREAD const struct level *innermost;

static tally_status level_begin(struct level *level, const void *object) {
    level->object = object;
    level->up = innermost;
    level->depth = innermost ? innermost->depth + 1 : 1;
    if (level->depth > DEEPEST)
        return TALLY_LIMIT;
    innermost = level;
    return TALLY_OK;
}

static void level_end(const struct level *level) { innermost = level->up; }

static bool is_told(const void *object) {
    for (const struct level *level = innermost; level; level = level->up)
        if (level->object == object)
            return true;
    return false;
}

// ---- equality and order

// Both elements are the iterators'.
typedef tally_status (*pair_hook)(tally_value a, tally_value b, void *result,
                                  bool *ret_done);

static tally_status pair_equal(tally_value a, tally_value b, void *result,
                               bool *ret_done) {
    bool equal = true;
    tally_status status = tally_value_equal(a, b, &equal);
    *ret_done = !equal;
    *(bool *)result = equal;
    return status;
}

// The first pair that is not equal and has an order is decisive.
static tally_status pair_compare(tally_value a, tally_value b, void *result,
                                 bool *ret_done) {
    bool equal = true;
    tally_status status = tally_value_equal(a, b, &equal);
    if (status == TALLY_OK && !equal)
        status = tally_value_compare(a, b, result);
    // Two doubles that are no numbers are beside each other, and not equal.
    *ret_done = !equal && *(int *)result;
    return status;
}

// Asks of pairs until one is decisive. *ret_more: that of the lengths then, 0
// if one was.
static tally_status pairs_ask(struct tally_list_iterator *a,
                              struct tally_list_iterator *b, pair_hook hook,
                              void *result, int *ret_more) {
    bool done = false;
    tally_status status = TALLY_OK;
    while (status == TALLY_OK && !done) {
        tally_value of_a, of_b;
        bool in_a = tally_list_next(a, &of_a), in_b = tally_list_next(b, &of_b);
        *ret_more = (int)in_a - (int)in_b;
        if (!in_a || !in_b)
            break;
        status = hook(of_a, of_b, result, &done);
    }
    return status;
}

// Two lists as they are at a moment each.
static tally_status lists_ask(void *a, void *b, pair_hook hook, void *result,
                              int *ret_more) {
    struct tally_list_iterator in_a, in_b;
    struct level level;
    tally_status status = tally_list_begin(a, &in_a);
    if (status != TALLY_OK)
        return status;
    status = tally_list_begin(b, &in_b);
    if (status == TALLY_OK) {
        status = level_begin(&level, NULL);
        if (status == TALLY_OK) {
            status = pairs_ask(&in_a, &in_b, hook, result, ret_more);
            level_end(&level);
        }
        tally_list_end(&in_b);
    }
    tally_list_end(&in_a);
    return status;
}

static void *instance_of(tally_value value, const tally_type *type) {
    void *object = tally_object_of(value);
    return object && tally_is_instance(object, type) ? object : NULL;
}

static tally_status list_equal(void *object, tally_value other,
                               bool *ret_equal) {
    void *with = instance_of(other, &tally_type_list);
    bool equal = true;
    int more = 0;
    if (!with)
        return TALLY_WRONG_TYPE;
    tally_status status = TALLY_OK;
    if (tally_list_length(object) == tally_list_length(with))
        status = lists_ask(object, with, pair_equal, &equal, &more);
    else
        equal = false;
    if (status == TALLY_OK)
        *ret_equal = equal && !more;
    return status;
}

static tally_status list_compare(void *object, tally_value other,
                                 int *ret_order) {
    void *with = instance_of(other, &tally_type_list);
    int order = 0, more = 0;
    if (!with)
        return TALLY_WRONG_TYPE;
    tally_status status = lists_ask(object, with, pair_compare, &order, &more);
    if (status == TALLY_OK)
        *ret_order = order ? order : more;
    return status;
}

// Whether the other map has an entry. Not having it is no failure.
static tally_status entry_equal(void *with, tally_value key, tally_value value,
                                bool *ret_equal) {
    tally_value there;
    tally_status status = tally_map_find(with, key, &there);
    *ret_equal = false;
    if (status == TALLY_NOT_FOUND)
        return TALLY_OK;
    if (status == TALLY_OK) {
        status = tally_value_equal(value, there, ret_equal);
        tally_value_decref(there);
    }
    return status;
}

static tally_status entries_equal(void *map, void *with, bool *ret_equal) {
    struct tally_map_iterator it;
    tally_value key, value;
    tally_status status = TALLY_OK;
    *ret_equal = true;
    tally_map_begin(map, &it);
    while (status == TALLY_OK && *ret_equal &&
           tally_map_next(&it, &key, &value)) {
        status = entry_equal(with, key, value, ret_equal);
        tally_value_decref(key);
        tally_value_decref(value);
    }
    tally_map_end(&it);
    return status;
}

// Where lengths differ that are read one after the other, the two are not equal
// at one moment in between: what makes them equal is a change of one of both.
static tally_status map_equal(void *object, tally_value other,
                              bool *ret_equal) {
    tally_map *both[2], *with = instance_of(other, &tally_type_map);
    struct level level;
    bool equal = false;
    if (!with)
        return TALLY_WRONG_TYPE;
    if (!tly_maps_alike((tally_map *[2]){object, with})) {
        *ret_equal = false;
        return TALLY_OK;
    }
    tally_status status = level_begin(&level, NULL);
    if (status != TALLY_OK)
        return status;
    status = tly_maps_copy((tally_map *[2]){object, with}, both);
    if (status == TALLY_OK) {
        if (tally_map_length(both[0]) == tally_map_length(both[1]))
            status = entries_equal(both[0], both[1], &equal);
        tally_decref(both[0]);
        tally_decref(both[1]);
    }
    level_end(&level);
    if (status == TALLY_OK)
        *ret_equal = equal;
    return status;
}

// Elements are no containers, but may have hooks that compare some.
static tally_status set_equal(void *object, tally_value other,
                              bool *ret_equal) {
    tally_set *both[2], *with = instance_of(other, &tally_type_set);
    struct level level;
    bool equal = false;
    if (!with)
        return TALLY_WRONG_TYPE;
    if (!tly_sets_alike((tally_set *[2]){object, with})) {
        *ret_equal = false;
        return TALLY_OK;
    }
    tally_status status = level_begin(&level, NULL);
    if (status != TALLY_OK)
        return status;
    status = tly_sets_copy((tally_set *[2]){object, with}, both);
    if (status == TALLY_OK) {
        if (tally_set_length(both[0]) == tally_set_length(both[1]))
            status = tly_set_each_is(both[0], both[1], true, &equal);
        tally_decref(both[0]);
        tally_decref(both[1]);
    }
    level_end(&level);
    if (status == TALLY_OK)
        *ret_equal = equal;
    return status;
}

// ---- text

struct writer {
    char *data;
    size_t length, room;
    tally_status status; // not OK: nothing is written any more
};

static void write_bytes(struct writer *w, const char *bytes, size_t length) {
    if (w->status != TALLY_OK)
        return;
    if (length > w->room - w->length) {
        size_t room = w->length + length + w->room / 2 + 64;
        char *data = tally_realloc(w->data, room);
        if (!data) {
            w->status = -errno;
            return;
        }
        w->data = data;
        w->room = room;
    }
    memcpy(w->data + w->length, bytes, length);
    w->length += length;
}

static void write_string(struct writer *w, const char *string) {
    write_bytes(w, string, strlen(string));
}

// Text among other values, as a program would have it.
static void write_quoted(struct writer *w, const char *data, size_t length) {
    static const char hex[] = "0123456789abcdef";
    write_string(w, "\"");
    for (size_t n = 0; n < length; n++) {
        unsigned char c = (unsigned char)data[n];
        char escaped[] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
        if (c == '"' || c == '\\') {
            write_bytes(w, escaped, 1);
            write_bytes(w, data + n, 1);
        } else if (c < ' ' || c == 0x7F) {
            write_bytes(w, escaped, sizeof(escaped));
        } else {
            write_bytes(w, data + n, 1);
        }
    }
    write_string(w, "\"");
}

static void write_value(struct writer *w, tally_value value) {
    tally_text *text;
    if (w->status != TALLY_OK)
        return;
    w->status = tally_value_text(value, &text);
    if (w->status != TALLY_OK)
        return;
    if (tally_value_is(value, &tally_type_text))
        write_quoted(w, tally_text_data(text), tally_text_length(text));
    else
        write_bytes(w, tally_text_data(text), tally_text_length(text));
    tally_decref(text);
}

static void write_comma(struct writer *w, bool *first) {
    if (!*first)
        write_string(w, ", ");
    *first = false;
}

static void list_write(void *list, struct writer *w) {
    struct tally_list_iterator it;
    tally_value value;
    bool first = true;
    w->status = tally_list_begin(list, &it);
    if (w->status != TALLY_OK)
        return;
    write_string(w, "[");
    while (w->status == TALLY_OK && tally_list_next(&it, &value)) {
        write_comma(w, &first);
        write_value(w, value);
    }
    write_string(w, "]");
    tally_list_end(&it);
}

static void map_write(void *map, struct writer *w) {
    struct tally_map_iterator it;
    tally_value key, value;
    bool first = true;
    write_string(w, "{");
    tally_map_begin(map, &it);
    while (w->status == TALLY_OK && tally_map_next(&it, &key, &value)) {
        write_comma(w, &first);
        write_value(w, key);
        write_string(w, ": ");
        write_value(w, value);
        tally_value_decref(key);
        tally_value_decref(value);
    }
    tally_map_end(&it);
    write_string(w, "}");
}

static void set_write(void *set, struct writer *w) {
    struct tally_set_iterator it;
    tally_value element;
    bool first = true;
    write_string(w, "set(");
    tally_set_begin(set, &it);
    while (w->status == TALLY_OK && tally_set_next(&it, &element)) {
        write_comma(w, &first);
        write_value(w, element);
        tally_value_decref(element);
    }
    tally_set_end(&it);
    write_string(w, ")");
}

// [inner]: what is told of one that is being told already.
static tally_status tell(void *object, void (*fn)(void *, struct writer *),
                         const char *inner, tally_text **ret_text) {
    struct writer w = {.status = TALLY_OK};
    struct level level;
    if (is_told(object)) {
        write_string(&w, inner);
    } else {
        w.status = level_begin(&level, object);
        if (w.status == TALLY_OK) {
            fn(object, &w);
            level_end(&level);
        }
    }
    tally_text *text = NULL;
    if (w.status == TALLY_OK && !(text = tly_text_make(w.data, w.length)))
        w.status = -errno;
    tally_free(w.data);
    if (text)
        *ret_text = text;
    return w.status;
}

static tally_status list_text(void *object, tally_text **ret_text) {
    return tell(object, list_write, "[...]", ret_text);
}
static tally_status map_text(void *object, tally_text **ret_text) {
    return tell(object, map_write, "{...}", ret_text);
}
static tally_status set_text(void *object, tally_text **ret_text) {
    return tell(object, set_write, "set(...)", ret_text);
}

const tally_protocol tly_list_protocol = {
    .equal = list_equal, .compare = list_compare, .text = list_text};
const tally_protocol tly_map_protocol = {.equal = map_equal, .text = map_text};
const tally_protocol tly_set_protocol = {.equal = set_equal, .text = set_text};
