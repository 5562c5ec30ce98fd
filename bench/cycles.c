// Collect garbage rings. See work/cycles.h.

#include "rival_tally.h"
#include "work/cycles.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_cycles();
    return 0;
}
