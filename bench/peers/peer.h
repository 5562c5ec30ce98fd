// The main function of a peer: its first argument names the question, the
// others are the options of ../bench.h.

#ifndef PEER_PEER_H
#define PEER_PEER_H

#include "bench.h"

// A list of them ends with a name that is NULL.
struct peer_question {
    const char *name;
    void (*work)(void);
};

static inline int peer_main(int argc, char **argv,
                            const struct peer_question *questions) {
    const struct peer_question *q = questions;
    while (argc > 1 && q->name && strcmp(q->name, argv[1]) != 0)
        q++;
    if (argc > 1 && q->name) {
        bench_parse(argc, argv, 2);
        q->work();
        return 0;
    }
    fprintf(stderr, "use: %s <question> [option]...; the questions:", argv[0]);
    for (q = questions; q->name; q++)
        fprintf(stderr, " %s", q->name);
    fprintf(stderr, "\n");
    return 2;
}

#endif
