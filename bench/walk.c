// Visit each object of a fragmented heap. See work/walk.h.

#include "rival_tally.h"
#include "work/walk.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_walk();
    return 0;
}
