// Reports and aborts: nothing here allocates or takes a lock, so that it can
// be called from anywhere.

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cancel.h"

static void report(const char *prefix, const char *format, va_list args) {
    TLY_NO_CANCEL;
    char line[512];
    size_t room = sizeof(line) - 1;
    int n = snprintf(line, room, "%s", prefix);
    size_t used = n < 0 ? 0 : (size_t)n;
    n = vsnprintf(line + used, room - used, format, args);
    if (n > 0)
        used += (size_t)n;
    if (used > room - 1)
        used = room - 1;
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
}

void tly_report(const char *format, ...) {
    va_list args;
    va_start(args, format);
    report("tally: ", format, args);
    va_end(args);
}

void tly_misuse(const char *format, ...) {
    va_list args;
    va_start(args, format);
    report("tally: misuse: ", format, args);
    va_end(args);
    abort();
}

void tly_fail(const char *condition, const char *file, int line) {
    tly_report("%s:%d: broken: %s", file, line, condition);
    abort();
}
