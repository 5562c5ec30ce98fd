// Build, count and drop binary trees. See work/trees.h.

#include "rival_tally.h"
#include "work/trees.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_trees();
    return 0;
}
