// Bytes of the OS for each thread. See work/mutator.h.

#include "rival_tally.h"
#include "work/mutator.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_mutator();
    return 0;
}
