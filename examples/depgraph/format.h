// Numbers as people read them: 1,234,567, 12.3 MB, 4.56 ms.
//
// Each function returns its text by value, so that it can stand among the
// arguments of printf: printf("%s\n", show_bytes(n).text).

#ifndef DEPGRAPH_FORMAT_H
#define DEPGRAPH_FORMAT_H

#include "common.h"

struct shown {
    char text[64];
};

struct shown show_count(uint64_t count); // 1,234,567
// 1 file, 2,000 files: [what] is the word for one.
struct shown show_things(uint64_t count, const char *what);
struct shown show_bytes(uint64_t bytes);      // 12.3 MB: powers of 1,000
struct shown show_time(uint64_t nanoseconds); // 4.56 ms
struct shown show_percent(uint64_t part, uint64_t whole); // 12.3%

#endif
