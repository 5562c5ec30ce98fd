// Drop an object that leaves a child behind. See work/survivor.h.

#include "rival_tally.h"
#include "work/survivor.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_survivor();
    return 0;
}
