// What others see of a thread that does not answer may change while they look:
// the heap's memory stays readable, and a word of it that is no type's tells
// none. While a hook is inside of an object, the object's type stays.

#include "object/inside.h"

#include <stdio.h>

#include "object/type.h"

static void tell_type(const tally_object *object, const char *what,
                      char text[TLY_INSIDE_MAX]) {
    // Relaxed: for a report.
    uint32_t index = tly_type_index(tly_load_relaxed(&object->shared_));
    tly_types_lock();
    const tally_type *type =
        index && index <= tly_types_count() ? tly_type_at_locked(index) : NULL;
    snprintf(text, TLY_INSIDE_MAX, "in a %s of type %s", what,
             type ? type->name : "?");
    tly_types_unlock();
}

void tly_inside_tell(const struct tly_local *of, char text[TLY_INSIDE_MAX]) {
    // Relaxed, all: as above.
    const tally_object *inside = tly_load_relaxed(&of->inside),
                       *destroys = tly_load_relaxed(&tly_cold(of)->destroys);
    uint32_t running = tly_load_relaxed(&of->running);
    text[0] = '\0';
    if (running == TLY_RUNS_FINALIZER && inside)
        tell_type(inside, "finalizer", text);
    else if (running == TLY_RUNS_CALLBACK)
        snprintf(text, TLY_INSIDE_MAX, "in a callback of a weak reference");
    else if (destroys)
        tell_type(destroys, "destroy hook", text);
}
