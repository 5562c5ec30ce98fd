// Values that are made. Included by scenario.h.

#ifndef SUPPORT_SCENARIO_VALUES_H
#define SUPPORT_SCENARIO_VALUES_H

// What a value is as text can be had.
static inline bool shown(tally_value value) {
    tally_text *text;
    if (tally_is_absent(value) ||
        refused_status(tally_value_text(value, &text)))
        return false;
    must(tally_text_length(text) > 0 ||
         tally_value_is(value, &tally_type_text));
    tally_decref(text);
    return true;
}

// One of each kind that is an object, some sizes of bytes and text.
static inline bool values_scenario(void) {
    static const char letters[5000] = "only this is not 0";
    bool done = true;
    for (int n = 0; n < 50; n++) {
        size_t length = (size_t)(n * n) * 2;
        tally_value all[] = {tally_integer(INT64_MAX - n), tally_double(0.5),
                             tally_of(tally_bytes_new(letters, length)),
                             tally_of(tally_text_new(letters, length))};
        for (size_t m = 0; m < sizeof(all) / sizeof(all[0]); m++) {
            done = !refused(tally_object_of(all[m])) && done;
            done = shown(all[m]) && done;
            tally_value_decref(all[m]);
        }
    }
    return done;
}

// Types that are made, used and left to the collector.
static inline bool types_scenario(void) {
    static const tally_trait traits[] = {
        {.kind = TALLY_TRAIT_REFS, .name = "x", .offset = 16, .count = 1},
        {.kind = TALLY_TRAIT_END}};
    static const tally_type_spec spec = {"of a scenario", 24, traits};
    bool done = true;
    for (int n = 0; n < 20; n++) {
        tally_type *type = tally_type_make(&spec);
        if (refused(type)) {
            done = false;
            continue;
        }
        void *object = tally_object_new(type, 0);
        tally_type_drop(type);
        done = !refused(object) && done;
        if (object)
            tally_decref(object);
    }
    tally_collect();
    return done;
}

// The numbers up to 300 as words that are interned, twice.
static inline bool intern_scenario(void) {
    static tally_text *words[300];
    bool done = true;
    for (int n = 0; n < 600; n++) {
        tally_text *text, *word;
        if (refused_status(tally_value_text(tally_small(n % 300), &text))) {
            done = false;
            continue;
        }
        word = tally_text_intern(text);
        tally_decref(text);
        if (refused(word)) {
            done = false;
        } else if (words[n % 300]) {
            must(words[n % 300] == word);
            tally_decref(word);
        } else {
            words[n % 300] = word;
        }
    }
    for (int n = 0; n < 300; n++) {
        if (words[n])
            tally_decref(words[n]);
        words[n] = NULL;
    }
    return done;
}

// Growable bytes, lent and cut.
static inline bool views_scenario(void) {
    bool done = true;
    for (int n = 0; n < 20; n++) {
        tally_bytearray *array = tally_bytearray_new(NULL, 40);
        if (refused(array)) {
            done = false;
            continue;
        }
        size_t length = tally_bytearray_length(array);
        if (tally_bytearray_append(array, "0123456789", 10) == TALLY_OK)
            length += 10;
        else
            done = false;
        must(tally_bytearray_length(array) == length);
        tally_view *view = tally_view_new(array, TALLY_BUFFER_WRITABLE);
        tally_view *part =
            refused(view) ? NULL : tally_view_slice(view, 1, 40, 3);
        tally_bytes *bytes =
            !view || refused(part) ? NULL : tally_view_bytes(part, 'C');
        tally_value values = bytes ? tally_view_values(part) : tally_absent();
        if (bytes && tally_is_absent(values))
            must(errno == ENOMEM);
        void *all[] = {tally_object_of(values), bytes, part, view, array};
        for (size_t m = 0; m < 5; m++)
            if (all[m])
                tally_decref(all[m]);
        done = !tally_is_absent(values) && done;
    }
    return done;
}

#endif
