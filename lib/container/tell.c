// Lists, maps and sets as text: what they hold is told as an iterator meets it,
// containers in containers by a loop that keeps a stack of its own. A thread
// knows the containers that it is telling, also through hooks of the program's,
// so that one that holds itself is told as [...].

#include "container/tell.h"

#include <errno.h>
#include <string.h>

#include <tally/alloc.h>
#include <tally/dynamic.h>
#include <tally/list_whole.h>
#include <tally/map.h>
#include <tally/set.h>

#include "base/compiler.h"
#include "container/depth.h"
#include "container/quick.h"
#include "container/text.h"
#include "object/owns.h"

// ---- writing

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

// What is no container of ours.
static void write_plain(struct writer *w, tally_value value) {
    tally_text *text;
    if (w->status != TALLY_OK)
        return;
    w->status = tally_value_text(value, &text);
    if (w->status != TALLY_OK)
        return;
    void *held TLY_OWNS_OBJECT = text;
    if (tally_value_is(value, &tally_type_text))
        write_quoted(w, tally_text_data(text), tally_text_length(text));
    else
        write_bytes(w, tally_text_data(text), tally_text_length(text));
}

// ---- a stack of containers that are being told

enum kind { KIND_LIST, KIND_MAP, KIND_SET };

static const struct {
    tally_status (*text)(void *object, tally_text **ret_text);
    const char *begin, *end;
    const char *inner; // one that is being told already
} kinds[] = {
    [KIND_LIST] = {tly_list_text, "[", "]", "[...]"},
    [KIND_MAP] = {tly_map_text, "{", "}", "{...}"},
    [KIND_SET] = {tly_set_text, "set(", ")", "set(...)"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct level {
    const void *object;
    enum kind kind;
    bool is_later; // something has been told of it
    union {
        struct tally_list_iterator list;
        struct tally_map_iterator map;
        struct tally_set_iterator set;
    } at;
    tally_value held; // what is being told of a map, owned; or absent
};

struct telling {
    struct writer w;
    uint32_t count, room;
    struct level *levels; // [first], or memory of the heap
    struct level first;
    const struct telling *up; // what a hook was called for that led here
};
static TALLY_THREAD const struct telling *innermost;

static bool is_told(const void *object) {
    for (const struct telling *t = innermost; t; t = t->up)
        for (uint32_t n = 0; n < t->count; n++)
            if (t->levels[n].object == object)
                return true;
    return false;
}

static tally_status room_make(struct telling *t) {
    if (t->count < t->room)
        return TALLY_OK;
    bool is_first = t->levels == &t->first;
    uint32_t room = t->room * 4;
    struct level *levels =
        tally_realloc(is_first ? NULL : t->levels, room * sizeof(*levels));
    if (!levels)
        return TALLY_NO_MEMORY;
    if (is_first)
        levels[0] = t->first;
    t->levels = levels;
    t->room = room;
    return TALLY_OK;
}

static tally_status level_begin(struct level *level, void *object,
                                enum kind kind) {
    *level =
        (struct level){.object = object, .kind = kind, .held = tally_absent()};
    switch (kind) {
    case KIND_LIST:
        return tally_list_begin(object, &level->at.list);
    case KIND_MAP:
        tally_map_begin(object, &level->at.map);
        break;
    case KIND_SET:
        tally_set_begin(object, &level->at.set);
        break;
    }
    return TALLY_OK;
}

// Begins with one more container, or tells that it is being told.
static tally_status push(struct telling *t, void *object, enum kind kind) {
    if (is_told(object)) {
        write_string(&t->w, kinds[kind].inner);
        return t->w.status;
    }
    tally_status status = room_make(t);
    if (status == TALLY_OK)
        status = tly_depth_enter();
    if (status != TALLY_OK)
        return status;
    status = level_begin(&t->levels[t->count], object, kind);
    if (status != TALLY_OK) {
        tly_depth_leave();
        return status;
    }
    t->count++;
    write_string(&t->w, kinds[kind].begin);
    return t->w.status;
}

static void pop(struct telling *t) {
    struct level *level = &t->levels[--t->count];
    tly_depth_leave();
    write_string(&t->w, kinds[level->kind].end);
    tally_value_decref(level->held);
    switch (level->kind) {
    case KIND_LIST:
        tally_list_end(&level->at.list);
        break;
    case KIND_MAP:
        tally_map_end(&level->at.map);
        break;
    case KIND_SET:
        tally_set_end(&level->at.set);
        break;
    }
}

// ---- what they hold

static tally_status value_tell(struct telling *t, tally_value value) {
    void *object = tally_object_of(value);
    const tally_protocol *hooks =
        object && tally_type_of(object) != &tally_type_text
            ? TLY_PROTOCOL_WITH(object, text)
            : NULL;
    for (unsigned kind = 0; hooks && kind < KINDS; kind++)
        if (hooks->text == kinds[kind].text)
            return push(t, object, (enum kind)kind);
    write_plain(&t->w, value);
    return t->w.status;
}

// The next that a container holds: *ret_key is not absent for a map, and owned.
static bool level_next(struct level *level, tally_value *ret_key,
                       tally_value *ret_value) {
    tally_value last TLY_OWNS_VALUE = level->held;
    level->held = *ret_key = tally_absent();
    bool more = false;
    switch (level->kind) {
    case KIND_LIST:
        return tally_list_next(&level->at.list, ret_value);
    case KIND_MAP:
        more = tally_map_next(&level->at.map, ret_key, ret_value);
        break;
    case KIND_SET:
        more = tally_set_next(&level->at.set, ret_value);
        break;
    }
    if (more)
        level->held = *ret_value;
    return more;
}

static tally_status step(struct telling *t) {
    struct level *level = &t->levels[t->count - 1];
    tally_value value, key TLY_OWNS_VALUE = tally_absent();
    if (!level_next(level, &key, &value)) {
        pop(t);
        return t->w.status;
    }
    if (level->is_later)
        write_string(&t->w, ", ");
    level->is_later = true;
    if (!tally_is_absent(key)) {
        write_plain(&t->w, key);
        write_string(&t->w, ": ");
    }
    return t->w.status == TALLY_OK ? value_tell(t, value) : t->w.status;
}

// Also when a hook has been left; then nothing more is written.
static void telling_end(struct telling *t) {
    if (t->count > 0 && t->w.status == TALLY_OK)
        t->w.status = TALLY_HOOK_FAILED;
    while (t->count > 0)
        pop(t);
    innermost = t->up;
    if (t->levels != &t->first)
        tally_free(t->levels);
    tally_free(t->w.data);
}

static tally_status tell(void *object, enum kind kind, tally_text **ret_text) {
    struct telling t
        __attribute__((cleanup(telling_end))) = {.room = 1, .up = innermost};
    t.levels = &t.first;
    innermost = &t;
    tally_status status = push(&t, object, kind);
    while (status == TALLY_OK && t.count > 0)
        status = step(&t);
    tally_text *text = NULL;
    if (status == TALLY_OK && !(text = tly_text_make(t.w.data, t.w.length)))
        status = -errno;
    if (text)
        *ret_text = text;
    return status;
}

tally_status tly_list_text(void *object, tally_text **ret_text) {
    return tell(object, KIND_LIST, ret_text);
}
tally_status tly_map_text(void *object, tally_text **ret_text) {
    return tell(object, KIND_MAP, ret_text);
}
tally_status tly_set_text(void *object, tally_text **ret_text) {
    return tell(object, KIND_SET, ret_text);
}
