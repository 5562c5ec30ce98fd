// Allocate and free raw memory. See work/alloc_pair.h.

#include "rival_tally.h"
#include "work/alloc_pair.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_alloc_pair();
    return 0;
}
