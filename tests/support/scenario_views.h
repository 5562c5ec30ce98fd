// Views in all ways in which they are made, and bytes that change their size.
// Included by scenario.h.

#ifndef SUPPORT_SCENARIO_VIEWS_H
#define SUPPORT_SCENARIO_VIEWS_H

// What is left of a view is dropped, and whether there was one.
static inline bool view_made(tally_view *view) {
    bool made = !refused(view);
    if (made)
        tally_decref(view);
    return made;
}

static inline void view_freed(void *data, size_t length, void *arg) {
    (void)data, (void)length;
    ++*(int *)arg;
}

// Views of a view of doubles; the view is as it was.
static inline bool views_of(tally_view *view) {
    const size_t cube[] = {2, 4, 8};
    tally_value value, list = tally_view_values(view);
    bool done = !refused(tally_object_of(list));
    tally_value_decref(list);
    done = view_made(tally_view_at(view, 3)) && done;
    done = view_made(tally_view_read_only(view)) && done;
    tally_view *bytes = tally_view_cast(view, "B", NULL, 0);
    if (refused(bytes))
        return false;
    done = view_made(tally_view_cast(bytes, "B", cube, 3)) && done;
    done = !refused_status(tally_view_assign(bytes, bytes)) && done;
    tally_text *hex = tally_view_hex(bytes, ':', 2);
    if (refused(hex))
        done = false;
    else
        tally_decref(hex);
    if (refused_status(tally_view_get(view, (int64_t[]){1}, 1, &value)))
        done = false;
    else
        tally_value_decref(value);
    tally_decref(bytes);
    must(tally_view_release(view) == TALLY_OK);
    return done;
}

// Of foreign memory: its callback is called once if there was a view.
static inline bool foreign_scenario(void) {
    static double memory[8];
    bool done = true;
    for (int n = 0; n < 20; n++) {
        int freed = 0;
        tally_view *bytes = tally_view_of_memory(memory, sizeof(memory), false,
                                                 view_freed, &freed);
        if (refused(bytes)) {
            must(freed == 0);
            return false;
        }
        tally_view *view = tally_view_cast(bytes, "d", NULL, 0);
        done = !refused(view) && views_of(view) && done;
        if (view)
            tally_decref(view);
        tally_decref(bytes);
        must(freed == 1);
    }
    return done;
}

static inline bool mapped_scenario(void) {
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    must(file >= 0);
    tally_view *view = tally_view_of_file(file, 0, 4, false);
    must(close(file) == 0);
    if (refused(view))
        return false;
    char letters[4];
    must(tally_view_copy(view, 'C', letters, 4) == TALLY_OK);
    must(memcmp(letters, "\177ELF", 4) == 0);
    tally_status status = tally_view_copy_checked(view, letters, 4);
    must(status == TALLY_OK || status == TALLY_UNSUPPORTED);
    tally_decref(view);
    return true;
}

// Access byte by byte, on a thread that this attaches, if it can: what fails
// reads and writes nothing.
static inline void *bytes_by_stranger(void *arg) {
    tally_bytearray *array = arg;
    uint8_t byte = 77;
    char bytes[2] = "x";
    tally_status status = tally_bytearray_get(array, 1, &byte);
    bool done = !refused_status(status);
    must(byte == (done ? '1' : 77));
    status = tally_bytearray_copy(array, 2, 1, bytes);
    must(bytes[0] == (status == TALLY_OK ? '2' : 'x'));
    done = !refused_status(status) && done;
    done = !refused_status(tally_bytearray_set(array, 0, '0')) && done;
    return done ? arg : NULL;
}

// Whatever fails, the bytes are what they were.
static inline bool bytes_scenario(void) {
    tally_bytearray *array = tally_bytearray_new("0123456789", 10);
    struct tally_buffer buffer;
    bool done = !refused(array);
    size_t length = 10;
    for (int n = 0; n < 100 && done; n++) {
        bool failed = refused_status(
            tally_bytearray_replace(array, 5, 0, "abcdefghij", 10));
        length += failed ? 0 : 10;
        must(tally_bytearray_length(array) == length);
        tally_bytes *bytes = tally_bytearray_bytes(array);
        done = !failed && !refused(bytes);
        if (bytes) {
            const char *data = tally_bytes_data(bytes);
            must(!memcmp(data, "01234", 5));
            must(!memcmp(data + length - 5, "56789", 5));
            tally_decref(bytes);
        }
    }
    if (!array)
        return false;
    done = thread_join(thread_start(bytes_by_stranger, array)) && done;
    must(tally_bytearray_length(array) == length);
    must(tally_buffer_get(array, TALLY_BUFFER_SIMPLE, &buffer) == TALLY_OK);
    must(tally_bytearray_resize(array, 0) == TALLY_EXPORTED);
    tally_buffer_release(&buffer);
    done = !refused_status(tally_bytearray_resize(array, 5000)) && done;
    tally_decref(array);
    return done;
}

#endif
