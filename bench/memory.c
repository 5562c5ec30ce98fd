// Bytes of the OS for each small object. See work/memory.h.

#include "rival_tally.h"
#include "work/memory.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_memory();
    return 0;
}
