// Bytes of memory that the process has from the OS right now.

#ifndef BENCH_RSS_H
#define BENCH_RSS_H

#include "bench.h"

// Not from statm: the kernel's quick counters are off by some dozen pages.
static inline double bench_rss_once(void) {
    double kilobytes = 0;
    char line[256];
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    bench_require(file, "cannot read how much memory is resident");
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %lf kB", &kilobytes) == 1)
            break;
    fclose(file);
    return kilobytes * 1024;
}

// Twice: the first reading may bring memory in by itself.
static inline double bench_rss(void) {
    bench_rss_once();
    return bench_rss_once();
}

// Prints what was measured once; later samples of a process would find the
// memory that the first one left.
static inline void bench_print_bytes(const char *question, const char *label,
                                     double bytes) {
    if (!bench_wanted(0, label))
        return;
    struct bench_case result = bench_case_of(question, RIVAL, "bytes");
    snprintf(result.label, sizeof result.label, "%s", label);
    bench_add(&result, bytes, 1);
    bench_print(&result);
}

#endif
