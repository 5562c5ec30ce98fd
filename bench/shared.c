// One field that all threads read. See work/shared.h.

#include "rival_tally.h"
#include "work/shared.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_shared();
    return 0;
}
