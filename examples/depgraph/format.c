// Three digits are enough for a size or a time; a count shows all of its own.

#include "format.h"

struct shown show_count(uint64_t count) {
    struct shown plain;
    struct shown shown;
    int digits = snprintf(plain.text, sizeof plain.text, "%llu",
                          (unsigned long long)count);
    size_t to = 0;
    for (int i = 0; i < digits; i++) {
        if (i && (digits - i) % 3 == 0)
            shown.text[to++] = ',';
        shown.text[to++] = plain.text[i];
    }
    shown.text[to] = 0;
    return shown;
}

struct shown show_things(uint64_t count, const char *what) {
    struct shown shown;
    snprintf(shown.text, sizeof shown.text, "%.40s %.20s%s",
             show_count(count).text, what, count == 1 ? "" : "s");
    return shown;
}

// Shows a value in the largest of its units that leaves at least 1.
static struct shown show_scaled(uint64_t value, const char *const *units,
                                size_t n) {
    struct shown shown;
    double scaled = (double)value;
    size_t unit = 0;
    while (scaled >= 999.5 && unit + 1 < n) {
        scaled /= 1000;
        unit++;
    }
    int decimals = unit == 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
    snprintf(shown.text, sizeof shown.text, "%.*f %s", decimals, scaled,
             units[unit]);
    return shown;
}

struct shown show_bytes(uint64_t bytes) {
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    return show_scaled(bytes, units, 5);
}

struct shown show_time(uint64_t nanoseconds) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    return show_scaled(nanoseconds, units, 4);
}

struct shown show_percent(uint64_t part, uint64_t whole) {
    struct shown shown;
    double share = whole ? 100.0 * (double)part / (double)whole : 0;
    snprintf(shown.text, sizeof shown.text, "%.1f%%", share);
    return shown;
}
