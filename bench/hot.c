// What does counting a HOT object cost, and one that becomes so by itself? See
// work/contended.h.

#include "rival_tally.h"
#include "work/contended.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_hot();
    return 0;
}
