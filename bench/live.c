// Collect where there is nothing to free. See work/live.h.

#include "rival_tally.h"
#include "work/live.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_live();
    return 0;
}
