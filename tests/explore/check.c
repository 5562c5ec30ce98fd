// What lib/base/check.c does, for the explorer: a broken invariant ends the
// schedule, not the program. The linker takes this file for that one.

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schedule.h"

void tly_report(const char *format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    schedule_say("%s", line);
}

void tly_misuse(const char *format, ...) {
    char line[160];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    schedule_fail("misuse: %s", line);
}

void tly_fail(const char *condition, const char *file, int line) {
    const char *slash = strrchr(file, '/');
    schedule_fail("%s:%d: broken: %s", slash ? slash + 1 : file, line,
                  condition);
}
