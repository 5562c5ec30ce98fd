// Keeps the error with the earliest place. The mutex is held for a moment
// only and nothing blocks under it, so it needs no blocking region.

#include "failure.h"

#include <stdarg.h>

void failure_note(struct failure *failure, uint64_t place, const char *format,
                  ...) {
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&failure->mutex);
    if (!failure_is_set(failure) || place < failure->place) {
        vsnprintf(failure->text, sizeof failure->text, format, arguments);
        failure->place = place;
        atomic_store(&failure->set, true);
    }
    pthread_mutex_unlock(&failure->mutex);
    va_end(arguments);
}

void failure_no_memory(struct failure *failure) {
    failure_note(failure, UINT64_MAX, "out of memory");
}
